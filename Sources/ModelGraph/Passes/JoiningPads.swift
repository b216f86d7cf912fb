extension Graph {
    /// Writes a sum of zero-padded pieces that tile an axis as their concatenation.
    ///
    /// The gradient of splitting a tensor (queries, keys and values, say) arrives as such a sum; joined, each element
    /// is written once instead of padded and added over and over.
    public func joiningPads() throws -> Graph {
        struct Piece {
            let start: Int
            let end: Int
            let source: Node.ID
        }
        struct Cover {
            let axis: Int
            var pieces: [Piece]
        }
        var covers: [Node.ID: Cover] = [:]
        let uses = useCounts
        return try rewritten { node, inputs, builder, made in
            switch node.op {
            case .pad(let pad) where uses[node.id] == 1:
                let end = node.shape[pad.axis] - pad.after
                covers[node.id] = Cover(
                    axis: pad.axis, pieces: [Piece(start: pad.before, end: end, source: node.inputs[0])])
                return nil
            case .binary(.add):
                guard let left = covers[node.inputs[0]], let right = covers[node.inputs[1]],
                    left.axis == right.axis, node.shape == inputs[0].shape, node.shape == inputs[1].shape
                else { return nil }
                let pieces = (left.pieces + right.pieces).sorted { $0.start < $1.start }
                guard zip(pieces, pieces.dropFirst()).allSatisfy({ $0.end <= $1.start }) else { return nil }
                let covered = pieces.reduce(0) { $0 + $1.end - $1.start }
                if covered < node.shape[left.axis] {
                    if uses[node.id] == 1 { covers[node.id] = Cover(axis: left.axis, pieces: pieces) }
                    return nil
                }
                return builder.apply(
                    .concatenate(Concatenate(axis: left.axis)), pieces.map { made[$0.source] }, node.location)
            default: return nil
            }
        }
    }
}
