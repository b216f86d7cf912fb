/// What decoding leaves open. The defaults show an image as every viewer does, and read its numbers as Pillow does.
public struct ImageOptions: Sendable, Hashable {
    /// Which way up an image stands.
    public enum Orientation: String, Sendable, Hashable, CaseIterable {
        /// Turned and mirrored as the file says: Pillow's `ImageOps.exif_transpose`.
        case upright
        /// As its pixels are stored: Pillow's `Image.open`, which turns TIFF and HEIC all the same.
        case stored
    }

    /// What becomes of gray with more than eight bits.
    public enum SixteenBit: String, Sendable, Hashable, CaseIterable {
        /// Values beyond 255 are white, as in Pillow.
        case clip
        /// The high eight bits are taken: black stays black, and white is the largest value.
        case scale
    }

    public var orientation: Orientation
    public var sixteenBit: SixteenBit

    public init(orientation: Orientation = .upright, sixteenBit: SixteenBit = .clip) {
        self.orientation = orientation
        self.sixteenBit = sixteenBit
    }
}
