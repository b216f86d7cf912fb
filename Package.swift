// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "clip",
    targets: [
        .target(name: "ModelGraph"),
        .target(name: "Multimodal", dependencies: ["ModelGraph"]),
    ]
)

for target in package.targets {
    target.swiftSettings = [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("InternalImportsByDefault"),
    ]
}
