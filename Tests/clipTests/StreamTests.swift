import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

@Suite struct StreamTests {
    let model = TinyModel.shared

    @Test("a reader that goes away is success")
    func closedPipe() throws {
        try model.folder.write(String(repeating: "a dog\n", count: 2000), to: model.folder["many.txt"])
        let script = "{ clip embed < '\(model.folder["many.txt"])'; echo $? > '\(model.folder["code"])'; } | head -n 1"
        let result = try model.shell(script)
        #expect(result.lines.count == 1)
        #expect(result.error.isEmpty, "\(result.error)")
        #expect(model.folder.text(model.folder["code"]) == "0\n")
    }

    #if os(Linux)
        @Test(
            "a full disk is exit status 1 with a clear message",
            arguments: ["embed", "rank", "tokenize", "plugins list"])
        func fullDisk(command: String) throws {
            let input = command == "rank" ? try model.run(["embed"], lines: ["a", "b"]).output : "a\nb\n"
            let result = try Program.run(
                command.split(separator: " ").map(String.init), input: Array(input.utf8), outputPath: "/dev/full",
                environment: ["CLIP_MODEL": model.path], in: model.folder)
            #expect(result.status == 1)
            #expect(result.error.contains("standard output: the disk is full"), "\(result.error)")
        }
    #endif

    @Test("records come out while the input pauses")
    func pauses() throws {
        var (input, output): ([Int32], [Int32]) = ([0, 0], [0, 0])
        #expect(pipe(&input) == 0 && pipe(&output) == 0)
        for descriptor in input + output { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        let process = try Program.spawn(
            [Program.path, "embed"], environment: ["CLIP_MODEL": model.path], folder: model.folder
        ) { actions in
            posix_spawn_file_actions_adddup2(&actions, input[0], 0)
            posix_spawn_file_actions_adddup2(&actions, output[1], 1)
        }
        close(input[0])
        close(output[1])
        for line in ["a dog\n", "the cat\n"] {
            #expect(Array(line.utf8).withUnsafeBytes { write(input[1], $0.baseAddress, $0.count) } == line.utf8.count)
            var request = pollfd(fd: output[0], events: Int16(POLLIN), revents: 0)
            // Far less than a batch has come in, and no end: only a flush at the pause can answer.
            #expect(poll(&request, 1, 60_000) == 1)
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = read(output[0], &bytes, bytes.count)
            #expect(count > 0 && bytes[count - 1] == 0x0A)
        }
        close(input[1])
        var status: Int32 = 0
        #expect(waitpid(process, &status, 0) == process)
        #expect(Program.exitStatus(status) == 0)
        close(output[0])
    }

    @Test("rank holds its memory while 120,000 candidates go by")
    func rankMemory() throws {
        let vectors = (0..<97).map { index in
            Array((0..<32).map { "\((index &* 31 &+ $0 &* 17) % 97 - 48)" }.joined(separator: ",").utf8)
        }
        let blob = Array("\"space\":\"aa\",\"blob\":\"0123456789012345678901234567890123456789\",\"embedding\":[".utf8)
        var input: [UInt8] = []
        for index in 0..<120_000 {
            let kind = index == 60_000 ? "\"text\",\"text\":\"q\"" : "\"image\",\"path\":\"\(index).png\""
            input += Array("{\"id\":\(index),\"modality\":\(kind),".utf8)
            input += blob
            input += vectors[index % 97]
            input += Array("]}\n".utf8)
        }
        let result = try model.run(["rank", "--top", "3"], input: input)
        #expect(result.status == 0, "\(result.error)")
        #expect(result.lines.count == 3)
        #expect(result.peakMemory < 160 << 20, "\(result.peakMemory >> 20) MB")

        // So many do not stay in memory, and there must be somewhere else to put them.
        let nowhere = try Program.run(
            ["rank"], input: input, environment: ["CLIP_MODEL": model.path, "TMPDIR": model.folder["none"]],
            in: model.folder)
        #expect(nowhere.status == 1)
        #expect(nowhere.error.contains("a temporary file in \(model.folder["none"]) cannot be made"))
        #expect(nowhere.error.contains("set TMPDIR"))
    }

    @Test("embed holds its memory however long the stream is")
    func embedMemory() throws {
        func peak(_ count: Int) throws -> Int {
            let result = try model.run(
                ["tokenize"], input: Array(String(repeating: "the cat sat on a mat\n", count: count).utf8))
            #expect(result.status == 0)
            #expect(result.lines.count == count)
            return result.peakMemory
        }
        #expect(try peak(100_000) < peak(1000) + 32 << 20)
        let short = try model.run(["embed"], input: Array(String(repeating: "a\n", count: 200).utf8)).peakMemory
        let long = try model.run(["embed"], input: Array(String(repeating: "a\n", count: 4000).utf8)).peakMemory
        #expect(long < short + 48 << 20, "\(short >> 20) MB, then \(long >> 20) MB")
    }
}
