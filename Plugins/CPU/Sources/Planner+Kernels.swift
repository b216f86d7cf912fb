internal import CPUKernels
internal import Multimodal

extension Planner {
    /// Plans a node that runs by itself, and says where its values will be.
    func plan(_ node: Node) throws -> View {
        switch node.op {
        case .matmul: return try planMatmul(node)
        case .convolution, .convolutionInputGradient, .convolutionWeightGradient: return try planConvolution(node)
        case .attention(let op): return try planAttention(node, op)
        case .unary, .binary, .select, .cast: return try planInteger(node)
        case .reduce(let op): return try planReduce(node, op)
        case .argMax(let op): return try planArgMax(node, op)
        case .concatenate(let op): return try planConcatenate(node, op)
        case .pad(let op): return try planPad(node, op)
        case .gather, .scatterAdd, .oneHot, .softmaxCrossEntropy: return try planIndexed(node)
        case .averagePool(let op): return try planPool(node, op.kernel, op.stride, isGradient: false)
        case .averagePoolGradient(let op): return try planPool(node, op.kernel, op.stride, isGradient: true)
        case .layerNormGradient(let op):
            if let group = fusion.normGradients[node.id] { return try planNormGradients(node, op, group) }
            return try planRows(node)
        case .layerNorm(let op) where int8.norms.contains(node.id): return try planQuantizedNorm(node, op)
        case .softmax, .softmaxGradient, .layerNorm, .l2Normalize: return try planRows(node)
        default: throw BackendError("the cpu backend cannot run \(node.op.name) at \(node.location)")
        }
    }

    private func planNormGradients(_ node: Node, _ op: LayerNormGradient, _ group: NormGradients) throws -> View {
        let inputs = try node.inputs.map { try contiguous($0) }
        let (x, scale, dy) = (inputs[0], inputs[1], inputs[2])
        let (dx, dscale, dbias) = (
            result(node.type), result(graph[group.scale].type), result(graph[group.bias].type)
        )
        setView(dscale, of: group.scale)
        setView(dbias, of: group.bias)
        let (kernels, threads, width) = (kernels, Int32(threads), Int64(scale.count))
        let rows = Int64(x.count) / width
        let isReplaceable = dy.buffer != x.buffer && dy.buffer != scale.buffer && dy.offset == 0
        add(
            "layerNormGradients", "\(node.shape)", reads: inputs.map(\.buffer),
            writes: [dx.buffer, dscale.buffer, dbias.buffer], inPlace: isReplaceable ? [(dy.buffer, dx.buffer)] : [],
            workspace: Arena.rounded(128 * scale.count * 4)
        ) {
            kernels.layer_norm_gradients(
                $0.floats(x), $0.floats(scale), $0.floats(dy), $0.floats(dx), $0.floats(dscale), $0.floats(dbias), rows,
                width, Float(op.epsilon), $0[Planner.workspace].assumingMemoryBound(to: Float.self), threads)
        }
        return dx
    }

    private func planRows(_ node: Node) throws -> View {
        let inputs = try node.inputs.map { try contiguous($0) }
        let isNarrow = fusion.packed.narrowResults.contains(node.id)
        let target = result(TensorType(isNarrow ? .bfloat16 : node.dtype, node.shape))
        let width = node.shape.dimensions.last ?? 1
        let (rows, columns) = (Int64(node.shape.count / width), Int64(width))
        let (kernels, threads) = (kernels, Int32(threads))
        let run: (Pointers) -> Void
        switch node.op {
        case .softmax:
            run = { kernels.softmax($0.floats(inputs[0]), $0.floats(target), rows, columns, threads) }
        case .softmaxGradient:
            run = {
                kernels.softmax_gradient(
                    $0.floats(inputs[0]), $0.floats(inputs[1]), $0.floats(target), rows, columns, threads)
            }
        case .layerNorm(let op):
            run = {
                kernels.layer_norm(
                    $0.floats(inputs[0]), $0.floats(inputs[1]), $0.floats(inputs[2]), $0.at(target), target.dtype.code,
                    rows, columns, Float(op.epsilon), threads)
            }
        case .layerNormGradient(let op):
            run = {
                kernels.layer_norm_gradient(
                    $0.floats(inputs[0]), $0.floats(inputs[1]), $0.floats(inputs[2]), $0.floats(target), rows, columns,
                    Float(op.epsilon), threads)
            }
        case .l2Normalize(let op):
            run = {
                kernels.l2_normalize(
                    $0.floats(inputs[0]), $0.floats(target), rows, columns, Float(op.epsilon), threads)
            }
        default: throw BackendError("\(node.op.name) at \(node.location) is no function of rows")
        }
        // All of these read an element before they write it, and each row by one worker.
        let inPlace: [(read: Int, write: Int)]
        switch node.op {
        case .softmax, .l2Normalize, .layerNorm: inPlace = [(inputs[0].buffer, target.buffer)]
        case .softmaxGradient: inPlace = inputs.map { ($0.buffer, target.buffer) }
        default: inPlace = [(inputs[2].buffer, target.buffer)]
        }
        let once = inPlace.filter { pair in
            inputs.filter { $0.buffer == pair.read }.count == 1
                && inputs.contains {
                    $0.buffer == pair.read && $0.offset == 0 && $0.count == target.count && $0.dtype == target.dtype
                }
        }
        add(
            node.op.name, "\(node.shape)", reads: inputs.map(\.buffer), writes: [target.buffer], inPlace: once, run: run
        )
        return target
    }

    /// The input as `[outer, reduced, inner]` without gaps, whatever the axes.
    private func middle(_ view: View, axes: [Int]) -> (view: View, outer: Int, reduced: Int, inner: Int) {
        let kept = view.shape.indices.filter { !axes.contains($0) && view.shape[$0] != 1 }
        let gone = axes.filter { view.shape[$0] != 1 }
        func product(_ axes: some Sequence<Int>) -> Int { axes.reduce(1) { $0 * view.shape[$1] } }
        guard let first = gone.first, let last = gone.last else { return (contiguous(view), product(kept), 1, 1) }
        if view.isContiguous, !kept.contains(where: { $0 > first && $0 < last }) {
            return (view, product(kept.filter { $0 < first }), product(gone), product(kept.filter { $0 > last }))
        }
        let others = view.shape.indices.filter { !gone.contains($0) }
        return (contiguous(view.transposed(others + gone)), product(kept), product(gone), 1)
    }

    private func planReduce(_ node: Node, _ op: Reduce) throws -> View {
        let (source, outer, reduced, inner) = middle(try view(node.inputs[0]), axes: op.axes)
        let target = result(node.type)
        let (kernels, threads, isMaximum) = (kernels, Int32(threads), op.kind == .maximum)
        let isInteger = source.dtype == .int32
        add(
            "reduce", "[\(outer), \(reduced), \(inner)]", reads: [source.buffer], writes: [target.buffer],
            workspace: Arena.rounded(64 * outer * inner * 4)
        ) { pointers in
            if isInteger {
                kernels.reduce_i32(
                    pointers.integers(source), pointers.integers(target), Int64(outer), Int64(reduced), Int64(inner),
                    isMaximum)
            } else {
                kernels.reduce(
                    pointers.floats(source), pointers.floats(target), Int64(outer), Int64(reduced), Int64(inner),
                    isMaximum, pointers[Planner.workspace].assumingMemoryBound(to: Float.self), threads)
            }
        }
        return target
    }

    private func planArgMax(_ node: Node, _ op: ArgMax) throws -> View {
        let (source, outer, reduced, inner) = middle(try view(node.inputs[0]), axes: [op.axis])
        let target = result(node.type)
        let kernels = kernels
        add("argMax", "[\(outer), \(reduced), \(inner)]", reads: [source.buffer], writes: [target.buffer]) {
            kernels.arg_max(
                $0.at(source), source.dtype.code, $0.integers(target), Int64(outer), Int64(reduced), Int64(inner))
        }
        return target
    }

    private func planConcatenate(_ node: Node, _ op: Concatenate) throws -> View {
        let target = result(node.type)
        let sources = try node.inputs.map { try view($0) }
        var start = 0
        let parts = sources.map { source in
            defer { start += source.shape[op.axis] }
            return target.sliced(axis: op.axis, start..<start + source.shape[op.axis])
        }
        addMoves("concatenate", sources, parts, isPadded: false)
        return target
    }

    private func planPad(_ node: Node, _ op: Pad) throws -> View {
        let target = result(node.type)
        let source = try view(node.inputs[0])
        let part = target.sliced(axis: op.axis, op.before..<op.before + source.shape[op.axis])
        addMoves("pad", [source], [part], isPadded: true)
        return target
    }

    /// One step that copies several views into parts of one buffer.
    private func addMoves(_ kind: String, _ sources: [View], _ parts: [View], isPadded: Bool) {
        let moves = zip(sources, parts).map { (plan: cpu_copy(from: $0, to: $1), source: $0, part: $1) }
        let (kernels, threads, target) = (kernels, Int32(threads), parts[0].buffer)
        let byteCount = Int64(buffers[target].byteCount)
        add(kind, "\(sources.map(\.shape))", reads: sources.map(\.buffer), writes: [target]) { pointers in
            if isPadded { kernels.fill(pointers[target], byteCount, threads) }
            for move in moves {
                withUnsafePointer(to: move.plan) {
                    kernels.copy(
                        $0, pointers.at(move.source), pointers.at(move.part), Int32(move.source.dtype.size), threads)
                }
            }
        }
    }

    private func planIndexed(_ node: Node) throws -> View {
        let inputs = try node.inputs.map { try contiguous($0) }
        let target = result(node.type)
        let (kernels, threads) = (kernels, Int32(threads))
        let (op, location) = (node.op, node.location)
        let count = Int64(inputs[inputs.count - 1].count)
        let limit: Int
        let run: (Pointers) -> Int64
        switch op {
        case .gather:
            limit = inputs[0].shape[0]
            let rowBytes = Int64(inputs[0].count / limit * inputs[0].dtype.size)
            run = {
                kernels.gather(
                    $0.at(inputs[0]), $0.integers(inputs[1]), $0.at(target), count, Int64(limit), rowBytes, threads)
            }
        case .scatterAdd(let op):
            limit = op.rows
            run = {
                kernels.scatter_add(
                    $0.floats(inputs[0]), $0.integers(inputs[1]), $0.floats(target), count, Int64(limit),
                    Int64(inputs[0].shape[1]), threads)
            }
        case .oneHot(let op):
            limit = op.depth
            run = {
                kernels.one_hot($0.integers(inputs[0]), $0.floats(target), count, Int64(limit))
                return -1
            }
        default:
            limit = inputs[0].shape[1]
            run = {
                kernels.cross_entropy(
                    $0.floats(inputs[0]), $0.integers(inputs[1]), $0.floats(target), count, Int64(limit), threads)
            }
        }
        let indices = inputs[inputs.count - 1]
        add(op.name, "\(node.shape)", reads: inputs.map(\.buffer), writes: [target.buffer]) { pointers in
            let outside = run(pointers)
            if outside >= 0 {
                let index = pointers.integers(indices)[Int(outside)]
                throw BackendError("\(op.name) at \(location): index \(index) is outside of 0..<\(limit)")
            }
        }
        return target
    }

    private func planPool(_ node: Node, _ kernel: Int, _ stride: Int, isGradient: Bool) throws -> View {
        let given = try view(node.inputs[0])
        if !isGradient, pictures[given.buffer] != nil || int8.pictures.contains(node.id) {
            return try planInt8Pool(node, kernel, stride)
        }
        let isNarrow = given.dtype == .bfloat16 || fusion.packed.narrowResults.contains(node.id)
        if !isGradient, isNarrow || given.strides[1] == 1 && given.shape[1] > 1 {
            return planPool(channelsLast: channelsLast(given, border: 0), node, kernel, stride)
        }
        let source = contiguous(given)
        let target = result(node.type)
        let (wide, narrow) = isGradient ? (target.shape, source.shape) : (source.shape, target.shape)
        let (kernels, threads, planes) = (kernels, Int32(threads), Int64(wide[0] * wide[1]))
        let input = [Int64(wide[2]), Int64(wide[3])]
        let output = [Int64(narrow[2]), Int64(narrow[3])]
        let run = isGradient ? kernels.average_pool_gradient : kernels.average_pool
        add(node.op.name, "\(node.shape)", reads: [source.buffer], writes: [target.buffer]) {
            run?($0.floats(source), $0.floats(target), planes, input, output, Int64(kernel), Int64(stride), threads)
        }
        return target
    }
}
