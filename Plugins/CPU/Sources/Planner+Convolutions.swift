internal import CPUKernels
internal import Multimodal

/// A result inside a border of zeros, which a convolution may read as its padding.
struct Bordered {
    var view: View
    var border: Int
}

extension Planner {
    /// A convolution with weights known when the graph is compiled: a sum of products, one for each row of the kernel,
    /// over pictures whose channels lie next to each other.
    func planPackedConvolution(_ node: Node, _ op: Convolution) throws -> View {
        let epilogue = fusion.epilogues[node.id]
        let weight = try view(node.inputs[1])
        let x = channelsLast(try view(node.inputs[0]), border: op.padding)
        let (channels, height, width) = (weight.shape[1], weight.shape[2], weight.shape[3])
        let last = epilogue?.last ?? node.id
        let (out, border) = channelsLastResult(graph[last].type, border: borderWanted(last))
        let residual = try epilogue?.residual.map { channelsLast(try view($0), border: 0) }

        var job = cpu_packed()
        (job.n, job.k, job.taps) = (Int64(node.shape[1]), Int64(channels * width), Int64(height))
        let size = x.dtype.size
        let taps = (0..<height).map { row in
            Int64(((row - op.padding) * x.strides[2] - op.padding * x.strides[3]) * size)
        }
        let stride = op.stride
        let all =
            [[x.strides[0], x.strides[2] * stride, x.strides[3] * stride]]
            + [out, residual ?? out].map { [$0.strides[0], $0.strides[2], $0.strides[3]] }
        let isWinograd = winogradPays(node, op, x.dtype, epilogue)
        var rows = [node.shape[0], node.shape[2], node.shape[3]]
        var strides = all
        if isWinograd {
            job.k = Int64(channels)
        } else {
            (rows, strides) = View.collapsed(rows, all)
        }
        while rows.count < 3 {
            rows.insert(1, at: 0)
            for side in strides.indices { strides[side].insert(0, at: 0) }
        }
        fill(&job.rows, with: rows.map(Int64.init))
        fill(&job.a_strides, with: strides[0].map(Int64.init))
        fill(&job.out_strides, with: strides[1].map(Int64.init))
        fill(&job.residual_strides, with: strides[2].map(Int64.init))
        job.is_bfloat16 = x.dtype == .bfloat16
        job.activation = epilogue?.activationCode ?? Int32(CPU_ACTIVATION_NONE)
        job.activates_last = epilogue?.activatesLast ?? false
        var source = cpu_pack()
        (source.n, source.k) = (Int64(node.shape[1]), Int64(channels))
        fill(&source.taps, with: isWinograd ? [4, 4] : [Int64(height), Int64(width)])
        fill(&source.strides, with: weight.strides.map(Int64.init))
        let operands = PackedOperands(
            a: x, weight: weight, bias: try epilogue?.bias.map { try contiguous($0) }, residual: residual, out: out,
            border: border)
        try addPacked(
            "convolution", "\(x.shape) \(weight.shape)\(isWinograd ? " winograd" : "")", job, source, operands,
            taps: taps,
            weight: node.inputs[1], flops: 2 * Double(node.shape.count) * Double(channels * height * width),
            isWinograd: isWinograd)
        if let epilogue { setView(out, of: epilogue.last) }
        return out
    }

    /// Whether Winograd's filtering is possible and faster. The batch has no say, so that results do not depend on it.
    private func winogradPays(_ node: Node, _ op: Convolution, _ dtype: DType, _ epilogue: Epilogue?) -> Bool {
        let weight = graph[node.inputs[1]].shape
        let (outputs, channels, height, width) = (weight[0], weight[1], node.shape[2], node.shape[3])
        guard weight[2] == 3, weight[3] == 3, op.stride == 1, op.padding == 1,
            channels.isMultiple(of: Int(kernels.lanes)),
            height.isMultiple(of: 2), width.isMultiple(of: 2), epilogue?.residual == nil,
            [CPU_ACTIVATION_NONE, CPU_ACTIVATION_RELU].map(Int32.init).contains(
                epilogue?.activationCode ?? Int32(CPU_ACTIVATION_NONE))
        else { return false }
        // Few channels do not pay for the transformations, and of few tiles the larger weights have to be read.
        return channels >= 32 && height * width >= 144 && channels * outputs <= 512 * 512
    }

    func planPool(channelsLast source: View, _ node: Node, _ kernel: Int, _ stride: Int) -> View {
        let isNarrow = fusion.packed.narrowResults.contains(node.id)
        let reader = isNarrow ? users[node.id][0] : node.id
        let type = TensorType(isNarrow ? .bfloat16 : node.dtype, node.shape)
        let (out, border) = channelsLastResult(type, border: borderWanted(reader))
        var job = cpu_pool()
        (job.batch, job.channels) = (Int64(node.shape[0]), Int64(node.shape[1]))
        (job.rows, job.columns) = (Int64(node.shape[2]), Int64(node.shape[3]))
        (job.kernel, job.stride) = (Int64(kernel), Int64(stride))
        (job.type, job.out_type) = (source.dtype.code, out.dtype.code)
        func steps(_ view: View) -> [Int64] { [view.strides[0], view.strides[2], view.strides[3]].map(Int64.init) }
        fill(&job.x_strides, with: steps(source))
        fill(&job.out_strides, with: steps(out))
        let (kernels, threads, prepared) = (kernels, Int32(threads), job)
        add(node.op.name, "\(node.shape) channels last", reads: [source.buffer], writes: [out.buffer]) { pointers in
            border?.clear(kernels, pointers[out.buffer])
            var job = prepared
            job.x = UnsafeRawPointer(pointers.at(source))
            job.out = pointers.at(out)
            kernels.pool_channels_last(&job, threads)
        }
        return out
    }

    /// Room for `[batch, channels, height, width]` with channels next to each other, inside a border of zeros.
    private func channelsLastResult(_ type: TensorType, border: Int) -> (View, Border?) {
        let (batch, channels, height, width) = (type.shape[0], type.shape[1], type.shape[2], type.shape[3])
        let whole = result(
            TensorType(type.dtype, [batch, height + 2 * border, width + 2 * border, channels]))
        let inner = whole.sliced(axis: 1, border..<border + height).sliced(axis: 2, border..<border + width)
            .transposed([0, 3, 1, 2])
        if border == 0 { return (inner, nil) }
        bordered[inner.buffer] = Bordered(view: inner, border: border)
        return (inner, Border(inner, border))
    }

    /// The padding of the convolutions that read `id`.
    func borderWanted(_ id: Node.ID) -> Int {
        users[id].compactMap { user in
            guard fusion.packed.convolutions.contains(user), graph[user].inputs[0] == id,
                case .convolution(let op) = graph[user].op
            else { return nil }
            return op.padding
        }.max() ?? 0
    }

    /// The picture with channels next to each other and pixels without gaps, inside a border; a copy where it is not so.
    func channelsLast(_ view: View, border: Int) -> View {
        let isDense = (view.strides[1] == 1 || view.shape[1] == 1) && view.strides[3] == view.shape[1]
        if isDense, border == 0 || bordered[view.buffer].map({ $0.view == view && $0.border >= border }) == true {
            return view
        }
        let (copy, edge) = channelsLastResult(TensorType(view.dtype, Shape(view.shape)), border: border)
        // Pixel by pixel, so that each is written once.
        let plan = cpu_copy(from: view.transposed([0, 2, 3, 1]), to: copy.transposed([0, 2, 3, 1]))
        let (size, kernels, threads) = (Int32(view.dtype.size), kernels, Int32(threads))
        add("copy", "\(view.shape) channels last", reads: [view.buffer], writes: [copy.buffer]) { pointers in
            edge?.clear(kernels, pointers[copy.buffer])
            withUnsafePointer(to: plan) { kernels.copy($0, pointers.at(view), pointers.at(copy), size, threads) }
        }
        return copy
    }
}

/// Where zeros go before a bordered result is written.
struct Border {
    private var plan = cpu_border()

    fileprivate init(_ view: View, _ border: Int) {
        (plan.batch, plan.height, plan.width) = (Int64(view.shape[0]), Int64(view.shape[2]), Int64(view.shape[3]))
        plan.border = Int64(border)
        plan.pixel = Int64(view.shape[1] * view.dtype.size)
    }

    func clear(_ kernels: cpu_kernels, _ base: UnsafeMutableRawPointer) {
        withUnsafePointer(to: plan) { kernels.clear_border($0, base) }
    }
}
