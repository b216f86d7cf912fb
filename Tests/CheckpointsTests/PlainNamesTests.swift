import AtomicFiles
import ModelGraph
import Multimodal
import TestModels
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct PlainNamesTests {
    private static let plain = ["logit_scale", "visual.proj", "transformer.resblocks.0.ln_1.weight"]

    private func open(_ names: [String]) throws -> any WeightFile {
        let path = try temporaryFolder() + "/a.safetensors"
        let tensors = names.enumerated().map { ($1, TensorData(scalar: Double($0))) }
        try Safetensors.write(to: path, Dictionary(uniqueKeysWithValues: tensors), metadata: [:])
        return try WeightFiles.open(path: path)
    }

    @Test(
        "what programs put before every name is taken off, in any order and number",
        arguments: [
            "module.", "_orig_mod.", "model.", "clip.", "_forward_module.", "module._orig_mod.", "_orig_mod.module.",
            "module.module.", "state_dict.model.", "model.clip_model.module.", "ema_model.module.",
            "_fsdp_wrapped_module.", "module._fsdp_wrapped_module._checkpoint_wrapped_module.",
        ])
    func prefixes(prefix: String) throws {
        let file = try open(Self.plain.map { prefix + $0 })
        #expect(Set(file.entries.map(\.name)) == Set(Self.plain))
        for (index, name) in Self.plain.enumerated() {
            #expect(file[name]?.name == name && file[prefix + name] == nil)
            #expect(try file.tensor(name).floats == [Float(index)])
        }
        #expect(failure { _ = try file.tensor("x") }.hasSuffix("tensor 'x': the file has no such tensor"))
    }

    @Test("wrappers of single modules are taken out where they stand")
    func inner() throws {
        let names = [
            "logit_scale", "visual._orig_mod.proj", "transformer.resblocks.0._checkpoint_wrapped_module.ln_1.weight",
        ]
        #expect(Set(try open(names).entries.map(\.name)) == Set(Self.plain))
    }

    @Test("names that are plain stay, and so do prefixes that not all have")
    func plain() throws {
        #expect(try open(Self.plain) is Safetensors)
        let mixed = ["module.visual.proj", "logit_scale"]
        #expect(try Set(open(mixed).entries.map(\.name)) == Set(mixed))
        #expect(try Set(open(["module.x", "module.module.y"]).entries.map(\.name)) == ["x", "module.y"])
        #expect(try Set(open(["my_orig_mod.x", "a.b"]).entries.map(\.name)) == ["my_orig_mod.x", "a.b"])
        #expect(try Set(open(["n_averaged", "module.x"]).entries.map(\.name)) == ["n_averaged", "x"])
    }

    @Test("a name that is there with a wrapper and without is an error that gives both")
    func twice() throws {
        let message = failure { _ = try open(["visual.proj", "visual._orig_mod.proj"]) }
        #expect(message.contains("tensor 'visual.proj': is there twice, as '"))
        #expect(message.contains("'visual._orig_mod.proj'"))
    }

    @Test("the model is the same by every door: safetensors, in several files, quantised, PyTorch")
    func doors() throws {
        let plugins = try TinyModel.plugins()
        let folder = try temporaryFolder()
        let parameters = try TinyModel.write(to: folder)
        let model = try ModelDirectory.open(path: folder, plugins: plugins)
        let renamed = Dictionary(uniqueKeysWithValues: parameters.map { ("module._orig_mod." + $0, $1) })
        func same(_ weights: String, _ message: Comment) throws {
            try AtomicFile.write(TinyModel.yaml + "\nweights: \(weights)\n", to: folder + "/model.yaml")
            #expect(try ModelDirectory.open(path: folder, plugins: plugins).space == model.space, message)
        }
        try Safetensors.write(to: folder + "/one.safetensors", renamed, metadata: ["format": "pt"])
        try same("one.safetensors", "safetensors")
        let names = renamed.keys.sorted()
        for (file, part) in [("a.safetensors", names.prefix(9)), ("b.safetensors", names.dropFirst(9))] {
            try Safetensors.write(to: "\(folder)/\(file)", renamed.filter { part.contains($0.key) }, metadata: [:])
        }
        let map = names.enumerated().map { "\"\($1)\": \"\($0 < 9 ? "a" : "b").safetensors\"" }.joined(separator: ", ")
        try AtomicFile.write("{\"weight_map\": {\(map)}}", to: folder + "/w.index.json")
        try same("w.index.json", "several files")
        try AtomicFile.write(
            ArchiveWriter.archive(names.compactMap { name in renamed[name].map { (name, $0) } }), to: folder + "/w.bin")
        try same("w.bin", "PyTorch")
        // Eight-bit rows and their scales
        let quantized = try temporaryFolder() + "/q"
        try model.writeQuantized(to: quantized, record: .init(precision: .int8), plugins: plugins)
        let before = try ModelDirectory.open(path: quantized, plugins: plugins)
        let file = try Safetensors(path: quantized + "/model.safetensors")
        let all = try Dictionary(
            uniqueKeysWithValues: file.entries.map { ("module." + $0.name, try file.tensor($0.name)) })
        try Safetensors.write(to: quantized + "/model.safetensors", all, metadata: file.metadata)
        #expect(try ModelDirectory.open(path: quantized, plugins: plugins).space == before.space)
    }

    @Test("tensors that a model does not need refuse it only where they may be another model's parameters")
    func unneeded() throws {
        let plugins = try TinyModel.plugins()
        let folder = try temporaryFolder()
        let parameters = try TinyModel.write(to: folder)
        let header = #"{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}"#
        func message(_ extra: [String: TensorData]) throws -> String {
            try Safetensors.write(
                to: folder + "/model.safetensors", parameters.merging(extra) { $1 }, metadata: ["format": "pt"])
            return failure { _ = try ModelDirectory.open(path: folder, plugins: plugins) }
        }
        let matrix: [Double] = [1, 2, 3, 4]
        for (name, type) in [
            ("visual.mask", TensorType(.uint8, [4])), ("steps", TensorType(.int64, [4])),
            ("visual.statistics", TensorType(.float64, [4])), ("visual.attn_mask", TensorType(.float32, [4])),
        ] {
            #expect(try message([name: TensorData(type, doubles: matrix)]) == "", "\(name)")
        }
        #expect(try message(["temperature": TensorData(scalar: 1)]) == "")
        for (name, data) in [
            ("visual.transformer.resblocks.1.ln_1.weight", TensorData(TensorType(.float32, [4]), doubles: matrix)),
            ("visual.gate", TensorData(scalar: 1)), ("logit_bias", TensorData(scalar: 1)),
            ("visual.extra", TensorData(TensorType(.bfloat16, [4]), doubles: matrix)),
        ] {
            #expect(try message([name: data]).contains("tensor '\(name)': "), "\(name)")
        }
        // One of a type that is not read, asked for and not
        try Safetensors.write(to: folder + "/model.safetensors", parameters, metadata: [:])
        let bytes = try MappedFile(folder + "/model.safetensors").withBytes(Array.init)
        let length = bytes.prefix(8).enumerated().reduce(0) { $0 | Int($1.element) << (8 * $1.offset) }
        let text = String(decoding: bytes[8..<8 + length], as: UTF8.self)
        for (name, refusal) in [
            ("visual.flags", ""), ("visual.proj", "tensor 'visual.proj': has elements of type BOOL"),
        ] {
            let end = bytes.count - 8 - length
            let entry = "\"\(name)\":" + header.replacing("[0,1]", with: "[\(end),\(end + 1)]")
            // What is asked for moves out of the way under another name.
            let changed = text.replacing("\"\(name)\":", with: "\"moved.position_ids\":").replacing(
                /}\s*$/, with: ",\(entry)}")
            let size = (0..<8).map { UInt8(truncatingIfNeeded: changed.utf8.count >> (8 * $0)) }
            try AtomicFile.write(
                size + Array(changed.utf8) + bytes[(8 + length)...] + [1], to: folder + "/model.safetensors")
            let text = failure { _ = try ModelDirectory.open(path: folder, plugins: plugins) }
            #expect(refusal.isEmpty ? text == "" : text.contains(refusal), "\(text)")
        }
    }
}
