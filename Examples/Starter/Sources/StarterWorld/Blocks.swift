/// Scenes that stand together in a file. In a block of four hard ones, each caption is false of the other three in one
/// respect only, so a model that sees the block in one batch must learn that respect.
enum Blocks {
    static let size = 4

    /// Four scenes that differ in one respect, or four at random, and what their captions must say to be told apart.
    static func draw(hard: Bool, _ random: inout Random) -> (scenes: [Scene], telling: Caption.Telling) {
        guard hard else { return ((0..<size).map { _ in scene(&random) }, .complete) }
        switch random.index(100) {
        case ..<10: return (colors(&random), .colorOrBoth)
        case ..<24: return (shapes(&random), .shapeOrBoth)
        case ..<28: return (sizes(&random), .sized)
        case ..<43: return (counts(&random), .complete)
        case ..<69: return (relations(&random), .complete)
        case ..<84: return (swaps(&random), .complete)
        default: return (glyphs(&random), .complete)
        }
    }

    /// One shape in four colours.
    private static func colors(_ random: inout Random) -> [Scene] {
        let shape = random.pick(ShapeName.allCases)
        return random.sample(size, of: ColorName.allCases).map {
            .single(Thing(color: $0, shape: shape, size: random.size()))
        }
    }

    /// Four shapes in one colour.
    private static func shapes(_ random: inout Random) -> [Scene] {
        let color = random.pick(ColorName.allCases)
        return random.sample(size, of: ShapeName.allCases).map {
            .single(Thing(color: color, shape: $0, size: random.size()))
        }
    }

    /// Small and large, of two colours.
    private static func sizes(_ random: inout Random) -> [Scene] {
        let shape = random.pick(ShapeName.allCases)
        return random.sample(2, of: ColorName.allCases).flatMap { color in
            [Thing.Size.small, .large].map { .single(Thing(color: color, shape: shape, size: $0)) }
        }
    }

    /// One to four of the same.
    private static func counts(_ random: inout Random) -> [Scene] {
        var thing = random.thing()
        return (1...4).map { count in
            thing.size = random.size()
            return count == 1 ? .single(thing) : .several(thing, count: count)
        }
    }

    /// Two things in all four relations.
    private static func relations(_ random: inout Random) -> [Scene] {
        let (first, second) = pair(&random)
        return Relation.allCases.map { .related(first, $0, second) }
    }

    /// Who has which colour, and who is where.
    private static func swaps(_ random: inout Random) -> [Scene] {
        let relation = random.pick(Relation.allCases)
        var (first, second) = pair(&random)
        while first.color == second.color || first.shape == second.shape { (first, second) = pair(&random) }
        var swapped = (first, second)
        swapped.0.color = second.color
        swapped.1.color = first.color
        return [
            .related(first, relation, second), .related(second, relation, first),
            .related(swapped.0, relation, swapped.1), .related(swapped.1, relation, swapped.0),
        ]
    }

    /// Four letters or digits, often alike.
    private static func glyphs(_ random: inout Random) -> [Scene] {
        let glyphs = random.chance(0.6) ? random.pick(Glyphs.alike) : Glyphs.letters + Glyphs.digits
        let color = random.pick(ColorName.allCases)
        return random.sample(size, of: glyphs).map {
            .glyph($0, random.chance(0.5) ? color : random.pick(ColorName.allCases))
        }
    }

    /// One scene, of any kind.
    static func scene(_ random: inout Random) -> Scene {
        switch random.pick(weighted: [(0.26, 0), (0.17, 1), (0.38, 2), (0.19, 3)]) {
        case 0: return .single(random.thing())
        case 1: return .several(random.thing(), count: 2 + random.index(3))
        case 2:
            let (first, second) = pair(&random)
            return .related(first, random.pick(Relation.allCases), second)
        default: return .glyph(random.glyph(), random.pick(ColorName.allCases))
        }
    }

    private static func pair(_ random: inout Random) -> (Thing, Thing) {
        let first = random.thing()
        return (first, random.thing(unlike: first))
    }
}
