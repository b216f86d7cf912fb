public import Multimodal

/// Provides the backend `cpu`.
public struct CPUPlugin: Plugin {
    public init() {}

    public var manifest: [UInt8] { PackageResources.plugin_yaml }

    public func register(in registrar: inout PluginRegistrar) {
        registrar.backend("cpu") { _ in
            try InstructionSets.checkEnvironment()
            return CPUBackend()
        }
    }
}
