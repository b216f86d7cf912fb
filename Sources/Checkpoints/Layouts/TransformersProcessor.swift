import Multimodal
import YAML

/// How transformers prepares pictures: the part `image_processor` of `processor_config.json`, or, where there is none,
/// `preprocessor_config.json`. What is not written is as the class has it that the file names, or the model's own.
struct TransformersProcessor {
    let folder: String
    /// The class where the processor's file names none: that of `config.json`, or the model's.
    let otherwise: TransformersProcessorClass

    private static let (name, sharedName) = ("preprocessor_config.json", "processor_config.json")

    func preprocess() throws -> YAMLNode {
        let settings = try settings()
        try KeyTable.transformersProcessor.check(settings)
        let named = settings.written("image_processor_type") ?? settings.written("feature_extractor_type")
        let kind = try named.map(TransformersProcessorClass.named) ?? otherwise
        for step in ["do_resize", "do_rescale", "do_normalize"] where try !isDone(step, settings, true) {
            throw LayoutReading.refusal(
                settings[path: step] ?? settings, "leaving this step out is not supported", remedy: "use true")
        }
        // Where it is null, as SigLIP's files have it, images are expected to be RGB, and those are the same.
        if let converts = settings.written("do_convert_rgb"), try !converts.bool() {
            throw LayoutReading.refusal(converts, "leaving this step out is not supported", remedy: "use true")
        }
        if let factor = settings[path: "rescale_factor"], try abs(factor.double() * 255 - 1) > 1e-6 {
            throw LayoutReading.refusal(factor, "another factor than 1/255 is not supported", remedy: "use 1/255")
        }
        return LayoutReading.mapping(
            try geometry(settings, kind) + [
                ("interpolation", .string(try interpolation(settings) ?? kind.interpolation)),
                ("cropRounding", .string("down")), ("convert", .string("first")),
                ("alpha", .string("white")),
                ("mean", try channels(settings[path: "image_mean"], kind.mean)),
                ("std", try channels(settings[path: "image_std"], kind.std)),
            ], at: settings)
    }

    private func settings() throws -> YAMLNode {
        let shared = FileSystem.resolve(Self.sharedName, in: folder)
        let own = FileSystem.resolve(Self.name, in: folder)
        if FileSystem.isFile(shared) {
            let node = try YAMLNode.loadJSON(shared)
            try KeyTable.transformersProcessors.check(node)
            if let settings = node.written("image_processor"), case .mapping = settings.content { return settings }
            guard FileSystem.isFile(own) else {
                throw node.error(
                    "'image_processor' is missing, which says how pictures are resized and normalised",
                    remedy: "add \(Self.name)")
            }
        }
        guard FileSystem.isFile(own) else {
            throw CheckpointError(
                folder, "has no \(Self.name), which says how pictures are resized and normalised; add it")
        }
        return try YAMLNode.loadJSON(own)
    }

    /// Whether a step is done: as the class has it where the key is not there. Null is false.
    private func isDone(_ step: String, _ settings: YAMLNode, _ otherwise: Bool) throws -> Bool {
        guard let node = settings[path: step] else { return otherwise }
        return try !node.isNull && node.bool()
    }

    // MARK: - Size and crop

    private func geometry(
        _ settings: YAMLNode, _ kind: TransformersProcessorClass
    ) throws -> [(key: String, value: YAMLNode?)] {
        let (size, isShortest) = try resizing(settings, kind)
        let step = settings[path: "do_center_crop"]
        let crops = try isDone("do_center_crop", settings, kind.crop != nil)
        if let share = kind.cropShare {
            guard isShortest, !crops else {
                throw LayoutReading.refusal(
                    crops ? step ?? settings : size, "this processor crops in resizing, to shortest_edge",
                    remedy: "leave out do_center_crop, and write size as shortest_edge")
            }
            return try shared(size, settings.written("crop_pct"), share)
        }
        if let step, isShortest, !crops {
            throw LayoutReading.refusal(
                step, "pictures would keep their proportions, and the tower takes squares",
                remedy: "use true, or write size as height and width")
        }
        return [
            ("resize", size), ("resizeMode", .string(isShortest ? "shortest" : "squash")),
            ("crop", .string(crops ? "center" : "none")), ("cropSize", crops ? try cropSize(settings, kind) : nil),
        ]
    }

    /// ConvNextImageProcessor: small pictures are cut from larger ones, others squashed.
    private func shared(
        _ size: YAMLNode, _ written: YAMLNode?, _ share: Double
    ) throws -> [(key: String, value: YAMLNode?)] {
        let pixels = try size.int(in: 1...1 << 20)
        if pixels >= 384 { return [("resize", size), ("resizeMode", .string("squash")), ("crop", .string("none"))] }
        let share = try written?.double() ?? share
        guard share > 0, share <= 1 else {
            throw LayoutReading.refusal(written ?? size, "a share of pictures is above 0, up to 1", remedy: "use 0.875")
        }
        return [
            ("resize", LayoutReading.number(Int(Double(pixels) / share), from: written ?? size)),
            ("resizeMode", .string("shortest")), ("crop", .string("center")), ("cropSize", size),
        ]
    }

    /// `size`: `shortest_edge` is the shorter side; `height` and `width`, or a list, are both; a number is either.
    private func resizing(
        _ settings: YAMLNode, _ kind: TransformersProcessorClass
    ) throws -> (YAMLNode, isShortest: Bool) {
        guard let size = settings[path: "size"] else { return (.int(kind.size.pixels), kind.size.isShortest) }
        switch size.content {
        case .scalar:
            let squares = try isDone("default_to_square", settings, kind.squaresNumber)
            return (size, !squares)
        case .sequence: return (try LayoutReading.side(size), false)
        case .mapping(let entries):
            let names = entries.filter { !$0.value.isNull }.map(\.key)
            if names == ["shortest_edge"], let edge = size.written("shortest_edge") { return (edge, true) }
            return (try square(size), false)
        }
    }

    private func cropSize(_ settings: YAMLNode, _ kind: TransformersProcessorClass) throws -> YAMLNode {
        guard let size = settings[path: "crop_size"] else {
            guard let crop = kind.crop else {
                throw (settings.written("do_center_crop") ?? settings).error(
                    "'crop_size' is missing, which this image processor has no default for", remedy: "add it")
            }
            return .int(crop)
        }
        switch size.content {
        case .scalar: return size
        case .sequence: return try LayoutReading.side(size)
        case .mapping: return try square(size)
        }
    }

    private func square(_ size: YAMLNode) throws -> YAMLNode {
        guard case .mapping(let entries) = size.content, entries.count(where: { !$0.value.isNull }) == 2,
            let height = size.written("height"),
            let width = size.written("width"), try height.int() == width.int()
        else {
            throw size.error(
                "only shortest_edge, or an equal height and width, is supported",
                remedy: "the model cannot be used here")
        }
        return height
    }

    // MARK: - Values

    /// `resample` by Pillow's numbers.
    private func interpolation(_ settings: YAMLNode) throws -> String? {
        guard let node = settings[path: "resample"] else { return nil }
        switch try node.int() {
        case 2: return "bilinear"
        case 3: return "bicubic"
        default:
            throw LayoutReading.refusal(
                node, "the filter \(try node.int()) is not supported", remedy: "use 2 (bilinear) or 3 (bicubic)")
        }
    }

    /// Three numbers, or one for each of the three.
    private func channels(_ node: YAMLNode?, _ values: [Double]) throws -> YAMLNode {
        guard let node else { return .sequence(values.map(YAMLNode.double)) }
        guard case .scalar = node.content else { return node }
        return YAMLNode(.sequence([node, node, node]), at: node.location)
    }
}
