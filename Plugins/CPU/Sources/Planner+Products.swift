internal import CPUKernels
internal import Multimodal

/// A oneDNN primitive with the memory it packs constants into.
final class Primitive {
    private let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { cpu_primitive_destroy(pointer) }

    var name: String { String(cString: cpu_primitive_name(pointer)) }

    func fix(_ operand: Int, _ data: UnsafeRawPointer) throws(BackendError) {
        let status = cpu_primitive_fix(pointer, Int32(operand), data)
        if status != 0 { throw BackendError("oneDNN could not pack a weight (status \(status))") }
    }

    func run(_ operands: UnsafeMutableRawPointer?...) throws(BackendError) {
        let status = operands.withUnsafeBufferPointer { given in
            withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: Int(CPU_DNNL_OPERANDS)) { all in
                for index in all.indices { all[index] = index < given.count ? given[index] : nil }
                return cpu_primitive_run(pointer, all.baseAddress)
            }
        }
        if status != 0 { throw BackendError("oneDNN failed (status \(status))") }
    }
}

extension Planner {
    func planMatmul(_ node: Node) throws -> View {
        var (a, b) = (try view(node.inputs[0]), try view(node.inputs[1]))
        let target = result(node.type)
        var out = target
        let batch = Array(node.shape.dimensions.dropLast(2))
        let (m, n) = (out.shape[out.shape.count - 2], out.shape[out.shape.count - 1])
        let k = a.shape[a.shape.count - 1]
        a = a.broadcast(to: batch + [m, k])
        b = b.broadcast(to: batch + [k, n])
        a = a.hasUnitStrideInMatrix ? a : contiguous(a)
        b = b.hasUnitStrideInMatrix ? b : contiguous(b)

        if b.strides.dropLast(2).enumerated().allSatisfy({ $1 == 0 || batch[$0] == 1 }) {
            // One matrix for the whole batch: a tall product.
            let rows = batch.reduce(m, *)
            if a.reshaped(to: [rows, k])?.hasUnitStrideInMatrix != true { a = contiguous(a) }
            a = a.reshaped(to: [rows, k]) ?? a
            b.shape = [k, n]
            b.strides = Array(b.strides.suffix(2))
            out = out.reshaped(to: [rows, n]) ?? out
        } else {
            let (extents, strides) = View.collapsed(
                batch, [a, b, out].map { Array($0.strides.dropLast(2)) })
            func matrix(_ view: View, _ side: Int) -> View {
                var view = view
                view.shape = extents + view.shape.suffix(2)
                view.strides = strides[side] + view.strides.suffix(2)
                return view
            }
            (a, b, out) = (matrix(a, 0), matrix(b, 1), matrix(out, 2))
        }
        guard out.shape.count <= Int(CPU_DNNL_MAX_RANK) else {
            throw BackendError("matmul at \(node.location) has too many batch dimensions for the cpu backend")
        }

        var problem = cpu_matmul()
        problem.a = cpu_dnnl_tensor(a)
        problem.b = cpu_dnnl_tensor(b)
        problem.out = cpu_dnnl_tensor(out)
        problem.scale = 1
        let isPacked = out.shape.count == 2 && isConstant(b.buffer) && !isConstant(a.buffer)
        problem.packs_b = isPacked
        var reason: UnsafePointer<CChar>?
        guard let pointer = cpu_matmul_create(&problem, &reason) else {
            throw BackendError("oneDNN cannot multiply at \(node.location): \(reason.map { String(cString: $0) } ?? "no reason given")")
        }
        let primitive = Primitive(pointer)
        if isPacked { pack(primitive, 1, b) }
        add(
            "matmul", "\(a.shape)\(a.strides) x \(b.shape)\(b.strides) \(primitive.name)",
            reads: [a.buffer, b.buffer], writes: [out.buffer], flops: 2 * Double(out.count) * Double(k)
        ) { try primitive.run($0.at(a), $0.at(b), $0.at(out)) }
        return target
    }

    /// Packs a constant operand once, when the graph is compiled.
    private func pack(_ primitive: Primitive, _ operand: Int, _ view: View) {
        add("pack", "\(view.shape)", reads: [view.buffer], writes: []) {
            try primitive.fix(operand, UnsafeRawPointer($0.at(view)))
        }
    }

    func planConvolution(_ node: Node) throws -> View {
        // Operands in the primitive's order (x, weight, y); one of them is the result.
        let (kind, stride, padding, resultIndex): (Int, Int, Int, Int)
        var views: [View] = []
        let inputs = try node.inputs.map { try contiguous($0) }
        let target = result(node.type)
        switch node.op {
        case .convolution(let op):
            (kind, stride, padding, resultIndex) = (CPU_CONVOLUTION, op.stride, op.padding, 2)
            views = [inputs[0], inputs[1], target]
        case .convolutionInputGradient(let op):
            (kind, stride, padding, resultIndex) = (CPU_CONVOLUTION_INPUT_GRADIENT, op.stride, op.padding, 0)
            views = [target, inputs[1], inputs[0]]
        case .convolutionWeightGradient(let op):
            (kind, stride, padding, resultIndex) = (CPU_CONVOLUTION_WEIGHT_GRADIENT, op.stride, op.padding, 1)
            views = [inputs[1], target, inputs[0]]
        default: throw BackendError("\(node.op.name) at \(node.location) is not a convolution")
        }
        let (x, weight, y) = (views[0], views[1], views[2])
        var problem = cpu_convolution()
        problem.kind = Int32(kind)
        problem.x = cpu_dnnl_tensor(x)
        problem.weight = cpu_dnnl_tensor(weight)
        problem.y = cpu_dnnl_tensor(y)
        problem.stride = Int64(stride)
        problem.padding = Int64(padding)
        var reason: UnsafePointer<CChar>?
        guard let pointer = cpu_convolution_create(&problem, &reason) else {
            throw BackendError("oneDNN cannot convolve at \(node.location): \(reason.map { String(cString: $0) } ?? "no reason given")")
        }
        let primitive = Primitive(pointer)
        if resultIndex != 1, isConstant(weight.buffer), node.inputs.contains(where: { !fusion.isConstant[$0] }) {
            pack(primitive, 1, weight)
        }
        let flops = 2 * Double(y.count) * Double(weight.count / weight.shape[0])
        add(
            node.op.name, "\(x.shape) \(weight.shape) \(primitive.name)",
            reads: views.indices.filter { $0 != resultIndex }.map { views[$0].buffer }, writes: [target.buffer],
            flops: flops
        ) { try primitive.run($0.at(x), $0.at(weight), $0.at(y)) }
        return target
    }

    func planAttention(_ node: Node, _ op: Attention) throws -> View {
        let target = result(node.type)
        let batch = Array(node.shape.dimensions.dropLast(2))
        let inputs = try node.inputs.map { input -> View in
            let view = try view(input)
            return view.strides.last == 1 || view.shape.last == 1 ? view : contiguous(view)
        }
        func batchStrides(_ views: [View]) -> (extents: [Int], strides: [[Int]]) {
            View.collapsed(batch, views.map { Array($0.strides.dropLast(2)) })
        }
        var views = inputs + [target]
        if batchStrides(views).extents.count > 2 { views = inputs.map { contiguous($0) } + [target] }
        var (extents, strides) = batchStrides(views)
        while extents.count < 2 {
            extents.insert(1, at: 0)
            for side in strides.indices { strides[side].insert(0, at: 0) }
        }
        let (q, k, v) = (views[0], views[1], views[2])
        let rank = batch.count + 2
        var job = cpu_attention()
        job.outer = Int64(extents[0])
        job.inner = Int64(extents[1])
        job.queries = Int64(q.shape[rank - 2])
        job.keys = Int64(k.shape[rank - 2])
        job.width = Int64(q.shape[rank - 1])
        job.value_width = Int64(v.shape[rank - 1])
        job.scale = Float(op.scale)
        job.causal = op.isCausal
        func steps(_ side: Int) -> [Int64] { (strides[side] + [views[side].strides[rank - 2]]).map(Int64.init) }
        fill(&job.q_strides, with: steps(0))
        fill(&job.k_strides, with: steps(1))
        fill(&job.v_strides, with: steps(2))
        fill(&job.out_strides, with: steps(3))
        let (kernels, threads, prepared) = (kernels, Int32(threads), job)
        let workspace = Arena.rounded(
            Int(kernels.attention_workspace(job.queries, job.keys, job.width, job.value_width)))
        let products = Double(q.count) * Double(job.keys) + Double(target.count) * Double(job.keys)
        add(
            "attention", "\(q.shape)", reads: [q.buffer, k.buffer, v.buffer], writes: [target.buffer],
            workspace: workspace, flops: 2 * products
        ) { pointers in
            var job = prepared
            job.q = UnsafePointer(pointers.floats(q))
            job.k = UnsafePointer(pointers.floats(k))
            job.v = UnsafePointer(pointers.floats(v))
            job.out = pointers.floats(target)
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            job.workspace_stride = Int64(workspace)
            kernels.attention(&job, threads)
        }
        return target
    }
}

extension View {
    /// Whether oneDNN can read the last two axes: one of them without gaps, the other without overlap.
    fileprivate var hasUnitStrideInMatrix: Bool {
        let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
        let (row, column) = (strides[shape.count - 2], strides[shape.count - 1])
        let isRowMajor = (column == 1 || columns == 1) && (rows == 1 || row >= columns)
        let isColumnMajor = (row == 1 || rows == 1) && (columns == 1 || column >= rows)
        return isRowMajor || isColumnMajor
    }
}

extension cpu_dnnl_tensor {
    /// Strides that do not matter, of extents of one, are made regular.
    fileprivate init(_ view: View) {
        self.init()
        rank = Int32(view.shape.count)
        var strides = view.strides
        let last = view.shape.count - 1
        if last >= 1 {
            if view.shape[last] == 1 { strides[last] = strides[last - 1] == 1 ? max(view.shape[last - 1], 1) : 1 }
            if view.shape[last - 1] == 1 {
                strides[last - 1] = strides[last] == 1 ? view.shape[last] : 1
            }
        }
        // A stride of 0 is a broadcast: oneDNN wants an extent of 1.
        let extents = zip(view.shape, strides).map { $1 == 0 ? 1 : $0 }
        for axis in strides.indices.reversed() where extents[axis] == 1 && axis < last - 1 {
            strides[axis] = axis == last ? 1 : strides[axis + 1] * extents[axis + 1]
        }
        fill(&self.extents, with: extents.map(Int64.init))
        fill(&self.strides, with: strides.map(Int64.init))
        is_bfloat16 = view.dtype == .bfloat16
    }
}
