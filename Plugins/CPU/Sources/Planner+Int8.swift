internal import CPUKernels
internal import Multimodal

/// Rows quantised to 8 bits, and what each row's numbers mean.
struct QuantizedRows {
    /// `[rows, width]`, uint8; rows are padded.
    var values: View
    /// `[rows]` of `cpu_int8_row`.
    var meaning: View
}

extension Planner {
    /// A product of activations, quantised row by row as they come, and weights, quantised column by column once.
    func planInt8Product(_ node: Node) throws -> View {
        let epilogue = fusion.epilogues[node.id]
        let source = try view(node.inputs[0])
        let a = quantized[source.buffer] ?? quantize(source, norm: nil)
        let weight = try view(node.inputs[1])
        let (k, n, m) = (weight.shape[0], weight.shape[1], node.shape.count / node.shape[node.shape.rank - 1])
        let residual = try epilogue?.residual.map { try contiguous($0) }
        let columns = try packedColumns(node.inputs[1], epilogue?.bias, k: k, n: n)

        let last = epilogue?.last ?? node.id
        let isNarrow = int8.operands.contains(last) || graph[last].dtype == .bfloat16
        let target = result(TensorType(isNarrow ? .bfloat16 : .float32, node.shape))
        var product = cpu_int8_product()
        (product.m, product.n, product.k) = (Int64(m), Int64(n), Int64(k))
        product.type = target.dtype.code
        product.activation = epilogue?.activationCode ?? Int32(CPU_ACTIVATION_NONE)
        let (prepared, kernels, threads) = (product, int8Kernels, Int32(threads))
        let isReplaceable = residual.map { $0.offset == 0 && $0.dtype == target.dtype } ?? false
        add(
            "int8", "[\(m), \(k)] x [\(k), \(n)] \(String(cString: kernels.name))",
            reads: [a.values.buffer, a.meaning.buffer, columns.buffer] + [residual?.buffer].compactMap { $0 },
            writes: [target.buffer],
            inPlace: isReplaceable ? [residual].compactMap { $0 }.map { ($0.buffer, target.buffer) } : [],
            flops: 2 * Double(m * n) * Double(k)
        ) { pointers in
            var job = prepared
            job.a = UnsafePointer(pointers.at(a.values).assumingMemoryBound(to: UInt8.self))
            job.row = UnsafePointer(pointers.at(a.meaning).assumingMemoryBound(to: cpu_int8_row.self))
            job.b = columns.at(pointers[columns.buffer])
            job.residual = residual.map { UnsafePointer(pointers.floats($0)) }
            job.out = pointers.at(target)
            kernels.product(&job, threads)
        }
        if epilogue != nil { setView(target, of: last) }
        return target
    }

    /// A layer norm whose result only int8 products read.
    func planQuantizedNorm(_ node: Node, _ op: LayerNorm) throws -> View {
        let (scale, bias) = (try contiguous(node.inputs[1]), try contiguous(node.inputs[2]))
        return quantize(try view(node.inputs[0]), norm: (scale, bias, Float(op.epsilon))).values
    }

    private func quantize(_ source: View, norm: (scale: View, bias: View, epsilon: Float)?) -> QuantizedRows {
        let width = source.shape[source.shape.count - 1]
        let rows = source.count / width
        let flat =
            source.reshaped(to: [rows, width]).flatMap { $0.strides[1] == 1 || width == 1 ? $0 : nil }
            ?? contiguous(source).reshaped(to: [rows, width]) ?? source
        let step = Int(CPU_INT8_STEP)
        var values = result(TensorType(.uint8, [rows, (width + step - 1) / step * step]))
        values.shape[1] = width
        let meaning = result(TensorType(.int32, [rows, 2]))
        let made = QuantizedRows(values: values, meaning: meaning)
        quantized[values.buffer] = made

        var job = cpu_int8_rows()
        job.type = flat.dtype.code
        (job.rows, job.width, job.stride) = (Int64(rows), Int64(width), Int64(rows == 1 ? width : flat.strides[0]))
        job.epsilon = norm?.epsilon ?? 0
        let workspace = Arena.rounded(width * 4)
        job.workspace_stride = Int64(workspace / 4)
        let (prepared, kernels, threads) = (job, int8Kernels, Int32(threads))
        add(
            norm == nil ? "quantize" : "layerNorm quantize", "[\(rows), \(width)]",
            reads: [flat.buffer] + [norm?.scale.buffer, norm?.bias.buffer].compactMap { $0 },
            writes: [values.buffer, meaning.buffer], workspace: workspace
        ) { pointers in
            var job = prepared
            job.x = UnsafeRawPointer(pointers.at(flat))
            job.norm_scale = norm.map { UnsafePointer(pointers.floats($0.scale)) }
            job.norm_bias = norm.map { UnsafePointer(pointers.floats($0.bias)) }
            job.out = pointers.at(values).assumingMemoryBound(to: UInt8.self)
            job.row = pointers.at(meaning).assumingMemoryBound(to: cpu_int8_row.self)
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: Float.self)
            kernels.quantize(&job, threads)
        }
        return made
    }

    /// Weights `[k, n]`, of any strides, and the bias `[n]` as the kernel takes them. Made when the graph is compiled,
    /// once for all executables of the same parameters.
    private func packedColumns(_ weightNode: Node.ID, _ biasNode: Node.ID?, k: Int, n: Int) throws -> PackedColumns {
        let (weight, bias) = (try view(weightNode), try biasNode.map { try contiguous($0) })
        let panel = Int(int8Kernels.panel)
        let padded = (n + panel - 1) / panel * panel
        let room = (
            values: Arena.rounded(padded * ((k + 3) / 4 * 4)), numbers: Arena.rounded(padded * MemoryLayout<Float>.size)
        )
        let biasKey = biasNode.map { expression($0) } ?? "none"
        let key = expression(weightNode).flatMap { weight in
            biasKey.map { "int8 \(String(cString: int8Kernels.name)) \(weight) \($0)" }
        }
        let shared = try sharedMemory(key, byteCount: room.values + 3 * room.numbers)
        let columns = PackedColumns(
            buffer: buffer(of: shared).buffer, scale: room.values, bias: room.values + room.numbers,
            sum: room.values + 2 * room.numbers)
        if shared.isReady { return columns }
        let (kernels, threads) = (int8Kernels, Int32(threads))
        let (row, column) = (Int64(weight.strides[0]), Int64(weight.strides[1]))
        add("pack int8", "[\(k), \(n)]", reads: [weight.buffer] + [bias?.buffer].compactMap { $0 }, writes: []) {
            pointers in
            shared.fill {
                kernels.pack(
                    pointers.floats(weight), row, column, bias.map(pointers.floats), columns.at($0), Int64(k), Int64(n),
                    threads)
            }
        }
        return columns
    }
}

/// Where a packed right-hand side lies: its values, and from so many bytes on what belongs to each column.
private struct PackedColumns {
    var buffer: Int
    var scale: Int
    var bias: Int
    var sum: Int

    func at(_ memory: UnsafeMutableRawPointer) -> cpu_int8_columns {
        cpu_int8_columns(
            values: memory.assumingMemoryBound(to: Int8.self),
            scale: (memory + scale).assumingMemoryBound(to: Float.self),
            bias: (memory + bias).assumingMemoryBound(to: Float.self),
            sum: (memory + sum).assumingMemoryBound(to: Int32.self))
    }
}
