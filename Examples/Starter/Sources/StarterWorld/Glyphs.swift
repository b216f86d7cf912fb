/// Capital letters and digits as strokes: the middle lines of printed type, 100 units high (0 the top, 100 the base).
///
/// Each glyph has one or more forms. A form is strokes parted by ";", a stroke is commands:
/// `M x y` start, `L x y` line, `C x y x y x y` cubic curve, `A cx cy rx ry from to` arc in degrees, clockwise from the
/// right, joined by a line to what came before.
enum Glyphs {
    static let letters = (UInt8(ascii: "A")...UInt8(ascii: "Z")).map { String(UnicodeScalar($0)) }
    static let digits = (0...9).map { String($0) }

    /// Those that look alike, for captions that must be told apart.
    static let alike: [[String]] = [
        ["O", "Q", "C", "G", "D", "0"], ["I", "L", "T", "J", "1", "7"], ["S", "5", "2", "Z", "3"],
        ["B", "8", "3", "6", "9", "R"], ["E", "F", "P", "L", "B"], ["M", "N", "W", "H", "K"],
        ["V", "Y", "X", "U", "A"],
        ["4", "A", "9", "1", "7"], ["K", "X", "R", "H", "A"], ["0", "6", "8", "9", "O"], ["P", "R", "D", "B", "F"],
    ]

    /// The strokes of one of `character`'s forms.
    static func strokes(of character: String, _ random: inout Random) -> [Polyline] {
        guard let forms = table[character] else { return [] }
        return parse(random.pick(forms))
    }

    private static let table: [String: [String]] = [
        "A": ["M0 100 L36 0 L72 100;M13 66 L59 66", "M0 100 L33 0 L66 100;M14 62 L52 62"],
        "B": [
            "M0 0 L0 100;M0 0 L32 0 A32 24 25 24 -90 90 L0 48;M0 48 L34 48 A34 74 28 26 -90 90 L0 100",
            "M0 0 L0 100;M0 0 L26 0 A26 25 24 25 -90 90 L0 50;M0 50 L28 50 A28 75 28 25 -90 90 L0 100",
        ],
        "C": ["A42 50 42 50 -48 -312", "A38 50 38 50 -40 -320", "A46 50 46 50 -52 -308"],
        "D": [
            "M0 0 L0 100;M0 0 L28 0 A28 50 42 50 -90 90 L0 100", "M0 0 L0 100;M0 0 L22 0 A22 50 38 50 -90 90 L0 100",
        ],
        "E": ["M58 0 L0 0 L0 100 L60 100;M0 47 L54 47", "M50 0 L0 0 L0 100 L50 100;M0 50 L42 50"],
        "F": ["M56 0 L0 0 L0 100;M0 47 L48 47", "M50 0 L0 0 L0 100;M0 50 L40 50"],
        "G": [
            "A44 50 44 50 -46 -318 L78 84 L78 54 L48 54", "A40 50 40 50 -42 -322 L74 80 L74 56 L46 56",
            "A42 50 42 50 -46 -360 L50 50", "A44 50 44 50 -48 -318 L78 84;M78 100 L78 56 L52 56",
        ],
        "H": ["M0 0 L0 100;M66 0 L66 100;M0 47 L66 47", "M0 0 L0 100;M58 0 L58 100;M0 50 L58 50"],
        "I": ["M0 0 L0 100", "M0 0 L0 100", "M20 0 L20 100;M0 0 L40 0;M0 100 L40 100"],
        "J": [
            "M44 0 L44 72 A22 72 22 28 0 170", "M30 0 L30 78 A12 78 18 24 0 110",
            "M40 0 L40 72 A20 72 20 28 0 170;M18 0 L58 0",
        ],
        "K": [
            "M0 0 L0 100;M62 0 L2 54 L66 100", "M0 0 L0 100;M60 0 L0 62;M20 42 L66 100",
            "M0 0 L0 100;M58 0 L2 50 L58 100",
        ],
        "L": ["M0 0 L0 100 L56 100", "M0 0 L0 100 L48 100"],
        "M": [
            "M0 100 L0 0 L40 68 L80 0 L80 100", "M0 100 L0 0 L38 100 L76 0 L76 100",
            "M0 100 L10 0 L44 90 L78 0 L88 100",
            "M0 100 L0 0 L36 54 L72 0 L72 100",
        ],
        "N": ["M0 100 L0 0 L64 100 L64 0", "M0 100 L0 0 L56 100 L56 0"],
        "O": ["A46 50 46 50 0 360", "A42 50 42 50 0 360", "A50 50 50 50 0 360"],
        "P": ["M0 0 L0 100;M0 0 L32 0 A32 27 28 27 -90 90 L0 54", "M0 0 L0 100;M0 0 L26 0 A26 26 27 26 -90 90 L0 52"],
        "Q": [
            "A46 50 46 50 0 360;M54 78 L80 114", "A44 50 44 50 0 360;M48 68 L82 104",
            "A46 50 46 50 0 360;M44 98 L76 116",
        ],
        "R": [
            "M0 0 L0 100;M0 0 L32 0 A32 26 27 26 -90 90 L0 52;M32 52 L62 100",
            "M0 0 L0 100;M0 0 L28 0 A28 26 27 26 -90 90 L0 52;M22 52 C46 52 48 76 64 100",
        ],
        "S": [
            "M60 14 C48 -5 4 -6 4 26 C4 58 62 42 62 74 C62 106 10 106 0 84",
            "M56 10 C40 -4 2 -4 2 26 C2 54 58 46 58 74 C58 104 16 104 0 90",
        ],
        "T": ["M0 0 L72 0;M36 0 L36 100", "M0 0 L60 0;M30 0 L30 100"],
        "U": ["M0 0 L0 66 A32 66 32 34 180 0 L64 0", "M0 0 L0 70 A28 70 28 30 180 0 L56 0"],
        "V": ["M0 0 L36 100 L72 0", "M0 0 L32 100 L64 0"],
        "W": ["M0 0 L24 100 L48 6 L72 100 L96 0", "M0 0 L20 100 L42 34 L64 100 L84 0"],
        "X": ["M0 0 L66 100;M66 0 L0 100", "M4 0 L60 100;M58 0 L0 100"],
        "Y": ["M0 0 L34 48 L68 0;M34 48 L34 100", "M0 0 L32 54 L64 0;M32 54 L32 100"],
        "Z": ["M0 0 L64 0 L0 100 L66 100", "M2 0 L56 0 L0 100 L58 100"],
        "0": [
            "A29 50 29 50 0 360", "A27 50 27 50 0 360", "A29 50 29 50 0 360", "A29 50 29 50 0 360;M46 22 L12 78",
            "A30 50 30 50 0 360;M30 46 L30 54",
        ],
        "1": ["M2 14 L26 0 L26 100;M4 100 L48 100", "M0 20 L24 0 L24 100", "M4 10 L28 2 L28 100;M4 100 L50 100"],
        "2": [
            "M2 24 C6 -8 60 -10 58 28 C56 52 20 74 0 100 L60 100",
            "M4 12 C18 -6 54 -4 54 26 C54 48 26 70 2 100 L56 100",
        ],
        "3": [
            "M4 10 C20 -6 56 -4 56 24 C56 42 40 48 22 48;M22 48 C42 48 60 54 60 74 C60 106 14 106 0 88",
            "M2 0 L56 0 L24 40 C46 38 60 52 60 70 C60 106 14 106 0 86",
            "M2 16 C10 -6 54 -6 54 24 C54 42 38 48 24 48;M24 48 C42 48 58 54 58 74 C58 104 8 106 0 82",
        ],
        "4": ["M46 100 L46 0 L0 68 L64 68", "M44 100 L44 0 L0 72 L60 72", "M14 0 L2 60 L60 60;M44 30 L44 100"],
        "5": [
            "M54 0 L10 0 L6 46 C20 34 60 34 60 68 C60 106 14 106 0 88",
            "M52 0 L8 0 L8 44 C24 38 58 38 58 70 C58 102 18 104 2 94",
        ],
        "6": [
            "M52 6 C30 -8 0 12 0 66;A29 69 29 31 0 360", "M54 10 C40 -6 2 -8 2 62;A30 70 28 30 0 360",
            "M46 0 C26 16 0 40 0 68;A28 70 28 30 0 360",
        ],
        "7": [
            "M0 0 L58 0 L20 100", "M0 0 L56 0 L18 100", "M0 0 L58 0 C40 30 26 60 22 100",
            "M0 0 L58 0 L20 100;M14 50 L52 50",
        ],
        "8": ["A29 25 25 25 0 360;A29 74 29 26 0 360", "A27 24 23 24 0 360;A27 73 27 27 0 360"],
        "9": [
            "A29 31 29 31 0 360;M58 34 C58 88 28 108 6 94", "A28 30 28 30 0 360;M56 38 C56 108 18 106 2 90",
            "A28 30 28 30 0 360;M56 32 C56 60 30 84 10 100",
        ],
    ]

    private static func parse(_ form: String) -> [Polyline] {
        form.split(separator: ";").map { stroke in
            var line: Polyline = []
            var numbers: [Double] = []
            var command: Character = " "
            func finish() {
                switch (command, numbers.count) {
                case ("M", 2), ("L", 2):
                    line.append(Point(numbers[0], numbers[1]))
                case ("C", 6):
                    if let start = line.last {
                        line += cubic(
                            start, Point(numbers[0], numbers[1]), Point(numbers[2], numbers[3]),
                            Point(numbers[4], numbers[5]))
                    }
                case ("A", 6):
                    line += arc(
                        Point(numbers[0], numbers[1]), numbers[2], numbers[3], from: numbers[4] / 360,
                        to: numbers[5] / 360)
                default:
                    break
                }
                numbers = []
            }
            for word in stroke.split(separator: " ") {
                var digits = word
                if let first = word.first, first.isLetter {
                    finish()
                    command = first
                    digits = word.dropFirst()
                }
                if let number = Double(digits) { numbers.append(number) }
            }
            finish()
            return line
        }
    }
}
