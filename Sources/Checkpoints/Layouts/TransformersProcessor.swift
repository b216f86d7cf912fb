import YAML

/// How transformers prepares pictures: `preprocessor_config.json`, or since transformers 5 the part `image_processor` of
/// `processor_config.json`. Defaults: CLIPImageProcessor's and SiglipImageProcessor's.
struct TransformersProcessor {
    let folder: String
    let isSiglip: Bool

    private static let names = ["preprocessor_config.json", "processor_config.json"]

    func preprocess() throws -> YAMLNode {
        let settings = try settings()
        var steps = ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"]
        let crops = try settings.written("do_center_crop")?.bool() ?? !isSiglip
        if !isSiglip { steps.append("do_center_crop") }
        for step in steps {
            guard let isDone = settings.written(step), try !isDone.bool() else { continue }
            throw LayoutReading.refusal(isDone, "leaving this step out is not supported", remedy: "use true")
        }
        if let factor = settings.written("rescale_factor"), try abs(factor.double() * 255 - 1) > 1e-6 {
            throw LayoutReading.refusal(factor, "another factor than 1/255 is not supported", remedy: "use 1/255")
        }
        let (resize, mode) = try resizing(settings)
        let half = isSiglip ? YAMLNode.sequence(Array(repeating: .double(0.5), count: 3)) : nil
        return LayoutReading.mapping(
            [
                ("resize", resize), ("resizeMode", .string(mode)),
                ("interpolation", .string(try interpolation(settings))), ("crop", .string(crops ? "center" : "none")),
                ("cropSize", crops ? try cropSize(settings) : nil), ("cropRounding", .string("down")),
                ("convert", .string("first")), ("mean", settings.written("image_mean") ?? half),
                ("std", settings.written("image_std") ?? half),
            ], at: settings)
    }

    private func settings() throws -> YAMLNode {
        let files = Self.names.map { FileSystem.resolve($0, in: folder) }
        guard let file = files.first(where: FileSystem.isFile) else {
            throw CheckpointError(
                folder, "has no \(Self.names[0]), which says how pictures are resized and normalised; add it")
        }
        let node = try YAMLNode.load(file)
        if file == files[0] { return node }
        guard let settings = node.written("image_processor"), case .mapping = settings.content else {
            throw node.error(
                "'image_processor' is missing, which says how pictures are resized and normalised",
                remedy: "add \(Self.names[0])")
        }
        return settings
    }

    /// `size`: a number or `shortest_edge` is the shorter side; `height` and `width` are both.
    private func resizing(_ settings: YAMLNode) throws -> (YAMLNode, mode: String) {
        guard let size = settings.written("size") else { return (.int(224), isSiglip ? "squash" : "shortest") }
        guard case .mapping = size.content else { return (size, "shortest") }
        if let edge = size.written("shortest_edge"), size.written("longest_edge") == nil { return (edge, "shortest") }
        return (try square(size), "squash")
    }

    private func cropSize(_ settings: YAMLNode) throws -> YAMLNode {
        guard let size = settings.written("crop_size") else { return .int(224) }
        guard case .mapping = size.content else { return size }
        return try square(size)
    }

    private func square(_ size: YAMLNode) throws -> YAMLNode {
        guard let height = size.written("height"), let width = size.written("width"), try height.int() == width.int()
        else {
            throw size.error(
                "only shortest_edge, or an equal height and width, is supported",
                remedy: "the model cannot be used here")
        }
        return height
    }

    /// `resample` by Pillow's numbers.
    private func interpolation(_ settings: YAMLNode) throws -> String {
        guard let node = settings.written("resample") else { return "bicubic" }
        switch try node.int() {
        case 2: return "bilinear"
        case 3: return "bicubic"
        default:
            throw LayoutReading.refusal(
                node, "the filter \(try node.int()) is not supported", remedy: "use 2 (bilinear) or 3 (bicubic)")
        }
    }
}
