/// Reads a mapping key by key and refuses what nobody asked for:
///
///     var map = try node.mapping()
///     let name = try map.required("name").string()
///     let bias = try map.optional("bias")?.bool() ?? true
///     try map.finish()
public struct YAMLMapping: Sendable {
    /// The mapping itself, for errors about the whole.
    public let node: YAMLNode
    private let entries: [YAMLNode.Entry]
    private let places: [String: Int]
    private var known: [String] = []
    private var wasRead: [Bool]

    init(node: YAMLNode, entries: [YAMLNode.Entry]) {
        self.node = node
        self.entries = entries
        places = Dictionary(entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { $1 })
        wasRead = Array(repeating: false, count: entries.count)
    }

    /// The keys in the order of the file.
    public var keys: [String] { entries.map(\.key) }

    /// The value of `key`, or nil when the key is absent or its value is null.
    public mutating func optional(_ key: String) -> YAMLNode? {
        guard let value = take(key), !value.isNull else { return nil }
        return value
    }

    /// The value of `key`; refused when the key is absent or its value is null.
    public mutating func required(_ key: String) throws(YAMLError) -> YAMLNode {
        guard let value = take(key) else {
            let unread = entries.indices.filter { !wasRead[$0] }.map { entries[$0] }
            if let near = NearestName.of(key, among: unread.map(\.key)),
                let entry = unread.first(where: { $0.key == near })
            {
                throw YAMLError(
                    at: entry.keyLocation, "key '\(path(key))' is missing", remedy: "is '\(near)' here a typo of it?")
            }
            throw node.error("key '\(path(key))' is missing", remedy: "add '\(key)' to this mapping")
        }
        guard !value.isNull else {
            throw value.error("key '\(path(key))' has no value", remedy: "write one after the colon")
        }
        return value
    }

    /// All keys not read so far, with their values, in order; they count as read. For mappings with free keys.
    public mutating func rest() -> [(key: String, value: YAMLNode)] {
        let unread = entries.indices.filter { !wasRead[$0] }
        for index in unread { wasRead[index] = true }
        return unread.map { (entries[$0].key, entries[$0].value.labelled(path(entries[$0].key))) }
    }

    /// Where `key` was written, if it is there.
    public func location(of key: String) -> YAMLLocation? { places[key].map { entries[$0].keyLocation } }

    /// Refuses the first key that was never asked for, with the nearest one that was.
    public func finish() throws(YAMLError) {
        guard let index = wasRead.firstIndex(of: false) else { return }
        let entry = entries[index]
        var remedy = NearestName.remedy(for: entry.key, among: known)
        if known.isEmpty { remedy = "this mapping takes no keys" }
        let place = node.path.isEmpty ? "" : " in '\(node.path)'"
        throw YAMLError(at: entry.keyLocation, "unknown key '\(entry.key)'\(place)", remedy: remedy)
    }

    private mutating func take(_ key: String) -> YAMLNode? {
        if !known.contains(key) { known.append(key) }
        guard let index = places[key] else { return nil }
        wasRead[index] = true
        return entries[index].value.labelled(path(key))
    }

    private func path(_ key: String) -> String { node.path.isEmpty ? key : "\(node.path).\(key)" }
}
