/// The image towers of huggingface/pytorch-image-models that are known by name: its `timm/models/vision_transformer.py`
/// as data. open_clip's descriptions name them and say nothing of their sizes.
package struct TimmTower: Sendable {
    package var imageSize: Int
    package var patchSize: Int
    package var width: Int
    package var layers: Int
    package var heads: Int
    package var mlpRatio: Double
    package var activation: String
    package var epsilon: Double
    package var family: Family

    package enum Family: Sendable {
        /// No class token, no norm before the blocks, a bias of the patches; pooled by attention.
        case siglip
        /// As open_clip's own towers.
        case clip
    }

    package init(
        _ family: Family, _ imageSize: Int, patch: Int, width: Int, layers: Int, heads: Int, mlpRatio: Double = 4,
        activation: String = "gelu"
    ) {
        self.family = family
        self.imageSize = imageSize
        patchSize = patch
        self.width = width
        self.layers = layers
        self.heads = heads
        self.mlpRatio = mlpRatio
        self.activation = activation
        epsilon = family == .siglip ? 1e-6 : 1e-5
    }

    /// By timm's name.
    package static let published: [String: TimmTower] = [
        "vit_base_patch32_siglip_256": base(256, patch: 32, activation: "gelu_tanh"),
        "vit_base_patch16_siglip_224": base(224),
        "vit_base_patch16_siglip_256": base(256),
        "vit_base_patch16_siglip_384": base(384),
        "vit_base_patch16_siglip_512": base(512),
        "vit_large_patch16_siglip_256": large(256),
        "vit_large_patch16_siglip_384": large(384),
        "vit_large_patch16_siglip_512": large(512, activation: "gelu_tanh"),
        "vit_so400m_patch14_siglip_224": so400m(224, patch: 14),
        "vit_so400m_patch14_siglip_378": so400m(378, patch: 14),
        "vit_so400m_patch14_siglip_384": so400m(384, patch: 14),
        "vit_so400m_patch16_siglip_256": so400m(256, patch: 16, activation: "gelu_tanh"),
        "vit_so400m_patch16_siglip_384": so400m(384, patch: 16, activation: "gelu_tanh"),
        "vit_so400m_patch16_siglip_512": so400m(512, patch: 16, activation: "gelu_tanh"),
        "vit_giantopt_patch16_siglip_256": giantopt(256),
        "vit_giantopt_patch16_siglip_384": giantopt(384),
        "vit_large_patch14_clip_224": TimmTower(.clip, 224, patch: 14, width: 1024, layers: 24, heads: 16),
    ]

    private static func base(_ size: Int, patch: Int = 16, activation: String = "gelu") -> TimmTower {
        TimmTower(.siglip, size, patch: patch, width: 768, layers: 12, heads: 12, activation: activation)
    }

    private static func large(_ size: Int, activation: String = "gelu") -> TimmTower {
        TimmTower(.siglip, size, patch: 16, width: 1024, layers: 24, heads: 16, activation: activation)
    }

    private static func so400m(_ size: Int, patch: Int, activation: String = "gelu") -> TimmTower {
        TimmTower(
            .siglip, size, patch: patch, width: 1152, layers: 27, heads: 16, mlpRatio: 3.7362, activation: activation)
    }

    private static func giantopt(_ size: Int) -> TimmTower {
        TimmTower(.siglip, size, patch: 16, width: 1536, layers: 40, heads: 16, activation: "gelu_tanh")
    }
}
