// Asks a model the questions of a `questions.jsonl` and prints the share of right answers by kind, as JSON lines.
//
//     starter-score MODEL QUESTIONS.jsonl
import CLIPKit
import ClipCommands
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

struct Question {
    var image: String
    var kind: String
    var candidates: [String]
    var answer: Int

    /// A line is a JSON object, which YAML reads too, and knows where a mistake stands.
    init(line: [UInt8], file: String) throws {
        var map = try YAMLNode.parse(line, file: file).mapping()
        image = try map.required("image").string()
        kind = try map.required("kind").string()
        candidates = try map.required("candidates").array { try $0.string() }
        answer = try map.required("answer").int(in: 0...max(0, candidates.count - 1))
    }
}

func score(model path: String, questions file: String) throws {
    let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    let descriptor = open(file, O_RDONLY)
    guard descriptor >= 0 else { throw PluginError("\(file): cannot be opened") }
    defer { close(descriptor) }
    var questions: [Question] = []
    let lines = LineReader(descriptor: descriptor, name: file)
    while case .line(let line)? = try lines.next() {
        questions.append(try Question(line: line.bytes, file: "\(file), line \(line.number)"))
    }

    let plugins = try PluginRegistry(Clip.linkedPlugins)
    let model = try CLIPModel(ModelDirectory.open(path: path, plugins: plugins), plugins: plugins)
    let texts = Array(Set(questions.flatMap(\.candidates))).sorted()
    let rows = Dictionary(uniqueKeysWithValues: texts.enumerated().map { ($0.element, $0.offset) })
    let words = try model.embed(texts: texts)
    let pictures = try model.embed(images: questions.map { folder + $0.image })

    var right: [String: (count: Int, of: Int)] = [:]
    for (index, question) in questions.enumerated() {
        let scores = question.candidates.compactMap { rows[$0] }.map { row in
            zip(pictures[index], words[row]).reduce(Float(0)) { $0 + $1.0 * $1.1 }
        }
        let isRight = scores.firstIndex(of: scores.max() ?? 0) == question.answer
        right[question.kind, default: (0, 0)].of += 1
        right[question.kind, default: (0, 0)].count += isRight ? 1 : 0
    }
    for (kind, result) in right.sorted(by: { $0.key < $1.key }) {
        let accuracy = Double(result.count) / Double(result.of)
        print("{\"kind\":\"\(kind)\",\"questions\":\(result.of),\"accuracy\":\(accuracy)}")
    }
}

let arguments = CommandLine.arguments.dropFirst()
guard arguments.count == 2, let model = arguments.first, let questions = arguments.last else {
    print("usage: starter-score MODEL QUESTIONS.jsonl")
    exit(64)
}
do {
    try score(model: model, questions: questions)
} catch {
    print("starter-score: \(error)")
    exit(1)
}
