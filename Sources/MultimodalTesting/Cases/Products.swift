import Multimodal

extension ConformanceCase {
    static let products: [ConformanceCase] = matrices + convolutions

    private static let matrices: [ConformanceCase] = [
        ConformanceCase("matmul") { c in
            let (m, k, n) = (c.extent(), c.extent(), c.extent())
            c.output(c.input([m, k]).matmul(c.input([k, n])))
        },
        ConformanceCase("matmul.batched") { c in
            let (m, k, n) = (c.pick([1, 2, 5, 17]), c.pick([1, 3, 17]), c.pick([1, 2, 5, 17]))
            c.output(c.input([2, 3, m, k]).matmul(c.input([2, 3, k, n])))
        },
        ConformanceCase("matmul.batch-broadcast") { c in
            let (m, k, n) = (c.pick([1, 2, 5]), c.pick([1, 3, 17]), c.pick([1, 2, 5]))
            c.output(c.input([3, 1, m, k]).matmul(c.input([2, k, n])))
            c.output(c.input([m, k]).matmul(c.input([2, k, n])))
            c.output(c.input([1, m, k]).matmul(c.input([3, k, n])))
        },
        ConformanceCase("matmul.shared-weight") { c in
            let (k, n) = (c.extent(), c.extent())
            c.output(c.input([2, 3, k]).matmul(c.input([k, n])))
        },
        ConformanceCase("matmul.transposed") { c in
            let (m, k, n) = (c.extent(), c.pick([1, 3, 17]), c.extent())
            c.output(c.input([m, k]).matmul(c.input([n, k]).transposed()))
            c.output(c.input([k, m]).transposed().matmul(c.input([k, n])))
            c.output(c.input([k, m]).transposed().matmul(c.input([n, k]).transposed()))
        },
        ConformanceCase("matmul.turned-batch") { c in
            // Batch and rows change places, so that rows of one matrix do not follow one another.
            let (m, k) = (c.pick([1, 2, 5]), c.pick([1, 3, 5]))
            let x = c.input([m, 3, k]).transposed([1, 0, 2])
            c.output(x.matmul(c.input([3, k, 2])))
            c.output(x.matmul(x.transposed()))
        },
        ConformanceCase("matmul.sliced") { c in
            let (m, k) = (c.extent(), c.pick([2, 3, 17]))
            let x = c.input([m, 2 * k])
            c.output(x.sliced(axis: 1, k..<2 * k).matmul(c.input([k, 5])))
            c.output(x.sliced(axis: 1, 0..<k).matmul(x.sliced(axis: 1, k..<2 * k).transposed()))
        },
        ConformanceCase("matmul.same") { c in
            let x = c.input([c.pick([1, 3, 17]), 5])
            c.output(x.matmul(x.transposed()))
            let square = c.input([5, 5])
            c.output(square.matmul(square))
        },
        ConformanceCase("matmul.bfloat16", .compared) { c in
            let (m, k, n) = (c.extent(), c.extent(), c.extent())
            let a = c.input([m, k]).cast(to: .bfloat16)
            let b = c.input([k, n]).cast(to: .bfloat16)
            c.output(a.matmul(b, result: .float32))
            c.output(a.matmul(b))
        },
        ConformanceCase("linear") { c in
            let (inner, outer) = (c.extent(), c.extent())
            let x = c.input([2, 3, inner])
            c.output(x.linear(weight: c.parameter("weight", [outer, inner]), bias: c.parameter("bias", [outer])))
        },
        ConformanceCase("linear.large") { c in
            // Enough work that threads share it.
            guard c.float == .float32 else { return c.output(c.input([2])) }
            c.output(c.input([129, 70]).linear(weight: c.input([67, 70]), bias: c.input([67])).gelu(.quick))
        },
    ]

    private static let convolutions: [ConformanceCase] = [
        ConformanceCase("convolution") { c in
            let (channels, filters, kernel) = (c.pick([1, 2, 3, 5]), c.pick([1, 2, 5]), c.pick([1, 2, 3]))
            let x = c.input([c.pick([1, 2]), channels, c.pick([3, 5, 8]), c.pick([3, 4, 7])])
            let weight = c.input([filters, channels, kernel, kernel])
            c.output(x.convolution(weight, stride: c.pick([1, 2, 3]), padding: c.pick([0, 1, 2])))
        },
        ConformanceCase("convolution.patches") { c in
            let (patch, width) = (c.pick([1, 2, 4]), c.pick([1, 5, 17]))
            let x = c.input([2, 3, patch * 2, patch * 3])
            let tokens = x.convolution(c.input([width, 3, patch, patch]), stride: patch)
            c.output(tokens.reshaped(to: [2, width, 6]).transposed([0, 2, 1]))
        },
        ConformanceCase("convolution.tall-kernel") { c in
            c.output(c.input([1, 2, 5, 6]).convolution(c.input([3, 2, 3, 1]), stride: 2, padding: 1))
        },
        ConformanceCase("convolution.channels") { c in
            guard c.float == .float32 else { return c.output(c.input([2])) }
            c.output(c.input([1, 17, 7, 7]).convolution(c.input([33, 17, 3, 3]), padding: 1))
        },
        ConformanceCase("convolution.turned") { c in
            let x = c.input([4, 5, 3, 2]).transposed([3, 2, 0, 1])  // [2, 3, 4, 5]
            c.output(
                x.convolution(c.input([2, 2, 5, 3]).transposed([0, 2, 1, 3]).reshaped(to: [4, 3, 5, 1]), padding: 2))
        },
        ConformanceCase("convolution.bfloat16", .compared) { c in
            let x = c.input([2, 3, 5, 5]).cast(to: .bfloat16)
            c.output(x.convolution(c.input([4, 3, 3, 3]).cast(to: .bfloat16), padding: 1).cast(to: .float32))
        },
        ConformanceCase("averagePool") { c in
            let (kernel, stride) = (c.pick([1, 2, 3]), c.pick([1, 2, 3]))
            let x = c.input([2, c.pick([1, 3, 5]), c.pick([3, 5, 8]), c.pick([3, 4, 7])])
            c.output(x.averagePool(kernel: kernel, stride: stride))
            c.output(x.averagePool(kernel: kernel))
        },
    ]
}
