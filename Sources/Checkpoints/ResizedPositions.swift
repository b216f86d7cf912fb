import ModelGraph

/// Weights whose learned positions are resized to what a model needs: a ViT's to another grid of patches, a text tower's
/// to another length. Everything else is as the file has it.
///
/// As mlfoundations/open_clip src/open_clip/model.py does it: `resize_pos_embed` (bicubic, antialiased, the class token's
/// position kept) and `resize_text_pos_embed` (linear). Resized positions are float32, whatever the file's are.
struct ResizedPositions: MappedWeightFile {
    private enum Form {
        /// Squares of `from` and `to` patches a side, after the position of the class token where there is one.
        case grid(from: Int, to: Int, hasClass: Bool)
        case line(from: Int, to: Int)

        /// Positions after resizing.
        var count: Int {
            switch self {
            case .line(_, let to): to
            case .grid(_, let to, let hasClass): to * to + (hasClass ? 1 : 0)
            }
        }
    }

    private let base: any MappedWeightFile
    private let forms: [String: Form]
    let entries: [WeightEntry]

    /// `weights`, with positions resized where `parameters` need another number of them.
    static func fitting(
        _ weights: any WeightFile, to parameters: [(name: String, shape: Shape)], _ keys: KeyMap
    ) -> any WeightFile {
        guard let base = weights as? any MappedWeightFile else { return weights }
        var forms: [String: Form] = [:]
        for (name, shape) in parameters {
            let isGrid = name == "visual.positional_embedding"
            guard isGrid || name == "positional_embedding", shape.rank == 2,
                let entry = keys.row(for: name).tensors.first.flatMap({ keys.find($0, in: weights) }),
                entry.type.shape.rank >= 2, entry.type.dtype.isFloat
            else { continue }
            let dimensions = entry.type.shape.dimensions
            let count = dimensions[dimensions.count - 2]
            guard dimensions.last == shape[1], dimensions.dropLast(2).allSatisfy({ $0 == 1 }), count != shape[0] else {
                continue
            }
            if !isGrid {
                forms[entry.name] = .line(from: count, to: shape[0])
            } else if let from = side(count - 1), let to = side(shape[0] - 1) {
                forms[entry.name] = .grid(from: from, to: to, hasClass: true)
            } else if let from = side(count), let to = side(shape[0]) {
                forms[entry.name] = .grid(from: from, to: to, hasClass: false)
            }
        }
        return forms.isEmpty ? weights : ResizedPositions(base: base, forms: forms)
    }

    private init(base: any MappedWeightFile, forms: [String: Form]) {
        self.base = base
        self.forms = forms
        entries = base.entries.map { entry in
            guard let form = forms[entry.name] else { return entry }
            var dimensions = entry.type.shape.dimensions
            dimensions[dimensions.count - 2] = form.count
            return WeightEntry(name: entry.name, type: TensorType(.float32, Shape(dimensions)))
        }
    }

    var path: String { base.path }
    var files: [MappedFile] { base.files }
    var unusable: [String: String] { base.unusable }
    var ignored: [String] { base.ignored }
    func release(_ name: String) { base.release(name) }

    subscript(name: String) -> WeightEntry? {
        forms[name] == nil ? base[name] : entries.first { $0.name == name }
    }

    func tensor(_ name: String) throws(CheckpointError) -> TensorData {
        let values = try base.tensor(name)
        guard let form = forms[name], let type = self[name]?.type, let width = type.shape.dimensions.last else {
            return values
        }
        let rows = values.floats
        var resized: [Float]
        switch form {
        case .line(let from, let to):
            resized = Resampling.linear(from: from, to: to).apply(to: rows, outer: 1, inner: width)
        case .grid(let from, let to, let hasClass):
            let bicubic = Resampling.bicubic(from: from, to: to)
            let kept = hasClass ? Array(rows.prefix(width)) : []
            let wide = bicubic.apply(to: Array(rows.dropFirst(kept.count)), outer: from, inner: width)
            resized = kept + bicubic.apply(to: wide, outer: 1, inner: to * width)
        }
        return TensorData(type, converting: resized)
    }

    /// The side of a square of `count` cells, if they make one.
    private static func side(_ count: Int) -> Int? {
        guard count > 0 else { return nil }
        let side = Int(Double(count).squareRoot().rounded())
        return side * side == count ? side : nil
    }
}

/// Weighted sums along one axis, as torch.nn.functional.interpolate makes them with `align_corners=False`.
private struct Resampling {
    /// For each result, the first source and the weights of it and its successors.
    var taps: [(first: Int, weights: [Double])]
    var from: Int

    /// Bicubic with antialiasing: PyTorch aten/src/ATen/native/cpu/UpSampleKernel.cpp (`HelperInterpCubic`), where the
    /// kernel is Pillow's, with a = -0.5, and widens where the axis shrinks.
    static func bicubic(from: Int, to: Int) -> Resampling {
        let scale = Double(from) / Double(to)
        let stretch = max(scale, 1)
        let taps = (0..<to).map { index -> (first: Int, weights: [Double]) in
            let center = scale * (Double(index) + 0.5)
            let first = max(Int(center - 2 * stretch + 0.5), 0)
            let end = min(Int(center + 2 * stretch + 0.5), from)
            let weights = (first..<max(end, first)).map { cubic((Double($0) - center + 0.5) / stretch) }
            let sum = weights.reduce(0, +)
            return (first, weights.map { $0 / sum })
        }
        return Resampling(taps: taps, from: from)
    }

    static func linear(from: Int, to: Int) -> Resampling {
        let scale = Double(from) / Double(to)
        let taps = (0..<to).map { index -> (first: Int, weights: [Double]) in
            let place = max(scale * (Double(index) + 0.5) - 0.5, 0)
            let first = min(Int(place), from - 1)
            let second = place - Double(first)
            return first == from - 1 ? (first, [1]) : (first, [1 - second, second])
        }
        return Resampling(taps: taps, from: from)
    }

    private static func cubic(_ x: Double) -> Double {
        let x = abs(x)
        if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
        return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0
    }

    /// `values [outer, from, inner]` to `[outer, to, inner]`.
    func apply(to values: [Float], outer: Int, inner: Int) -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(outer * taps.count * inner)
        for block in 0..<outer {
            for tap in taps {
                for place in 0..<inner {
                    var sum = 0.0
                    for (offset, weight) in tap.weights.enumerated() {
                        sum += weight * Double(values[(block * from + tap.first + offset) * inner + place])
                    }
                    result.append(Float(sum))
                }
            }
        }
        return result
    }
}
