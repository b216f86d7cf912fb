import Multimodal

extension ConformanceCase {
    static let indexing: [ConformanceCase] = [
        ConformanceCase("gather") { c in
            let (rows, width) = (c.extent(), c.extent())
            c.output(c.input([rows, width]).gather(c.indices([c.pick([1, 2, 5])], below: rows)))
            c.output(c.input([rows, 3]).gather(c.indices([2, c.pick([1, 5])], below: rows)))
        },
        ConformanceCase("gather.ranks") { c in
            let rows = c.pick([1, 2, 5])
            c.output(c.input([rows]).gather(c.indices([3], below: rows)))
            c.output(c.input([rows, 2, 3]).gather(c.indices([2, 2], below: rows)))
            c.output(c.input([rows, 5]).gather(c.indices([], below: rows)))
        },
        ConformanceCase("gather.int64") { c in
            c.output(c.input([5, 3]).gather(c.indices([4], below: 5, dtype: .int64)))
        },
        ConformanceCase("gather.embedding") { c in
            // The same row many times: its gradient is a sum.
            let table = c.parameter("token_embedding.weight", [7, c.pick([1, 3, 17])])
            c.output(table.gather(c.indices([3, 5], below: 7)).tanh())
        },
        ConformanceCase("scatterAdd") { c in
            let (count, width, rows) = (c.extent(), c.pick([1, 2, 5, 17]), c.pick([1, 2, 5, 17]))
            c.output(c.input([count, width]).scatterAdd(at: c.indices([count], below: rows), rows: rows))
        },
        ConformanceCase("tokens") { c in
            let (batch, tokens, width) = (c.pick([1, 2, 5]), c.pick([1, 3, 5]), c.pick([1, 2, 17]))
            let ids = c.indices([batch, tokens], below: 1000)
            c.output(c.input([batch, tokens, width]).tokens(at: ids.argMax(axis: 1)))
        },
        ConformanceCase("argMax", .none) { c in
            let shape = c.shape()
            let x = c.distinct(shape)
            for axis in 0..<shape.rank { c.output(x.argMax(axis: axis)) }
        },
        ConformanceCase("argMax.ties", .none) { c in
            let x = c.indices([c.pick([2, 5, 17]), c.pick([2, 5, 17])], below: 3)
            c.output(x.argMax(axis: 0))
            c.output(x.argMax(axis: -1))
            c.output(x.cast(to: c.float).transposed().argMax(axis: 1))
        },
        ConformanceCase("oneHot", .none) { c in
            let depth = c.extent()
            c.output(c.indices(c.shape(rank: c.pick([0, 1, 2]) + 1), below: depth + 2).oneHot(depth: depth))
        },
        ConformanceCase("oneHot.outside", .none) { c in
            let x = c.input([4], values: [-1, 0, 2, 3], dtype: .int32)
            c.output(x.oneHot(depth: 3))
            c.output(x.oneHot(depth: 3, dtype: .int32))
        },
    ]
}
