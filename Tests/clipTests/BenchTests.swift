import TestSupport
import Testing
import YAML

@Suite struct BenchTests {
    @Test("bench says how fast an encoder is and what was used", arguments: ["image", "text"])
    func report(tower: String) throws {
        let result = try TinyModel.shared.run(
            [
                "bench", "--tower", tower, "--batch-size", "3", "--iterations", "4", "--threads", "1", "--json",
                "--profile",
            ], lines: [])
        #expect(result.status == 0, "\(result)")
        var map = try YAMLNode.parse(result.output, file: "standard output").mapping()
        let rates = try ["minimum", "items_per_second", "maximum"].map { try map.required($0).double() }
        #expect(rates == rates.sorted() && rates[0] > 0)
        #expect(try map.required("gflops").double() > 0)
        #expect(try map.required("processor_seconds").double() > 0)
        #expect(try map.required("tower").text() == tower)
        #expect(try map.required("precision").text() == "float32")
        #expect(try map.required("batch_size").int() == 3 && map.required("iterations").int() == 4)
        #expect(try map.required("threads").int() == 1)
        #expect(["whole", "parts of 1"].contains(try map.required("split").text()))
        #expect(try map.required("backend").text() == "cpu")
        #expect(try map.required("isa").text().contains("oneDNN"))
        #expect(result.error.contains("OF PEAK") && result.error.contains("matmul"))
    }

    @Test("a precision that is asked for is used, and auto says what it is")
    func precision() throws {
        let narrow = try TinyModel.shared.run(["bench", "--precision", "bfloat16", "--iterations", "1"], lines: [])
        #expect(narrow.output.contains("bfloat16") && narrow.error.isEmpty)
        let automatic = try TinyModel.shared.run(["bench", "--precision", "auto", "--iterations", "1"], lines: [])
        #expect(automatic.error.contains("precision auto is "))
    }

    @Test(
        "wrong bench flags are refused",
        arguments: [["--length", "8"], ["--iterations", "0"], ["--batch-size", "0"]])
    func refusals(flags: [String]) throws {
        #expect(try TinyModel.shared.run(["bench"] + flags, lines: []).status == 64)
    }
}
