import CLIPKit
import ClipCommands
import TestSupport
import Testing
import YAML

@Suite struct QuantizeTests {
    @Test("models quantize writes a model that runs in int8 by itself, and says what it changes")
    func quantize() throws {
        let tiny = try TinyModel()
        let picture = try tiny.picture("red.png", 200, 10, 10)
        let made = try tiny.run(
            ["models", "quantize", tiny.path, tiny.folder["small"], "--calibration", "-"],
            lines: [picture, "the cat", #"{"id": 7, "text": "the hat"}"#])
        #expect(made.status == 0, "\(made)")
        #expect(made.output.contains("images  1") && made.output.contains("texts   2"), "\(made.output)")

        let info = try tiny.run(["models", "info", tiny.folder["small"], "--json"], lines: [])
        var facts = try YAMLNode.parse(Array(info.output.utf8), file: "standard output").mapping()
        #expect(try facts.required("precision").text() == "int8")
        #expect(try facts.required("textMeanCosine").double() > 0.99)
        #expect(try facts.required("imageMinimumCosine").double() > 0.99)

        func bench(_ flags: [String]) throws -> Program.Result {
            try tiny.run(["bench", "--model", tiny.folder["small"], "--iterations", "1"] + flags, lines: [])
        }
        #expect(try bench([]).output.contains("int8 "))
        #expect(try bench(["--precision", "float32"]).output.contains("float32"))
        let elsewhere = try bench(["--backend", "reference"])
        #expect(elsewhere.status == 0 && elsewhere.error.contains("made for int8"), "\(elsewhere)")
    }

    @Test("int8 on a backend without it, and a calibration list that is not there or bad, are told")
    func refusals() throws {
        let tiny = TinyModel.shared
        let other = try tiny.run(["embed", "--backend", "reference", "--precision", "int8"], lines: ["the cat"])
        #expect(other.status == 64 && other.error.contains("does not compute in"), "\(other)")
        let target = try TemporaryFolder()["int8"]
        let command = ["models", "quantize", tiny.path, target, "--calibration"]
        let missing = try tiny.run(command + ["nowhere.txt"], lines: [])
        #expect(missing.status == 64 && missing.error.contains("nowhere.txt"), "\(missing)")
        let bad = try tiny.run(command + ["-"], lines: ["nowhere.png"])
        #expect(bad.status != 0 && bad.error.contains("nowhere.png"), "\(bad)")
    }
}
