import AtomicFiles
import CLIPKit
import TestSupport
import Testing

@Suite struct ConvertTests {
    let model = TinyModel.shared
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: [String]) throws -> Program.Result {
        try Program.run(["models"] + arguments, in: folder)
    }

    @Test("convert writes a model that verify finds unchanged on every backend and in every precision")
    func unchanged() throws {
        let written = try run(["convert", model.path, folder["copy"]])
        #expect(written.status == 0, "\(written.error)")
        #expect(written.output.contains("\(model.space) (the source's)"))
        let verified = try run(["verify", folder["copy"]])
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        #expect(verified.output.contains("all 14 texts' ids are the same"))
        for backend in ["cpu", "reference"] {
            for precision in ["float32", "bfloat16"] {
                let line = verified.lines.first { $0.hasPrefix(backend) && $0.contains(precision) }
                #expect(line?.hasSuffix("ok") == true, "\(backend) \(precision)")
            }
        }
    }

    @Test("verify names a changed file and the drift of its vectors, and exits with 1")
    func changedWeights() throws {
        #expect(try run(["convert", model.path, folder["drifting"], "--dtype", "f32"]).status == 0)
        let path = folder["drifting"] + "/model.safetensors"
        var bytes = try MappedFile(path).withBytes { Array($0) }
        // The last tensors of the file are matrices of one of the towers.
        for index in stride(from: bytes.count - 4001, to: bytes.count, by: 4) { bytes[index] ^= 0x80 }
        try AtomicFile.write(bytes, to: path)
        let verified = try run(["verify", folder["drifting"], "--backend", "cpu", "--json"])
        #expect(verified.status == 1)
        #expect(verified.error.isEmpty)
        let record = try Record(verified.output.trimmingLineFeed)
        #expect(record.record.raw("ok")?.text == "false")
        #expect(record.record.raw("changedFiles")?.text == "[\"model.safetensors\"]")
        #expect(record.record.raw("changedTexts")?.text == "[]")
        #expect(record.record.raw("runs")?.text.contains("\"precision\":\"float32\",\"ok\":false") == true)
        #expect(try run(["verify", folder["drifting"], "--backend", "cpu"]).output.contains("DRIFTS: at most"))
    }

    @Test("verify tells another tokenizer by its ids")
    func changedMerges() throws {
        #expect(try run(["convert", model.path, folder["merged"]]).status == 0)
        try folder.write("#version: 0.2\nd o\na n\na t</w>\n", to: folder["merged"] + "/merges.txt")
        let verified = try run(["verify", folder["merged"], "--backend", "cpu"])
        #expect(verified.status == 1)
        #expect(verified.output.contains("DIFFERENT: merges.txt"), "\(verified.output)")
        #expect(verified.output.contains("DIFFERENT: \"a photo of a dog\""), "\(verified.output)")
    }

    @Test("without golden vectors verify says how to get them")
    func nothingGolden() throws {
        let verified = try run(["verify", model.path])
        #expect(verified.status == 1)
        #expect(verified.output.isEmpty)
        #expect(verified.error.contains("clip models convert"), "\(verified.error)")
    }

    @Test("a place that is taken, and a layout that cannot express the model, are refused")
    func refused() throws {
        try folder.write("x", to: folder["taken"])
        #expect(try run(["convert", model.path, folder["taken"]]).error.contains("is there already"))
        #expect(try run(["convert", model.path, folder["x"], "--layout", "onnx"]).status == 64)
        #expect(try run(["verify", model.path, "--backend", "cpuu"]).error.contains("did you mean 'cpu'"))
    }
}

extension String {
    fileprivate var trimmingLineFeed: String { hasSuffix("\n") ? String(dropLast()) : self }
}
