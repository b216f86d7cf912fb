public import Multimodal

/// Provides the loss `info-nce`.
public struct InfoNCEPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.loss("info-nce") { try InfoNCE($0) }
    }
}
