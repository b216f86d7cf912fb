import Checkpoints
import Hub
import LoopbackServer
import Synchronization
import TestSupport
import Testing

/// A hub on loopback with one repository, org/model, and a cache to pull into.
final class FakeHub: Sendable {
    typealias Reply = LoopbackServer.Reply
    typealias Request = LoopbackServer.Request

    struct File: Sendable {
        var bytes: [UInt8]
        /// SHA-256 of a large file, git's id of a small one; as the hub says, which may be wrong.
        var etag: String
        var isLarge = false
        /// Where a large file's content is.
        var storage: String?
    }

    static let commit = String(repeating: "c0ffee00", count: 5)
    /// SHA-256 of the first 1000, 2000 and 100000 bytes of `noise`, by Python's hashlib.
    static let digests = [
        1000: "b8d77f2d825b2355d85a24ab8113730a7c8dcdda8c829270e1b648b617a3b88a",
        2000: "e5eb7eaa0483dbc463c537e55b906d7a3d95672d1a1b9499ac552b3675861828",
        100_000: "a2de2a84c824aae35e851049cec2301e696e0cf3e04a0c7f53d00cfcac598026",
    ]

    let server: LoopbackServer
    private let temporary: TemporaryFolder
    var folder: String { temporary.path }
    /// What was waited for, without doing it.
    var sleeps: [Duration] { sleepLog.withLock { $0 } }
    private let sleepLog = Mutex<[Duration]>([])
    private let state: State

    final class State: Sendable {
        let files = Mutex<[String: File]>([:])
        /// Answers instead of the usual ones, each used once, by what is in "METHOD path".
        let faults = Mutex<[(part: String, reply: @Sendable (Request, Reply) -> Reply)]>([])
    }

    init() throws {
        let state = State()
        self.state = state
        server = try LoopbackServer { request in
            let usual = FakeHub.answer(request, state.files.withLock { $0 })
            let fault = state.faults.withLock { faults in
                faults.firstIndex { "\(request.method) \(request.path)".contains($0.part) }.map {
                    faults.remove(at: $0)
                }
            }
            return fault?.reply(request, usual) ?? usual
        }
        temporary = try TemporaryFolder()
        put("config.json", Array("{\"model_type\": \"clip\"}".utf8), etag: "6d71d5947a0a8a2ad1517d775879c0ba7ac762dc")
        put("merges.txt", Array("#version: 0.2\n".utf8), etag: "5e7f1fd94996c8e2b65adea828af1b398eace61f")
    }

    func put(_ name: String, _ bytes: [UInt8], etag: String, isLarge: Bool = false, storage: String? = nil) {
        state.files.withLock { $0[name] = File(bytes: bytes, etag: etag, isLarge: isLarge, storage: storage) }
    }

    /// Weights of 1000, 2000 or 100000 bytes.
    func putWeights(_ name: String = "model.safetensors", count: Int = 100_000, storage: String? = nil) {
        put(name, noise(count), etag: Self.digests[count] ?? "", isLarge: true, storage: storage)
    }

    /// The next request of which "METHOD path" contains `part` is answered so.
    func fail(_ part: String, times: Int = 1, _ reply: @escaping @Sendable (Request, Reply) -> Reply) {
        state.faults.withLock { faults in for _ in 0..<times { faults.append((part, reply)) } }
    }

    /// The next answer for `part` ends after so many bytes.
    func breakOff(_ part: String, after count: Int) {
        fail(part) { _, reply in
            var reply = reply
            reply.end = .closed(after: count)
            return reply
        }
    }

    func configuration(token: String? = nil) -> HubConfiguration {
        var configuration = HubConfiguration(
            endpoint: server.address, token: token, cache: HubCache(folder: folder + "/hub"))
        configuration.stallTimeout = 1
        configuration.retries.sleep = { [self] delay in sleepLog.withLock { $0.append(delay) } }
        return configuration
    }

    func pull(
        token: String? = nil, weights: [String] = [], _ change: (inout HubConfiguration) -> Void = { _ in }
    ) async throws -> HubSnapshot {
        var configuration = configuration(token: token)
        change(&configuration)
        return try await ModelHub(configuration).pull(HubReference("hf:org/model"), weights: weights)
    }

    /// "METHOD path" of requests for a file's content.
    func requests(for file: String) -> [Request] {
        server.requests.filter { $0.method == "GET" && $0.path.hasSuffix("/" + file) }
    }

    func path(_ name: String) -> String { folder + "/hub/models--org--model/" + name }

    // MARK: - The usual answers

    static func answer(_ request: Request, _ files: [String: File]) -> Reply {
        if request.path.hasPrefix("/api/models/org/model/revision/main") {
            let siblings = files.sorted { $0.key < $1.key }.map { name, file in
                let large = file.isLarge ? ",\"lfs\":{\"sha256\":\"\(file.etag)\",\"size\":\(file.bytes.count)}" : ""
                return
                    "{\"rfilename\":\"\(name)\",\"size\":\(file.bytes.count),\"blobId\":\"\(file.isLarge ? "pointer" : file.etag)\"\(large)}"
            }
            return json(
                "{\"id\":\"org/model\",\"sha\":\"\(commit)\",\"siblings\":[\(siblings.joined(separator: ","))]}")
        }
        let prefix = "/org/model/resolve/\(commit)/"
        guard request.path.hasPrefix(prefix), let file = files[String(request.path.dropFirst(prefix.count))] else {
            return Reply(404, headers: ["X-Error-Code": "RepoNotFound"])
        }
        if let storage = file.storage {
            return Reply(
                302,
                headers: [
                    "Location": storage, "X-Linked-ETag": "\"\(file.etag)\"", "X-Linked-Size": "\(file.bytes.count)",
                    "X-Repo-Commit": commit,
                ])
        }
        return content(request, file)
    }

    static func json(_ text: String) -> Reply {
        Reply(200, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }

    /// All of a file, or the range that is asked for.
    static func content(_ request: Request, _ file: File) -> Reply {
        var headers = ["ETag": "\"\(file.etag)\"", "X-Repo-Commit": commit]
        if file.isLarge { headers["X-Linked-ETag"] = headers["ETag"] }
        let isSame = request.headers["if-range"].map { $0 == headers["ETag"] } ?? true
        guard let range = request.headers["range"], isSame, let start = Int(range.dropFirst("bytes=".count).dropLast())
        else { return Reply(200, headers: headers, body: file.bytes) }
        guard start < file.bytes.count else { return Reply(416, headers: headers) }
        headers["Content-Range"] = "bytes \(start)-\(file.bytes.count - 1)/\(file.bytes.count)"
        return Reply(206, headers: headers, body: Array(file.bytes[start...]))
    }
}

/// Bytes that no part of which repeats.
func noise(_ count: Int) -> [UInt8] {
    var state: UInt64 = 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
