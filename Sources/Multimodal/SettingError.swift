import YAML

/// A variable of the environment that a plugin reads, with a value that does not do.
public struct SettingError: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String

    /// - Parameters:
    ///   - problem: "which nobody knows"
    ///   - values: what would do.
    public init(_ variable: String, _ value: String, _ problem: String, use values: [String]) {
        let near = NearestName.of(value, among: values).map { "did you mean '\($0)'? " } ?? ""
        description =
            "\(variable) is '\(value)', \(problem); \(near)use one of \(values.joined(separator: ", ")), or unset it"
    }
}
