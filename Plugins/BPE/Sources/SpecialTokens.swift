/// How the start and the end token are spelled inside a text. Texts that hold them get their ids there, as in the
/// references.
public enum SpecialTokens: String, Sendable, CaseIterable {
    /// `<|startoftext|>` and `<|endoftext|>`: openai/CLIP and Hugging Face transformers.
    case openai
    /// `<start_of_text>` and `<end_of_text>`: open_clip.
    case openclip = "open_clip"
    /// No spelling: the tokens cannot be written in a text.
    case none

    package var start: String? {
        switch self {
        case .openai: "<|startoftext|>"
        case .openclip: "<start_of_text>"
        case .none: nil
        }
    }

    package var end: String? {
        switch self {
        case .openai: "<|endoftext|>"
        case .openclip: "<end_of_text>"
        case .none: nil
        }
    }
}
