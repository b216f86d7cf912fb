// swift-tools-version: 6.2
import PackageDescription

// In a repository of yours, the dependency is a URL and a version.
let package = Package(
    name: "ThirdPartyPlugin",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "clip", path: "../..")],
    targets: [
        .target(
            name: "ColorGrid", dependencies: [.product(name: "Multimodal", package: "clip")], path: "ColorGrid",
            resources: [.embedInCode("plugin.yaml")]),
        .executableTarget(
            name: "my-clip", dependencies: ["ColorGrid", .product(name: "ClipCommands", package: "clip")]),
        .testTarget(
            name: "ColorGridTests",
            dependencies: [
                "ColorGrid", .product(name: "MultimodalTesting", package: "clip"),
                .product(name: "StandardPlugins", package: "clip"),
            ]),
    ]
)
