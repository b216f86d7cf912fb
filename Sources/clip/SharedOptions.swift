import ArgumentParser
import CLIPKit
import YAML

/// `--model`, for every command that opens one.
struct ModelOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The model: a name that 'clip models list' shows, hf:ORG/NAME in the hub's cache, or a path of a directory or "
                + "of weights. (default: CLIP_MODEL, else starter)",
            valueName: "name|path"))
    var model: String?

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

    static let defaultModel = "starter"

    func value(in settings: Settings) throws -> Settings.Value {
        try settings.value(.model, flag: ("--model", model))
            ?? Settings.Value(text: Self.defaultModel, origin: "default")
    }
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

/// What runs a model.
struct BackendOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("What computes: a backend of 'clip plugins list'. (default: cpu)", valueName: "name"))
    var backend: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Precision of products: auto (the backend's best without loss) or float32. (default: auto)",
            valueName: "precision"))
    var precision: String?

    @Option(name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
    var threads: Int?

    enum Precision: String, CaseIterable { case auto, float32 }

    static let maximumThreads = 1024

    /// The backend that is taken where nobody names one.
    static func defaultBackend(_ plugins: PluginRegistry) -> String {
        plugins.names(of: .backend).contains("cpu") ? "cpu" : "reference"
    }

    func backend(in settings: Settings, _ plugins: PluginRegistry) throws -> Settings.Value {
        try settings.value(.backend, flag: ("--backend", backend))
            ?? Settings.Value(text: Self.defaultBackend(plugins), origin: "default")
    }

    func compileOptions(in settings: Settings) throws -> CompileOptions {
        // Both mean float32 so far: nothing faster gives the same numbers.
        _ = try settings.choice(.precision, flag: ("--precision", precision), default: Precision.auto)
        let (count, _) = try settings.count(
            .threads, flag: ("--threads", threads), default: Threads.processorCount, maximum: Self.maximumThreads)
        return CompileOptions(precision: .float32, threads: count)
    }
}

extension CommandContext {
    /// Opens the model that flags, environment or file name, ready to embed.
    func openModel(_ option: ModelOption, _ trust: TrustOption, _ backend: BackendOptions) throws -> CLIPModel {
        let settings = try settings()
        let plugins = try registry()
        let directory = try modelStore(trusts: trust.trustModel).open(
            option.value(in: settings).text, plugins: plugins, options: option.options())
        return try ready(directory, backend, settings, plugins)
    }

    func ready(
        _ directory: ModelDirectory, _ backend: BackendOptions, _ settings: Settings, _ plugins: PluginRegistry
    ) throws -> CLIPModel {
        let name = try backend.backend(in: settings, plugins)
        guard plugins.names(of: .backend).contains(name.text) else {
            let remedy = NearestName.remedy(for: name.text, among: plugins.names(of: .backend))
            throw UsageError("\(name.origin): there is no backend '\(name.text)'; \(remedy)")
        }
        return try CLIPModel(
            directory, plugins: plugins, backend: name.text, options: backend.compileOptions(in: settings))
    }
}
