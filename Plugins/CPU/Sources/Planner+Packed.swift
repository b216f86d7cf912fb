internal import CPUKernels
internal import Multimodal

extension Planner {
    /// A product with a matrix that is packed when the graph is compiled, and what follows it.
    func planPackedProduct(_ node: Node) throws -> View {
        let epilogue = fusion.epilogues[node.id]
        let weight = try view(node.inputs[1])
        let (k, n, m) = (weight.shape[0], weight.shape[1], node.shape.count / node.shape[node.shape.rank - 1])
        var a = try view(node.inputs[0])
        if a.reshaped(to: [m, k]).map({ $0.strides[1] == 1 || k == 1 }) != true { a = contiguous(a) }
        a = a.reshaped(to: [m, k]) ?? a
        let target = result(graph[epilogue?.last ?? node.id].type)

        var job = cpu_packed()
        (job.n, job.k, job.taps) = (Int64(n), Int64(k), 1)
        fill(&job.rows, with: [1, 1, Int64(m)])
        fill(&job.a_strides, with: [0, 0, Int64(m == 1 ? k : a.strides[0])])
        fill(&job.out_strides, with: [0, 0, Int64(n)])
        fill(&job.residual_strides, with: [0, 0, Int64(n)])
        job.is_bfloat16 = a.dtype == .bfloat16
        job.activation = epilogue?.activationCode ?? Int32(CPU_ACTIVATION_NONE)
        var source = cpu_pack()
        (source.n, source.k) = (Int64(n), Int64(k))
        fill(&source.taps, with: [1, 1] as [Int64])
        fill(&source.strides, with: [Int64(weight.strides[1]), Int64(weight.strides[0]), 0, 0])
        let operands = PackedOperands(
            a: a, weight: weight, bias: try epilogue?.bias.map { try contiguous($0) },
            residual: try epilogue?.residual.map { try contiguous($0) }, out: target)
        try addPacked(
            "matmul", "[\(m), \(k)] x [\(k), \(n)]", job, source, operands, taps: [0], weight: node.inputs[1],
            flops: 2 * Double(m * n) * Double(k))
        if let epilogue { setView(target, of: epilogue.last) }
        return target
    }

    /// Adds the steps that pack the weight and multiply with it.
    func addPacked(
        _ kind: String, _ detail: String, _ job: cpu_packed, _ source: cpu_pack, _ operands: PackedOperands,
        taps: [Int64], weight weightNode: Node.ID, flops: Double, isWinograd: Bool = false
    ) throws {
        let (kernels, threads) = (kernels, Int32(threads))
        let (a, weight, bias, residual, out) = (
            operands.a, operands.weight, operands.bias, operands.residual, operands.out
        )
        var source = source
        source.type = weight.dtype.code
        source.is_bfloat16 = job.is_bfloat16
        let shared = try packedWeight(weightNode, source)
        let packed = buffer(of: shared)
        if !shared.isReady {
            let prepared = source
            add("pack", "\(weight.shape)", reads: [weight.buffer], writes: []) { pointers in
                shared.fill {
                    var source = prepared
                    source.source = UnsafeRawPointer(pointers.at(weight))
                    source.target = $0
                    isWinograd ? kernels.pack_winograd(&source, threads) : kernels.pack(&source, threads)
                }
            }
        }
        var job = job
        job.out_type = out.dtype.code
        job.residual_type = residual?.dtype.code ?? 0
        let workspace = Arena.rounded(
            Int(isWinograd ? kernels.winograd_workspace(job.k, job.is_bfloat16) : kernels.packed_workspace()))
        job.workspace_stride = Int64(workspace)
        let product = job
        // What is multiplied as well is read again after the first columns are written.
        let isReplaceable =
            residual.map {
                $0.buffer != a.buffer && $0.offset == 0 && $0.dtype == out.dtype && $0.shape == out.shape
                    && $0.strides == out.strides && out.offset == 0
            } ?? false
        add(
            kind, "\(detail)\(job.is_bfloat16 ? " bfloat16" : "")",
            reads: [a.buffer, packed.buffer] + [bias?.buffer, residual?.buffer].compactMap { $0 },
            writes: [out.buffer], inPlace: isReplaceable ? [(operands.residual?.buffer ?? 0, out.buffer)] : [],
            workspace: workspace, flops: flops
        ) { pointers in
            operands.border?.clear(kernels, pointers[out.buffer])
            var job = product
            job.a = UnsafeRawPointer(pointers.at(a))
            job.packed = UnsafeRawPointer(pointers.at(packed))
            job.bias = bias.map { UnsafePointer(pointers.floats($0)) }
            job.residual = residual.map { UnsafeRawPointer(pointers.at($0)) }
            job.out = pointers.at(out)
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            taps.withUnsafeBufferPointer {
                job.tap = $0.baseAddress
                isWinograd ? kernels.winograd(&job, threads) : kernels.packed(&job, threads)
            }
        }
    }
}

/// What a packed product reads and writes.
struct PackedOperands {
    var a: View
    var weight: View
    var bias: View?
    var residual: View?
    var out: View
    /// Zeros around `out`.
    var border: Border?
}
