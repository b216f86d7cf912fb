import ArgumentParser
import CLIPKit
import YAML

/// `--model`, for every command that opens one.
struct ModelOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The model: a name that 'clip models list' shows, hf:ORG/NAME in the hub's cache, or a path, which has a slash, "
                + "of a directory or of weights. (default: CLIP_MODEL, else starter)",
            valueName: "name|path"))
    var model: String?

    @OptionGroup var openingOptions: OpeningOptions

    /// How the model is opened.
    func options() throws -> ModelDirectory.Options { try openingOptions.options() }

    static let defaultModel = "starter"

    /// Opens the model that holds. An error about a name that no flag gave says where it comes from.
    func opening<T>(in settings: Settings, _ open: (String) throws -> T) throws -> T {
        let value = try value(in: settings)
        do {
            return try open(value.text)
        } catch let error as CheckpointError where error.path == value.text && value.origin != "--model" {
            throw CheckpointError(value.origin == "default" ? "the default" : value.origin, "\(error)")
        }
    }

    /// Whether a flag, the environment or the user's file names a model.
    func isNamed(in settings: Settings) throws -> Bool { try value(in: settings).origin != "default" }

    func value(in settings: Settings) throws -> Settings.Value {
        try settings.value(.model, flag: ("--model", model))
            ?? Settings.Value(text: Self.defaultModel, origin: "default")
    }
}

/// `--config` and `--image-size`, for every command that opens a model, whether it is named by `--model` or an argument.
struct OpeningOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The description of a bare file of weights: model.yaml, open_clip_config.json, config.json, or one of "
                + "open_clip's model_configs. CLIP's merges are looked for beside it, beside the weights, then in "
                + "CLIP_BPE_MERGES.", valueName: "file"))
    var config: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Height and width of the pictures that the image encoder takes; its positions are resized. (default: the "
                + "model's)", valueName: "pixels"))
    var imageSize: Int?

    /// How the model is opened.
    func options() throws -> ModelDirectory.Options {
        if let imageSize, !(1...8192).contains(imageSize) {
            throw UsageError("--image-size is \(imageSize); use 1 to 8192")
        }
        return ModelDirectory.Options(config: config, imageSize: imageSize)
    }

    /// Whether anything is asked for, which a model that is found by itself may not be able to do.
    var areGiven: Bool { config != nil || imageSize != nil }
}

/// `--trust-model`, for every command that reads a model's weights.
struct TrustOption: ParsableArguments {
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Take a downloaded model at its word where it contradicts what is published of it. (default: "
                + "CLIP_TRUST_MODEL, else false)"))
    var trustModel = false
}

/// What commands that write say of it; `OutputRule` is the rule.
enum OutputHelp {
    static let folder =
        "The directory is new or empty, or the same command made it from the same source and nobody changed it since; "
        + "anything else is refused, and so are the source itself, folders in it and folders around it."
    static let force: ArgumentHelp =
        "Write into the directory whatever is there: files of the names that are written are replaced, all others stay."
}

/// What runs a model.
struct BackendOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("What computes: a backend of 'clip plugins list'. (default: cpu)", valueName: "name"))
    var backend: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Precision of products: float32 gives the published numbers; bfloat16 is nearly the same and faster where the "
                + "processor multiplies it; int8 is faster still and less exact; auto takes bfloat16 where it is faster, and "
                + "says so. (default: the model's, else float32)",
            valueName: "auto|float32|bfloat16|int8"))
    var precision: String?

    @Option(name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
    var threads: Int?

    enum Precision: String, CaseIterable { case auto, float32, bfloat16, int8 }

    static let maximumThreads = 1024

    /// The backend that is taken where nobody names one.
    static func defaultBackend(_ plugins: PluginRegistry) -> String {
        plugins.names(of: .backend).contains("cpu") ? "cpu" : "reference"
    }

    func backend(in settings: Settings, _ plugins: PluginRegistry) throws -> Settings.Value {
        try settings.value(.backend, flag: ("--backend", backend))
            ?? Settings.Value(text: Self.defaultBackend(plugins), origin: "default")
    }

    /// The name of a backend that there is.
    func name(in settings: Settings, _ plugins: PluginRegistry) throws -> String {
        let name = try backend(in: settings, plugins)
        guard plugins.names(of: .backend).contains(name.text) else {
            let remedy = NearestName.remedy(for: name.text, among: plugins.names(of: .backend))
            throw UsageError("\(name.origin): there is no backend '\(name.text)'; \(remedy)")
        }
        return name.text
    }

    /// The precision that holds: the one asked for, else that of a quantised `model`, else float32. What `auto` means is
    /// up to the model, the backend and the processor. One that the backend lacks is an error where somebody asked for it.
    func precision(
        in settings: Settings, _ runner: any Backend, model: QuantizationRecord? = nil
    ) throws -> (CompileOptions.Precision, Settings.Value) {
        let precisions = runner.capabilities.precisions
        let own = model.flatMap { precisions.contains($0.precision) ? $0.precision : nil }
        let (choice, value) = try settings.choice(
            .precision, flag: ("--precision", precision), default: Precision.float32)
        if let own, value.origin == "default" { return (own, Settings.Value(text: own.rawValue, origin: "model.yaml")) }
        switch choice {
        case .float32: return (.float32, value)
        case .bfloat16: return (.bfloat16, value)
        case .int8:
            guard precisions.contains(.int8) else {
                throw UsageError(
                    "\(value.origin) is 'int8', which this backend does not compute in; use "
                        + precisions.map(\.rawValue).joined(separator: " or ") + ", or --backend cpu")
            }
            return (.int8, value)
        case .auto: return (own ?? (precisions.contains(.bfloat16) ? .bfloat16 : .float32), value)
        }
    }

    func compileOptions(
        in settings: Settings, _ runner: any Backend, model: QuantizationRecord? = nil, note: (String) -> Void
    ) throws -> CompileOptions {
        let (precision, value) = try precision(in: settings, runner, model: model)
        if let model, model.precision != precision, value.origin == "default" {
            note(
                "the model is made for \(model.precision.rawValue), which this backend lacks; it runs in \(precision.rawValue)"
            )
        }
        if value.text == Precision.auto.rawValue { note("precision auto is \(precision.rawValue) on this processor") }
        let (count, _) = try settings.count(
            .threads, flag: ("--threads", threads), default: Threads.processorCount, maximum: Self.maximumThreads)
        return CompileOptions(precision: precision, threads: count)
    }
}

extension CommandContext {
    /// Opens the model that flags, environment or file name, ready to embed.
    func openModel(
        _ option: ModelOption, _ trust: TrustOption, _ backend: BackendOptions, _ images: ImageDecodingOptions
    ) throws -> CLIPModel {
        let settings = try settings()
        let plugins = try registry()
        let directory = try option.opening(in: settings) { name in
            try modelStore(trusts: trust.trustModel).open(name, plugins: plugins, options: option.options())
        }
        return try ready(directory, backend, images, settings, plugins, isNamed: option.isNamed(in: settings))
    }

    /// - Parameter isNamed: whether somebody chose this model; of one that nobody did, it is told where it is out of place.
    func ready(
        _ directory: ModelDirectory, _ backend: BackendOptions, _ images: ImageDecodingOptions, _ settings: Settings,
        _ plugins: PluginRegistry, isNamed: Bool
    ) throws -> CLIPModel {
        let name = try backend.name(in: settings, plugins)
        return try CLIPModel(
            directory, plugins: plugins, backend: name,
            options: backend.compileOptions(
                in: settings, plugins.backend(name), model: directory.config.quantization, note: note),
            imageOptions: images.options, onClippedImage: ImageDecodingOptions.noteOnce(note),
            onImage: isNamed ? nil : imageKindNote(directory))
    }

    /// Looks at images for a model that nobody named.
    private func imageKindNote(_ directory: ModelDirectory) throws -> (@Sendable (Image) -> Void)? {
        let known = "ViT-B-32:openai"
        let isHere = (try? modelStore().path(of: known)) != nil
        let remedy =
            isHere
            ? "for photos add --model \(known)" : "for photos 'clip models pull \(known)' and add --model \(known)"
        guard let note = try ImageKindNote(directory, remedy: remedy, note: { self.note($0) }) else { return nil }
        return { image in note.look(at: image) }
    }
}
