#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The command line of the generator.
@main
enum StarterWorld {
    static let usage = """
        Draws the starter's world: 64 × 64 pictures with captions. The same seed draws the same pictures everywhere.

        starter-world --output DIR [--seed N] [--count N] [--group hard|none] [--split train|held-out]
            DIR/images/… and DIR/pairs.jsonl, a line for each picture: {"image":…, "text":…, what it shows}.
            --group hard: lines 4k to 4k+3 differ in one respect each; keep them in one batch (data: {block: 4}).
        starter-world --evaluation --output DIR [--seed N] [--count N]
            Held-out pictures and DIR/questions.jsonl: {"image":…, "kind":…, "candidates":[…], "answer":index}.

        Defaults: --seed 1 --count 1000 --group hard --split train.
        """

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            let message = Array("starter-world: \(error)\n".utf8)
            _ = write(2, message, message.count)
            exit(error is UsageFailure ? 64 : 1)
        }
    }

    private static func run(_ arguments: [String]) throws {
        var output: String?
        var (seed, count, hard, split, evaluation) = (UInt64(1), 1000, true, Split.train, false)
        var rest = arguments[...]
        while let flag = rest.popFirst() {
            if flag == "--help" || flag == "-h" {
                print(usage)
                return
            }
            if flag == "--evaluation" {
                evaluation = true
                continue
            }
            guard let value = rest.popFirst() else { throw UsageFailure("\(flag) needs a value; see --help.") }
            func refuse(_ wanted: String) -> UsageFailure { UsageFailure("\(flag) \(value): wanted \(wanted).") }
            switch flag {
            case "--output": output = value
            case "--seed":
                guard let number = UInt64(value) else { throw refuse("a whole number from 0") }
                seed = number
            case "--count":
                guard let number = Int(value), (1...10_000_000).contains(number) else {
                    throw refuse("a whole number from 1 to 10000000")
                }
                count = number
            case "--group":
                guard value == "hard" || value == "none" else { throw refuse("hard or none") }
                hard = value == "hard"
            case "--split":
                guard let named = Split(rawValue: value) else { throw refuse("train or held-out") }
                split = named
            default: throw UsageFailure("\(flag) is no option of this command; see --help.")
            }
        }
        guard let output else { throw UsageFailure("--output DIR is missing; see --help.") }
        if evaluation {
            try Evaluation(seed: seed).write(count, to: output)
        } else {
            try Pairs(seed: seed, split: split, hard: hard).write(count, to: output)
        }
    }
}

/// Wrong use of the command, in one sentence.
struct UsageFailure: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }
}
