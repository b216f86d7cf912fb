import Multimodal

extension ConformanceCase {
    static let elementwise: [ConformanceCase] =
        unaryCases + binaryCases + castCases + [
            ConformanceCase("select") { c in
                let shape = c.shape()
                let mask = c.input(
                    c.broadcastable(shape), fill: { Double($0.random.next() % 2) }, dtype: c.float)
                c.output(mask.select(c.input(shape), c.input(c.broadcastable(shape))))
            },
            ConformanceCase("select.integer-mask") { c in
                let shape = c.shape()
                c.output(c.indices(shape, below: 3).select(c.input(shape), c.input([])))
            },
            ConformanceCase("select.guards-nan", .none) { c in
                let x = c.input([5], values: [1, -1, 4, -4, .nan])
                c.output(x.greater(than: 0).select(x.squareRoot(), c.constant(0)))
            },
            ConformanceCase("numbers", .smooth) { c in
                let x = c.input(c.shape(), in: 0.5...2)
                c.output(2 * x + 1 - (3 - x) / 2 + 1 / x - x * 0.25)
            },
        ]

    private static var unaryCases: [ConformanceCase] {
        Unary.allCases.flatMap { op -> [ConformanceCase] in
            let range: ClosedRange<Double> =
                switch op {
                case .log, .squareRoot, .reciprocal: 0.3...3
                case .negate, .exp, .tanh, .sigmoid, .erf, .relu: -3...3
                }
            return [
                ConformanceCase("unary.\(op.rawValue)") { c in
                    let shape = c.shape()
                    let x = op == .relu ? c.distinct(shape) : c.input(shape, in: range)
                    c.output(x.apply(.unary(op)))
                },
                ConformanceCase("unary.\(op.rawValue).view", .smooth) { c in
                    // What a transposition, a slice and a broadcast leave is read in another order than it lies.
                    let shape = c.shape(rank: 3)
                    let x = op == .relu ? c.distinct(shape) : c.input(shape, in: range)
                    let turned = x.transposed([2, 0, 1])
                    let cut = turned.sliced(axis: 0, shape[2] / 2..<shape[2])
                    c.output(cut.apply(.unary(op)))
                    c.output(cut.broadcast(to: Shape([2] + cut.shape.dimensions)).apply(.unary(op)))
                },
                ConformanceCase("unary.\(op.rawValue).special", .none) { c in
                    c.output(c.input([specials.count], values: specials).apply(.unary(op)))
                },
            ]
        }
    }

    private static var binaryCases: [ConformanceCase] {
        Binary.allCases.flatMap { op -> [ConformanceCase] in
            let isComparison = op == .greater || op == .equal
            let order: @Sendable (CaseBuilder, Shape, Shape) -> Void = { c, left, right in
                let a = op == .divide ? c.input(left) : c.distinct(left)
                let b = op == .divide ? c.input(right, in: 0.5...2) : c.distinct(right, offset: 0.5)
                c.output(a.apply(.binary(op), b))
            }
            return [
                ConformanceCase("binary.\(op.rawValue)", isComparison ? .none : .smooth) { c in
                    let shape = c.shape()
                    order(c, shape, shape)
                },
                ConformanceCase("binary.\(op.rawValue).broadcast-right", isComparison ? .none : .smooth) { c in
                    let shape = c.shape()
                    order(c, shape, c.broadcastable(shape))
                },
                ConformanceCase("binary.\(op.rawValue).broadcast-left", isComparison ? .none : .smooth) { c in
                    let shape = c.shape()
                    order(c, c.broadcastable(shape), shape)
                },
                ConformanceCase("binary.\(op.rawValue).broadcast-both", isComparison ? .none : .smooth) { c in
                    let (rows, columns) = (c.extent(), c.extent())
                    order(c, [rows, 1], [3, 1, columns])
                },
                ConformanceCase("binary.\(op.rawValue).same", isComparison ? .none : .compared) { c in
                    let x = c.input(c.shape(), in: 0.5...2)
                    c.output(x.apply(.binary(op), x))
                },
                ConformanceCase("binary.\(op.rawValue).turned", isComparison ? .none : .smooth) { c in
                    let shape = c.shape(rank: 2)
                    let turned: Shape = [shape[1], shape[0]]
                    let a = c.distinct(shape)
                    let b = op == .divide ? c.input(turned, in: 0.5...2) : c.distinct(turned, offset: 0.5)
                    c.output(a.apply(.binary(op), b.transposed()))
                    if op != .divide { c.output(b.transposed().apply(.binary(op), a)) }
                },
                ConformanceCase("binary.\(op.rawValue).ties", isComparison ? .none : .compared) { c in
                    let values: [Double] = [-1, 2, 1, 2, -1, 1]
                    c.output(
                        c.input([2, 3], values: values).apply(.binary(op), c.input([3], values: [2, 2, 1])))
                },
                ConformanceCase("binary.\(op.rawValue).special", .none) { c in
                    let count = specials.count
                    let a = c.input([count, 1], values: specials)
                    c.output(a.apply(.binary(op), c.input([count], values: specials)))
                },
            ]
                + (op == .divide
                    ? []
                    : [
                        ConformanceCase("binary.\(op.rawValue).int32", .none) { c in
                            let shape = c.shape()
                            c.output(
                                c.indices(shape, below: 20).apply(
                                    .binary(op), c.indices(c.broadcastable(shape), below: 20)))
                        }
                    ])
        }
    }

    private static var castCases: [ConformanceCase] {
        let types: [DType] = [.bfloat16, .float16, .int32, .int64, .int8, .uint8]
        return types.map { type in
            ConformanceCase("cast.\(type.rawValue)", type.isFloat ? .compared : .none) { c in
                let x = c.input(c.shape(), in: -300...300)
                c.output(x.cast(to: type))
                c.output(x.cast(to: type).cast(to: c.float))
            }
        } + [
            ConformanceCase("cast.float64") { c in c.output(c.input(c.shape()).cast(to: .float64)) },
            ConformanceCase("cast.bfloat16.special", .none) { c in
                // Halfway between neighbours, overflow to infinity, and what is no number.
                let values = specials + [1 + 0x1p-8, 1 + 3 * 0x1p-8, -1 - 0x1p-8, 3.4e38, 65520, 65519]
                let x = c.input([values.count], values: values)
                c.output(x.cast(to: .bfloat16).cast(to: c.float))
                c.output(x.cast(to: .float16).cast(to: c.float))
            },
            ConformanceCase("cast.integer.special", .none) { c in
                let x = c.input([8], values: [0.99, -0.99, 1.5, 2.5, -2.5, 127, -128, 100.5])
                c.output(x.cast(to: .int32))
                c.output(x.cast(to: .int8))
            },
        ]
    }

    /// Values at which functions are decided by rule and not by rounding.
    private static let specials: [Double] = [0, -0.0, 1, -1, .infinity, -.infinity, .nan, 1e4, -1e4, 0.5, -0.5]
}

extension CaseBuilder {
    /// An input that is not differentiated, its values drawn by `fill`.
    fileprivate func input(
        _ shape: Shape, fill: (CaseBuilder) -> Double, dtype: DType
    ) -> Tensor {
        input(shape, values: (0..<shape.count).map { _ in fill(self) }, dtype: dtype, isDifferentiable: false)
    }
}
