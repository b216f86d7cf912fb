import AtomicFiles
import Checkpoints
import Imaging
import Multimodal
import Synchronization
import TestSupport
import Testing

@testable import Training

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Bad lines and images: found before the first step, or passed over and told.
@Suite struct BadDataTests {
    /// Lines, each beside what is said of it.
    static let badLines: [(line: String, message: String)] = [
        (#"{"image":"pictures/0.png"}"#, "a pair needs 'image' and 'text'"),
        (#"{"image":"pictures/0.png","text":null}"#, "a pair needs 'image' and 'text'"),
        (#"{"image":null,"text":"x"}"#, "a pair needs 'image' and 'text'"),
        (#"{"image":3,"text":"x"}"#, "'image' must be a string, found number"),
        (#"{"image":"","text":"x"}"#, "'image' is empty"),
        (#"{"image":"pictures/0.png","text":""}"#, "'text' is blank"),
        (#"{"image":"pictures/0.png","text":" \t\u00a0"}"#, "'text' is blank"),
        (#"{"image":"a\u0000b.png","text":"x"}"#, "NUL"),
        (#"{"path_base64":"?","text":"x"}"#, "not valid base64"),
        (#"{"image":"a.png","path_base64":"YQ==","text":"x"}"#, "both 'image' and 'path_base64'"),
        (#"{"image":"x.png","#, "broken JSON"),
        ("pictures/0.png", "not a JSON object"),
        (#"{"image":"none.png","text":"x"}"#, "none.png: no such file"),
        (#"{"image":"pairs.jsonl/none.png","text":"x"}"#, "no such file"),
        (#"{"image":"pictures","text":"x"}"#, "a folder, not an image file"),
        (#"{"image":"pairs.jsonl","text":"x"}"#, "pairs.jsonl: "),
        (#"{"image":"data:image/png;base64,\#(String(repeating: "A", count: 9000))","text":"x"}"#, "AAAA…: "),
        (#"{"image":"empty.png","text":"x"}"#, "empty.png: the file is empty"),
        (#"{"image":"cut.png","text":"x"}"#, "cut.png: "),
        (#"{"image":"spoilt.png","text":"x"}"#, "spoilt.png: "),
    ]

    /// The tiny run's folder with thirteen pairs, the ninth of them `line`, and some bad images.
    private func folder(_ line: String) throws -> String {
        let folder = try TinyRun.folder()
        let whole = try MappedFile(folder + "/pictures/0.png").withBytes(Array.init)
        try AtomicFile.write([], to: folder + "/empty.png")
        try AtomicFile.write(Array(whole.dropLast(20)), to: folder + "/cut.png")
        // Its end is there, but not its data.
        try AtomicFile.write(
            whole.enumerated().map { (40..<60).contains($0.offset) ? 0 : $0.element }, to: folder + "/spoilt.png")
        let good = try lines(of: folder + "/pairs.jsonl")
        try AtomicFile.write(
            (good + [line] + good.prefix(4)).joined(separator: "\n") + "\n", to: folder + "/pairs.jsonl")
        return folder
    }

    @Test("bad lines and images are named before the first step, and refused beyond the limit", arguments: badLines)
    func refused(line: String, message: String) throws {
        let folder = try folder(line)
        let text = failure { _ = try TinyRun.trainer(folder, settings: [("data.maximumFailures", "0")]).run() }
        #expect(text.contains("1 bad lines or images, and data.maximumFailures is 0"), "\(text)")
        #expect(text.contains(folder + "/pairs.jsonl:9: ") && text.contains(message), "\(text)")
        #expect(!FileSystem.isDirectory(folder + "/run"))
    }

    @Test("within the limit they are told once, kept in the metrics, and passed over", arguments: badLines)
    func passedOver(line: String, message: String) throws {
        let folder = try folder(line)
        let told = Mutex<[DataFailure]>([])
        let summary = try TinyRun.trainer(folder, settings: [("epochs", "1")]).run(report: { event in
            if case .failed(let failures) = event { told.withLock { $0 += failures } }
        })
        #expect(summary.failures == 1 && summary.steps == 3)
        let failures = told.withLock { $0 }
        #expect(failures.count == 1 && failures[0].line == 9 && failures[0].message.contains(message), "\(failures)")
        #expect(try lines(of: folder + "/run/metrics.jsonl")[0].hasPrefix(#"{"step":0,"failure":{"file":"#))
    }

    @Test("one in a hundred pairs may be bad unless the recipe says otherwise; a long list is cut, and counted")
    func limits() throws {
        let folder = try TinyRun.folder()
        let good = try lines(of: folder + "/pairs.jsonl")
        let bad = (0..<30).map { #"{"image":"no-\#($0).png","text":"x"}"# }
        try AtomicFile.write((good + bad).joined(separator: "\n"), to: folder + "/pairs.jsonl")
        let text = failure { _ = try TinyRun.trainer(folder).run() }
        #expect(text.contains("30 bad lines or images, and data.maximumFailures is 1; mend them, or raise"), "\(text)")
        #expect(text.contains("no-0.png") && text.contains("no-19.png") && !text.contains("no-20.png"))
        #expect(text.contains("and 10 more"))
        let summary = try TinyRun.trainer(folder, settings: [("data.maximumFailures", "30")]).run()
        #expect(summary.failures == 30)
        #expect(
            failure {
                _ = try TinyRun.trainer(
                    folder, output: "/b",
                    settings: [
                        ("data.maximumFailures", "30"), ("batchSize", "16"),
                    ]
                ).run()
            }.contains("too few for one batch"))
    }

    @Test("an image that goes bad under way is passed over as one that was bad from the start")
    func met() throws {
        func space(_ output: String, _ folder: String, removedAtStep step: Int?) throws -> String {
            var steps = 0
            let summary = try TinyRun.trainer(
                folder, output: output, settings: [("data.cache", "0"), ("epochs", "6")]
            ).run(report: { event in
                switch event {
                case .prepared where step == 0: remove(folder + "/pictures/3.png")
                case .step(let report): steps = report.step
                default: break
                }
            })
            #expect(summary.failures == 1 && steps == 12)
            return try ModelDirectory.open(path: folder + output, plugins: TinyRun.plugins()).space
        }
        let folder = try TinyRun.folder()
        let late = try space("/late", folder, removedAtStep: 0)
        #expect(try space("/early", folder, removedAtStep: nil) == late)
        #expect(
            try lines(of: folder + "/late/metrics.jsonl").contains { $0.contains("3.png: ") && $0.contains("failure") })
    }

    @Test(
        "beyond the limit the run ends, with the steps before saved; mended and resumed, it ends as one that was never cut"
    )
    func exceeded() throws {
        let folder = try TinyRun.folder()
        let settings = [("data.cache", "0"), ("epochs", "6"), ("data.maximumFailures", "0")]
        _ = try TinyRun.trainer(folder, output: "/whole", settings: settings).run()
        let bytes = try MappedFile(folder + "/pictures/3.png").withBytes(Array.init)
        let text = failure {
            _ = try TinyRun.trainer(folder, settings: settings).run(report: { event in
                if case .step(let report) = event, report.step == 4 { remove(folder + "/pictures/3.png") }
            })
        }
        #expect(text.contains("data.maximumFailures is 0") && text.contains("pairs.jsonl:4: "), "\(text)")
        try AtomicFile.write(bytes, to: folder + "/pictures/3.png")
        let resumed = try TinyRun.trainer(folder, resumes: true, settings: settings).run()
        #expect(resumed.steps == 12)
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/run", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/whole", plugins: plugins).space)
    }

    @Test("with a bad image, a run that is stopped and resumed ends where one without a stop ends, to the bit")
    func resumed() throws {
        let folder = try folder(#"{"image":"none.png","text":"x"}"#)
        _ = try TinyRun.trainer(folder, output: "/whole").run()
        let asked = Mutex(0)
        _ = try TinyRun.trainer(folder).run(shouldStop: {
            asked.withLock {
                $0 += 1; return $0 > 4
            }
        })
        let resumed = try TinyRun.trainer(folder, resumes: true).run()
        #expect(resumed.steps == 9 && resumed.failures == 1)
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/run", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/whole", plugins: plugins).space)
    }

    @Test("bad validation data is told and left out of what is measured")
    func validation() throws {
        let folder = try TinyRun.folder()
        let good = try lines(of: folder + "/pairs.jsonl")
        try AtomicFile.write(
            (good + [#"{"image":"none.png","text":"x"}"#]).joined(separator: "\n"), to: folder + "/test.jsonl")
        func run(_ output: String, maximum: String) throws -> (pairs: [Int], failures: Int) {
            let pairs = Mutex<[Int]>([])
            let summary = try TinyRun.trainer(
                folder, output: output,
                settings: [("validation", "{pairs: test.jsonl, every: 2, maximumFailures: \(maximum)}")]
            ).run(report: { event in
                if case .validated(let report) = event { pairs.withLock { $0.append(report.pairs) } }
            })
            return (pairs.withLock { $0 }, summary.failures)
        }
        #expect(failure { _ = try run("/a", maximum: "0") }.contains("validation.maximumFailures is 0"))
        let measured = try run("/b", maximum: "1")
        #expect(measured.pairs == [8, 8, 8] && measured.failures == 1)
    }

    @Test(
        "the same pairs by another door give the same model",
        arguments: [
            "\u{FEFF}" + #"{"image":"pictures/0.png","text":"red"}"# + "\n",
            #"{"image":"pictures/0.png","text":"red"}"# + "\r\n",
            "\n  \n" + #"{"image":"pictures/0.png","text":"red"}"# + "\n",
            #"{"path_base64":"cGljdHVyZXMvMC5wbmc=","text":"red","image":null}"# + "\n",
            #"{"image":"FOLDER/pictures/0.png","text":"r\u0065d","more":[1,{"text":"x"}]}"# + "\n",
        ])
    func doors(first: String) throws {
        let folder = try TinyRun.folder()
        _ = try TinyRun.trainer(folder, output: "/plain", settings: [("epochs", "1")]).run()
        let others = try lines(of: folder + "/pairs.jsonl").dropFirst().joined(separator: "\n")
        let line = first.split(separator: "FOLDER", omittingEmptySubsequences: false).joined(separator: folder)
        try AtomicFile.write(line + others, to: folder + "/pairs.jsonl")
        #expect(try TinyRun.trainer(folder, settings: [("epochs", "1")]).run().failures == 0)
        let plugins = try TinyRun.plugins()
        #expect(
            try ModelDirectory.open(path: folder + "/run", plugins: plugins).space
                == ModelDirectory.open(path: folder + "/plain", plugins: plugins).space)
    }

    @Test(
        "a file looks whole where its beginning and its end are those of its kind",
        arguments: [
            (
                [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52],
                [0, 0, 0, 0, 0x49, 0x45, 0x4E, 0x44, 0xAE, 0x42, 0x60, 0x82], 100, true
            ),
            (
                [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52],
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100, false
            ),
            ([0xFF, 0xD8, 0xFF, 0xE0], [1, 2, 0xFF, 0xD9], 100, true),
            ([0xFF, 0xD8, 0xFF, 0xE0], [1, 2, 3, 4], 100, false),
            ([0x52, 0x49, 0x46, 0x46, 92, 0, 0, 0, 0x57, 0x45, 0x42, 0x50], [0], 100, true),
            ([0x52, 0x49, 0x46, 0x46, 93, 0, 0, 0, 0x57, 0x45, 0x42, 0x50], [0], 100, false),
            ([0x47, 0x49, 0x46, 0x38], [0x3B], 100, false),
            ([0x89], [0x89], 1, false),
        ] as [([UInt8], [UInt8], Int, Bool)])
    func whole(head: [UInt8], tail: [UInt8], size: Int, isWhole: Bool) {
        #expect(DataCheck.isWhole(head: head, tail: tail, size: size) == isWhole)
    }
}
