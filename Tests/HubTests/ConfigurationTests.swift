import AtomicFiles
import Checkpoints
import Hub
import Testing

@Suite struct ConfigurationTests {
    @Test(
        "the cache is where the hub's own tools have it",
        arguments: [
            (["HOME": "/h"], "/h/.cache/huggingface/hub"),
            (["HOME": "/h", "XDG_CACHE_HOME": "/x"], "/x/huggingface/hub"),
            (["HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "~/hf"], "/h/hf/hub"),
            (["HOME": "/h", "HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old"], "/old"),
            (["HOME": "/h", "HF_HOME": "/hf", "HUGGINGFACE_HUB_CACHE": "/old", "HF_HUB_CACHE": "/c"], "/c"),
        ] as [([String: String], String)])
    func cache(_ environment: [String: String], _ folder: String) throws {
        #expect(HubCache(environment: environment)?.folder == folder)
        #expect(try HubConfiguration(environment: environment).cache.folder == folder)
    }

    @Test("the token comes from HF_TOKEN, else from its file, unless that is switched off")
    func token() throws {
        let hub = try FakeHub()
        try AtomicFile.write("hf_file\n", to: hub.folder + "/token")
        let home = ["HF_HOME": hub.folder]
        func token(_ variables: [String: String]) throws -> String? {
            try HubConfiguration(environment: home.merging(variables) { $1 }).token
        }
        #expect(try token([:]) == "hf_file")
        #expect(try token(["HF_TOKEN": " hf_one\n"]) == "hf_one")
        #expect(try token(["HF_TOKEN": ""]) == "hf_file")
        #expect(try token(["HF_TOKEN_PATH": hub.folder + "/none"]) == nil)
        #expect(try token(["HF_TOKEN": "hf_one", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"]) == nil)
    }

    @Test("endpoint, offline and timeouts are read, and nonsense is refused by name")
    func settings() throws {
        let configuration = try HubConfiguration(environment: [
            "HOME": "/h", "HF_ENDPOINT": "https://mirror.example/", "HF_HUB_OFFLINE": "true",
            "HF_HUB_DOWNLOAD_TIMEOUT": "33",
        ])
        #expect(configuration.endpoint == "https://mirror.example")
        #expect(configuration.isOffline)
        #expect(configuration.stallTimeout == 33)
        #expect(try HubConfiguration(environment: ["HOME": "/h", "HF_HUB_OFFLINE": "0"]).isOffline == false)
        for (name, value) in [
            ("HF_ENDPOINT", "ftp://x"), ("HF_ENDPOINT", "https://a b"), ("HF_HUB_ETAG_TIMEOUT", "soon"),
        ] {
            #expect { try HubConfiguration(environment: ["HOME": "/h", name: value]) } throws: {
                "\($0)".contains(name) && "\($0)".contains(value)
            }
        }
        #expect(throws: HubError.self) { try HubConfiguration(environment: [:]) }
    }

    @Test("references are read, and what could be a path elsewhere is none")
    func references() throws {
        let reference = try HubReference("hf:timm/vit_b.laion2b@refs/pr/1")
        #expect(reference.repository == "timm/vit_b.laion2b" && reference.revision == "refs/pr/1")
        #expect("\(reference)" == "hf:timm/vit_b.laion2b@refs/pr/1")
        #expect(try HubReference("hf:a/b").revision == "main")
        for text in [
            "hf:", "hf:a", "hf:a/b/c", "hf:../b", "hf:a/..", "hf:a/b@", "hf:a/b@../c", "hf:a/b@/c", "hf:a/b c", "hf:/b",
            "hf:a--b/c",
        ] {
            #expect(throws: CheckpointError.self, "\(text)") { try HubReference(text) }
        }
    }
}
