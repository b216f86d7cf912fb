import LoopbackServer
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `clip models pull` against a hub on loopback that has the tests' tiny model as org/tiny.
@Suite struct PullTests {
    let model = TinyModel.shared
    let folder: TemporaryFolder
    let server: LoopbackServer
    private static let commit = String(repeating: "0123456789", count: 4)

    init() throws {
        folder = try TemporaryFolder()
        var files: [String: [UInt8]] = [:]
        for name in ["model.yaml", "model.safetensors", "merges.txt"] {
            files[name] = model.folder.bytes(model.path + "/" + name)
        }
        try #require(files.values.allSatisfy { !$0.isEmpty })
        server = try LoopbackServer { [files] request in
            if request.path.hasPrefix("/api/models/org/gated/") { return .init(403) }
            if request.path.hasPrefix("/api/models/org/tiny/revision/main") {
                let names = files.keys.map { "{\"rfilename\":\"\($0)\"}" }.joined(separator: ",")
                return .init(200, body: Array("{\"sha\":\"\(Self.commit)\",\"siblings\":[\(names)]}".utf8))
            }
            guard let name = request.path.split(separator: "/").last, let bytes = files[String(name)] else {
                return .init(404)
            }
            let headers = ["ETag": "\"etag-of-\(name)\"", "X-Repo-Commit": Self.commit]
            if request.method == "HEAD" { return .init(200, headers: headers, body: bytes) }
            if let start = request.headers["range"]?.dropFirst("bytes=".count).dropLast().description,
                let start = Int(start)
            {
                let range = ["Content-Range": "bytes \(start)-\(bytes.count - 1)/\(bytes.count)"]
                return .init(206, headers: headers.merging(range) { $1 }, body: Array(bytes[start...]))
            }
            let stalls = request.path.contains("safetensors") && request.headers["authorization"] == "Bearer slow"
            return .init(200, headers: headers, body: bytes, end: stalls ? .stalled(after: 1000) : .whole)
        }
    }

    private func clip(
        _ arguments: String..., lines: [String] = [], environment: [String: String] = [:]
    ) throws -> Program.Result {
        let hub = ["HF_ENDPOINT": server.address, "HF_HOME": folder["hf"]]
        return try Program.run(arguments, lines: lines, environment: hub.merging(environment) { $1 }, in: folder)
    }

    private var snapshot: String { folder["hf/hub/models--org--tiny/snapshots/\(Self.commit)"] }

    @Test("a pulled model's path is printed, and hf:ORG/NAME opens it like its folder")
    func pull() throws {
        let before = try clip("embed", "--model", "hf:org/tiny", lines: ["a dog"])
        #expect(before.status == 1)
        #expect(before.error.contains("'clip models pull hf:org/tiny'"), "\(before.error)")
        #expect(server.requests.isEmpty)

        let pulled = try clip("models", "pull", "hf:org/tiny")
        #expect(pulled.status == 0, "\(pulled.error)")
        #expect(pulled.output == snapshot + "\n")
        #expect(pulled.error.isEmpty)

        let count = server.requests.count
        let embedded = try clip("embed", "--model", "hf:org/tiny", lines: ["a dog"])
        #expect(embedded.output == (try model.run(["embed"], lines: ["a dog"]).output))
        #expect(try clip("models", "list", "--local").lines.contains { $0.hasPrefix("hf:org/tiny ") })
        #expect(server.requests.count == count)

        let again = try clip("models", "pull", "hf:org/tiny", "--json", environment: ["HF_HUB_OFFLINE": "1"])
        #expect(server.requests.count == count)
        let record = try #require(try again.records().first)
        #expect(try record.string("path") == snapshot && record.string("commit") == Self.commit)
        #expect(try record.number("received") == 0)
    }

    @Test("a pull that is interrupted goes on where it ended")
    func interrupted() throws {
        let environment = ["HF_ENDPOINT": server.address, "HF_HOME": folder["hf"], "HF_TOKEN": "slow"]
        let process = try Program.spawn(
            [Program.path, "models", "pull", "hf:org/tiny"], environment: environment, folder: folder
        ) { _ in }
        let partial = folder["hf/hub/models--org--tiny/blobs/etag-of-model.safetensors.incomplete"]
        while folder.bytes(partial).count < 1000 { usleep(2000) }
        kill(process, SIGINT)
        var status: Int32 = 0
        #expect(waitpid(process, &status, 0) == process && Program.exitStatus(status) == -SIGINT)
        #expect(try clip("models", "pull", "hf:org/tiny").output == snapshot + "\n")
        let last = server.requests.last { $0.method == "GET" && $0.path.hasSuffix("model.safetensors") }
        #expect(last?.headers["range"] == "bytes=1000-")
        #expect(folder.bytes(snapshot + "/model.safetensors") == model.folder.bytes(model.path + "/model.safetensors"))
    }

    @Test("a published model that is in the cache opens by its name")
    func published() throws {
        let repository = folder["hf/hub/models--timm--resnet50_clip.openai"]
        try TinyModel.write(
            to: repository + "/snapshots/\(Self.commit)", seed: 1, tokenizerFolder: model.folder.path,
            checksPublished: false)
        try #require(mkdir(repository + "/refs", 0o777) == 0)
        try folder.write(Self.commit, to: repository + "/refs/main")
        let embedded = try clip("embed", "--model", "RN50:openai", "--trust-model", lines: ["a dog"])
        #expect(embedded.status == 0, "\(embedded.error)")
        let other = try clip("embed", "--model", "RN101:openai", lines: ["a dog"])
        #expect(other.error.contains("'clip models pull RN101:openai'"), "\(other.error)")
        #expect(server.requests.isEmpty)
    }

    @Test("what cannot be pulled is told with the way out: exit status 1, wrong names 64")
    func refusals() throws {
        let gated = try clip("models", "pull", "hf:org/gated")
        #expect(gated.status == 1 && gated.output.isEmpty)
        #expect(gated.error.contains("accept the terms at \(server.address)/org/gated"), "\(gated.error)")
        let missing = try clip("models", "pull", "hf:org/none")
        #expect(missing.status == 1 && missing.error.contains("hf:org/none: there is no such repository"))
        let offline = try clip("models", "pull", "hf:org/tiny", environment: ["HF_HUB_OFFLINE": "1"])
        #expect(offline.status == 1 && offline.error.contains("HF_HUB_OFFLINE"))
        let name = try clip("models", "pull", "ViT-B-32:opnai")
        #expect(name.status == 64 && name.error.contains("did you mean 'ViT-B-32:openai'?"), "\(name.error)")
        let path = try clip("models", "pull", "hf:../../etc")
        #expect(path.status == 64 && path.error.contains("names no repository"), "\(path.error)")
    }
}
