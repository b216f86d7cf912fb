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
        let bias = try epilogue?.bias.map { try contiguous($0) }
        let residual = try epilogue?.residual.map { try contiguous($0) }
        let (row, column) = (Int64(weight.strides[0]), Int64(weight.strides[1]))
        let (packer, workers) = (int8Kernels, Int32(threads))
        let columns = try packedColumns(
            node.inputs[1], bias, k: k, n: n, panel: Int(packer.panel), kind: "matmul"
        ) { source, columns in
            packer.pack(source, row, column, columns, Int64(k), Int64(n), workers)
        }

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
            reads: [a.values.buffer, a.meaning.buffer] + columns.buffers + [residual?.buffer].compactMap { $0 },
            writes: [target.buffer],
            inPlace: isReplaceable ? [residual].compactMap { $0 }.map { ($0.buffer, target.buffer) } : [],
            flops: 2 * Double(m * n) * Double(k)
        ) { pointers in
            var job = prepared
            job.a = UnsafePointer(pointers.at(a.values).assumingMemoryBound(to: UInt8.self))
            job.row = UnsafePointer(pointers.at(a.meaning).assumingMemoryBound(to: cpu_int8_row.self))
            job.b = columns.at(pointers)
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

    /// The weight as `pack` leaves it, perhaps for an earlier executable of the same parameters, and the bias, `[n]`.
    func packedColumns(
        _ id: Node.ID, _ bias: View?, k: Int, n: Int, panel: Int, kind: String,
        pack: @escaping (UnsafePointer<Float>, cpu_int8_columns) -> Void
    ) throws -> PackedColumns {
        let weight = try view(id)
        let padded = (n + panel - 1) / panel * panel
        let values = Arena.rounded(padded * ((k + 3) / 4 * 4))
        let key = "int8 \(kind) \(String(cString: int8Kernels.name))"
        let shared = try packedWeight(id, key, byteCount: values + 8 * padded)
        let columns = PackedColumns(
            packed: buffer(of: shared), bias: paddedBias(bias, padded), values: values, padded: padded)
        if !shared.isReady {
            add("pack int8", "\(weight.shape)", reads: [weight.buffer], writes: []) { pointers in
                shared.fill { pack(pointers.floats(weight), columns.at($0, bias: nil)) }
            }
        }
        return columns
    }

    /// The bias with zeros up to a whole number of panels.
    private func paddedBias(_ bias: View?, _ padded: Int) -> View {
        if let bias, bias.count == padded { return bias }
        let target = result(TensorType(.float32, [padded]))
        add("pad", "[\(padded)]", reads: [bias?.buffer].compactMap { $0 }, writes: [target.buffer]) { pointers in
            let floats = pointers.floats(target)
            floats.update(repeating: 0, count: padded)
            if let bias { floats.update(from: pointers.floats(bias), count: bias.count) }
        }
        return target
    }
}

/// A packed right-hand side: values, scales and sums in one piece of memory, and the bias.
struct PackedColumns {
    var packed: View
    var bias: View
    /// Bytes of values.
    var values: Int
    var padded: Int

    var buffers: [Int] { [packed.buffer, bias.buffer] }

    func at(_ pointers: Pointers) -> cpu_int8_columns {
        at(pointers.at(packed), bias: UnsafePointer(pointers.floats(bias)))
    }

    fileprivate func at(_ memory: UnsafeMutableRawPointer, bias: UnsafePointer<Float>?) -> cpu_int8_columns {
        let scale = (memory + values).assumingMemoryBound(to: Float.self)
        return cpu_int8_columns(
            values: memory.assumingMemoryBound(to: Int8.self), scale: scale,
            sum: UnsafeMutableRawPointer(scale + padded).assumingMemoryBound(to: Int32.self), bias: bias)
    }
}
