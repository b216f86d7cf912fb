import Synchronization

/// What a backend makes of parameters, packed weights say, kept for further executables of the same parameters.
///
/// Whoever compiles several graphs with one of these promises that parameters of equal names have equal values in all of
/// them and never change.
public final class SharedWeights: Sendable {
    private let made = Mutex<[String: any Sendable]>([:])

    public init() {}

    /// What `make` gave when `key` was first asked for. Keys are the backend's own affair.
    public func value<Value: Sendable>(_ key: String, make: () throws -> Value) rethrows -> Value {
        try made.withLock { made in
            if let known = made[key] as? Value { return known }
            let value = try make()
            made[key] = value
            return value
        }
    }
}

extension SharedWeights: Hashable {
    public static func == (a: SharedWeights, b: SharedWeights) -> Bool { a === b }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
