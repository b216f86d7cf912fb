public import Multimodal

/// Provides the backend `reference`.
public struct ReferencePlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.backend("reference") { _ in ReferenceBackend() }
    }
}
