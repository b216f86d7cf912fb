public import Multimodal

/// Provides the image encoder `color-grid`.
public struct ColorGridPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.imageEncoder("color-grid") { try ColorGrid($0) }
    }
}
