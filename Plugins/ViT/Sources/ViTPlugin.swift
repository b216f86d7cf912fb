public import Multimodal

/// Provides the image encoder `vit`.
public struct ViTPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.imageEncoder("vit") { try VisionTransformer($0) }
    }
}
