// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "clip",
    targets: [
        .target(name: "ModelGraph"),
        .systemLibrary(
            name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
        .target(name: "YAML", dependencies: ["CLibYAML"]),
        .target(name: "AtomicFiles"),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "JSONLines", dependencies: ["CSimdJSON"]),
        .target(name: "Multimodal", dependencies: ["ModelGraph", "YAML"]),
        .plugin("ViTEncoder", "ViT"),
        .plugin("TransformerEncoder", "Transformer"),
        .plugin("InfoNCELoss", "InfoNCE"),
        .plugin("ReferenceBackend", "Reference"),
        .plugin("ResNetEncoder", "ResNet"),
        .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
        .testTarget(name: "AtomicFilesTests", dependencies: ["AtomicFiles"]),
    ],
    cxxLanguageStandard: .cxx17
)

extension Target {
    /// A first-party plugin in `Plugins/<folder>`: it may import what a stranger's plugin may.
    static func plugin(_ name: String, _ folder: String, dependencies: [Target.Dependency] = []) -> Target {
        .target(
            name: name, dependencies: ["Multimodal"] + dependencies, path: "Plugins/\(folder)",
            exclude: ["README.md"], sources: ["Sources"], resources: [.embedInCode("plugin.yaml")])
    }
}

for target in package.targets where ![.system, .binary].contains(target.type) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
