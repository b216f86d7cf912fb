import ArgumentParser
import CLIPKit
import YAML

/// `--model`, for every command that opens one.
struct ModelOption: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The model: a name that 'clip models list' shows, or a path of its directory. (default: CLIP_MODEL, else "
                + "starter)",
            valueName: "name|path"))
    var model: String?

    static let defaultModel = "starter"

    func value(in settings: Settings) throws -> Settings.Value {
        try settings.value(.model, flag: ("--model", model))
            ?? Settings.Value(text: Self.defaultModel, origin: "default")
    }
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
                + "processor multiplies it; auto takes bfloat16 there, and says so. (default: float32)",
            valueName: "auto|float32|bfloat16"))
    var precision: String?

    @Option(name: .long, help: ArgumentHelp("Threads of the encoders. (default: all processors)", valueName: "count"))
    var threads: Int?

    enum Precision: String, CaseIterable { case auto, float32, bfloat16 }

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

    /// The precision that holds; what `auto` means is up to the backend and the processor.
    func precision(
        in settings: Settings, _ runner: any Backend
    ) throws -> (CompileOptions.Precision, Settings.Value) {
        let (choice, value) = try settings.choice(
            .precision, flag: ("--precision", precision), default: Precision.float32)
        switch choice {
        case .float32: return (.float32, value)
        case .bfloat16: return (.bfloat16, value)
        case .auto: return (runner.capabilities.precisions.contains(.bfloat16) ? .bfloat16 : .float32, value)
        }
    }

    func compileOptions(
        in settings: Settings, _ runner: any Backend, note: (String) -> Void
    ) throws -> CompileOptions {
        let (precision, value) = try precision(in: settings, runner)
        if value.text == Precision.auto.rawValue { note("precision auto is \(precision.rawValue) on this processor") }
        let (count, _) = try settings.count(
            .threads, flag: ("--threads", threads), default: Threads.processorCount, maximum: Self.maximumThreads)
        return CompileOptions(precision: precision, threads: count)
    }
}

extension CommandContext {
    /// Opens the model that flags, environment or file name, ready to embed.
    func openModel(_ option: ModelOption, _ backend: BackendOptions) throws -> CLIPModel {
        let settings = try settings()
        let plugins = try registry()
        let directory = try modelStore().open(option.value(in: settings).text, plugins: plugins)
        return try ready(directory, backend, settings, plugins)
    }

    func ready(
        _ directory: ModelDirectory, _ backend: BackendOptions, _ settings: Settings, _ plugins: PluginRegistry
    ) throws -> CLIPModel {
        let name = try backend.name(in: settings, plugins)
        return try CLIPModel(
            directory, plugins: plugins, backend: name,
            options: backend.compileOptions(in: settings, plugins.backend(name), note: note))
    }
}
