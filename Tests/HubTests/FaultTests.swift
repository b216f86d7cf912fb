import AtomicFiles
import Checkpoints
import Hub
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

@Suite struct FaultTests {
    private typealias End = LoopbackServer.Reply.End
    private static let weights = "GET /org/model/resolve/\(FakeHub.commit)/model.safetensors"

    @Test(
        "a transfer that is cut off, reset or stalls goes on where it ended",
        arguments: [
            ("cut off", End.closed(after: 40_000)), ("reset", .reset(after: 40_000)),
            ("stalled", .stalled(after: 40_000)),
        ])
    func resume(_ name: String, _ end: LoopbackServer.Reply.End) async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail(Self.weights) { _, reply in
            var reply = reply
            reply.end = end
            return reply
        }
        let snapshot = try await hub.pull()
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
        let digest = try #require(FakeHub.digests[100_000])
        let requests = hub.requests(for: "model.safetensors")
        #expect(requests.map { $0.headers["range"] } == [nil, "bytes=40000-"])
        #expect(requests.last?.headers["if-range"] == "\"\(digest)\"")
        #expect(hub.sleeps.count == 1)
        #expect(!FileSystem.names(in: hub.path("blobs")).contains { $0.hasSuffix(".incomplete") })
    }

    @Test("a server that ignores ranges sends all of it, and nothing is mixed")
    func ignoredRange() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.breakOff(Self.weights, after: 40_000)
        hub.fail(Self.weights) { request, _ in
            .init(200, headers: ["ETag": request.headers["if-range"] ?? ""], body: noise(100_000))
        }
        let snapshot = try await hub.pull()
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
    }

    @Test("a range other than the one that was asked for is not appended")
    func wrongRange() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.breakOff(Self.weights, after: 40_000)
        hub.fail(Self.weights) { _, reply in
            var reply = reply
            reply.headers["Content-Range"] = "bytes 30000-99999/100000"
            reply.body = Array(noise(100_000)[30_000...])
            return reply
        }
        let snapshot = try await hub.pull()
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
    }

    @Test("an answer of another size, such as a proxy's page, is not taken, and costs nothing that is there")
    func otherSize() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.breakOff(Self.weights, after: 40_000)
        hub.fail(Self.weights) { _, _ in .init(200, body: Array("<html>".utf8)) }
        let snapshot = try await hub.pull()
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
        #expect(
            hub.requests(for: "model.safetensors").map { $0.headers["range"] } == [nil, "bytes=40000-", "bytes=40000-"])
    }

    @Test("what was left of an earlier pull is gone on with; another content starts anew")
    func leftOver() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail(Self.weights) { _, _ in .init(404) }
        await #expect(throws: HubError.self) { try await hub.pull() }
        let partial = hub.path("blobs/\(try #require(FakeHub.digests[100_000])).incomplete")
        try AtomicFile.write(Array(noise(100_000).prefix(60_000)), to: partial)
        hub.putWeights(count: 2000)
        let path = try await hub.pull().path + "/model.safetensors"
        #expect(hub.requests(for: "model.safetensors").last?.headers["range"] == nil)
        #expect(try contents(of: path) == noise(2000))

        let other = try FakeHub()
        other.putWeights()
        try FileSystem.makeDirectory(other.path("blobs"))
        try FileSystem.copy(partial, to: other.path("blobs/" + FileSystem.name(of: partial)))
        #expect(try contents(of: try await other.pull().path + "/model.safetensors") == noise(100_000))
        #expect(other.requests(for: "model.safetensors").map { $0.headers["range"] } == ["bytes=60000-"])
    }

    @Test("a file that changes between question and answer is refused, and the next pull takes the new one")
    func changedETag() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail(Self.weights) { _, reply in
            var reply = reply
            reply.headers["X-Linked-ETag"] = "\"another\""
            return reply
        }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("it changed on the hub") }
        #expect(!FileSystem.names(in: hub.path("blobs")).contains(FakeHub.digests[100_000] ?? ""))
        _ = try await hub.pull()
    }

    @Test("a wrong checksum is tried once more, then refused, and leaves no model behind")
    func checksum() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        let spoil: @Sendable (FakeHub.Request, FakeHub.Reply) -> FakeHub.Reply = { _, reply in
            var reply = reply
            reply.body[500] ^= 1
            return reply
        }
        hub.fail(Self.weights, spoil)
        #expect(try contents(of: try await hub.pull().path + "/model.safetensors") == noise(100_000))

        let other = try FakeHub()
        other.putWeights()
        other.fail(Self.weights, times: 2, spoil)
        await #expect { try await other.pull() } throws: { ($0 as? HubError)?.reason == .corrupt }
        #expect(other.requests(for: "model.safetensors").count == 2)
        #expect(FileSystem.names(in: other.path("snapshots/\(FakeHub.commit)")).isEmpty)
        #expect(!FileSystem.isFile(other.path("refs/main")))
    }

    @Test("small files are checked against git's id")
    func gitBlob() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail("GET /org/model/resolve/\(FakeHub.commit)/merges.txt", times: 2) { _, reply in
            var reply = reply
            reply.body[0] = 0x20
            return reply
        }
        await #expect { try await hub.pull() } throws: {
            "\($0)".contains("merges.txt") && "\($0)".contains("checksum")
        }
    }

    @Test("busy and broken servers are asked again, with longer and longer waits; Retry-After is kept to")
    func backOff() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        for status in [500, 502, 503, 504] { hub.fail("/api/") { _, _ in .init(status) } }
        hub.fail(Self.weights) { _, _ in .init(429, headers: ["Retry-After": "7"]) }
        _ = try await hub.pull()
        let sleeps = hub.sleeps
        #expect(sleeps.count == 5)
        for (number, sleep) in sleeps.prefix(4).enumerated() {
            let longest = Duration.milliseconds(500) * (1 << number)
            #expect(sleep >= longest / 2 && sleep <= longest, "\(number): \(sleep)")
        }
        #expect(sleeps.last == .seconds(7))
    }

    @Test("it gives up after six failures without progress, and where the server asks for too long a wait")
    func givingUp() async throws {
        let hub = try FakeHub()
        hub.fail("/api/", times: 100) { _, _ in .init(500) }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("status 500, 6 times; try again later") }
        #expect(hub.server.requests.count == 6)
        let busy = try FakeHub()
        busy.fail("/api/") { _, _ in .init(429, headers: ["Retry-After": "3600"]) }
        await #expect { try await busy.pull() } throws: { "\($0)".contains("3600 s") }
        #expect(busy.server.requests.count == 1)
    }

    @Test("a server that always cuts off at the same byte is not asked for ever, one that gets further is")
    func progress() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail(Self.weights, times: 20) { _, reply in
            var reply = reply
            reply.end = .closed(after: 5000)
            return reply
        }
        _ = try await hub.pull()  // 19 pieces of 5000 bytes, then the rest
        #expect(hub.requests(for: "model.safetensors").count == 20)

        let stuck = try FakeHub()
        stuck.putWeights()
        stuck.fail(Self.weights, times: 100) { request, reply in
            .init(
                200, headers: ["X-Linked-ETag": reply.headers["X-Linked-ETag"] ?? ""], body: noise(100_000),
                end: .closed(after: 5000))
        }
        await #expect { try await stuck.pull() } throws: { "\($0)".contains("try again later") }
        #expect(stuck.requests(for: "model.safetensors").count == 6)
    }

    @Test(
        "access that is not granted is told with the remedy, and not asked for again",
        arguments: [
            (401, nil, "set HF_TOKEN"), (401, "hf_old", "does not accept the token"),
            (403, "hf_mine", "accept the terms at"),
            (403, nil, "set HF_TOKEN"), (404, nil, "check the name"),
        ] as [(Int, String?, String)])
    func refused(_ status: Int, _ token: String?, _ message: String) async throws {
        for part in ["/api/", "HEAD "] {
            let hub = try FakeHub()
            hub.putWeights()
            hub.fail(part, times: 9) { _, _ in .init(status) }
            await #expect { try await hub.pull(token: token) } throws: {
                "\($0)".contains(message) && "\($0)".contains("hf:org/model") && !"\($0)".contains("hf_mine")
            }
            #expect(hub.server.requests.count == (part == "/api/" ? 1 : 2))
            #expect(hub.sleeps.isEmpty)
        }
    }

    @Test("an address of the storage that has expired is asked for again")
    func expired() async throws {
        let hub = try FakeHub()
        let file = FakeHub.File(bytes: noise(100_000), etag: "stored")
        let storage = try LoopbackServer { request in
            request.path.hasSuffix("old") ? .init(403) : FakeHub.content(request, file)
        }
        hub.putWeights(storage: storage.address + "/new")
        hub.fail(Self.weights) { _, reply in
            var reply = reply
            reply.headers["Location"] = storage.address + "/old"
            return reply
        }
        _ = try await hub.pull()
        #expect(storage.requests.map(\.path) == ["/old", "/new"])
    }

    @Test("the hub's own word for what is missing is told")
    func missing() async throws {
        let hub = try FakeHub()
        hub.fail("/api/") { _, _ in .init(404, headers: ["X-Error-Code": "RevisionNotFound"]) }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("there is no revision 'main'") }
    }

    @Test(
        "file names that lead out of the model's folder are refused, and nothing is written",
        arguments: ["../evil", "a/../../evil", "/etc/evil", "a//b", "./a", "a\\\\b", "a\\u0000b", ""])
    func traversal(_ name: String) async throws {
        let hub = try FakeHub()
        hub.fail("/api/") { _, _ in
            FakeHub.json(
                "{\"sha\":\"\(FakeHub.commit)\",\"siblings\":[{\"rfilename\":\"config.json\"},{\"rfilename\":\"\(name)\"}]}"
            )
        }
        await #expect(throws: HubError.self) { try await hub.pull() }
        #expect(!FileSystem.isDirectory(hub.folder + "/hub"))
    }

    @Test("a commit or a content whose name is a path is refused")
    func names() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail("/api/") { _, _ in FakeHub.json("{\"sha\":\"../../evil\",\"siblings\":[]}") }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("names no commit") }
        hub.fail("HEAD ") { _, reply in
            var reply = reply
            reply.headers["X-Linked-ETag"] = "\"../../evil\""
            return reply
        }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("ETag") }
        hub.fail("HEAD ") { _, reply in
            var reply = reply
            reply.headers["X-Repo-Commit"] = "another"
            return reply
        }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("answers for commit") }
    }

    @Test("more bytes than announced, answers that are no listing, and repositories without weights are refused")
    func nonsense() async throws {
        let hub = try FakeHub()
        await #expect { try await hub.pull() } throws: { ($0 as? HubError)?.reason == .noModel }
        hub.fail("/api/") { _, _ in FakeHub.json("<html>log in</html>") }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("check HF_ENDPOINT") }
        hub.putWeights(count: 1000)
        hub.fail(Self.weights, times: 9) { _, reply in
            .init(
                200,
                headers: ["ETag": reply.headers["ETag"] ?? "", "Transfer-Encoding": "chunked"],
                body: Array("7d0\r\n".utf8) + noise(2000) + Array("\r\n0\r\n\r\n".utf8))
        }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("more than the announced 1000 bytes") }
    }

    @Test("a hub that is not there is told, not waited for without end")
    func unreachable() async throws {
        let hub = try FakeHub()
        await #expect { try await hub.pull { $0.endpoint = "http://127.0.0.1:1" } } throws: {
            ($0 as? HubError)?.reason == .network && "\($0)".contains("try again later")
        }
        await #expect { try await hub.pull { $0.endpoint = "http://127.0.0.1:99999" } } throws: {
            ($0 as? HubError)?.reason == .network && "\($0)".contains("99999")
        }
    }

    @Test("a full disk and a cache that cannot be written say so")
    func storage() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        #if os(Linux)
            let digest = try #require(FakeHub.digests[100_000])
            try FileSystem.makeDirectory(hub.path("blobs"))
            #expect(symlink("/dev/full", hub.path("blobs/\(digest).incomplete")) == 0)
            await #expect { try await hub.pull() } throws: { ($0 as? AtomicFileError)?.isDiskFull == true }
        #endif
        try AtomicFile.write("", to: hub.folder + "/file")
        let cache = HubCache(folder: hub.folder + "/file/hub")
        await #expect { try await hub.pull { $0.cache = cache } } throws: {
            "\($0)".contains(hub.folder + "/file") && "\($0)".contains("set HF_HUB_CACHE")
        }
    }
}
