/// Which pictures may come: no seed of the one split draws a picture of the other.
enum Split: String, CaseIterable {
    case train
    case heldOut = "held-out"

    var key: UInt64 { self == .train ? 1 : 2 }
}

/// Pictures with captions, for training: `pairs.jsonl` beside the folder of pictures.
struct Pairs {
    var seed: UInt64
    var split: Split
    var hard: Bool

    func write(_ count: Int, to root: String) throws {
        try makeFolder(root)
        var pictures = PictureFolder(root: root)
        let lines = try OutputFile(root + "/pairs.jsonl")
        var number = 0
        var block: UInt64 = 0
        while number < count {
            var random = Random(keys: [seed, split.key, 1, block])
            let (scenes, telling) = Blocks.draw(hard: hard, &random)
            for scene in scenes where number < count {
                let (pixels, background) = Painter.draw(scene, &random)
                let text = Caption.varied(scene, background, telling, &random)
                let path = try pictures.write(pixels, number: number)
                try lines.write(line: "{\"image\":\(quoted(path)),\"text\":\(quoted(text)),\(Pairs.facts(scene))}")
                number += 1
            }
            block += 1
        }
        try lines.close()
    }

    /// What the picture shows, as JSON members.
    static func facts(_ scene: Scene) -> String {
        func thing(_ thing: Thing, _ suffix: String = "") -> String {
            var text = "\"color\(suffix)\":\"\(thing.color.rawValue)\",\"shape\(suffix)\":\"\(thing.shape.rawValue)\""
            if thing.size != .medium { text += ",\"size\(suffix)\":\"\(thing.size == .small ? "small" : "large")\"" }
            return text
        }
        switch scene {
        case .single(let only): return "\"kind\":\"single\",\(thing(only))"
        case .several(let each, let count): return "\"kind\":\"count\",\"count\":\(count),\(thing(each))"
        case .related(let first, let relation, let second):
            return "\"kind\":\"relation\",\(thing(first)),\"relation\":\"\(relation.rawValue)\",\(thing(second, "2"))"
        case .glyph(let character, let color):
            return "\"kind\":\"glyph\",\"color\":\"\(color.rawValue)\",\"glyph\":\"\(character)\""
        }
    }
}
