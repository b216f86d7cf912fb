/// Words for a scene: many ways to say the same, the plain ones most often.
struct Caption {
    /// What a caption must say: its neighbours in a block are told apart by it.
    enum Telling {
        case complete, colorOrBoth, shapeOrBoth, sized
    }

    /// The plainest caption: no sizes, no synonyms.
    static func plain(_ scene: Scene) -> String {
        switch scene {
        case .single(let thing): article(noun(thing))
        case .several(let thing, let count): "\(numbers[count]) \(thing.color.rawValue) \(plural(thing.shape.rawValue))"
        case .related(let first, let relation, let second):
            "\(article(noun(first))) \(plain(relation)) \(article(noun(second)))"
        case .glyph(let character, _): digit(character) ? "the digit \(character)" : "the letter \(character)"
        }
    }

    static func plain(_ relation: Relation) -> String {
        switch relation {
        case .left: "to the left of"
        case .right: "to the right of"
        case .above: "above"
        case .below: "below"
        }
    }

    /// A caption with random wording. It says nothing false, and leaves out only what `telling` allows.
    static func varied(
        _ scene: Scene, _ background: Background, _ telling: Telling = .complete, _ random: inout Random
    ) -> String {
        var text: String
        switch scene {
        case .single(let thing):
            text = single(thing, telling, &random)
        case .several(let thing, let count):
            let shape = plural(word(thing.shape, &random))
            let number = count == 2 && random.chance(0.08) ? "a pair of" : numbers[count]
            let size = random.chance(0.2) ? adjective(thing.size, &random) : ""
            text =
                random.chance(0.06)
                ? "\(number) \(size)\(shape) in \(thing.color.rawValue)"
                : "\(number) \(size)\(thing.color.rawValue) \(shape)"
        case .related(let first, let relation, let second):
            let sizes = random.chance(0.3)
            let (a, b) = (phrase(first, sized: sizes, &random), phrase(second, sized: sizes, &random))
            if random.chance(0.04) {
                text = random.chance(0.5) ? "\(a) and \(b)" : "\(a) next to \(b)"
            } else if random.chance(0.25) {
                text = "\(b) \(word(relation.opposite, &random)) \(a)"
            } else {
                text = "\(a) \(word(relation, &random)) \(b)"
            }
        case .glyph(let character, let color):
            text = glyph(character, color, &random)
        }
        if random.chance(0.1), let words = background.words(&random) { text += " on \(words)" }
        if random.chance(0.12) {
            text =
                random.pick(["a picture of", "a photo of", "an image of", "a drawing of", "there is", "this is"]) + " "
                + text
        }
        if random.chance(0.03) { text += "." }
        return text
    }

    private static let numbers = ["no", "one", "two", "three", "four"]

    private static func single(_ thing: Thing, _ telling: Telling, _ random: inout Random) -> String {
        let size = telling == .sized || random.chance(0.35) ? adjective(thing.size, &random) : ""
        let (color, shape) = (thing.color.rawValue, word(thing.shape, &random))
        if telling == .colorOrBoth, random.chance(0.12) {
            return random.pick([
                article("\(size)\(color) shape"), article("\(size)\(color) object"), "something \(color)",
            ])
        }
        if telling == .shapeOrBoth, random.chance(0.12) { return article("\(size)\(shape)") }
        switch random.index(20) {
        case 0: return "one \(size)\(color) \(shape)"
        case 1: return article("\(size)\(shape)") + random.pick([" in ", " that is "]) + color
        case 2: return "\(size)\(color) \(shape)"
        default: return article("\(size)\(color) \(shape)")
        }
    }

    private static func glyph(_ character: String, _ color: ColorName, _ random: inout Random) -> String {
        let kind =
            digit(character)
            ? random.pick(weighted: [(0.6, "digit"), (0.3, "number"), (0.1, "numeral")])
            : random.pick(weighted: [(0.85, "letter"), (0.15, "capital letter")])
        switch random.pick(weighted: [(0.5, 0), (0.1, 1), (0.25, 2), (0.1, 3), (0.05, 4)]) {
        case 0: return "the \(kind) \(character)"
        case 1: return article("\(kind) \(character)")
        case 2:
            return random.chance(0.6)
                ? "the \(color.rawValue) \(kind) \(character)" : article("\(color.rawValue) \(kind) \(character)")
        case 3: return "the \(kind) \(character) in \(color.rawValue)"
        default: return article("\(color.rawValue) \(character)")
        }
    }

    private static func phrase(_ thing: Thing, sized: Bool, _ random: inout Random) -> String {
        let size = sized ? adjective(thing.size, &random) : ""
        let words = "\(size)\(thing.color.rawValue) \(word(thing.shape, &random))"
        return random.chance(0.08) ? "the \(words)" : article(words)
    }

    private static func noun(_ thing: Thing) -> String { "\(thing.color.rawValue) \(thing.shape.rawValue)" }

    private static func digit(_ character: String) -> Bool { Glyphs.digits.contains(character) }

    private static func article(_ words: String) -> String {
        guard let first = words.first else { return words }
        return ("aeiou".contains(first) ? "an " : "a ") + words
    }

    private static func plural(_ word: String) -> String {
        for end in ["s", "x", "sh"] where word.hasSuffix(end) { return word + "es" }
        return word + "s"
    }

    private static func adjective(_ size: Thing.Size, _ random: inout Random) -> String {
        switch size {
        case .small: random.pick(["small ", "small ", "small ", "tiny ", "little "])
        case .medium: ""
        case .large: random.pick(["large ", "large ", "big "])
        }
    }

    private static func word(_ shape: ShapeName, _ random: inout Random) -> String {
        guard random.chance(0.08) else { return shape.rawValue }
        return switch shape {
        case .circle: random.pick(["disc", "disk", "dot"])
        case .square: "box"
        case .diamond: "rhombus"
        case .cross: random.pick(["plus sign", "plus"])
        case .crescent: random.pick(["moon", "crescent moon"])
        case .ring: random.pick(["hoop", "hollow circle"])
        default: shape.rawValue
        }
    }

    private static func word(_ relation: Relation, _ random: inout Random) -> String {
        let words =
            switch relation {
            case .left: random.pick(weighted: [(0.6, "to the left of"), (0.3, "left of"), (0.1, "on the left of")])
            case .right: random.pick(weighted: [(0.6, "to the right of"), (0.3, "right of"), (0.1, "on the right of")])
            case .above: random.pick(weighted: [(0.75, "above"), (0.15, "over"), (0.1, "on top of")])
            case .below:
                random.pick(weighted: [(0.7, "below"), (0.15, "under"), (0.1, "beneath"), (0.05, "underneath")])
            }
        return (random.chance(0.1) ? "is " : "") + words
    }
}
