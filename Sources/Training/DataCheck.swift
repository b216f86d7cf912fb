import Dispatch
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Looks at the data before the first step, so that what is bad is told at once, not hours later.
///
/// Every image file must exist, be a regular file and begin like an image. Those that look cut off or unknown (1,000 at
/// most), and a sample spread over the others, are decoded whole.
enum DataCheck {
    static let suspects = 1000
    static let sample = 256

    /// Notes in `pictures` what is bad.
    /// - Parameter decodesAll: whether all images are decoded, not a sample.
    /// - Returns: all failures, bad lines included.
    static func run(_ pictures: PictureStore, decodesAll: Bool = false) -> [DataFailure] {
        let pairs = pictures.pairs
        let verdicts = look(at: pairs.imagePaths)
        var suspicious: [Int] = []
        var plain: [Int] = []
        for (image, verdict) in verdicts.enumerated() {
            switch verdict {
            case .good: plain.append(image)
            case .suspicious: suspicious.append(image)
            case .bad(let reason):
                let path = pairs.imagePaths[image]
                let name = String(decoding: path.prefix(200), as: UTF8.self) + (path.count > 200 ? "…" : "")
                _ = pictures.fail(image, "\(name): \(reason)")
            }
        }
        var chosen = Set(decodesAll ? suspicious[...] : suspicious.prefix(suspects))
        let step = decodesAll ? 1 : max(1, plain.count / sample)
        chosen.formUnion(stride(from: 0, to: plain.count, by: step).map { plain[$0] })
        // The first pair of each image stands for it.
        var wanted: [Int] = []
        for (pair, image) in pairs.images.enumerated() where chosen.remove(image) != nil { wanted.append(pair) }
        for start in stride(from: 0, to: wanted.count, by: 64) {
            var passing: PictureStore.Passing = [:]
            _ = pictures.prepare(wanted[start..<min(start + 64, wanted.count)], &passing)
        }
        return pictures.failures.sorted { $0.line < $1.line }
    }

    /// What the outside of a file says of the image in it.
    enum Verdict: Hashable, Sendable {
        case good
        /// To be decoded: its end is missing, or its kind is not known here.
        case suspicious
        case bad(String)
    }

    private static func look(at paths: [[UInt8]]) -> [Verdict] {
        let chunk = 256
        let verdicts = Mutex([Verdict](repeating: .good, count: paths.count))
        DispatchQueue.concurrentPerform(iterations: (paths.count + chunk - 1) / chunk) { index in
            let range = index * chunk..<min((index + 1) * chunk, paths.count)
            let found = paths[range].map(verdict)
            verdicts.withLock { $0.replaceSubrange(range, with: found) }
        }
        return verdicts.withLock { $0 }
    }

    /// Opens the file and reads its beginning and its end.
    static func verdict(on path: [UInt8]) -> Verdict {
        let name = path.map { CChar(bitPattern: $0) } + [0]
        // A named pipe must not wait for a writer.
        let descriptor = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            return .bad(errno == ENOENT || errno == ENOTDIR ? "no such file" : String(cString: strerror(errno)))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .bad(String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            return .bad(status.st_mode & S_IFMT == S_IFDIR ? "a folder, not an image file" : "not a regular file")
        }
        let size = Int(status.st_size)
        guard size > 0 else { return .bad("the file is empty") }
        guard let head = bytes(of: descriptor, at: 0, count: min(size, 32)),
            let tail = bytes(of: descriptor, at: max(0, size - 16), count: min(size, 16))
        else { return .bad("cannot be read: \(String(cString: strerror(errno)))") }
        return isWhole(head: head, tail: tail, size: size) ? .good : .suspicious
    }

    /// Whether a PNG, JPEG or WebP begins as such a file does and has its end.
    static func isWhole(head: [UInt8], tail: [UInt8], size: Int) -> Bool {
        if head.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            return head.dropFirst(12).starts(with: Array("IHDR".utf8))
                && tail.dropFirst(tail.count - 8).starts(with: Array("IEND".utf8))
        }
        if head.starts(with: [0xFF, 0xD8, 0xFF]) { return tail.suffix(2) == [0xFF, 0xD9] }
        if head.starts(with: Array("RIFF".utf8)), head.dropFirst(8).starts(with: Array("WEBP".utf8)) {
            let length = head[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
            return size >= length + 8
        }
        return false
    }

    private static func bytes(of descriptor: Int32, at offset: Int, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var result = 0
        repeat { result = pread(descriptor, &bytes, count, off_t(offset)) } while result < 0 && errno == EINTR
        return result == count ? bytes : nil
    }
}
