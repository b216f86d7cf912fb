// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "clip",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "CLIPKit", targets: ["CLIPKit"]),
        .library(name: "ClipCommands", targets: ["ClipCommands"]),
        .library(name: "Multimodal", targets: ["Multimodal"]),
        .library(name: "MultimodalTesting", targets: ["MultimodalTesting"]),
        .library(
            name: "StandardPlugins",
            targets: [
                "BPETokenizer", "CPUBackend", "InfoNCELoss", "ReferenceBackend", "ResNetEncoder",
                "SentencePieceTokenizer", "SigmoidLoss", "TransformerEncoder", "ViTEncoder",
            ]),
        .executable(name: "clip", targets: ["clip"]),
        .executable(name: "starter-score", targets: ["StarterScore"]),
        .executable(name: "starter-world", targets: ["StarterWorld"]),
    ],
    dependencies: [.package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")],
    targets: [
        // The graph, what plugins conform to, and what joins them
        .target(name: "ModelGraph"),
        .target(name: "YAML", dependencies: ["CLibYAML"]),
        .target(name: "Multimodal", dependencies: ["ModelGraph", "YAML"]),
        .target(name: "MultimodalTesting", dependencies: ["Multimodal", "YAML"]),

        // Files, pictures, the wire
        .target(name: "AtomicFiles"),
        .target(name: "Imaging", dependencies: ["AtomicFiles", "CImageCodecs"]),
        .target(name: "JSONLines", dependencies: ["CSimdJSON"], exclude: ["FORMAT.md"]),
        .target(
            name: "Checkpoints", dependencies: ["AtomicFiles", "Imaging", "Multimodal", "YAML"],
            resources: [.embedInCode("Published/published.yaml")]),
        .target(name: "Hub", dependencies: ["AtomicFiles", "CHub", "Checkpoints", "JSONLines", "Multimodal", "YAML"]),
        .target(
            name: "Training",
            dependencies: ["AtomicFiles", "Checkpoints", "Imaging", "JSONLines", "Multimodal", "YAML"]),

        // What applications import, and the command line
        .target(
            name: "CLIPKit",
            dependencies: [
                "AtomicFiles", "CDotProducts", "Checkpoints", "Hub", "Imaging", "JSONLines", "Multimodal", "Training",
                "YAML",
            ]),
        .target(
            name: "ClipCommands",
            dependencies: [
                "AtomicFiles", "CLIPKit", "YAML",
                "BPETokenizer", "CPUBackend", "InfoNCELoss", "ReferenceBackend", "ResNetEncoder",
                "SentencePieceTokenizer", "SigmoidLoss", "TransformerEncoder", "ViTEncoder",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ], path: "Sources/clip", exclude: ["Main"]),
        .executableTarget(name: "clip", dependencies: ["ClipCommands"], path: "Sources/clip/Main"),

        // Plugins
        .plugin("BPETokenizer", "BPE", dependencies: ["CZlib"]),
        .plugin("CPUBackend", "CPU", dependencies: ["CPUKernels"], exclude: ["Kernels"]),
        .plugin("InfoNCELoss", "InfoNCE"),
        .plugin("ReferenceBackend", "Reference"),
        .plugin("ResNetEncoder", "ResNet"),
        .plugin("SentencePieceTokenizer", "SentencePiece"),
        .plugin("SigmoidLoss", "Sigmoid"),
        .plugin("TransformerEncoder", "Transformer"),
        .plugin("ViTEncoder", "ViT"),

        // C: system libraries, and what Swift cannot do or does not do as fast
        // Opened when first used (see CDynamicLibrary), so nothing is linked.
        .systemLibrary(
            name: "CLibCurl", providers: [.apt(["libcurl4-openssl-dev", "libssl-dev"]), .brew(["curl"])]),
        .systemLibrary(
            name: "CLibJPEG", pkgConfig: "libjpeg", providers: [.apt(["libjpeg-dev"]), .brew(["jpeg-turbo"])]),
        .systemLibrary(name: "CLibPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
        .systemLibrary(
            name: "CLibWebP", pkgConfig: "libwebpdemux", providers: [.apt(["libwebp-dev"]), .brew(["webp"])]),
        .systemLibrary(
            name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"]), .brew(["libyaml"])]),
        .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
        .target(name: "CDotProducts"),
        .target(name: "CDynamicLibrary", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
        .target(name: "CHub", dependencies: ["CDynamicLibrary", "CLibCurl"]),
        .target(
            name: "CImageCodecs", dependencies: ["CDynamicLibrary", "CLibJPEG", "CLibPNG", "CLibWebP", "CZlib"]),
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(
            name: "CPUKernels", dependencies: ["COneDNN"], path: "Plugins/CPU/Kernels",
            linkerSettings: [
                .linkedLibrary("dnnl"), .linkedLibrary("pthread"), .linkedLibrary("dl", .when(platforms: [.linux])),
            ]),

        // Examples
        .executableTarget(
            name: "StarterWorld", dependencies: ["Imaging"], path: "Examples/Starter/Sources/StarterWorld"),

        .executableTarget(
            name: "StarterScore", dependencies: ["CLIPKit", "ClipCommands", "YAML"],
            path: "Examples/Starter/Sources/StarterScore"),

        // What tests share
        .target(name: "CAllocationCount", path: "Tests/Support/CAllocationCount"),
        .target(name: "CSanitizerProbes", path: "Tests/Support/CSanitizerProbes"),
        .target(name: "LoopbackServer", path: "Tests/Support/LoopbackServer"),
        .target(
            name: "TestModels",
            dependencies: [
                "Checkpoints", "Multimodal", "TestSupport", "YAML", "InfoNCELoss", "TransformerEncoder", "ViTEncoder",
            ], path: "Tests/Support/TestModels"),
        .target(name: "TestSupport", dependencies: ["ModelGraph"], path: "Tests/Support/TestSupport"),

        .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "Checkpoints", "Imaging", "JSONLines", "ModelGraph", "Multimodal", "TestModels", "TestSupport", "YAML",
                "BPETokenizer", "SentencePieceTokenizer",
            ], path: "Tests/Fuzz/Targets"),
        .executableTarget(
            name: "fuzz", dependencies: ["CFuzzer", "FuzzTargets", "TestSupport"], path: "Tests/Fuzz/Program"),

        // Tests, in the same order
        .testTarget(
            name: "ModelGraphTests", dependencies: ["ModelGraph", "Multimodal", "ReferenceBackend", "TestSupport"]),
        .testTarget(name: "YAMLTests", dependencies: ["YAML", "ModelGraph"]),
        .testTarget(
            name: "MultimodalTests", dependencies: ["Multimodal", "ReferenceBackend", "TestSupport", "YAML"]),
        .testTarget(
            name: "MultimodalTestingTests",
            dependencies: [
                "Multimodal", "MultimodalTesting", "YAML", "BPETokenizer", "CPUBackend", "InfoNCELoss",
                "ReferenceBackend", "ResNetEncoder", "SentencePieceTokenizer", "SigmoidLoss", "TransformerEncoder",
                "ViTEncoder",
            ]),
        .testTarget(name: "AtomicFilesTests", dependencies: ["AtomicFiles", "TestSupport"]),
        .testTarget(name: "ImagingTests", dependencies: ["Imaging", "TestSupport", "ModelGraph"]),
        .testTarget(name: "JSONLinesTests", dependencies: ["JSONLines", "ModelGraph"]),
        .testTarget(
            name: "CheckpointsTests",
            dependencies: [
                "AtomicFiles", "CAllocationCount", "Checkpoints", "Imaging", "Multimodal", "YAML", "BPETokenizer",
                "InfoNCELoss", "TransformerEncoder", "ViTEncoder", "TestSupport", "TestModels",
            ]),
        .testTarget(
            name: "HubTests", dependencies: ["AtomicFiles", "Checkpoints", "Hub", "LoopbackServer", "TestSupport"]),
        .testTarget(
            name: "TrainingTests",
            dependencies: [
                "AtomicFiles", "Checkpoints", "Imaging", "Multimodal", "Training", "YAML", "InfoNCELoss",
                "ReferenceBackend", "TransformerEncoder", "ViTEncoder", "TestSupport",
            ]),
        .testTarget(name: "CLIPKitTests", dependencies: ["CLIPKit", "Multimodal"]),
        .testTarget(
            name: "clipTests",
            dependencies: [
                "clip", "ClipCommands", "CLIPKit", "LoopbackServer", "YAML", "TestSupport", "TestModels",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .testTarget(
            name: "BPETokenizerTests",
            dependencies: ["BPETokenizer", "Multimodal", "MultimodalTesting", "YAML", "ModelGraph", "TestSupport"]),
        .testTarget(
            name: "CPUBackendTests",
            dependencies: [
                "CPUBackend", "CPUKernels", "Multimodal", "MultimodalTesting", "ReferenceBackend", "TestSupport",
            ]),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "AtomicFiles", "CLIPKit", "Checkpoints", "Imaging", "Multimodal", "Training", "YAML", "BPETokenizer",
                "CPUBackend", "InfoNCELoss", "ReferenceBackend", "ResNetEncoder", "SentencePieceTokenizer",
                "SigmoidLoss", "TransformerEncoder", "ViTEncoder", "TestSupport",
            ]),
        .testTarget(
            name: "SentencePieceTests",
            dependencies: [
                "BPETokenizer", "Multimodal", "MultimodalTesting", "SentencePieceTokenizer", "YAML", "ModelGraph",
                "TestSupport",
            ]),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets", "TestSupport"]),
        .testTarget(name: "SanitizerTests", dependencies: ["CSanitizerProbes"]),
        .testTarget(name: "StarterWorldTests", dependencies: ["StarterWorld"]),
    ],
    cxxLanguageStandard: .cxx17
)

extension Target {
    /// A first-party plugin in `Plugins/<folder>`: it may import what a stranger's plugin may.
    static func plugin(
        _ name: String, _ folder: String, dependencies: [Target.Dependency] = [], exclude: [String] = []
    ) -> Target {
        .target(
            name: name, dependencies: ["Multimodal"] + dependencies, path: "Plugins/\(folder)",
            exclude: ["README.md"] + exclude, sources: ["Sources"], resources: [.embedInCode("plugin.yaml")])
    }
}

for target in package.targets where ![.system, .binary].contains(target.type) {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
