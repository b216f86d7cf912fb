import ModelGraph
import TestSupport
import Testing

@testable import Checkpoints

/// Against what open_clip and timm make of the same positions (Tests/Fixtures/Positions/make.py).
@Suite struct ResizedPositionsTests {
    private static let fixture = TestSupport.fixture("Positions/positions.safetensors")

    @Test(
        "positions are resized as open_clip and timm resize them",
        arguments: [
            ("class-2", 1, 2), ("class-2", 3, 10), ("class-2", 5, 26), ("class-2", 9, 82), ("class-7", 1, 2),
            ("class-7", 3, 10), ("class-7", 5, 26), ("class-7", 9, 82), ("plain-4", 2, 4), ("plain-4", 3, 9),
            ("plain-4", 6, 36), ("text-8", 3, 3), ("text-8", 7, 7), ("text-8", 13, 13),
        ])
    func resizes(name: String, target: Int, count: Int) throws {
        let file = try Safetensors(path: Self.fixture)
        let parameter = name.hasPrefix("text") ? "positional_embedding" : "visual.positional_embedding"
        let keys = KeyMap(rows: [.init(parameter, name)])
        let resized = ResizedPositions.fitting(file, to: [(parameter, [count, 6])], keys)
        let expected = try file.tensor("\(name)-to-\(target)")
        let values = try resized.tensor(name)
        #expect(values.type == expected.type && resized[name]?.type == expected.type)
        #expect(resized.entries.first { $0.name == name }?.type == expected.type)
        #expect(zip(values.floats, expected.floats).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(try resized.tensor("text-8") == file.tensor("text-8") || name == "text-8")
    }

    @Test("nothing is resized that fits, that is of another width, or that is no square")
    func unchanged() throws {
        let file = try Safetensors(path: Self.fixture)
        let keys = KeyMap(rows: [.init("visual.positional_embedding", "class-7")])
        for shape: Shape in [[50, 6], [10, 5], [8, 6], [50], [49, 6]] {
            #expect(ResizedPositions.fitting(file, to: [("visual.positional_embedding", shape)], keys) is Safetensors)
        }
        #expect(ResizedPositions.fitting(file, to: [("visual.other", [10, 6])], .identity) is Safetensors)
    }
}
