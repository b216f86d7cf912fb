package import Imaging

/// What is known of a published model: the facts that decide its numbers, and where its files are.
package struct PublishedModel: Sendable {
    /// As open_clip names it: the architecture, a colon, what it was trained on ("ViT-B-32:openai").
    package let name: String
    /// Who published it, or what it was trained on: "OpenAI", "LAION", "DataComp", "SigLIP 2", ...
    package let family: String
    /// Its repository on the hub ("laion/CLIP-ViT-B-32-laion2B-s34B-b79K"), in open_clip's layout.
    package let repository: String
    /// The branch, tag or commit to take, where `main` is not meant.
    package let revision: String?
    /// Files of weights in `repository`, the best first: the first one that is there holds the whole model.
    package let files: [String]
    /// Other repositories with the same weights, in transformers' layout.
    package let mirrors: [Mirror]
    /// What deviates in the blocks of either tower: gelu, quick_gelu or gelu_tanh.
    package let activation: Activation
    /// How pictures become numbers.
    package let transform: ImageTransform
    /// The kind of tokenizer: the name of its plugin.
    package let tokenizer: String
    /// Tokens of a text at most.
    package let contextLength: Int
    /// Numbers of an embedding.
    package let embedding: Int
    /// Zero-shot top-1 accuracy on ImageNet-1k in percent, as its publisher or open_clip reports it.
    package let accuracy: Accuracy?

    /// Height and width of the pictures that it takes.
    package var imageSize: Int { transform.resize }
    /// `repository` and those of the mirrors.
    package var repositories: [String] { [repository] + mirrors.map(\.repository) }

    /// A repository with the same weights.
    package struct Mirror: Hashable, Sendable {
        package let repository: String
        /// Facts that this repository states otherwise, so that they are not compared there.
        package let differs: Set<Fact>
    }

    /// A fact that decides numbers, and that a directory can contradict.
    package enum Fact: String, CaseIterable, Sendable {
        case activation, imageSize, mean, std, interpolation, resizeMode, tokenizer, contextLength, embedding
    }

    /// The activation of each tower; a ResNet has none to choose.
    package struct Activation: Hashable, Sendable {
        package let image: String?
        package let text: String
    }

    /// A published figure.
    package struct Accuracy: Hashable, Sendable {
        package let percent: Double
        /// Where it was read.
        package let source: String
    }
}
