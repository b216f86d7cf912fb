import AtomicFiles
import ModelGraph
import Multimodal
import TestModels
import TestSupport
import Testing

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct LazinessTests {
    /// A model whose towers have 3 MB each, and whose files are older than the cache's mistrust of new ones.
    private func write(as name: String = "model.safetensors") throws -> String {
        let folder = try temporaryFolder()
        let yaml = TinyModel.yaml.split(separator: "width: 8, layers: 1").joined(separator: "width: 256, layers: 1")
        let values = try TinyModel.write(to: folder, yaml: yaml)
        if name.hasSuffix(".pt") {
            let tensors = values.sorted { $0.key < $1.key }.map { (name: $0.key, data: $0.value) }
            // Linux maps what was written at once all at once, so it is written in pieces.
            let sink = try #require(fopen(folder + "/" + name, "w"))
            defer { fclose(sink) }
            let bytes = ArchiveWriter.archive(tensors)
            for start in stride(from: 0, to: bytes.count, by: 4096) {
                let piece = bytes[start..<min(start + 4096, bytes.count)]
                #expect(piece.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, sink) } == piece.count)
            }
            try AtomicFile.write(yaml + "\nweights: \(name)\n", to: folder + "/model.yaml")
        }
        return folder
    }

    private func age(_ folder: String, _ name: String = "model.safetensors") throws -> MappedFile {
        let file = folder + "/" + name
        // The time of the last change of status cannot be set, so it has to pass.
        while time(nil) - (try MappedFile(file).modified) <= 2 { usleep(50_000) }
        return try MappedFile(file)
    }

    private func spaces(_ cache: String) -> [String] { FileSystem.names(in: cache) }

    @Test("a space that is remembered is that of the weights, and is forgotten when the file changes")
    func cache() throws {
        let (folder, cacheFolder) = (try write(), try temporaryFolder())
        let plugins = try TinyModel.plugins()
        var options = ModelDirectory.Options()
        options.spaceCache = SpaceCache(folder: cacheFolder, minimumSize: 0)
        func space() throws -> String { try ModelDirectory(path: folder, plugins: plugins, options: options).space }
        let plain = try ModelDirectory.open(path: folder, plugins: plugins).space
        _ = try age(folder)
        #expect(try space() == plain)
        let kept = spaces(cacheFolder)
        #expect(kept.count == 1)
        // What is kept is what is taken
        try AtomicFile.write("01234567\n", to: cacheFolder + "/" + (kept.first ?? ""))
        #expect(try space() == "01234567")
        for broken in ["", "0123456\n", "0123456g\n", "012345678\n"] {
            try AtomicFile.write(broken, to: cacheFolder + "/" + (kept.first ?? ""))
            #expect(try space() == plain)
        }
        // Other weights under the same name, in a file of the same size, written just now
        try TinyModel.write(
            to: folder,
            yaml: TinyModel.yaml.split(separator: "width: 8, layers: 1").joined(separator: "width: 256, layers: 1"),
            seed: 2)
        let other = try ModelDirectory.open(path: folder, plugins: plugins).space
        #expect(try other != plain && space() == other)
        #expect(spaces(cacheFolder) == kept)
    }

    @Test("small models leave nothing behind")
    func small() throws {
        let (folder, cacheFolder) = (try temporaryFolder(), try temporaryFolder())
        try TinyModel.write(to: folder)
        _ = try age(folder)
        var options = ModelDirectory.Options()
        options.spaceCache = SpaceCache(folder: cacheFolder)
        _ = try ModelDirectory(path: folder, plugins: TinyModel.plugins(), options: options)
        #expect(spaces(cacheFolder).isEmpty)
    }

    #if os(Linux)
        @Test(
            "a text touches no page of the image tower, a picture none of the text tower, and a space leaves none behind",
            arguments: ["model.safetensors", "model.pt"])
        func towers(name: String) throws {
            let (folder, cacheFolder) = (try write(as: name), try temporaryFolder())
            let path = try age(folder, name).path
            let plugins = try TinyModel.plugins()
            var options = ModelDirectory.Options()
            options.spaceCache = SpaceCache(folder: cacheFolder, minimumSize: 0)
            // Around a page that is touched, Linux maps what it has in memory anyway: up to 64 KB on each side.
            let slack = 400
            do {
                let first = try ModelDirectory(path: folder, plugins: plugins, options: options)
                #expect(try residentKilobytes(of: path) < slack)
                withExtendedLifetime(first) {}
            }
            for text in [true, false] {
                let model = try ModelDirectory(path: folder, plugins: plugins, options: options)
                #expect(try residentKilobytes(of: path) < slack)
                let graph = try text ? model.model.textGraph(batch: 1, length: 6) : model.model.imageGraph(batch: 1)
                let values = try model.parameters(for: graph)
                #expect(try residentKilobytes(of: path) < slack)
                var sum: Float = 0
                for value in values.values { sum += value.floats.reduce(0, +) }
                #expect(sum.isFinite)
                let needed = values.values.reduce(0) { $0 + $1.byteCount } / 1024
                let resident = try residentKilobytes(of: path)
                #expect(needed > 2000 && resident > needed / 2 && resident < needed + slack)
                for value in values.values { value.releasePages() }
                #expect(try residentKilobytes(of: path) < slack)
                withExtendedLifetime(model) {}
            }
        }

        /// Memory of this process that is pages of the file.
        private func residentKilobytes(of path: String) throws -> Int {
            let file = try #require(fopen("/proc/self/smaps", "r"))
            defer { fclose(file) }
            var line = [CChar](repeating: 0, count: 8192)
            var isMapping = false
            var total = 0
            while fgets(&line, Int32(line.count), file) != nil {
                let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
                let words = text.split { $0 == " " || $0 == "\n" }
                if words.first?.contains("-") == true { isMapping = words.last.map(String.init) == path }
                if isMapping, words.first == "Rss:", words.count > 1 { total += Int(words[1]) ?? 0 }
            }
            return total
        }
    #endif
}
