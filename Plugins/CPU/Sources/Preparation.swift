internal import CPUKernels
internal import Multimodal

/// Graph to graph, before planning: declined composites, narrow elements, convolutions that are products, and sums of
/// padded pieces.
extension Graph {
    func prepared(for options: CompileOptions, unless isSupported: (Node) -> Bool) throws -> Graph {
        try checkLimits()
        // A step's backward pass computes again what attention hides, so it is opened and both share what they can.
        let isTraining = !updates.isEmpty
        let folded = isTraining ? self : try foldingBatchNorms()
        var graph = try folded.decomposed(for: "cpu") { node in
            if case .attention = node.op, isTraining { return false }
            return isSupported(node)
        }
        try graph.checkLimits()
        if !isTraining { graph = try graph.narrowingSlices().absorbingProjections().narrowingSlices() }
        if options.precision == .int8, isTraining {
            throw BackendError("a step that trains cannot run in int8; train in float32 or bfloat16")
        }
        // Beside products on integers, bfloat16 is taken where that is faster.
        if options.precision == .bfloat16 || options.precision == .int8 && Processor.multipliesBFloat16 {
            let isWhole =
                !isTraining && Processor.multipliesBFloat16 && cpu_kernels_select().pointee.multiplies_bfloat16
            if isWhole {
                let integers = options.precision == .int8 ? Int8Products(graph) : Int8Products()
                graph = try graph.loweringAttention(beside: integers)
            }
            let integers = options.precision == .int8 ? Int8Products(graph) : Int8Products()
            graph = try graph.loweringProducts(to: .bfloat16) {
                !integers.products.contains($0.id) && !integers.convolutions.contains($0.id)
            }
            if isWhole { graph = try graph.raisingPixelConvolutions().hoistingCasts() }
            if isWhole, options.precision == .int8 {
                graph = try graph.sinkingCasts(to: Int8Products(graph).products)
            }
        }
        return try graph.openingPatchConvolutions().wideningNarrowOps().joiningPads()
    }

    /// Refuses what no kernel here knows: wide elements, many axes. Somebody's decomposition may bring them, too.
    private func checkLimits() throws {
        for node in nodes {
            guard node.shape.count <= Graph.mostBytes / node.dtype.size else {
                throw BackendError(
                    "\(node.op.name) at \(node.location) is \(node.type), for which there is no memory",
                    isOutOfMemory: true)
            }
            if case .convolution(let op) = node.op, let x = node.inputs.first.map({ self[$0].shape }),
                Shape([x[0], x[2] + 2 * op.padding, x[3] + 2 * op.padding, x[1]]).checkedCount
                    .map({ $0 > Graph.mostPaddedValues }) ?? true
            {
                throw BackendError(
                    "the convolution at \(node.location) has a padding of \(op.padding), which makes \(x) too large for "
                        + "the cpu backend")
            }
            if node.dtype == .float64 {
                throw BackendError(
                    "the cpu backend computes in float32, and \(node.op.name) at \(node.location) is float64; "
                        + "cast it, or use the reference backend")
            }
            if node.shape.rank > Int(CPU_MAX_RANK) {
                throw BackendError(
                    "the cpu backend takes tensors of rank \(CPU_MAX_RANK) at most, and \(node.op.name) at "
                        + "\(node.location) is \(node.type)")
            }
            if node.dtype == .int64, !node.op.isMove {
                throw BackendError(
                    "the cpu backend computes in int32, and \(node.op.name) at \(node.location) is int64; cast it")
            }
        }
    }

    /// Bytes of one value that no machine holds: sums of many such are still numbers.
    private static var mostBytes: Int { 1 << 46 }
    /// Values of a picture with its border.
    private static var mostPaddedValues: Int { 1 << 34 }

    /// Convolutions on pixels, of three channels, which do not come in pairs, stay in float32.
    private func raisingPixelConvolutions() throws -> Graph {
        var made: [Node.ID: Tensor] = [:]
        return try rewritten { node, inputs, builder in
            for (id, tensor) in zip(node.inputs, inputs) { made[id] = tensor }
            guard case .convolution(var op) = node.op, !inputs[1].dimension(1).isMultiple(of: 2),
                Tiling(inputs[0].shape, inputs[1].shape, op.stride, op.padding) == nil
            else { return nil }
            let exact = node.inputs.compactMap { id in
                if case .cast = self[id].op { made[self[id].inputs[0]] } else { nil }
            }
            guard exact.count == 2, exact.allSatisfy({ $0.dtype == .float32 }) else { return nil }
            op.result = nil
            return builder.apply(.convolution(op), exact, node.location)
        }
    }

    /// Convolutions whose windows tile the picture become products of matrices.
    private func openingPatchConvolutions() throws -> Graph {
        try rewritten { node, inputs, _ in
            switch node.op {
            case .convolution(let op):
                guard let tiling = Tiling(inputs[0].shape, inputs[1].shape, op.stride, op.padding) else { return nil }
                let weight = inputs[1].reshaped(to: [tiling.outputs, tiling.patch])
                let product = tiling.patches(of: inputs[0]).matmul(weight.transposed(), result: node.dtype)
                return product.reshaped(to: [tiling.batch, tiling.rows, tiling.columns, tiling.outputs])
                    .transposed([0, 3, 1, 2])
            case .convolutionWeightGradient(let op):
                guard let tiling = Tiling(inputs[1].shape, op.shape, op.stride, op.padding) else { return nil }
                let upstream = inputs[0].transposed([0, 2, 3, 1])
                    .reshaped(to: [tiling.batch * tiling.rows * tiling.columns, tiling.outputs])
                return upstream.transposed().matmul(tiling.patches(of: inputs[1]), result: node.dtype)
                    .reshaped(to: op.shape)
            default: return nil
            }
        }
    }

    /// Ops on bfloat16, float16 and small integers compute in float32 or int32. Only casts, moves and products in
    /// bfloat16 know narrow elements.
    private func wideningNarrowOps() throws -> Graph {
        try rewritten { node, inputs, builder in
            var op = node.op
            switch op {
            case .input, .parameter, .constant, .reshape, .transpose, .broadcast, .slice, .pad, .concatenate: return nil
            case .cast:
                // Float to int64 by way of int32, the widest integer that kernels make.
                let isWide = node.dtype == .int64 && inputs[0].dtype.isFloat
                return isWide ? inputs[0].cast(to: .int32).cast(to: .int64) : nil
            case .gather:
                return inputs[1].dtype == .int32 ? nil : inputs[0].gather(inputs[1].cast(to: .int32))
            case .attention
            where inputs[0].dtype == .bfloat16 && inputs[0].dimension(-1).isMultiple(of: 2)
                && cpu_kernels_select().pointee.multiplies_bfloat16:
                return nil
            case .matmul where inputs[0].dtype == .bfloat16 && Processor.multipliesBFloat16:
                if node.dtype == .float32 { return nil }
                return inputs[0].matmul(inputs[1], result: .float32).cast(to: node.dtype)
            case .convolution(var convolution) where inputs[0].dtype == .bfloat16 && Processor.multipliesBFloat16:
                if node.dtype == .float32 { return nil }
                convolution.result = .float32
                return builder.apply(.convolution(convolution), inputs, node.location).cast(to: node.dtype)
            default: break
            }
            let isNarrow = node.dtype != node.dtype.computed || inputs.contains { $0.dtype != $0.dtype.computed }
            switch op {
            case .oneHot(var oneHot) where node.dtype != .float32:
                oneHot.dtype = .float32
                op = .oneHot(oneHot)
            case .matmul(let product) where product.result != nil: op = .matmul(MatMul())
            case .convolution(var convolution) where convolution.result != nil:
                convolution.result = nil
                op = .convolution(convolution)
            default: if !isNarrow { return nil }
            }
            let operands = inputs.map { $0.cast(to: $0.dtype.computed) }
            return builder.apply(op, operands, node.location).cast(to: node.dtype)
        }
    }
}

enum Processor {
    /// Whether oneDNN multiplies bfloat16 here. Where it does not, rounded operands are multiplied as float32: the same
    /// numbers, without the speed.
    static let multipliesBFloat16: Bool = {
        var problem = cpu_matmul()
        for side in [\cpu_matmul.a, \cpu_matmul.b, \cpu_matmul.out] {
            problem[keyPath: side].rank = 2
            fill(&problem[keyPath: side].extents, with: [16, 16] as [Int64])
            fill(&problem[keyPath: side].strides, with: [16, 1] as [Int64])
            problem[keyPath: side].is_bfloat16 = side != \.out
        }
        problem.scale = 1
        var reason: UnsafePointer<CChar>?
        let primitive = cpu_matmul_create(&problem, &reason)
        cpu_primitive_destroy(primitive)
        return primitive != nil
    }()
}

/// A convolution whose kernel is its stride, without padding or rest.
private struct Tiling {
    var batch, channels, rows, columns, kernelHeight, kernelWidth, outputs: Int

    init?(_ x: Shape, _ weight: Shape, _ stride: Int, _ padding: Int) {
        guard padding == 0, weight[2] == stride, weight[3] == stride, x[2] % stride == 0, x[3] % stride == 0,
            stride > 1
        else { return nil }
        (batch, channels, outputs) = (x[0], x[1], weight[0])
        (kernelHeight, kernelWidth) = (weight[2], weight[3])
        (rows, columns) = (x[2] / stride, x[3] / stride)
    }

    var patch: Int { channels * kernelHeight * kernelWidth }

    /// `[batch, channels, height, width]` -> `[batch * rows * columns, patch]`
    func patches(of x: Tensor) -> Tensor {
        x.reshaped(to: [batch, channels, rows, kernelHeight, columns, kernelWidth])
            .transposed([0, 2, 4, 1, 3, 5])
            .reshaped(to: [batch * rows * columns, patch])
    }
}

extension DType {
    /// The type that kernels compute in for this one.
    var computed: DType { isFloat ? .float32 : .int32 }
}

extension Op {
    /// Values come from outside or only change place or type.
    var isMove: Bool {
        switch self {
        case .input, .parameter, .constant, .reshape, .transpose, .broadcast, .slice, .pad, .concatenate, .cast,
            .gather:
            true
        default: false
        }
    }
}
