// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "clip",
    targets: [
        .target(name: "ModelGraph"),
        .systemLibrary(name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
        .target(name: "YAML", dependencies: ["CLibYAML"]),
        .target(name: "AtomicFiles"),
        .target(name: "Multimodal", dependencies: ["ModelGraph", "YAML"]),
        .testTarget(name: "YAMLTests", dependencies: ["YAML"]),
        .testTarget(name: "AtomicFilesTests", dependencies: ["AtomicFiles"]),
    ],
    cxxLanguageStandard: .cxx17
)

for target in package.targets where ![.system, .binary].contains(target.type) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
