/// A pair that cannot be used: a line that is none, or one whose image cannot be read.
public struct DataFailure: Hashable, Sendable, CustomStringConvertible {
    /// The file of pairs.
    public var file: String
    /// Its line, counted from 1; of an image, the first that names it.
    public var line: Int
    /// What is wrong, with the image's path.
    public var message: String

    public var description: String { "\(file):\(line): \(message)" }

    /// Some of `failures`, for messages, one a line.
    static func list(_ failures: [DataFailure], limit: Int = 20) -> String {
        let sorted = failures.sorted { $0.line < $1.line }
        let more = sorted.count > limit ? "\n  and \(sorted.count - limit) more" : ""
        return sorted.prefix(limit).map { "\n  \($0)" }.joined() + more
    }
}

/// How many failures a run bears, lines and images together.
struct FailureLimit: Hashable, Sendable {
    var maximum: Int
    /// The setting, for messages: `data.maximumFailures`.
    var setting: String
    /// The file of pairs.
    var file: String

    /// - Parameter maximum: what the recipe says; without it one in a hundred pairs, and at least one.
    init(_ maximum: Int?, setting: String, pairs: PairList) {
        self.maximum = maximum ?? max(1, pairs.count / 100)
        self.setting = setting
        file = pairs.file
    }

    /// Throws where there are more, and names some of them.
    func check(_ failures: [DataFailure]) throws(TrainingError) {
        guard failures.count > maximum else { return }
        throw TrainingError(
            "\(file): \(failures.count) bad lines or images, and \(setting) is \(maximum); mend them, or raise "
                + "\(setting):\(DataFailure.list(failures))")
    }
}
