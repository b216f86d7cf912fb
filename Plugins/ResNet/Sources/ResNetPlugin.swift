public import Multimodal

/// Provides the image encoder `resnet`.
public struct ResNetPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.imageEncoder("resnet") { try ModifiedResNet($0) }
    }
}
