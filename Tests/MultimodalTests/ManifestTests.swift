import Multimodal
import ReferenceBackend
import Testing
import YAML

/// Every key of `plugin.yaml` is used or refused.
@Suite struct ManifestTests {
    private static let good = """
        apiVersion: 1
        name: mine
        version: 1.2.0
        summary: A tokenizer
        provides:
          - kind: tokenizer
            name: mine
            config:
              size: {type: integer, default: 3, minimum: 1, maximum: 9, added: "1.1.0"}
              style: {type: string, default: a, oneOf: [a, b]}
        entry: {linked: MultimodalTests}

        """

    private struct Given: Plugin {
        var text: String
        var manifest: [UInt8] { Array(text.utf8) }
        func register(in registrar: inout PluginRegistrar) {
            registrar.tokenizer("mine") { _, _ in throw PluginError("never made") }
        }
    }

    @Test("a manifest that says what is so is taken")
    func taken() throws {
        let registry = try PluginRegistry([Given(text: Self.good), ReferencePlugin()])
        #expect(registry.manifests.map(\.module) == ["MultimodalTests", "ReferenceBackend"])
        for version in ["2.0.0-rc.1", "10.20.30", "1.2.0+build.5", "1.2.0-a+b"] {
            _ = try PluginRegistry([Given(text: Self.good.replacing("1.2.0", with: version))])
        }
    }

    @Test(
        "what is not so, or not kept, is refused with its place",
        arguments: [
            ("{linked: MultimodalTests}", "{library: libmine.so}", "11:18: 'library' is no way in yet"),
            ("{linked: MultimodalTests}", "{process: [python3, mine.py]}", "11:18: 'process' is no way in yet"),
            ("{linked: MultimodalTests}", "{linked: MultimodalTests, process: [a]}", "'process' is no way in yet"),
            ("{linked: MultimodalTests}", "{linkde: MultimodalTests}", "is 'linkde' here a typo of it?"),
            (
                "{linked: MultimodalTests}", "{linked: Mine}",
                "links the module 'Mine', but its code is in 'MultimodalTests'"
            ),
            ("{linked: MultimodalTests}", "{linked: multimodaltests}", "write entry: {linked: MultimodalTests}"),
            ("entry:", "requires: {clip: \">=0.3\"}\nentry:", "11:11: 'requires' is not kept yet"),
            ("entry:", "limits: {memory: 1}\nentry:", "'limits' is not kept yet"),
            ("entry:", "licence: MIT\nentry:", "11:1: unknown key 'licence'"),
            ("apiVersion: 1", "apiVersion: 2", "1:13: this program reads plugins of apiVersion 1"),
            ("apiVersion: 1", "apiversion: 1", "'apiVersion'"),
            ("version: 1.2.0", "version: 1.2", "'1.2' is not a semantic version"),
            ("version: 1.2.0", "version: v1.2.0", "'v1.2.0' is not a semantic version"),
            ("version: 1.2.0", "version: 1.02.0", "'1.02.0' is not a semantic version"),
            ("version: 1.2.0", "version: 1.2.0-", "'1.2.0-' is not a semantic version"),
            ("version: 1.2.0", "version: 1.0.0", "1.1.0 comes after the plugin's own version"),
            ("added: \"1.1.0\"", "added: later", "'later' is not a semantic version"),
            ("name: mine\nversion", "name: My Plugin\nversion", "'My Plugin' is not a plugin name"),
            ("kind: tokenizer", "kind: tokeniser", "did you mean 'tokenizer'?"),
            ("kind: tokenizer", "kind: backend", "nobody can give settings to a backend yet"),
            ("minimum: 1", "minimum: 10", "the minimum is above the maximum"),
            ("default: 3", "default: 30", "above the maximum"),
            ("type: integer", "type: string", "string"),
            ("default: a, oneOf: [a, b]", "default: a, minimum: 1", "a setting of type string has no bounds"),
            ("oneOf: [a, b]", "oneOf: []", "there is no choice"),
            ("oneOf: [a, b]", "oneOf: [b, c]", "'a'"),
            ("minimum: 1, maximum: 9", "oneOf: [\"3\"]", "a setting of type integer has no choices"),
            ("default: a", "defualt: a", "unknown key 'defualt'"),
            ("entry:", "  - {kind: tokenizer, name: mine}\nentry:", "the tokenizer 'mine' is provided twice"),
        ])
    func refused(part: String, wrong: String, message: String) throws {
        let text = Self.good.replacing(part, with: wrong)
        #expect(text != Self.good)
        let error = #expect(throws: (any Error).self) { try PluginRegistry([Given(text: text)]) }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(String(describing: error))")
    }

    @Test("a plugin that provides nothing is refused")
    func nothing() throws {
        let text =
            "apiVersion: 1\nname: mine\nversion: 1.0.0\nsummary: x\nprovides: []\nentry: {linked: MultimodalTests}\n"
        let error = #expect(throws: YAMLError.self) { try PluginRegistry([Given(text: text)]) }
        #expect(error.map { "\($0)" }?.contains("the plugin provides nothing") == true)
    }
}
