// Asks a model the questions of a `questions.jsonl` and prints the share of right answers by kind, as JSON lines.
//
//     starter-score MODEL QUESTIONS.jsonl [caption=0.9 color=0.97 ...]
//
// With shares given, the exit status is 1 where the model stays below one of them.
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

/// The share of right answers by kind.
func score(model path: String, questions file: String) throws -> [(kind: String, questions: Int, accuracy: Double)] {
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
    return right.sorted { $0.key < $1.key }.map { ($0.key, $0.value.of, Double($0.value.count) / Double($0.value.of)) }
}

/// `caption=0.9` as its two parts.
func requirement(_ text: String) -> (kind: String, share: Double)? {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, let share = Double(parts[1]) else { return nil }
    return (String(parts[0]), share)
}

let arguments = Array(CommandLine.arguments.dropFirst())
let required = arguments.dropFirst(2).compactMap(requirement)
guard arguments.count >= 2, required.count == arguments.count - 2 else {
    print("usage: starter-score MODEL QUESTIONS.jsonl [KIND=SHARE ...]")
    exit(64)
}
do {
    let results = try score(model: arguments[0], questions: arguments[1])
    for result in results {
        print("{\"kind\":\"\(result.kind)\",\"questions\":\(result.questions),\"accuracy\":\(result.accuracy)}")
    }
    for (kind, share) in required {
        guard let result = results.first(where: { $0.kind == kind }), result.accuracy >= share else {
            print("starter-score: \(kind) stays below \(share)")
            exit(1)
        }
    }
} catch {
    print("starter-score: \(error)")
    exit(1)
}
