import AtomicFiles
import Checkpoints
import Multimodal
import TestModels
import TestSupport
import Testing

@Suite struct QuantizedWeightsTests {
    @Test("a quantised model is opened as any other, and its weights are near the old ones")
    func quantized() throws {
        let plugins = try TinyModel.plugins()
        let (from, to) = (try temporaryFolder(), try temporaryFolder() + "/int8")
        let exact = try TinyModel.write(to: from, dtype: .float32)
        let source = try ModelDirectory(path: from, plugins: plugins)
        try source.writeQuantized(to: to, record: QuantizationRecord(precision: .int8), plugins: plugins)
        let model = try ModelDirectory(path: to, plugins: plugins)
        #expect(model.space != source.space)
        #expect(model.config.quantization == QuantizationRecord(precision: .int8))

        let stored = try Safetensors(path: to + "/model.safetensors")
        let integers = Set(stored.entries.filter { $0.type.dtype == .int8 }.map(\.name))
        #expect(
            integers.contains("transformer.resblocks.0.mlp.c_fc.weight") && integers.contains("token_embedding.weight"))
        #expect(
            integers.isDisjoint(with: ["visual.conv1.weight", "visual.proj", "text_projection", "positional_embedding"])
        )
        for graph in [try model.model.imageGraph(batch: 1), try model.model.textGraph(batch: 1, length: 4)] {
            for (name, values) in try model.parameters(for: graph) {
                let expected = try #require(exact[name]).floats
                guard integers.contains(name) else {
                    #expect(values.floats == expected, "\(name)")
                    continue
                }
                let width = values.shape.count / values.shape[0]
                for row in 0..<values.shape[0] {
                    let range = row * width..<(row + 1) * width
                    let step = (range.map { abs(expected[$0]) }.max() ?? 0) / 127
                    #expect(range.allSatisfy { abs(values.floats[$0] - expected[$0]) <= step * 0.5001 }, "\(name)")
                }
            }
        }
    }

    @Test("quantising a quantised model changes nothing more")
    func twice() throws {
        let plugins = try TinyModel.plugins()
        let (from, once) = (try temporaryFolder(), try temporaryFolder() + "/once")
        let again = try temporaryFolder() + "/again"
        try TinyModel.write(to: from, dtype: .float32)
        let record = QuantizationRecord(precision: .int8)
        try ModelDirectory(path: from, plugins: plugins).writeQuantized(to: once, record: record, plugins: plugins)
        let first = try ModelDirectory(path: once, plugins: plugins)
        try first.writeQuantized(to: again, record: record, plugins: plugins)
        let (a, b) = (
            try Safetensors(path: once + "/model.safetensors"), try Safetensors(path: again + "/model.safetensors")
        )
        for entry in a.entries where entry.type.dtype == .int8 {
            #expect(try a.tensor(entry.name) == b.tensor(entry.name))
        }
        // What was made of the same model is replaced, anything else is left alone, and so is the source.
        try first.writeQuantized(to: again, record: record, plugins: plugins)
        for (taken, replacing) in [(from, false), (once, true), (once + "/deeper", true)] {
            #expect(throws: OutputRefusal.self) {
                try first.writeQuantized(to: taken, record: record, replacing: replacing, plugins: plugins)
            }
        }
        try AtomicFile.write("mine", to: again + "/notes.txt")
        #expect(throws: OutputRefusal.self) { try first.writeQuantized(to: again, record: record, plugins: plugins) }
        try first.writeQuantized(to: again, record: record, replacing: true, plugins: plugins)
        #expect(FileSystem.isFile(again + "/notes.txt"))
    }

    @Test("what quantisation changed is kept with the model")
    func record() throws {
        let plugins = try TinyModel.plugins()
        let folder = try temporaryFolder()
        try TinyModel.write(to: folder)
        let drift = QuantizationRecord.Drift([0.5, 1])
        #expect(drift?.meanCosine == 0.75 && drift?.minimumCosine == 0.5 && drift?.inputs == 2)
        let record = QuantizationRecord(precision: .int8, images: drift, texts: nil)
        try ModelDirectory(path: folder, plugins: plugins).write(record)
        #expect(try ModelDirectory(path: folder, plugins: plugins).config.quantization == record)
    }

    @Test("8-bit tensors without scales, of an unknown kind, or of values that are not finite are refused by name")
    func refusals() throws {
        let path = try temporaryFolder() + "/weights.safetensors"
        let values = TensorData(TensorType(.int8, [2, 3]), doubles: [1, 2, 3, 4, 5, 127])
        try Safetensors.write(to: path, ["w": values], metadata: ["quantization": "int8-rows"])
        #expect(
            try #require(throws: CheckpointError.self) { try WeightFiles.open(path: path) }.description.contains("'w'"))
        try Safetensors.write(to: path, ["w": values], metadata: ["quantization": "int2"])
        #expect(
            try #require(throws: CheckpointError.self) { try WeightFiles.open(path: path) }.description.contains("int2")
        )
        let scales = TensorData(TensorType(.float32, [2]), doubles: [0.5, 2])
        try Safetensors.write(to: path, ["w": values, "w.scale": scales], metadata: ["quantization": "int8-rows"])
        let file = try WeightFiles.open(path: path)
        #expect(file.entries == [WeightEntry(name: "w", type: TensorType(.float32, [2, 3]))])
        #expect(try file.tensor("w").floats == [0.5, 1, 1.5, 8, 10, 254])

        let plugins = try TinyModel.plugins()
        let folder = try temporaryFolder()
        try TinyModel.write(to: folder, dtype: .float32) { parameters in
            let name = "transformer.resblocks.0.mlp.c_fc.weight"
            parameters[name] = parameters[name].map { TensorData($0.type, doubles: [.nan] + $0.doubles.dropFirst()) }
        }
        let error = try #require(throws: CheckpointError.self) {
            try ModelDirectory(path: folder, plugins: plugins).writeQuantized(
                to: folder + "-int8", record: QuantizationRecord(precision: .int8), plugins: plugins)
        }
        #expect(error.description.contains("c_fc.weight"))
        #expect(!FileSystem.isDirectory(folder + "-int8"))
    }
}
