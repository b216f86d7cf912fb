import CLIPKit
import YAML

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A setting that holds or does not.
enum Answer: String, CaseIterable { case `true`, `false` }

/// Settings and where each comes from: a flag, else the environment, else the user's file, else the default.
struct Settings {
    enum Key: String, CaseIterable {
        case model, backend, precision, threads, jobs, batchSize, modelPath, trustModel

        var variable: String {
            switch self {
            case .model: "CLIP_MODEL"
            case .backend: "CLIP_BACKEND"
            case .precision: "CLIP_PRECISION"
            case .threads: "CLIP_THREADS"
            case .jobs: "CLIP_JOBS"
            case .batchSize: "CLIP_BATCH_SIZE"
            case .modelPath: "CLIP_MODEL_PATH"
            case .trustModel: "CLIP_TRUST_MODEL"
            }
        }
    }

    struct Value {
        var text: String
        /// For people: "--model", "CLIP_MODEL", "~/.config/clip/config.yaml:3", "default".
        var origin: String
        fileprivate var node: YAMLNode?

        init(text: String, origin: String, node: YAMLNode? = nil) {
            self.text = text
            self.origin = origin
            self.node = node
        }
    }

    /// The user's file, whether it exists or not; nil without a home.
    let file: String?
    let environment: [String: String]
    private var fileValues: [Key: YAMLNode] = [:]

    init(environment: [String: String]) throws {
        self.environment = environment
        if let base = environment["XDG_CONFIG_HOME"], base.hasPrefix("/") {
            file = base + "/clip/config.yaml"
        } else if let home = environment["HOME"], !home.isEmpty {
            file = home + "/.config/clip/config.yaml"
        } else {
            file = nil
        }
        guard let file, access(file, F_OK) == 0 else { return }
        let node = try YAMLNode.load(file)
        if node.isNull { return }
        var map = try node.mapping()
        for key in Key.allCases { fileValues[key] = map.optional(key.rawValue) }
        try map.finish()
    }

    /// The value that holds, or nil where nobody gave one.
    func value(_ key: Key, flag: (name: String, text: String?)? = nil) throws -> Value? {
        if let flag, let text = flag.text { return Value(text: text, origin: flag.name) }
        if let text = environment[key.variable], !text.isEmpty { return Value(text: text, origin: key.variable) }
        if let node = fileValues[key] {
            return Value(text: try node.text(), origin: "\(node.location.file):\(node.location.line)", node: node)
        }
        return nil
    }

    /// A whole number from 1 to `maximum`.
    func count(_ key: Key, flag: (name: String, value: Int?)? = nil, default: Int, maximum: Int) throws -> (Int, Value)
    {
        try count(key, flag: flag, maximum: maximum) ?? (`default`, Value(text: "\(`default`)", origin: "default"))
    }

    /// A whole number from 1 to `maximum`; nil where nobody gave one.
    func count(_ key: Key, flag: (name: String, value: Int?)? = nil, maximum: Int) throws -> (Int, Value)? {
        let given = try value(key, flag: flag.map { ($0.name, $0.value.map(String.init)) })
        guard let given else { return nil }
        guard let number = Int(given.text), (1...maximum).contains(number) else {
            throw refusal(key, given, "use a whole number from 1 to \(maximum)")
        }
        return (number, given)
    }

    /// One of the cases of an enumeration of strings.
    func choice<E: CaseIterable & RawRepresentable<String>>(
        _ key: Key, flag: (name: String, text: String?)? = nil, default: E
    ) throws -> (E, Value) {
        guard let given = try value(key, flag: flag) else {
            return (`default`, Value(text: `default`.rawValue, origin: "default"))
        }
        guard let choice = E(rawValue: given.text) else {
            throw refusal(key, given, NearestName.remedy(for: given.text, among: E.allCases.map(\.rawValue)))
        }
        return (choice, given)
    }

    /// The error for a value that does not do: at its place in the file, or at the flag or variable.
    private func refusal(_ key: Key, _ given: Value, _ remedy: String) -> any Error {
        if let node = given.node { return node.error("\(key.rawValue) is '\(given.text)'", remedy: remedy) }
        return UsageError("\(given.origin) is '\(given.text)'; \(remedy)")
    }
}
