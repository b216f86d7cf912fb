public import Multimodal

/// Provides the text encoder `transformer`.
public struct TransformerPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.textEncoder("transformer") { try TextTransformer($0) }
    }
}
