import YAML

/// The table of published models, `published.yaml`: read when it is first asked for.
package enum PublishedModels {
    private static let table = Result { try PublishedTable(PackageResources.published_yaml) }

    /// All of them, in the order of the table.
    package static func all() throws -> [PublishedModel] { try table.get().models }

    /// The model of this name. Accepted, too: a slash for the colon, other letter case, a hyphen for an underscore, and
    /// open_clip's `-quickgelu` after the architecture where the model has that activation.
    package static func find(_ name: String) throws -> PublishedModel? {
        let key = PublishedTable.key(name)
        guard key.contains(":") else { return nil }  // no need to read the table
        return try table.get().byKey[key]
    }

    /// The model whose repository, or mirror, is `repository` ("org/name").
    package static func find(repository: String) throws -> PublishedModel? {
        try table.get().byRepository[repository.lowercased()]
    }

    /// The name that was probably meant.
    package static func nearestName(to name: String) throws -> String? {
        try NearestName.of(String(name.map { $0 == "/" ? ":" : $0 }), among: all().map(\.name))
    }
}
