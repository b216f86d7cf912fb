import Imaging

/// What golden vectors are of: texts of several scripts, and pictures drawn with whole numbers only, so that they are the
/// same on every machine.
enum GoldenInputs {
    static let texts = [
        "a photo of a dog",
        "Two red circles above a BLUE square, 3.5 cm wide!",
        "Ein großer Hund läuft über die grüne Wiese",
        "le café près de la forêt, à l'automne",
        "el niño pequeño está en la montaña",
        "Чёрная кошка сидит на окне",
        "μια γάτα πάνω στο τραπέζι",
        "قطة سوداء على النافذة",
        "बगीचे में एक लाल फूल",
        "一只在海滩上奔跑的狗",
        "桜の木の下で本を読む人",
        "눈 덮인 산과 파란 하늘",
        "it's raining 🌧️ again & again: 100% water <b>everywhere</b>",
        // Longer than the context of any published model of 77 tokens.
        "a very long caption " + (1...60).map { "with part number \($0)" }.joined(separator: ", "),
    ]

    /// File names and pictures: wide, tall, square, smaller and larger than encoders take, odd sides, gray.
    static func pictures() throws(ImageError) -> [(name: String, image: Image)] {
        [
            ("gradient.png", try drawn(96, 64) { x, y in [x * 255 / 95, y * 255 / 63, (x + y) * 255 / 158] }),
            ("stripes.png", try drawn(50, 75) { x, y in (x / 5 + y / 9) % 2 == 0 ? [230, 40, 30] : [20, 60, 200] }),
            (
                "checkers.png",
                try drawn(224, 224) { x, y in (x / 28 + y / 28) % 2 == 0 ? [255, 255, 255] : [0, 0, 0] }
            ),
            ("disc.png", try drawn(121, 90) { x, y in inside(x - 60, y - 45, 35) ? [250, 200, 0] : [0, 90, 40] }),
            ("noise.png", try drawn(61, 37) { x, y in (0..<3).map { noise(x, y, $0) } }),
            ("panorama.png", try drawn(300, 31) { x, y in [x * 7 % 256, 255 - x * 255 / 299, y * 8] }),
            ("dot.png", try drawn(3, 3) { x, y in x == 1 && y == 1 ? [255, 0, 0] : [200, 220, 255] }),
            ("gray.png", try gray(333, 250) { x, y in (x * x / 150 + y * y / 100) % 256 }),
        ]
    }

    private static func drawn(
        _ width: Int, _ height: Int, _ pixel: (_ x: Int, _ y: Int) -> [Int]
    ) throws(ImageError) -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height { for x in 0..<width { pixels += pixel(x, y).map { UInt8(clamping: $0) } } }
        return try Image(width: width, height: height, pixels: pixels)
    }

    private static func gray(
        _ width: Int, _ height: Int, _ pixel: (_ x: Int, _ y: Int) -> Int
    ) throws(ImageError) -> Image {
        var pixels: [UInt8] = []
        for y in 0..<height { for x in 0..<width { pixels.append(UInt8(clamping: pixel(x, y))) } }
        return try Image(width: width, height: height, mode: .gray, pixels: pixels)
    }

    private static func inside(_ x: Int, _ y: Int, _ radius: Int) -> Bool { x * x + y * y <= radius * radius }

    private static func noise(_ x: Int, _ y: Int, _ channel: Int) -> Int {
        var bits = UInt32(x &* 7919 &+ y &* 104_729 &+ channel &* 1_299_709)
        for _ in 0..<3 { bits = (bits ^ bits >> 15) &* 0x2C1B_3C6D }
        return Int(bits >> 24)
    }
}
