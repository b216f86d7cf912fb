import CLIPKit
import ClipCommands
import TestSupport
import Testing

/// `CLIPModel` as an app uses it.
@Suite struct LibraryTests {
    let tiny = TinyModel.shared

    private func open(_ tiny: TinyModel) throws -> CLIPModel {
        let store = ModelStore(environment: ["CLIP_MODEL_PATH": tiny.folder.path])
        return try CLIPModel("tiny", plugins: PluginRegistry(Clip.linkedPlugins), store: store, backend: "reference")
    }

    @Test("the library gives the vectors that the command line gives")
    func sameVectors() throws {
        let red = try tiny.picture("library-red.png", 255, 0, 0)
        let model = try open(tiny)
        let records = try tiny.run(["embed", "--backend", "reference"], lines: ["a dog", red]).records()
        let text = try model.embed(texts: ["a dog"])
        let image = try model.embed(images: [red])
        #expect(model.space == tiny.space)
        #expect(text.space == tiny.space && text.width == 16 && text.count == 1)
        for (vector, record) in [(text, records[0]), (image, records[1])] {
            #expect(try zip(vector[0], record.embedding).allSatisfy { abs($0 - $1) < 1e-5 })
        }
        #expect(try model.embed(images: [Image(contentsOfFile: red)]).values == image.values)
    }

    @Test("similarity and rank agree, and refuse other spaces")
    func ranking() throws {
        let model = try open(tiny)
        let words = try model.embed(texts: ["a dog", "the cat", "at"])
        let cosines = try model.similarity(words, words)
        let ranking = try model.rank(queries: words, candidates: words, top: 2)
        for row in 0..<3 {
            #expect(abs(cosines[row][row] - 1) < 1e-5)
            #expect(ranking[row].count == 2)
            #expect(ranking[row][0].candidate == row)
            #expect(ranking[row][0].score == cosines[row][row])
            let all = try model.rank(queries: words, candidates: words, top: nil)[row]
            #expect(abs(try all.reduce(0) { $0 + (try #require($1.probability)) } - 1) < 1e-5)
        }
        let other = Embeddings(space: "other", width: 16, values: words.values)
        #expect(throws: RankError.spaces(tiny.space, "other")) { try model.rank(queries: words, candidates: other) }
    }

    @Test("nothing in, nothing out")
    func empty() throws {
        let model = try open(tiny)
        let none = try model.embed(texts: [])
        #expect(none.count == 0)
        #expect(try model.rank(queries: none, candidates: model.embed(texts: ["a"])).isEmpty)
        #expect(try model.rank(queries: model.embed(texts: ["a"]), candidates: none).map(\.count) == [0])
    }
}
