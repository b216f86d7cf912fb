extension YAMLNode {
    /// The node at a dotted path ("image.config.width", list elements by number), or nil when there is none.
    public subscript(path path: String) -> YAMLNode? {
        var node = self
        for part in path.split(separator: ".", omittingEmptySubsequences: false) {
            switch node.content {
            case .mapping(let entries):
                guard let entry = entries.first(where: { $0.key == part }) else { return nil }
                node = entry.value
            case .sequence(let nodes):
                guard let index = Int(part), nodes.indices.contains(index) else { return nil }
                node = nodes[index]
            case .scalar: return nil
            }
        }
        return node.labelled(path)
    }

    /// A copy with the value at a dotted path replaced or added, as `--set data.batchSize=128` does it. The value is
    /// read as YAML ("128", "[0.5, 0.5]", "{name: x}", "\"text\""). Missing mappings on the way are made; elements of
    /// lists are named by number, and must exist.
    public func setting(_ path: String, to yaml: String) throws(YAMLError) -> YAMLNode {
        try setting(path, to: YAMLNode.parse(yaml, file: path))
    }

    /// A copy with the node at a dotted path replaced or added.
    public func setting(_ path: String, to node: YAMLNode) throws(YAMLError) -> YAMLNode {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }) else {
            throw YAMLError(at: .code, "'\(path)' is no path to a setting", remedy: "write it like data.batchSize")
        }
        return try setting(parts[...], of: path, to: node)
    }

    private func setting(_ parts: ArraySlice<String>, of path: String, to new: YAMLNode) throws(YAMLError) -> YAMLNode {
        guard let key = parts.first else { return new }
        var copy = self
        switch content {
        case .mapping(var entries):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value = try entries[index].value.setting(parts.dropFirst(), of: path, to: new)
            } else {
                let value = try YAMLNode.null.setting(parts.dropFirst(), of: path, to: new)
                entries.append(Entry(key: key, keyLocation: new.location, value: value))
            }
            copy.content = .mapping(entries)
        case .sequence(var nodes):
            guard let index = Int(key), nodes.indices.contains(index) else {
                throw error("'\(path)': the list here has no element '\(key)'", remedy: "use 0 to \(nodes.count - 1)")
            }
            nodes[index] = try nodes[index].setting(parts.dropFirst(), of: path, to: new)
            copy.content = .sequence(nodes)
        case .scalar(let text, _):
            guard isNull else {
                throw error("'\(path)': '\(key)' cannot be set inside the value '\(text)'", remedy: "check the path")
            }
            let value = try YAMLNode.null.setting(parts.dropFirst(), of: path, to: new)
            copy.content = .mapping([Entry(key: key, keyLocation: new.location, value: value)])
        }
        return copy
    }

    /// This node with `other` laid over it: mappings are joined key by key, anything else is replaced.
    public func merging(_ other: YAMLNode) -> YAMLNode {
        guard case .mapping(var entries) = content, case .mapping(let over) = other.content else { return other }
        for entry in over {
            if let index = entries.firstIndex(where: { $0.key == entry.key }) {
                entries[index].value = entries[index].value.merging(entry.value)
                entries[index].keyLocation = entry.keyLocation
            } else {
                entries.append(entry)
            }
        }
        var copy = self
        copy.content = .mapping(entries)
        return copy
    }
}
