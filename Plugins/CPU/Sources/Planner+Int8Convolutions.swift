internal import CPUKernels
internal import Multimodal

/// `[batch, channels, height, width]` with channels next to each other: floats, or bytes with a scale for each line of
/// each picture and `border` pixels of zeros before and after it.
struct Picture {
    var view: View
    var scales: View?
    var border = 0

    var buffers: [Int] { [view.buffer] + [scales?.buffer].compactMap { $0 } }

    /// As kernels see it, but for addresses.
    var form: cpu_pictures {
        cpu_pictures(
            values: nil, scale: nil, type: view.dtype.code, height: Int64(view.shape[2]),
            picture: Int64(view.strides[0]), line: Int64(view.strides[2]), border: Int64(border))
    }

    func at(_ pointers: Pointers) -> cpu_pictures {
        var form = form
        form.values = pointers.at(view)
        form.scale = scales.map { pointers.floats($0) }
        return form
    }
}

extension Planner {
    /// A convolution of pictures in bytes, and what follows it; its result is in bytes where all readers take these.
    func planInt8Convolution(_ node: Node, _ op: Convolution) throws -> View {
        let epilogue = fusion.epilogues[node.id]
        let last = epilogue?.last ?? node.id
        let weight = try view(node.inputs[1])
        let a = try bytes(node.inputs[0], border: op.padding)
        let residual = try epilogue?.residual.map { try picture($0) }
        let columns = try packedKernel(node.inputs[1], bias: try epilogue?.bias.map { try contiguous($0) })
        let out: Picture
        if int8.pictures.contains(last) {
            out = bytesResult(node.shape, border: borderWanted(last))
        } else {
            let isNarrow = int8.residuals.contains(last) || graph[last].dtype == .bfloat16
            out = floatsResult(TensorType(isNarrow ? .bfloat16 : .float32, node.shape))
        }

        var job = cpu_int8_convolution()
        (job.batch, job.width) = (Int64(node.shape[0]), Int64(node.shape[3]))
        (job.channels, job.n, job.padding) = (Int64(weight.shape[1]), Int64(node.shape[1]), Int64(op.padding))
        fill(&job.kernel, with: weight.shape[2...].map(Int64.init))
        job.is_relu = epilogue?.activationCode == Int32(CPU_ACTIVATION_RELU)
        job.out = out.form
        let workspace = Arena.rounded(Int(int8Kernels.convolution_workspace(&job, Int32(threads))))
        job.workspace_stride = Int64(workspace)
        let (prepared, kernels, threads) = (job, int8Kernels, Int32(threads))
        // Each line of the residual is read before the same line is written.
        let isReplaceable =
            residual.map { $0.view.buffer != a.view.buffer && $0.view.hasPlaces(of: out.view) } ?? false
        add(
            "convolution", "\(a.view.shape) \(weight.shape) int8",
            reads: a.buffers + columns.buffers + (residual?.buffers ?? []), writes: out.buffers,
            inPlace: isReplaceable ? [(residual?.view.buffer ?? 0, out.view.buffer)] : [], workspace: workspace,
            flops: 2 * Double(node.shape.count * weight.shape[1] * weight.shape[2] * weight.shape[3])
        ) { pointers in
            var job = prepared
            (job.a, job.out, job.b) = (a.at(pointers), out.at(pointers), columns.at(pointers))
            if let residual { job.residual = residual.at(pointers) }
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            kernels.convolution(&job, threads)
        }
        if epilogue != nil { setView(out.view, of: last) }
        return out.view
    }

    /// Means over windows of pictures in bytes, or to such.
    func planInt8Pool(_ node: Node, _ kernel: Int, _ stride: Int) throws -> View {
        let isNarrow = fusion.packed.narrowResults.contains(node.id)
        let out =
            int8.pictures.contains(node.id)
            ? bytesResult(node.shape, border: borderWanted(node.id))
            : floatsResult(TensorType(isNarrow ? .bfloat16 : .float32, node.shape))
        addInt8Pool(node.op.name, try picture(node.inputs[0]), to: out, kernel: kernel, stride: stride)
        return out.view
    }

    private func addInt8Pool(_ kind: String, _ x: Picture, to out: Picture, kernel: Int, stride: Int) {
        var job = cpu_int8_pool()
        (job.batch, job.width) = (Int64(out.view.shape[0]), Int64(out.view.shape[3]))
        (job.channels, job.kernel, job.stride) = (Int64(out.view.shape[1]), Int64(kernel), Int64(stride))
        let workspace = Arena.rounded(Int(int8Kernels.pool_workspace(&job)))
        job.workspace_stride = Int64(workspace)
        let (prepared, kernels, threads) = (job, int8Kernels, Int32(threads))
        add(
            kind, "\(out.view.shape) int8", reads: x.buffers, writes: out.buffers, workspace: workspace
        ) { pointers in
            var job = prepared
            (job.x, job.out) = (x.at(pointers), out.at(pointers))
            job.workspace = pointers[Planner.workspace].assumingMemoryBound(to: CChar.self)
            kernels.pool(&job, threads)
        }
    }

    /// The picture in bytes; made here where it is in floats.
    private func bytes(_ id: Node.ID, border: Int) throws -> Picture {
        let source = try view(id)
        if let picture = pictures[source.buffer], picture.border >= border { return picture }
        if let made = quantizedPictures[source], made.border >= border { return made }
        let given = try picture(id)
        let made = bytesResult(Shape(source.shape), border: max(border, borderWanted(id)))
        addInt8Pool("quantize", given, to: made, kernel: 1, stride: 1)
        quantizedPictures[source] = made
        return made
    }

    /// The picture as it is, with channels next to each other.
    private func picture(_ id: Node.ID) throws -> Picture {
        let source = try view(id)
        return pictures[source.buffer] ?? Picture(view: channelsLast(source, border: 0))
    }

    private func bytesResult(_ shape: Shape, border: Int) -> Picture {
        let (batch, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
        let whole = result(TensorType(.uint8, [batch, height, width + 2 * border, channels]))
        let view = whole.sliced(axis: 2, border..<border + width).transposed([0, 3, 1, 2])
        let made = Picture(view: view, scales: result(TensorType(.float32, [batch, height])), border: border)
        pictures[view.buffer] = made
        return made
    }

    private func floatsResult(_ type: TensorType) -> Picture {
        let shape = type.shape
        let whole = result(TensorType(type.dtype, [shape[0], shape[2], shape[3], shape[1]]))
        return Picture(view: whole.transposed([0, 3, 1, 2]))
    }

    /// Weights `[n, channels, height, width]` in 8 bits, each output channel over its own range.
    private func packedKernel(_ id: Node.ID, bias: View?) throws -> PackedColumns {
        let weight = try view(id)
        let (n, channels) = (Int64(weight.shape[0]), Int64(weight.shape[1]))
        let (kernels, threads) = (int8Kernels, Int32(threads))
        let (strides, kernel) = (weight.strides.map(Int64.init), weight.shape[2...].map(Int64.init))
        return try packedColumns(
            id, bias, k: weight.shape[1...].reduce(1, *), n: weight.shape[0], panel: Int(kernels.kernel_panel),
            kind: "convolution"
        ) { source, columns in
            kernels.pack_kernel(source, strides, kernel, columns, channels, n, threads)
        }
    }
}

extension View {
    /// Whether every element lies where `other` has its own, in a buffer of the same elements.
    fileprivate func hasPlaces(of other: View) -> Bool {
        dtype == other.dtype && offset == other.offset && shape == other.shape && strides == other.strides
    }
}
