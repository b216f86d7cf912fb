import ArgumentParser
import CLIPKit
import Synchronization

/// How image files are decoded, for every command that embeds some.
struct ImageDecodingOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Which way up images stand: upright, as EXIF says and viewers show them, or as their pixels are stored.",
            valueName: "upright|stored"))
    var orientation: ImageOptions.Orientation = .upright

    @Option(
        name: .long,
        help: ArgumentHelp(
            "What becomes of 16-bit gray: values beyond 255 turn white, as in Pillow (clip), or the high eight bits are "
                + "taken (scale).", valueName: "clip|scale"))
    var sixteenBit: ImageOptions.SixteenBit = .clip

    var options: ImageOptions { ImageOptions(orientation: orientation, sixteenBit: sixteenBit) }

    /// Tells the first image whose gray turned white, and no other.
    static func noteOnce(_ note: @escaping @Sendable (String) -> Void) -> @Sendable (String) -> Void {
        let isTold = Atomic(false)
        return { path in
            guard isTold.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged else { return }
            note(
                "\(path): gray of 16 bits; values beyond 255 turn white, as in Pillow; --sixteen-bit scale keeps them "
                    + "apart (told once, there may be more such images)")
        }
    }
}
