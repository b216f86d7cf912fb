/// A handle on a node of a graph that is being built. Operators and methods on it add nodes.
///
/// An operator cannot know the line it stands on, so its node takes the line of its newest operand; every method knows
/// its own.
public struct Tensor {
    public let builder: GraphBuilder
    public let id: Node.ID

    package init(builder: GraphBuilder, id: Node.ID) {
        self.builder = builder
        self.id = id
    }

    public var type: TensorType { builder.nodes[id].type }
    public var shape: Shape { type.shape }
    public var dtype: DType { type.dtype }
    public var rank: Int { shape.rank }

    /// Extent along `axis`, counted from the end where negative. Out of range is a graph error, and 1.
    public func dimension(_ axis: Int, file: String = #fileID, line: Int = #line) -> Int {
        let index = axis < 0 ? axis + rank : axis
        guard (0..<rank).contains(index) else {
            builder.record(
                "dimension", [type], "axis \(axis) is outside of rank \(rank)", SourceLocation(fileID: file, line: line)
            )
            return 1
        }
        return shape[index]
    }

    /// Adds an op on this tensor and others. Plugins use it for their own ops: `x.apply(.custom(CustomOp(MyOp())))`.
    public func apply(
        _ op: Op, _ others: Tensor..., file: String = #fileID, line: Int = #line
    ) -> Tensor {
        builder.apply(op, [self] + others, SourceLocation(fileID: file, line: line))
    }

    /// `axis` counted from 0 where it is counted from the end, else (out of range, too) as it is.
    func counted(_ axis: Int) -> Int { axis < 0 && axis + rank >= 0 ? axis + rank : axis }

    var location: SourceLocation { builder.nodes[id].location }
}
