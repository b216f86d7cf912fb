public import Multimodal

/// Provides the loss `sigmoid`.
public struct SigmoidPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.loss("sigmoid") { try SigmoidContrastiveLoss($0) }
    }
}
