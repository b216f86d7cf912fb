/// Questions about held-out pictures, a JSON line each in `questions.jsonl`:
/// `{"image":path,"kind":"caption"|"color"|"shape"|"relation","candidates":[texts],"answer":index}`.
struct Evaluation {
    var seed: UInt64

    /// `count` pictures for each of: the right caption of 100, colour and shape of single things, relation of two.
    func write(_ count: Int, to root: String) throws {
        try makeFolder(root)
        var pictures = PictureFolder(root: root)
        let lines = try OutputFile(root + "/questions.jsonl")
        var number = 0
        func ask(_ kind: String, _ path: String, _ candidates: [String], _ answer: Int) throws {
            let texts = candidates.map(quoted).joined(separator: ",")
            try lines.write(
                line: "{\"image\":\(quoted(path)),\"kind\":\"\(kind)\",\"candidates\":[\(texts)],\"answer\":\(answer)}")
        }
        func draw(_ scene: Scene, _ random: inout Random) throws -> (path: String, background: Background) {
            let (pixels, background) = Painter.draw(scene, &random)
            number += 1
            return (try pictures.write(pixels, number: number - 1), background)
        }

        for group in 0..<((count + 99) / 100) {
            var random = Random(keys: [seed, Split.heldOut.key, 2, UInt64(group)])
            // No two scenes of a hundred share a key, so no caption is true of two of them.
            var keys: Set<String> = []
            var paths: [String] = []
            var captions: [String] = []
            while captions.count < 100 {
                let scene = Blocks.scene(&random)
                guard keys.insert(scene.key).inserted else { continue }
                let (path, background) = try draw(scene, &random)
                paths.append(path)
                captions.append(Caption.varied(scene, background, .complete, &random))
            }
            for i in 0..<min(100, count - group * 100) { try ask("caption", paths[i], captions, i) }
        }
        for i in 0..<count {
            var random = Random(keys: [seed, Split.heldOut.key, 3, UInt64(i)])
            let thing = random.thing()
            let path = try draw(.single(thing), &random).path
            let colors = ColorName.allCases.map {
                Caption.plain(.single(Thing(color: $0, shape: thing.shape)))
            }
            let shapes = ShapeName.allCases.map {
                Caption.plain(.single(Thing(color: thing.color, shape: $0)))
            }
            try ask("color", path, colors, ColorName.allCases.firstIndex(of: thing.color) ?? 0)
            try ask("shape", path, shapes, ShapeName.allCases.firstIndex(of: thing.shape) ?? 0)
        }
        for i in 0..<count {
            var random = Random(keys: [seed, Split.heldOut.key, 4, UInt64(i)])
            let first = random.thing()
            let second = random.thing(unlike: first)
            let relation = random.pick(Relation.allCases)
            let path = try draw(.related(first, relation, second), &random).path
            let captions = Relation.allCases.map { Caption.plain(.related(first, $0, second)) }
            try ask("relation", path, captions, Relation.allCases.firstIndex(of: relation) ?? 0)
        }
        try lines.close()
    }
}
