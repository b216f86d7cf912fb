import YAML

/// What the keys of one file of a published directory are to this program: a table a file and layout, in which each key
/// stands as read, as without effect on any vector, or as without effect while it says so little. A key outside the table
/// is refused by name, since it might decide something.
struct KeyTable {
    enum Role {
        /// Read in translating.
        case used
        /// Decides no vector, whatever its value.
        case inert
        /// Decides no vector while its value is one of these, or empty, false or 0; refused otherwise.
        case only([String])
    }

    /// Whose keys these are, for messages: "transformers' config.json".
    let owner: String
    private var roles: [String: Role] = [:]

    /// - Parameters:
    ///   - used, inert, off: keys with white space between; `off` are those that may only be empty, false or 0.
    ///   - only: keys with the values that change nothing.
    init(_ owner: String, used: String = "", inert: String = "", off: String = "", only: [String: [String]] = [:]) {
        self.owner = owner
        for (names, role) in [(inert, Role.inert), (off, .only([])), (used, .used)] {
            for name in names.split(whereSeparator: \.isWhitespace) { roles[String(name)] = role }
        }
        for (name, values) in only { roles[name] = .only(values) }
    }

    /// Refuses the first key that is not in the table, or that may not have its value. A key whose value is null is one
    /// that is not written.
    func check(_ node: YAMLNode) throws {
        guard case .mapping(let entries) = node.content else { return }
        for entry in entries where !entry.value.isNull {
            guard let role = roles[entry.key] else {
                let near = NearestName.of(entry.key, among: roles.keys.sorted()).map { "did you mean '\($0)'? Else " }
                throw YAMLError(
                    at: entry.keyLocation, "'\(entry.key)' is no key of \(owner) that is known here",
                    remedy: (near ?? "") + "remove it if it decides no vector")
            }
            guard case .only(let values) = role, !Self.isEmpty(entry.value) else { continue }
            if case .scalar(let text, _) = entry.value.content, values.contains(text) { continue }
            throw YAMLError(
                at: entry.value.location, "'\(entry.key)' of \(owner) is not supported",
                remedy: values.isEmpty
                    ? "the model cannot be used here with it" : "use \(values.joined(separator: ", "))")
        }
    }

    private static func isEmpty(_ value: YAMLNode) -> Bool {
        switch value.content {
        case .sequence(let nodes): nodes.isEmpty
        case .mapping(let entries): entries.isEmpty
        case .scalar(let text, let isQuoted): text.isEmpty || !isQuoted && ["false", "0", "0.0"].contains(text)
        }
    }
}
