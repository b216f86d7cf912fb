import CLIPKit
import TestSupport
import Testing

/// A model with a text encoder only, as transformers writes it (Tests/Fixtures/Published/make.py).
@Suite struct OneTowerTests {
    let folder: TemporaryFolder
    private let model = fixture("Published/transformers-text")

    init() throws { folder = try TemporaryFolder() }

    @Test("a picture is a record that failed, texts are embedded and ranked by cosine alone")
    func records() throws {
        let picture = #"{"id": "picture", "image": "any.png"}"#
        let embedded = try Program.run(
            ["embed", "--model", model, "--on-error", "record"], lines: ["a cat", picture, "a dog"], in: folder)
        #expect(embedded.status == 2 && embedded.lines.count == 3)
        #expect(embedded.error.contains("line 2: ") && embedded.error.contains("has no image encoder"))
        #expect(embedded.lines[1].contains("\"code\":\"model.encoder\""))

        let ranked = try Program.run(
            ["rank", "--query", "the cat", "--model", model], lines: [embedded.lines[0], embedded.lines[2]], in: folder)
        #expect(ranked.status == 0 && ranked.lines.count == 2, "\(ranked.error)")
        #expect(ranked.lines.allSatisfy { $0.contains("\"score\":") && !$0.contains("\"probability\"") })
    }
}
