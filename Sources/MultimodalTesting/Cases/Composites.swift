import Multimodal

extension ConformanceCase {
    static let composites: [ConformanceCase] =
        softmaxes + norms + attentions
        + GELU.Form.allCases.flatMap { form -> [ConformanceCase] in
            [
                ConformanceCase("gelu.\(form.rawValue)") { c in
                    c.output(c.input(c.shape(), in: -4...4).gelu(form))
                },
                ConformanceCase("gelu.\(form.rawValue).view") { c in
                    c.output(c.input(c.shape(rank: 3), in: -4...4).transposed([0, 2, 1]).gelu(form))
                },
                ConformanceCase("gelu.\(form.rawValue).far", .none) { c in
                    c.output(c.input([6], values: [-50, -12, 0, 12, 50, .nan]).gelu(form))
                },
            ]
        }

    private static let softmaxes: [ConformanceCase] = [
        ConformanceCase("softmax") { c in c.output(c.input(c.shape(), in: -5...5).softmax()) },
        ConformanceCase("softmax.view") { c in
            let x = c.input(c.shape(rank: 3), in: -5...5)
            c.output(x.transposed([2, 1, 0]).softmax())
            c.output(x.sliced(axis: 2, 0..<(x.shape[2] + 1) / 2).softmax())
        },
        ConformanceCase("softmax.twice") { c in
            let x = c.input(c.shape(rank: 2))
            c.output(x.softmax() * x.softmax() + (2 * x).softmax())
        },
        ConformanceCase("softmax.far", .none) { c in
            // Without taking the maximum off first, these overflow.
            let values: [Double] = [1e4, 1e4 - 1, -1e4, 0, -1e4, -1e4, -.infinity, 3, 4, 300, -.infinity, -.infinity]
            c.output(c.input([4, 3], values: values).softmax())
            c.output(c.input([2, 2], values: [.nan, 1, 1, 1]).softmax())
        },
        ConformanceCase("softmaxCrossEntropy") { c in
            let (rows, classes) = (c.extent(), c.extent())
            c.output(c.input([rows, classes]).softmaxCrossEntropy(labels: c.indices([rows], below: classes)))
        },
        ConformanceCase("softmaxCrossEntropy.view") { c in
            let (rows, classes) = (c.pick([1, 5, 17]), c.pick([1, 5, 17]))
            let x = c.input([classes, rows])
            c.output(x.transposed().softmaxCrossEntropy(labels: c.indices([rows], below: classes)).mean())
        },
        ConformanceCase("softmaxCrossEntropy.far", .none) { c in
            let logits = c.input([3, 2], values: [1e4, 0, -1e4, 1e4, 5, -.infinity])
            c.output(logits.softmaxCrossEntropy(labels: c.input([3], values: [0, 1, 0], dtype: .int32)))
        },
    ]

    private static let norms: [ConformanceCase] = [
        ConformanceCase("layerNorm") { c in
            // Of two elements the normalised ones are always 1 and -1, and nothing but rounding is left of a gradient.
            let shape = c.shape(last: c.pick([3, 5, 17, 33]))
            let width: Shape = [shape[shape.rank - 1]]
            c.output(
                c.spread(shape).layerNorm(
                    scale: c.input(width), bias: c.input(width), epsilon: c.pick([1e-5, 1e-3])))
        },
        ConformanceCase("layerNorm.view") { c in
            let x = c.spread([2, c.pick([3, 17]), c.pick([1, 5])], axis: 1).transposed([0, 2, 1])
            let width: Shape = [x.shape[2]]
            c.output(x.layerNorm(scale: c.input(width), bias: c.input(width)))
        },
        ConformanceCase("layerNorm.constant-row", .compared) { c in
            // Nothing but the bias is left, whatever epsilon is; also where the width is 1.
            let x = c.input([2, 3], values: [2, 2, 2, -1, -1, -1])
            c.output(x.layerNorm(scale: c.input([3]), bias: c.input([3])))
            c.output(c.input([3, 1]).layerNorm(scale: c.input([1]), bias: c.input([1])))
        },
        ConformanceCase("layerNorm.offset", .compared) { c in
            // A mean far from zero: the variance must not be taken as a difference of squares.
            let x = c.input([3, 17], in: 500...502)
            c.toleranceFactor = 100  // such a difference would be off by thousands
            c.output(x.layerNorm(scale: c.input([17]), bias: c.input([17])))
        },
        ConformanceCase("layerNorm.same") { c in
            let x = c.input([17])
            c.output(x.layerNorm(scale: x, bias: x))
        },
        ConformanceCase("batchNorm") { c in
            let channels = c.pick([1, 3, 5])
            let x = c.input([2, channels, c.pick([1, 3]), c.pick([2, 5])])
            let moments = (c.input([channels]), c.input([channels], in: 0.3...2))
            c.output(
                x.batchNorm(
                    scale: c.input([channels]), bias: c.input([channels]), mean: moments.0, variance: moments.1))
        },
        ConformanceCase("batchNorm.training") { c in
            let channels = c.pick([1, 3, 5])
            let x = c.input([3, channels, c.pick([1, 3]), c.pick([2, 5])])
            let (mean, variance) = x.batchMoments()
            c.toleranceFactor = 4
            c.output(
                x.batchNorm(scale: c.input([channels]), bias: c.input([channels]), mean: mean, variance: variance))
            c.output(mean)
            c.output(variance)
        },
        ConformanceCase("batchNorm.same") { c in
            let x = c.input([2, 3, 2, 2])
            let s = c.input([3], in: 0.5...2)
            c.output(x.batchNorm(scale: s, bias: s, mean: s, variance: s))
        },
        ConformanceCase("l2Normalize") { c in c.output(c.input(c.shape(), in: 0.1...2).l2Normalized()) },
        ConformanceCase("l2Normalize.view") { c in
            c.output(c.input(c.shape(rank: 3), in: -2...(-0.1)).transposed([1, 2, 0]).l2Normalized())
        },
        ConformanceCase("l2Normalize.zero-row", .none) { c in
            c.output(c.input([2, 3], values: [0, 0, 0, 3, 0, -4]).l2Normalized())
        },
    ]

    private static let attentions: [ConformanceCase] = [false, true].flatMap { causal -> [ConformanceCase] in
        let suffix = causal ? ".causal" : ""
        return [
            ConformanceCase("attention\(suffix)") { c in
                let (tokens, width, outer) = (c.pick([1, 2, 5, 17]), c.pick([1, 3, 8]), c.pick([1, 3, 5]))
                let keys = causal ? tokens : c.pick([1, 3, 17])
                let batch = c.pick([[], [3], [2, 3]])
                let shape = { (rows: Int, width: Int) in Shape(batch + [rows, width]) }
                c.output(
                    c.input(shape(tokens, width)).attention(
                        keys: c.input(shape(keys, width)), values: c.input(shape(keys, outer)), isCausal: causal))
            },
            ConformanceCase("attention\(suffix).self") { c in
                let x = c.input([2, c.pick([1, 3, 17]), 5])
                c.output(x.attention(keys: x, values: x, isCausal: causal))
            },
            ConformanceCase("attention\(suffix).heads") { c in
                let (tokens, heads, width) = (c.pick([1, 3, 5]), 2, c.pick([1, 3, 5]))
                let product = c.input([2, tokens, 3 * heads * width])
                let parts = (0..<3).map { part in
                    product.sliced(axis: 2, part * heads * width..<(part + 1) * heads * width)
                        .reshaped(to: [2, tokens, heads, width]).transposed([0, 2, 1, 3])
                }
                let y = parts[0].attention(keys: parts[1], values: parts[2], isCausal: causal)
                c.output(y.transposed([0, 2, 1, 3]).reshaped(to: [2, tokens, heads * width]))
            },
            // Forward only: what is left of a gradient through saturated weights is rounding.
            ConformanceCase("attention\(suffix).sharp", .none) { c in
                let shape: Shape = [5, 4]
                c.output(
                    c.input(shape, in: -8...8).attention(
                        keys: c.input(shape, in: -8...8), values: c.input(shape), isCausal: causal))
                c.toleranceFactor = 4
            },
        ]
    }
}

extension CaseBuilder {
    /// Values that differ by 1 at least along `axis` (the last unless given): where a row's elements lie close together,
    /// dividing by their deviation magnifies rounding beyond any tolerance.
    fileprivate func spread(_ shape: Shape, axis: Int? = nil) -> Tensor {
        let stride = shape.strides[axis ?? shape.rank - 1]
        let extent = shape[axis ?? shape.rank - 1]
        return input(
            shape, values: (0..<shape.count).map { Double($0 / stride % extent * 7 % extent) * 2 + random.nextUnit() })
    }
}
