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
            (#"{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "lacks dtype, shape"),
            (#"{"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, 4, "lacks dtype, shape"),
            (#"{"x":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}"#, 4, "'shape' of it in a form"),
            (#"{"x":null}"#, 0, "described by no object"), (#"{"__metadata__":{"a":null}}"#, 0, "more than strings"),
            (#"{"__metadata__":[]}"#, 0, "no object"), (#"{"__metadata__":"a"}"#, 0, "no object"),
            (#"{"x":{"dtype":"BOOL","shape":[2],"data_offsets":[0,1]}}"#, 1, "do not fit BOOL[2]"),
            (#"{"x":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#, 2, "do not fit F4[3]"),
            (#"{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,4]}}"#, 4, "do not fit F32[0]"),
            (
                #"{"x":{"dtype":"F32","shape":[0,2],"data_offsets":[2,2]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
                4, "begin at 2"
            ),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":nul}"#, 4, "a value is expected"),
            (#"{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4, "do not fit"),
            (#"{"x":{"dtype":"F64","shape":[2305843009213693951],"data_offsets":[0,4]}}"#, 4, "tensor 'x'"),
            (#"{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999]}}"#, 4, "too large"),
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

    @Test(
        "a tensor that cannot be used refuses nothing but itself",
        arguments: [
            ("BOOL", [2], 2), ("I16", [2], 4), ("U16", [2], 4), ("U32", [2], 8), ("U64", [2], 16), ("C64", [2], 16),
            ("F8_E4M3", [2], 2), ("F8_E5M2", [2], 2), ("F8_E8M0", [2], 2), ("F4", [2], 1), ("F6_E2M3", [4], 3),
            ("F6_E3M2", [4], 3), ("Q4", [2], 7), ("F32", [0], 0), ("F64", [3, 0, 2], 0), ("BOOL", [0], 0),
            ("F32", [0, 4_294_967_296, 4_294_967_296], 0), ("U8", [Int](repeating: 1, count: 20), 1), ("I16", [], 2),
        ])
    func unusable(code: String, shape: [Int], count: Int) throws {
        let path = try temporaryFolder() + "/a"
        let other =
            "\"m.x\":{\"dtype\":\"\(code)\",\"shape\":\(shape),\"data_offsets\":[4,\(4 + count)]}"
        let first = #""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#
        let last =
            "\"z\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[\(4 + count),\(8 + count)],\"more\":[true,-1.5e3,null]}"
        let data = bytes(of: Float(1.5)) + [UInt8](repeating: 7, count: count) + bytes(of: Float(2.5))
        try AtomicFile.write(self.file("{\"__metadata__\":null,\(other),\(last),\(first)}", data), to: path)
        let file = try Safetensors(path: path)
        #expect(file.entries.map(\.name) == ["a", "z"] && file["m.x"] == nil && file.metadata.isEmpty)
        #expect(try file.tensor("a").floats == [1.5] && file.tensor("z").floats == [2.5])
        let message = failure { _ = try file.tensor("m.x") }
        let reason =
            shape.contains(0) ? "has no elements" : code == "U8" ? "has 20 axes" : "has elements of type \(code), which"
        #expect(message.hasPrefix("\(path): tensor 'm.x': \(reason)"), "\(message)")
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
