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

/// `out = a b scale`, all with the same batch dimensions before the last two.
private struct Product {
    var a: View
    var b: View
    var out: View
    var scale: Double

    /// The same sums written the other way round: `outᵀ = bᵀ aᵀ`.
    var transposed: Product {
        Product(a: b.matrixTransposed, b: a.matrixTransposed, out: out.matrixTransposed, scale: scale)
    }

    /// Batch dimensions joined where all three allow it, then padded to `count`; nil where more are left.
    func withBatchDimensions(_ count: Int?) -> Product? {
        let all = [a, b, out]
        var (extents, strides) = View.collapsed(
            Array(out.shape.dropLast(2)), all.map { Array($0.strides.dropLast(2)) })
        if let count {
            if extents.count > count { return nil }
            while extents.count < count {
                extents.insert(1, at: 0)
                for side in strides.indices { strides[side].insert(0, at: 0) }
            }
        }
        let views = all.enumerated().map { side, view in
            var view = view
            view.shape = extents + view.shape.suffix(2)
            view.strides = strides[side] + view.strides.suffix(2)
            return view
        }
        return Product(a: views[0], b: views[1], out: views[2], scale: scale)
    }
}

extension Planner {
    func planMatmul(_ node: Node) throws -> View {
        if int8.products.contains(node.id) { return try planInt8Product(node) }
        if fusion.packed.products.contains(node.id) { return try planPackedProduct(node) }
        let (a, b) = (try view(node.inputs[0]), try view(node.inputs[1]))
        let batch = Array(node.shape.dimensions.dropLast(2))
        let rank = node.shape.rank
        let (m, n, k) = (node.shape[rank - 2], node.shape[rank - 1], a.shape[a.shape.count - 1])
        if let epilogue = fusion.epilogues[node.id] {
            let target = result(node.type)
            let product = Product(
                a: a.broadcast(to: batch + [m, k]), b: b.broadcast(to: batch + [k, n]), out: target, scale: 1)
            _ = try planOneDNN(product, node, epilogue)
            setView(target, of: epilogue.last)
            return target
        }
        let target = resultForTransposes(node)
        var product = Product(
            a: a.broadcast(to: batch + [m, k]), b: b.broadcast(to: batch + [k, n]), out: target,
            scale: fusion.scales.factor(of: node, in: graph, users: users))
        if n > 1, target.strides[rank - 1] != 1 { product = product.transposed }

        if planSmallProducts(product) { return target }
        if try planOneDNN(product, node) { return target }
        // oneDNN cannot write this layout: a plain one, and the transposes pay.
        let plain = result(node.type)
        product = Product(
            a: a.broadcast(to: batch + [m, k]), b: b.broadcast(to: batch + [k, n]), out: plain, scale: product.scale)
        guard try planOneDNN(product, node) else {
            throw BackendError("matmul at \(node.location) has too many batch dimensions for the cpu backend")
        }
        return plain
    }

    /// Many products of small matrices, with any strides.
    private func planSmallProducts(_ product: Product) -> Bool {
        guard let product = product.withBatchDimensions(2), product.a.dtype == .float32 else { return false }
        let (a, b, out) = (product.a, product.b, product.out)
        let (m, n, k) = (out.shape[2], out.shape[3], a.shape[3])
        // A matrix that the whole batch shares makes one tall product.
        let isShared = (0..<2).allSatisfy { b.strides[$0] == 0 || out.shape[$0] == 1 }
        guard !isShared, m * k + k * n <= 1 << 16, out.shape[0] * out.shape[1] > 1, out.strides[3] == 1 || n == 1
        else { return false }
        var job = cpu_products()
        (job.outer, job.inner) = (Int64(out.shape[0]), Int64(out.shape[1]))
        (job.m, job.n, job.k) = (Int64(m), Int64(n), Int64(k))
        job.scale = Float(product.scale)
        fill(&job.a_strides, with: a.strides.map(Int64.init))
        fill(&job.b_strides, with: b.strides.map(Int64.init))
        fill(&job.c_strides, with: out.strides.prefix(3).map(Int64.init))
        let (kernels, threads) = (kernels, Int32(threads))
        let workspace = Arena.rounded(Int(kernels.products_workspace(job.m, job.n, job.k)))
        job.workspace_stride = Int64(workspace)
        let prepared = job
        add(
            "products", "\(a.shape)\(a.strides) x \(b.shape)\(b.strides)", reads: [a.buffer, b.buffer],
            writes: [out.buffer], workspace: workspace, flops: 2 * Double(out.count) * Double(k)
        ) { pointers in
            var job = prepared
            job.a = UnsafePointer(pointers.floats(a))
            job.b = UnsafePointer(pointers.floats(b))
            job.c = pointers.floats(out)
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            kernels.products(&job, threads)
        }
        return true
    }

    /// False where oneDNN cannot write the result's layout.
    private func planOneDNN(_ product: Product, _ node: Node, _ epilogue: Epilogue? = nil) throws -> Bool {
        var (a, b, out) = (product.a, product.b, product.out)
        let batch = Array(out.shape.dropLast(2))
        let (m, n, k) = (out.shape[batch.count], out.shape[batch.count + 1], a.shape[batch.count + 1])
        if b.strides.dropLast(2).enumerated().allSatisfy({ $1 == 0 || batch[$0] == 1 }) {
            // One matrix for the whole batch: a tall product.
            let rows = batch.reduce(m, *)
            guard let flat = out.reshaped(to: [rows, n]) else { return false }
            out = flat
            if a.reshaped(to: [rows, k])?.hasUnitStrideInMatrix != true { a = contiguous(a) }
            a = a.reshaped(to: [rows, k]) ?? a
            b.shape = [k, n]
            b.strides = Array(b.strides.suffix(2))
        } else {
            guard let joined = product.withBatchDimensions(nil) else { return false }
            (a, b, out) = (joined.a, joined.b, joined.out)
        }
        if !a.hasUnitStrideInMatrix { a = contiguous(a) }
        if !b.hasUnitStrideInMatrix { b = contiguous(b) }
        guard out.shape.count <= Int(CPU_DNNL_MAX_RANK) else { return false }

        var problem = cpu_matmul()
        problem.a = cpu_dnnl_tensor(a)
        problem.b = cpu_dnnl_tensor(b)
        problem.out = cpu_dnnl_tensor(out)
        problem.scale = Float(product.scale)
        let isPacked = out.shape.count == 2 && isConstant(b.buffer) && !isConstant(a.buffer)
        problem.packs_b = isPacked
        let bias = try epilogue?.bias.map { try contiguous($0) }
        let residual = try epilogue?.residual.map { try contiguous($0) }
        problem.has_bias = bias != nil
        problem.has_residual = residual != nil
        problem.activation = epilogue?.activationCode ?? Int32(CPU_ACTIVATION_NONE)
        var reason: UnsafePointer<CChar>?
        guard let pointer = cpu_matmul_create(&problem, &reason) else {
            throw BackendError(
                "oneDNN cannot multiply at \(node.location): \(reason.map { String(cString: $0) } ?? "no reason given")"
            )
        }
        let primitive = Primitive(pointer)
        if isPacked { pack(primitive, 1, b) }
        let (left, right, sums) = (a, b, out)
        add(
            "matmul", "\(a.shape)\(a.strides) x \(b.shape)\(b.strides) \(primitive.name)",
            reads: [a.buffer, b.buffer] + [bias, residual].compactMap { $0?.buffer }, writes: [out.buffer],
            flops: 2 * Double(out.count) * Double(k)
        ) { pointers in
            try primitive.run(
                pointers.at(left), pointers.at(right), pointers.at(sums), bias.map { pointers.at($0) },
                residual.map { pointers.at($0) })
        }
        return true
    }

    /// Packs a constant operand once, when the graph is compiled.
    private func pack(_ primitive: Primitive, _ operand: Int, _ view: View) {
        add("pack", "\(view.shape)", reads: [view.buffer], writes: []) {
            try primitive.fix(operand, UnsafeRawPointer($0.at(view)))
        }
    }

    func planConvolution(_ node: Node) throws -> View {
        if case .convolution(let op) = node.op, fusion.packed.convolutions.contains(node.id) {
            return try int8.convolutions.contains(node.id)
                ? planInt8Convolution(node, op) : planPackedConvolution(node, op)
        }
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
            throw BackendError(
                "oneDNN cannot convolve at \(node.location): \(reason.map { String(cString: $0) } ?? "no reason given")"
            )
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
        var target = resultForTransposes(node)
        if target.strides.last != 1 { target = result(node.type) }
        let batch = Array(node.shape.dimensions.dropLast(2))
        let inputs = try node.inputs.map { input -> View in
            let view = try view(input)
            return view.strides.last == 1 || view.shape.last == 1 ? view : contiguous(view)
        }
        func batchStrides(_ views: [View]) -> (extents: [Int], strides: [[Int]]) {
            View.collapsed(batch, views.map { Array($0.strides.dropLast(2)) })
        }
        if batchStrides(inputs + [target]).extents.count > 2, !target.isContiguous {
            target = result(node.type)
        }
        let out = target
        var views = inputs + [out]
        if batchStrides(views).extents.count > 2 { views = inputs.map { contiguous($0) } + [out] }
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
        job.is_bfloat16 = node.dtype == .bfloat16
        let (kernels, threads, prepared) = (kernels, Int32(threads), job)
        let workspace = Arena.rounded(
            Int(kernels.attention_workspace(job.keys, job.width, job.value_width, job.is_bfloat16)))
        let products = Double(q.count) * Double(job.keys) + Double(target.count) * Double(job.keys)
        add(
            "attention", "\(q.shape)\(job.is_bfloat16 ? " bfloat16" : "")", reads: [q.buffer, k.buffer, v.buffer],
            writes: [target.buffer],
            workspace: workspace, flops: 2 * products
        ) { pointers in
            var job = prepared
            job.q = UnsafeRawPointer(pointers.at(q))
            job.k = UnsafeRawPointer(pointers.at(k))
            job.v = UnsafeRawPointer(pointers.at(v))
            job.out = pointers.at(out)
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            job.workspace_stride = Int64(workspace)
            kernels.attention(&job, threads)
        }
        return target
    }
}

extension View {
    fileprivate var matrixTransposed: View {
        var permutation = Array(shape.indices)
        permutation.swapAt(shape.count - 1, shape.count - 2)
        return transposed(permutation)
    }

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
