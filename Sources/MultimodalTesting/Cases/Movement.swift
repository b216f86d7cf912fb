import Multimodal

extension ConformanceCase {
    static let movement: [ConformanceCase] =
        reductions + [
            ConformanceCase("reshape") { c in
                let shape = c.shape()
                let x = c.input(shape)
                c.output(x.reshaped(to: [shape.count]).exp())
                c.output(
                    x.reshaped(to: Shape(shape.dimensions.reversed())).tanh().reshaped(
                        to: Shape([1] + shape.dimensions)))
            },
            ConformanceCase("transpose") { c in
                let shape = c.shape()
                let permutation = Array(0..<shape.rank).shuffled(using: &c.random)
                let x = c.input(shape)
                c.output(x.transposed(permutation))
                c.output(x.transposed(permutation).transposed(permutation) * 2)
            },
            ConformanceCase("transpose.reshape") { c in
                // Splitting heads and joining them again.
                let (batch, tokens, heads, width) = (2, c.pick([1, 3, 5]), 3, c.pick([1, 2, 5]))
                let x = c.input([batch, tokens, heads * width])
                let split = x.reshaped(to: [batch, tokens, heads, width]).transposed([0, 2, 1, 3])
                c.output(split.exp().transposed([0, 2, 1, 3]).reshaped(to: x.shape))
                c.output(split.reshaped(to: [batch * heads, tokens, width]).softmax())
            },
            ConformanceCase("broadcast") { c in
                let shape = c.shape()
                c.output(c.input(c.broadcastable(shape)).broadcast(to: shape))
                c.output(c.input(c.broadcastable(shape)).broadcast(to: shape).sigmoid())
            },
            ConformanceCase("slice") { c in
                let shape = c.shape()
                let axis = Int(c.random.next() % UInt64(shape.rank))
                let x = c.input(shape)
                let start = shape[axis] / 3
                let cut = x.sliced(axis: axis, start..<max(start + 1, shape[axis] - shape[axis] / 4))
                c.output(cut)
                c.output(cut.transposed() * 3)
                c.output(x.sliced(axis: axis, start..<start + 1).exp())
            },
            ConformanceCase("slice.thirds") { c in
                // Queries, keys and values out of one product.
                let x = c.input([2, c.pick([1, 3, 5]), 6])
                let parts = (0..<3).map { x.sliced(axis: -1, $0 * 2..<$0 * 2 + 2) }
                c.output(parts[0].matmul(parts[1].transposed()).matmul(parts[2]))
            },
            ConformanceCase("pad") { c in
                let shape = c.shape()
                let axis = Int(c.random.next() % UInt64(shape.rank))
                let x = c.input(shape)
                c.output(x.padded(axis: axis, before: c.pick([0, 1, 3]), after: c.pick([0, 1, 2])))
                c.output(x.padded(axis: axis, before: 1, after: 0).exp())
            },
            ConformanceCase("concatenate") { c in
                let shape = c.shape()
                let axis = Int(c.random.next() % UInt64(shape.rank))
                var (second, third) = (shape, shape)
                second.dimensions[axis] = c.pick([1, 2, 5])
                third.dimensions[axis] = 1
                c.output(c.input(shape).concatenated(with: c.input(second), c.input(third), axis: axis))
            },
            ConformanceCase("concatenate.same") { c in
                let x = c.input(c.shape(rank: 2))
                let joined = x.concatenated(with: x.exp(), x, axis: 1)
                c.output(joined)
                c.output(joined.transposed().softmax())
            },
            ConformanceCase("concatenate.class-token") { c in
                let (batch, tokens, width) = (3, c.pick([1, 2, 5]), c.pick([1, 3, 5]))
                let token = c.parameter("class_embedding", [width])
                let x = c.input([batch, tokens, width])
                let all = token.reshaped(to: [1, 1, width]).broadcast(to: [batch, 1, width]).concatenated(
                    with: x, axis: 1)
                c.output(all + c.parameter("positional_embedding", [tokens + 1, width]))
            },
        ]

    private static var reductions: [ConformanceCase] {
        Reduce.Kind.allCases.flatMap { kind -> [ConformanceCase] in
            let reduce: @Sendable (Tensor, [Int], Bool) -> Tensor = { x, axes, keep in
                kind == .sum ? x.sum(axes: axes, keepDimensions: keep) : x.maximum(axes: axes, keepDimensions: keep)
            }
            return [
                ConformanceCase("reduce.\(kind.rawValue)") { c in
                    let shape = c.shape()
                    let axes = (0..<shape.rank).filter { _ in c.coin() }
                    c.output(reduce(c.distinct(shape), axes, c.coin()))
                },
                ConformanceCase("reduce.\(kind.rawValue).one-axis") { c in
                    let shape = c.shape()
                    let x = c.distinct(shape)
                    for axis in 0..<shape.rank { c.output(reduce(x, [axis - shape.rank], axis % 2 == 0)) }
                },
                ConformanceCase("reduce.\(kind.rawValue).all") { c in
                    let shape = c.shape()
                    c.output(reduce(c.distinct(shape), Array(0..<shape.rank), false))
                },
                ConformanceCase("reduce.\(kind.rawValue).view") { c in
                    let x = c.distinct(c.shape(rank: 3)).transposed([1, 2, 0])
                    c.output(reduce(x, [0], false))
                    c.output(reduce(x, [2], true))
                    c.output(reduce(x, [0, 2], false))
                },
                ConformanceCase("reduce.\(kind.rawValue).ties", .compared) { c in
                    c.output(reduce(c.input([2, 4], values: [1, 3, 3, 2, -1, -1, -1, -1]), [1], false))
                },
                ConformanceCase("reduce.\(kind.rawValue).special", .none) { c in
                    let values: [Double] = [
                        1, .nan, 3, .nan, 1, 3, 1, 3, .nan, -.infinity, 1, 2, -.infinity, -.infinity, -.infinity,
                        .infinity, 1, 2,
                    ]
                    c.output(reduce(c.input([6, 3], values: values), [1], false))
                },
                ConformanceCase("reduce.\(kind.rawValue).int32", .none) { c in
                    c.output(reduce(c.indices(c.shape(rank: 2), below: 50), [c.pick([0, 1])], false))
                },
            ]
        } + [
            ConformanceCase("mean") { c in
                let shape = c.shape()
                let x = c.input(shape)
                c.output(x.mean())
                c.output(x.mean(axes: [-1], keepDimensions: true))
            }
        ]
    }
}
