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

@Suite struct PullTests {
    @Test("a pulled model lies in the cache as the hub's own tools lay it out, and is found there")
    func layout() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        let snapshot = try await hub.pull()
        #expect(snapshot.path == hub.path("snapshots/\(FakeHub.commit)"))
        #expect(snapshot.commit == FakeHub.commit)
        #expect(try text(of: hub.path("refs/main")) == FakeHub.commit)
        let digest = try #require(FakeHub.digests[100_000])
        #expect(link(snapshot.path + "/model.safetensors") == "../../blobs/\(digest)")
        #expect(link(snapshot.path + "/config.json") == "../../blobs/6d71d5947a0a8a2ad1517d775879c0ba7ac762dc")
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
        #expect(FileSystem.names(in: hub.path("blobs")).count == 3)
        let cache = HubCache(folder: hub.folder + "/hub")
        #expect(try cache.snapshot(of: HubReference("hf:org/model")) == snapshot.path)
        #expect(try cache.snapshot(of: HubReference("hf:org/model@\(FakeHub.commit)")) == snapshot.path)
        #expect(try cache.snapshot(of: HubReference("hf:org/model@v1")) == nil)
        #expect(try cache.snapshot(of: HubReference("hf:org/other")) == nil)
    }

    @Test("what is in the cache is not fetched again")
    func again() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        #expect(try await hub.pull().received > 100_000)
        let before = hub.server.requests.count
        #expect(try await hub.pull().received == 0)
        #expect(hub.server.requests.dropFirst(before).map(\.path) == ["/api/models/org/model/revision/main?blobs=true"])
    }

    @Test("a file that somebody put into the cache in the place of a link is not written over")
    func changedByHand() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        let path = try await hub.pull().path + "/config.json"
        unlink(path)
        try overwrite(path, "{\"model_type\": \"clip\", \"mine\": true}")
        do {
            _ = try await hub.pull()
            Issue.record("it was fetched again")
        } catch let error as HubError {
            #expect(error.subject == path && error.message.contains("move it away"))
        }
        #expect(try text(of: path).contains("mine"))
        unlink(path)
        #expect(try await hub.pull().path + "/config.json" == path)
        #expect(link(path).hasPrefix("../../blobs/"))
    }

    @Test("one set of weights is fetched, safetensors before pickles, and nothing of other frameworks")
    func selection() async throws {
        let hub = try FakeHub()
        hub.putWeights("pytorch_model.bin", count: 2000)
        hub.putWeights(count: 1000)
        for name in ["tf_model.h5", "flax_model.msgpack", "onnx/model.onnx", "onnx/config.json", "README.md", "a.bin"] {
            hub.put(name, [1], etag: "x")
        }
        hub.put("preprocessor_config.json", Array("{}".utf8), etag: "9e26dfeeb6e641a33dae4961196235bdb965b21b")
        let snapshot = try await hub.pull()
        #expect(
            FileSystem.names(in: snapshot.path) == [
                "config.json", "merges.txt", "model.safetensors", "preprocessor_config.json",
            ])
        // The description makes it a model, so it comes last.
        #expect(hub.server.requests.last?.path.hasSuffix("/config.json") == true)
    }

    @Test("open_clip's weights are taken where its description is there, and named ones before all others")
    func preferred() async throws {
        let hub = try FakeHub()
        hub.put("open_clip_config.json", Array("{}".utf8), etag: "9e26dfeeb6e641a33dae4961196235bdb965b21b")
        hub.putWeights(count: 1000)
        hub.putWeights("open_clip_model.safetensors", count: 2000)
        hub.putWeights("special.bin", count: 100_000)
        let first = try await hub.pull()
        #expect(FileSystem.isFile(first.path + "/open_clip_model.safetensors"))
        #expect(!FileSystem.isFile(first.path + "/model.safetensors"))
        #expect(!FileSystem.isFile(first.path + "/special.bin"))
        let second = try await hub.pull(weights: ["absent.bin", "special.bin"])
        #expect(FileSystem.isFile(second.path + "/special.bin"))
    }

    @Test("weights in several files come as their index says")
    func sharded() async throws {
        let hub = try FakeHub()
        let map =
            "{\"a\": \"model-1.safetensors\", \"b\": \"more/model-2.safetensors\", \"c\": \"model-1.safetensors\"}"
        let index = Array("{\n  \"metadata\": {\"total_size\": 3000},\n  \"weight_map\": \(map)\n}\n".utf8)
        hub.put("model.safetensors.index.json", index, etag: "a-name-that-is-no-digest")
        hub.putWeights("model-1.safetensors", count: 1000)
        hub.putWeights("more/model-2.safetensors", count: 2000)
        hub.putWeights("model-3.safetensors", count: 2000)
        let snapshot = try await hub.pull()
        #expect(
            FileSystem.names(in: snapshot.path) == [
                "config.json", "merges.txt", "model-1.safetensors", "model.safetensors.index.json", "more",
            ])
        #expect(try contents(of: snapshot.path + "/more/model-2.safetensors") == noise(2000))
    }

    @Test("the token goes to the hub, and not to where the hub sends on to")
    func token() async throws {
        let storage = try LoopbackServer { request in
            FakeHub.content(request, .init(bytes: noise(100_000), etag: "name-of-the-storage"))
        }
        let hub = try FakeHub()
        hub.putWeights(storage: storage.address + "/signed?secret=1")
        let snapshot = try await hub.pull(token: "hf_secret")
        #expect(try contents(of: snapshot.path + "/model.safetensors") == noise(100_000))
        #expect(hub.server.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
        #expect(storage.requests.count == 1)
        #expect(storage.requests.allSatisfy { $0.headers["authorization"] == nil })
        #expect(!storage.requests.contains { $0.headers.values.contains { $0.contains("hf_secret") } })
    }

    @Test("redirections on the hub itself are followed, with the token; endless ones are an error")
    func redirections() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail("/api/") { request, _ in .init(307, headers: ["Location": request.path + "&moved=1"]) }
        _ = try await hub.pull(token: "hf_secret")
        #expect(hub.server.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
        hub.fail("/api/", times: 100) { request, _ in .init(307, headers: ["Location": request.path]) }
        await #expect { try await hub.pull() } throws: { "\($0)".contains("without end") }
    }

    @Test("two pulls at once fetch everything once")
    func concurrent() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        async let first = hub.pull()
        async let second = hub.pull()
        let received = try await first.received + second.received
        #expect(hub.requests(for: "model.safetensors").count == 1)
        #expect(received < 101_000)
        #expect(try await first.path == second.path)
    }

    @Test("a lock that another program holds is waited for, and said so")
    func lock() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        let digest = try #require(FakeHub.digests[100_000])
        let path = hub.folder + "/hub/.locks/models--org--model/\(digest).lock"
        try FileSystem.makeDirectory(FileSystem.folder(of: path))
        let descriptor = open(path, O_RDWR | O_CREAT, 0o644)
        try #require(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        var waited: [String] = []
        _ = try await ModelHub(hub.configuration()).pull(HubReference("hf:org/model")) { event in
            guard case .waiting(let file) = event else { return }
            waited.append(file)
            #expect(hub.requests(for: "model.safetensors").isEmpty)
            // As Python's tools let go: the file goes, too.
            unlink(path)
            close(descriptor)
        }
        #expect(waited == ["model.safetensors"])
        #expect(FileSystem.isFile(path))
    }

    @Test("without network the cache answers, and what it does not have is told; nothing is asked")
    func offline() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        await #expect { try await hub.pull { $0.isOffline = true } } throws: { "\($0)".contains("HF_HUB_OFFLINE") }
        #expect(hub.server.requests.isEmpty)
        let path = try await hub.pull().path
        let count = hub.server.requests.count
        #expect(try await hub.pull { $0.isOffline = true }.path == path)
        #expect(hub.server.requests.count == count)
    }

    @Test("a task that is cancelled stops, and what it has stays to go on with")
    func cancellation() async throws {
        let hub = try FakeHub()
        hub.putWeights()
        hub.fail("GET /org/model/resolve") { _, reply in
            var reply = reply
            reply.end = .stalled(after: 4000)
            return reply
        }
        let digest = try #require(FakeHub.digests[100_000])
        let task = Task { try await hub.pull { $0.stallTimeout = 60 } }
        while (try? contents(of: hub.path("blobs/\(digest).incomplete")).count) != 4000 {
            try await Task.sleep(for: .milliseconds(5))
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        _ = try await hub.pull()
        #expect(hub.requests(for: "model.safetensors").map { $0.headers["range"] } == [nil, "bytes=4000-"])
    }
}

private func link(_ path: String) -> String {
    var target = [CChar](repeating: 0, count: 1024)
    let count = readlink(path, &target, target.count)
    return String(decoding: target.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
