import Checkpoints
import TestModels
import TestSupport
import Testing

@Suite struct ModelStoreTests {
    @Test("names are looked up in order, paths are taken as they are, and both fail with the way out")
    func lookup() throws {
        let base = try temporaryFolder()
        try TinyModel.write(to: base + "/first/one", seed: 1)
        try TinyModel.write(to: base + "/data/clip/models/one", seed: 2)
        try TinyModel.write(to: base + "/data/clip/models/two", seed: 3)
        try TinyModel.write(to: base + "/bundled/starter", seed: 4)
        let store = ModelStore(
            environment: ["CLIP_MODEL_PATH": base + "/first:" + base + "/none", "XDG_DATA_HOME": base + "/data"],
            bundled: [base + "/bundled"])
        #expect(store.models().map(\.name) == ["one", "two", "starter"])
        #expect(try store.path(of: "one") == base + "/first/one")
        #expect(try store.path(of: "starter") == base + "/bundled/starter")
        #expect(try store.path(of: base + "/data/clip/models/one") == base + "/data/clip/models/one")
        let unknown = failure { _ = try store.path(of: "startr") }
        #expect(unknown.contains(base + "/none") && unknown.contains("did you mean 'starter'"), "\(unknown)")
        #expect(failure { _ = try store.path(of: base + "/nowhere") }.contains("check the path"))
        #expect(failure { _ = try store.path(of: base + "/first/") }.contains("has no model.yaml"))

        let plugins = try TinyModel.plugins()
        let two = try store.open("two", plugins: plugins)
        #expect(try store.open(space: two.space, plugins: plugins).folder == base + "/data/clip/models/two")
        #expect(failure { _ = try store.open(space: "00000000", plugins: plugins) }.contains("no model of this space"))
    }

    @Test("without XDG_DATA_HOME the home directory counts, and nothing is read from the process")
    func defaults() {
        #expect(ModelStore(environment: ["HOME": "/h"]).folders == ["/h/.local/share/clip/models"])
        #expect(ModelStore(environment: [:]).folders == [])
        #expect(
            ModelStore(environment: ["HOME": "/h", "XDG_DATA_HOME": "relative"]).folders == [
                "/h/.local/share/clip/models"
            ])
    }
}
