import AtomicFiles
import TestModels
import TestSupport
import Testing
import YAML

@testable import Checkpoints

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What stands where weights or settings are meant is told as what it is.
@Suite struct ForeignFilesTests {
    private static func scalars(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8($0.value) } }

    @Test(
        "a file that is no weights is named, with what to do",
        arguments: [
            ("", "is empty", "get the file again"),
            (
                "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 605157884\n",
                "is a Git LFS pointer, not the file that it stands for (605157884 bytes)", "git lfs pull"
            ),
            ("<!DOCTYPE html>\n<html><head>", "is a web page (HTML)", "fetch the file itself"),
            ("\n  <html lang=\"en\">", "is a web page (HTML)", "fetch the file itself"),
            (
                "<?xml version=\"1.0\"?>\n<!DOCTYPE x>\n<html xmlns=\"\">", "is a web page (HTML)",
                "fetch the file itself"
            ),
            (
                "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>",
                "is a server's answer, 'Access Denied'", "check the address"
            ),
            (
                "{\"error\":\"Repository not found\"}", "is a server's answer, 'Repository not found'",
                "check the address"
            ),
            ("{ \"detail\" : \"no\" }", "is a server's answer, 'no'", "check the address"),
            ("Entry not found", "is a server's answer, 'Entry not found'", "check the address"),
            ("Access to model x/y is restricted.", "is a server's answer", "needs an account"),
            ("GGUF\u{3}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", "is a GGUF file", "get the model's safetensors"),
            ("\u{1F}\u{8B}\u{8}\u{0}\u{0}", "is compressed with gzip", "gunzip"),
            ("BZh91AY", "is compressed with bzip2", "bunzip2"),
            ("\u{FD}7zXZ\u{0}\u{0}", "is compressed with xz", "unxz"),
            ("(\u{B5}/\u{FD}$", "is compressed with zstd", "unzstd"),
            ("7z\u{BC}\u{AF}'\u{1C}", "is a 7z archive", "7z x"),
            (
                "\u{80}\u{2}}q\u{0}X\u{1}\u{0}\u{0}\u{0}aK\u{1}s.", "is a pickle that torch.save did not write",
                "save_file"
            ),
            ("\u{80}\u{4}\u{95}\u{5}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}}\u{94}.", "is a pickle", "save_file"),
            ("\u{8}\u{8}\u{12}\u{7}pytorch\u{1A}\u{3}2.1", "is an ONNX model", "get the model's safetensors"),
            ("\u{8}\u{7}:\u{80}\u{1}\u{A}", "is an ONNX model", "get the model's safetensors"),
            ("\u{82}\u{AA}text_model\u{83}\u{A7}encoder", "is a Flax checkpoint", "from_flax=True"),
            ("\u{DE}\u{0}\u{14}\u{A6}params\u{81}\u{A1}a\u{1}\u{1}\u{1}", "is a Flax checkpoint", "from_flax=True"),
            ("\u{89}HDF\r\n\u{1A}\n\u{0}", "is an HDF5 file", "get the model's safetensors"),
            ("\u{93}NUMPY\u{1}\u{0}", "is an array of numpy", "safetensors"),
            ("\u{1C}\u{0}\u{0}\u{0}TFL3\u{0}", "is a TensorFlow Lite model", "get the model's safetensors"),
            ("\u{89}PNG\r\n\u{1A}\n", "is an image (PNG)", "name the file of weights"),
            ("%PDF-1.7\n", "is a PDF document", "name"),
            ("\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}", "begins with zeros only", "get the file again"),
            ("just some words\n", "is text, and no weights", "name the file of weights"),
            ("{\"model_type\": \"clip\"}", "is text, and no weights", "name the file of weights"),
            ("\u{1}\u{2}\u{3}\u{FF}\u{FE}\u{FD}\u{FC}\u{FB}\u{FA}", "is no safetensors file", ""),
        ])
    func weights(text: String, what: String, remedy: String) throws {
        for name in ["model.safetensors", "pytorch_model.bin", "x.pt"] {
            let path = try temporaryFolder() + "/" + name
            try AtomicFile.write(Self.scalars(text), to: path)
            let message = failure { _ = try WeightFiles.open(path: path) }
            #expect(message.hasPrefix("\(path): \(what)") && message.contains(remedy), "\(message)")
        }
    }

    @Test("a tar archive, and a download under the name of one that has not ended")
    func others() throws {
        let folder = try temporaryFolder()
        var tar = [UInt8]("model.safetensors".utf8) + [UInt8](repeating: 0, count: 512)
        tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
        try AtomicFile.write(tar, to: folder + "/a.bin")
        #expect(failure { _ = try WeightFiles.open(path: folder + "/a.bin") }.contains("is a tar archive; unpack it"))
        for ending in ["incomplete", "part", "crdownload"] {
            let path = "\(folder)/model.bin.\(ending)"
            try AtomicFile.write([1, 2, 3, 0xFF, 0xFE], to: path)
            #expect(failure { _ = try WeightFiles.open(path: path) }.contains("is a download that has not ended"))
        }
    }

    @Test(
        "a zip archive that PyTorch did not write is named by what is in it",
        arguments: [
            (["a.npy", "b.npy"], "is an archive of numpy (npz)"),
            (["config.json", "model.weights.h5"], "is a Keras model"),
            (["[Content_Types].xml", "word/document.xml"], "is a document of an office program"),
            (["x/model.safetensors", "x/config.json"], "with 'x/model.safetensors' in it; unpack it"),
            (["readme.txt"], "without one data.pkl; PyTorch did not write it"),
        ])
    func archives(names: [String], message: String) throws {
        let path = try temporaryFolder() + "/a.bin"
        try AtomicFile.write(ArchiveWriter.zip(names.map { ($0, [1, 2]) }), to: path)
        #expect(failure { _ = try WeightFiles.open(path: path) }.hasPrefix(path))
        #expect(failure { _ = try WeightFiles.open(path: path) }.contains(message))
    }

    @Test("a safetensors file whose length looks like the start of something else is read")
    func coincidence() throws {
        // Header lengths that begin as gzip and JPEG files do
        for length in [0x8B1F, 0x1_8B1F] {
            let text = #"{"x":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#
            let header = text + String(repeating: " ", count: length - text.utf8.count)
            let path = try temporaryFolder() + "/a.safetensors"
            let size = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            try AtomicFile.write(size + Array(header.utf8) + [0, 0, 0, 0], to: path)
            #expect(try WeightFiles.open(path: path).entries.map(\.name) == ["x"])
        }
    }

    @Test(
        "settings that a download spoilt are told so, and not read as YAML",
        arguments: ["model.yaml", "config.json", "open_clip_config.json"])
    func settings(name: String) throws {
        for (text, what) in [
            ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "is a Git LFS pointer"),
            ("<!doctype html><title>x</title>", "is a web page (HTML)"),
            ("{\"error\": \"Invalid credentials\"}", "is a server's answer, 'Invalid credentials'"),
            ("Entry not found", "is a server's answer"), ("404: Not Found", "is a server's answer"),
        ] {
            let folder = try temporaryFolder()
            try AtomicFile.write(text, to: "\(folder)/\(name)")
            let message = failure { _ = try ModelDirectory.source(path: folder) }
            #expect(message.hasPrefix("\(folder)/\(name): \(what)"), "\(message)")
        }
    }

    @Test("text that only looks like it is read")
    func vocabularies() {
        for text in [
            "{\"errors\": \"replace\"}", "{\"error\": 5, \"a\": 6}", "version: 1\n", "{\"message\":12}",
            "#version: 0.2\ni n\n", "errors: 3\n",
        ] {
            #expect(ForeignText.found(text.utf8) == nil, "\(text)")
        }
    }

    @Test("weights of other programs are told as such where they are named, and where a model's own are missing")
    func otherPrograms() throws {
        let folder = try temporaryFolder()
        try TinyModel.write(to: folder)
        let plugins = try TinyModel.plugins()
        for (name, text, what) in [
            ("model.gguf", "GGUF\u{3}\u{0}\u{0}\u{0}", "is a GGUF file"),
            ("model.onnx", "\u{8}\u{8}\u{12}\u{7}pytorch", "is an ONNX model"),
            ("flax_model.msgpack", "\u{82}\u{AA}text_model\u{83}", "is a Flax checkpoint"),
            ("tf_model.h5", "\u{89}HDF\r\n\u{1A}\n", "is an HDF5 file"),
            ("model.safetensors.incomplete", "\u{1}\u{FF}", "is a download that has not ended"),
        ] {
            let path = folder + "/" + name
            try AtomicFile.write(Self.scalars(text), to: path)
            let message = failure { _ = try ModelDirectory.open(path: path, plugins: plugins) }
            #expect(message.hasPrefix("\(path): \(what)"), "\(message)")
            try FileSystem.copy(folder + "/model.safetensors", to: folder + "/kept")
            unlink(folder + "/model.safetensors")
            let missing = failure { _ = try ModelDirectory.open(path: folder, plugins: plugins) }
            #expect(missing.hasPrefix("\(folder): has no model.safetensors; '\(name)' beside it \(what)"), "\(missing)")
            try FileSystem.copy(folder + "/kept", to: folder + "/model.safetensors")
            unlink(path)
        }
    }
}
