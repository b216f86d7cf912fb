/// A thing's colour and shape, and its size where that is plain to see.
struct Thing: Hashable {
    enum Size: Hashable {
        case small, medium, large
    }

    var color: ColorName
    var shape: ShapeName
    var size: Size = .medium
}

/// Where the first of two things is, seen from the second.
enum Relation: String, CaseIterable {
    case left, right, above, below

    var opposite: Relation {
        switch self {
        case .left: .right
        case .right: .left
        case .above: .below
        case .below: .above
        }
    }
}

/// What a picture shows; `Painter` draws it and `Caption` tells it.
enum Scene: Hashable {
    case single(Thing)
    case several(Thing, count: Int)  // 2 to 4 of the same
    case related(Thing, Relation, Thing)
    case glyph(String, ColorName)

    /// The colours that the background must keep away from.
    var colors: [ColorName] {
        switch self {
        case .single(let thing), .several(let thing, _): [thing.color]
        case .related(let first, _, let second): [first.color, second.color]
        case .glyph(_, let color): [color]
        }
    }

    /// The scene without sizes and with left and above only: scenes of the same key may share a true caption, so they
    /// never stand beside one another as candidates.
    var key: String {
        func name(_ thing: Thing) -> String { "\(thing.color.rawValue) \(thing.shape.rawValue)" }
        switch self {
        case .single(let thing): return name(thing)
        case .several(let thing, let count): return "\(count) \(name(thing))"
        case .related(let first, let relation, let second):
            return relation == .left || relation == .above
                ? "\(name(first)) \(relation.rawValue) \(name(second))"
                : "\(name(second)) \(relation.opposite.rawValue) \(name(first))"
        case .glyph(let character, _): return "glyph \(character)"
        }
    }
}

extension Random {
    mutating func size() -> Thing.Size { pick(weighted: [(0.35, .small), (0.3, .medium), (0.35, .large)]) }

    mutating func thing() -> Thing {
        Thing(color: pick(ColorName.allCases), shape: pick(ShapeName.allCases), size: size())
    }

    /// A thing that differs from `other` in colour, in shape or in both.
    mutating func thing(unlike other: Thing) -> Thing {
        while true {
            let thing = thing()
            if thing.color != other.color || thing.shape != other.shape { return thing }
        }
    }

    mutating func glyph() -> String { chance(0.3) ? pick(Glyphs.digits) : pick(Glyphs.letters) }
}
