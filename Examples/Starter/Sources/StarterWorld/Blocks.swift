/// Scenes that stand together in a file. In a block of four hard ones, each caption is false of the other three in one
/// respect only, so a model that sees the block in one batch must learn that respect.
enum Blocks {
    static let size = 4

    /// Four scenes that differ in one respect, or four at random.
    static func draw(hard: Bool, _ random: inout Random) -> [Scene] {
        guard hard else { return (0..<size).map { _ in scene(&random) } }
        switch random.pick(weighted: [(0.10, 0), (0.10, 1), (0.04, 2), (0.17, 3), (0.27, 4), (0.15, 5), (0.17, 6)]) {
        case 0:  // one shape in four colours
            let thing = random.thing()
            return random.sample(size, of: ColorName.allCases).map {
                .single(Thing(color: $0, shape: thing.shape, size: random.size()))
            }
        case 1:  // one colour in four shapes
            let thing = random.thing()
            return random.sample(size, of: ShapeName.allCases).map {
                .single(Thing(color: thing.color, shape: $0, size: random.size()))
            }
        case 2:  // small and large of two colours
            let thing = random.thing()
            return random.sample(2, of: ColorName.allCases).flatMap { color in
                [Thing.Size.small, .large].map { .single(Thing(color: color, shape: thing.shape, size: $0)) }
            }
        case 3:  // one to four
            let thing = random.thing()
            return [.single(thing)] + (2...4).map { .several(Thing(color: thing.color, shape: thing.shape, size: random.size()), count: $0) }
        case 4:  // two things in all four relations
            let (first, second) = pair(&random)
            return Relation.allCases.map { .related(first, $0, second) }
        case 5:  // who has which colour, and who is where
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
        default:  // four glyphs, often alike
            let glyphs = random.chance(0.6) ? random.pick(Glyphs.alike) : Glyphs.letters + Glyphs.digits
            let color = random.pick(ColorName.allCases)
            return random.sample(size, of: glyphs).map {
                .glyph($0, random.chance(0.5) ? color : random.pick(ColorName.allCases))
            }
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
