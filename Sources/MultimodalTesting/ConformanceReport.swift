public import Multimodal

/// One way in which a thing under test does not keep its promise.
public struct ConformanceFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The op, network or claim that failed: `matmul.batched`, `tokenizer.range`.
    public var subject: String
    /// What came out wrong, in one sentence, with the shapes where there are any.
    public var message: String
    /// Seed of the random shapes and values, to run the same case again.
    public var seed: UInt64
    /// Largest absolute difference from what was expected; nil where the failure is not one of numbers.
    public var maximumError: Double?
    /// Where the case was built.
    public var location: SourceLocation?

    public init(
        subject: String, message: String, seed: UInt64 = 0, maximumError: Double? = nil,
        location: SourceLocation? = nil
    ) {
        self.subject = subject
        self.message = message
        self.seed = seed
        self.maximumError = maximumError
        self.location = location
    }

    public var description: String {
        let place = location.map { " (\($0))" } ?? ""
        return "\(subject), seed \(seed): \(message)\(place)"
    }
}

/// What a suite did and found. A suite that checked nothing has not passed: `hasPassed` is false then.
public struct ConformanceReport: Sendable, CustomStringConvertible {
    /// Number of comparisons made, by subject.
    public private(set) var checks: [String: Int] = [:]
    public private(set) var failures: [ConformanceFailure] = []
    /// What was left out, and why: things that a backend may decline.
    public private(set) var skipped: [String: String] = [:]
    /// Keys of the ops that ran (`OpKey`).
    public internal(set) var coveredOps: Set<String> = []

    public init() {}

    public var checkCount: Int { checks.values.reduce(0, +) }
    public var hasPassed: Bool { failures.isEmpty && checkCount > 0 }

    /// Tells that `subject` was left out.
    public mutating func skip(_ subject: String, _ reason: String) { skipped[subject] = reason }

    /// Counts a check and keeps its failure, if it is one.
    public mutating func record(_ subject: String, _ failure: ConformanceFailure?) {
        checks[subject, default: 0] += 1
        if let failure { failures.append(failure) }
    }

    /// Counts a check of `condition`.
    public mutating func expect(
        _ condition: Bool, _ subject: String, _ message: @autoclosure () -> String, seed: UInt64 = 0,
        maximumError: Double? = nil
    ) {
        record(
            subject,
            condition
                ? nil : ConformanceFailure(subject: subject, message: message(), seed: seed, maximumError: maximumError)
        )
    }

    public mutating func merge(_ other: ConformanceReport) {
        checks.merge(other.checks, uniquingKeysWith: +)
        failures += other.failures
        skipped.merge(other.skipped) { first, _ in first }
        coveredOps.formUnion(other.coveredOps)
    }

    /// Says of every failure what it is about.
    mutating func explain(_ what: String) {
        for index in failures.indices { failures[index].message = "\(what): \(failures[index].message)" }
    }

    public var description: String {
        let head = "\(checkCount) checks of \(checks.count) subjects, \(failures.count) failures"
        let omissions = skipped.sorted { $0.key < $1.key }.map { "skipped \($0.key): \($0.value)" }
        return ([head] + omissions + failures.map(\.description)).joined(separator: "\n")
    }
}
