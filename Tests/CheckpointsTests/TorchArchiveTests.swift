import AtomicFiles
import ModelGraph
import Multimodal
import TestModels
import TestSupport
import Testing

@testable import Checkpoints

@Suite struct TorchArchiveTests {
    static let folder = fixture("Torch/")

    @Test(
        "every tensor that PyTorch saved is read, bit for bit",
        arguments: [
            "dtypes", "protocol4", "views", "zip64", "training", "parameters", "scripted", "traced",
            "before-1.6", "before-1.6-dtypes", "beside-2", "beside-5", "beside-before-1.6", "odd", "wrapped",
            "averaged",
        ])
    func reads(name: String) throws {
        let archive = try WeightFiles.open(path: Self.folder + name + ".pt")
        let expected = try Safetensors(path: Self.folder + name + ".safetensors")
        #expect(Set(archive.entries) == Set(expected.entries))
        for entry in expected.entries {
            #expect(archive[entry.name] == entry)
            #expect(try archive.tensor(entry.name) == expected.tensor(entry.name), "\(entry.name)")
        }
        #expect(failure { _ = try archive.tensor("no") }.hasSuffix("tensor 'no': the file has no such tensor"))
    }

    @Test("what is no tensor that can be read is named")
    func ignored() throws {
        #expect(
            Set(try TorchArchive(path: Self.folder + "dtypes.pt").ignored) == [
                "bool", "int16", "complex", "empty", "note", "epoch", "rate", "large", "list", "kind", "size",
            ])
        #expect(try TorchArchive(path: Self.folder + "protocol4.pt").ignored.contains("raw"))
        #expect(try TorchArchive(path: Self.folder + "training.pt").ignored == ["epoch", "name", "optimizer"])
        #expect(try TorchArchive(path: Self.folder + "scripted.pt").ignored.contains("visual.input_resolution"))
    }

    @Test("what a name stands for that is no tensor that can be used is told when it is asked for")
    func unusable() throws {
        let archive = try TorchArchive(path: Self.folder + "odd.pt")
        for (name, reason) in [
            ("bits", "has elements of type torch.uint16, which"),
            ("eighths", "has elements of type torch.float8_e4m3fn, which"),
            ("quantized", "is an object that 'torch._utils._rebuild_qtensor' makes"),
            ("sparse", "is an object that 'torch._utils._rebuild_sparse_tensor' makes"), ("nothing", "has no elements"),
            ("tagged", "is an object that '__main__.Tagged' makes"),
            ("meta", "is an object that 'torch._utils._rebuild_meta_tensor_no_storage' makes"),
            ("rate", "is an object that 'numpy._core.multiarray.scalar' makes"),
            ("mode", "is an object that '__main__.Mode'"),
        ] {
            let message = failure { _ = try archive.tensor(name) }
            #expect(message.hasPrefix("\(Self.folder)odd.pt: tensor '\(name)': \(reason)"), "\(message)")
        }
        let dtypes = try TorchArchive(path: Self.folder + "dtypes.pt")
        #expect(failure { _ = try dtypes.tensor("int16") }.contains("has elements of type torch.ShortStorage, which"))
    }

    @Test("contiguous values are the mapped bytes themselves")
    func mapped() throws {
        let archive = try TorchArchive(path: Self.folder + "views.pt")
        let base = try #require(try archive.tensor("base").pinned().bytes.baseAddress)
        #expect(try archive.tensor("same").pinned().bytes.baseAddress == base)
        #expect(try archive.tensor("row").pinned().bytes.baseAddress == base + 2 * 6 * 4)
    }

    @Test(
        "a pickle that would call something is refused by name, and nothing is called",
        arguments: [
            ("os-system", "posix.system"), ("os-system-4", "posix.system"), ("inst", "posix.system"),
            ("eval", "__builtin__.eval"),
        ])
    func refusesCalls(name: String, call: String) throws {
        let path = Self.folder + name + ".pt"
        let text = failure { _ = try TorchArchive(path: path) }
        #expect(text.hasPrefix(path + ": "))
        #expect(text.contains("the pickle wants to call \(call); only tensors and containers are read"), "\(text)")
        #expect(!FileSystem.isFile("/tmp/clip-unpickler-ran"))
    }

    @Test(
        "what is no archive of named tensors is refused with what to do",
        arguments: [
            ("bare.pt", "save the module's state_dict()"), ("circle.pt", "refer to each other"),
            ("laughs.pt", "refer to each other"), ("compressed.pt", "is compressed"),
            ("views.safetensors", "is no PyTorch archive"), ("none.pt", "No such file"),
            (
                "getattr.pt",
                "is an object that '__builtin__.getattr' makes, and no dictionary of tensors (nothing was run)"
            ),
            ("whole.pt", "is an object that 'torch.nn.modules.container.Sequential' makes"),
            ("no-state.pt", "'state_dict' in it: is an object that '__main__.Settings' makes"),
            (
                "no-tensors.pt",
                "holds no tensor that can be read, only 'epoch', 'args', 'losses'; save the module's state_dict()"
            ),
        ])
    func refused(name: String, message: String) throws {
        let path = Self.folder + name
        let text = failure { _ = try TorchArchive(path: path) }
        #expect(text.hasPrefix(path + ": ") && text.contains(message), "\(text)")
    }

    @Test("a file of weights is opened by what is in it, not by its name")
    func openedByContent() throws {
        let folder = try temporaryFolder()
        try FileSystem.copy(Self.folder + "views.pt", to: folder + "/a")
        try FileSystem.copy(Self.folder + "views.safetensors", to: folder + "/b")
        let files = try [folder + "/a", folder + "/b"].map { try WeightFiles.open(path: $0) }
        #expect(files[0] is TorchArchive && files[1] is Safetensors)
        #expect(try files[0].tensor("transposed") == files[1].tensor("transposed"))
        #expect(try WeightFiles.open(path: Self.folder + "before-1.6.pt") is TorchArchive)
    }

    @Test("model.yaml may name a PyTorch archive, and the model is the same")
    func modelDirectory() throws {
        let plugins = try TinyModel.plugins()
        let models = try ["tiny.pt", "tiny.safetensors"].map { name in
            let folder = try temporaryFolder()
            try TinyModel.write(to: folder)
            try FileSystem.copy(Self.folder + name, to: folder + "/" + name)
            try AtomicFile.write(TinyModel.yaml + "\nweights: \(name)\n", to: folder + "/model.yaml")
            return try ModelDirectory.open(path: folder, plugins: plugins)
        }
        #expect(models.map { FileSystem.name(of: $0.weights.path) } == ["tiny.pt", "tiny.safetensors"])
        #expect(models[0].space == models[1].space)
        // What a trainer saved, with a description of the model elsewhere
        let bare = try ModelDirectory.open(
            path: Self.folder + "tiny.pt", plugins: plugins,
            options: .init(config: models[1].folder + "/model.yaml"))
        #expect(bare.space == models[0].space && bare.weights.path == Self.folder + "tiny.pt")
        let graph = try models[0].model.lossGraph(batch: 2, length: 6)
        #expect(try models[0].parameters(for: graph) == models[1].parameters(for: graph))
    }

    // MARK: - Views that lie

    @Test(
        "a view that leaves its storage is refused, whatever overflows",
        arguments: [
            (0, [4], [1], true), (0, [2, 2], [2, 1], true), (3, [1], [9], true), (0, [2, 2], [1, 2], true),
            (1, [4], [1], false), (0, [5], [1], false), (-1, [2], [1], false), (3, [2], [-1], false),
            (0, [2], [4], false), (0, [2], [1, 1], false), (Int.max, [2], [1], false), (0, [3], [Int.max], false),
            (1, [2], [Int.max], false), (4, [1], [1], false),
        ])
    func views(offset: Int, shape: [Int], strides: [Int], fits: Bool) {
        let tensor = TorchTensor(storage: 0, offset: offset, shape: shape, strides: strides)
        #expect((StorageView(tensor, Shape(shape), count: 4, place: .range(0..<16)) != nil) == fits)
    }

    @Test(
        "a pickle is refused where the stack, the memo or the bytes give out",
        arguments: [
            "", ".", "N", "0", "t", "(t", "h\u{1}", "q\u{1}", "X\u{1}", "Na", "}Ns", "(R", ")R", "cos\n", "\u{7f}", "Q",
        ])
    func broken(pickle: String) {
        #expect(throws: Unpickler.Fault.self) {
            try Array(pickle.utf8).withUnsafeBytes { try Unpickler.read($0, file: 1 << 30) }
        }
    }

    @Test("a pickle that makes values without end is stopped")
    func tooManyValues() {
        let pickle = [UInt8](repeating: UInt8(ascii: "N"), count: Unpickler.maximumValues + 1)
        #expect(throws: Unpickler.Fault.self) { try pickle.withUnsafeBytes { try Unpickler.read($0, file: 1 << 30) } }
    }

    // MARK: - Damaged files

    @Test("an archive cut short anywhere is refused with its name")
    func truncated() throws {
        let path = try temporaryFolder() + "/cut.pt"
        let whole = try MappedFile(Self.folder + "views.pt").withBytes(Array.init)
        for count in stride(from: 0, to: whole.count, by: 7) {
            try overwrite(path, Array(whole[..<count]))
            #expect(failure { _ = try TorchArchive(path: path) }.hasPrefix(path + ": "), "\(count)")
        }
    }
}
