import AtomicFiles
import Checkpoints
import ModelGraph
import TestSupport
import Testing

@Suite struct SafetensorsTests {
    @Test("every element type survives writing and reading, bit for bit", arguments: DType.allCases)
    func roundTrip(dtype: DType) throws {
        let path = try temporaryFolder() + "/a.safetensors"
        let odd = TensorData(TensorType(.uint8, [3]), doubles: [1, 2, 255])
        let values = TensorData(TensorType(dtype, [2, 3]), doubles: [0, 1, 2, 3.5, 100, 7])
        try Safetensors.write(
            to: path, ["b": odd, "a": values, "s": TensorData(scalar: 2.5)], metadata: ["k": "v\n\""])
        let file = try Safetensors(path: path)
        #expect(file.metadata == ["k": "v\n\""])
        #expect(Set(file.entries.map(\.name)) == ["a", "b", "s"])
        #expect(try file.tensor("a") == values)
        #expect(try file.tensor("b") == odd)
        #expect(try file.tensor("s").floats == [2.5])
        #expect(failure { _ = try file.tensor("c") } == "\(path): tensor 'c': the file has no such tensor")
    }

    @Test("the same tensors give the same bytes, whatever the order")
    func deterministic() throws {
        let folder = try temporaryFolder()
        let one = TensorData(scalar: 1)
        let two = TensorData(TensorType(.bfloat16, [2]), doubles: [1, 2])
        try Safetensors.write(to: folder + "/x", ["a": one, "b": two, "c": one])
        try Safetensors.write(to: folder + "/y", ["c": one, "b": two, "a": one])
        let files = try [folder + "/x", folder + "/y"].map { try MappedFile($0).withBytes(Array.init) }
        #expect(files[0] == files[1] && files[0].count % 4 == 0)
    }

    @Test("a tensor at an odd place is read like any other")
    func unaligned() throws {
        let path = try temporaryFolder() + "/a"
        let header =
            #"{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#
        try AtomicFile.write(file(header, [9] + bytes(of: Float(1.5))), to: path)
        #expect(try Safetensors(path: path).tensor("y").floats == [1.5])
    }

    @Test(
        "a malformed file is refused with its name and what is wrong",
        arguments: [
            ("", 0, "has 0 bytes"),
            ("{}", 4, "has 4 bytes of tensors, its header says 0"),
            ("[]  ", 0, "does not begin with a header"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#, 4, "broken header"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} x"#, 4, "something follows"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{}}"#, 4, "'x' is given twice"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, 8, "tensor 'x': has the bytes 0..<8"),
            (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4, "has 4 bytes of tensors"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "tensor 'x'"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, "begin at 4, those before it end at 0"),
            (#"{"x":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}}"#, 4, "elements of type Q4"),
            (#"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "broken header"),
            (#"{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#, 0, "empty or too large"),
            (#"{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4, "empty or too large"),
            (#"{"x":{"dtype":"F64","shape":[2305843009213693951],"data_offsets":[0,4]}}"#, 4, "tensor 'x'"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#, 4, "too large"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}}"#, 4, "'more'"),
            (#"{"__metadata__":{"a":1},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4, "more than strings"),
            (
                #"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}"#,
                6, "tensor 'y': its bytes begin at 2, those before it end at 4"
            ),
        ])
    func refused(header: String, dataCount: Int, message: String) throws {
        let path = try temporaryFolder() + "/bad"
        let data = [UInt8](repeating: 0, count: dataCount)
        try AtomicFile.write(header.isEmpty ? [] : file(header, data), to: path)
        let text = failure { _ = try Safetensors(path: path) }
        #expect(text.hasPrefix(path + ": ") && text.contains(message), "\(text)")
    }

    @Test("a header that is longer than the file is refused, and so is what is no file")
    func truncated() throws {
        let folder = try temporaryFolder()
        try AtomicFile.write(bytes(of: UInt64(1000)) + Array("{\"x\"".utf8), to: folder + "/a")
        #expect(failure { _ = try Safetensors(path: folder + "/a") }.contains("ends inside its header"))
        try AtomicFile.write(bytes(of: UInt64.max) + Array("{\"x\"".utf8), to: folder + "/b")
        #expect(failure { _ = try Safetensors(path: folder + "/b") }.contains("does not begin with a header"))
        #expect(failure { _ = try Safetensors(path: folder) }.contains("not a regular file"))
        #expect(failure { _ = try Safetensors(path: folder + "/none") }.contains("No such file"))
    }

    private func file(_ header: String, _ data: [UInt8]) -> [UInt8] {
        bytes(of: UInt64(header.utf8.count)) + Array(header.utf8) + data
    }

    private func bytes<T>(of value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}
