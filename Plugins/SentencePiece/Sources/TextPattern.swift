import Multimodal

/// The few regular expressions that tokenizers of this family hold: one set of characters, once, in runs (`+`), or in
/// runs of two and more (`{2,}`).
struct TextPattern: Sendable {
    private enum Set {
        case whiteSpace
        case scalars([Unicode.Scalar])
    }

    private enum Unit {
        case set(Set)
        case literal([UInt8])
    }

    private let unit: Unit
    private let smallestRun: Int
    private let takesRuns: Bool

    /// Text that is looked for as it is.
    init(literal: [UInt8]) {
        unit = .literal(literal)
        (smallestRun, takesRuns) = (1, false)
    }

    /// - Returns: nil for any other expression.
    init?(expression: String) {
        var rest = Substring(expression).unicodeScalars
        guard let set = Self.set(&rest) else { return nil }
        unit = .set(set)
        switch String(rest) {
        case "": (smallestRun, takesRuns) = (1, false)
        case "+": (smallestRun, takesRuns) = (1, true)
        case "{2,}": (smallestRun, takesRuns) = (2, true)
        default: return nil
        }
    }

    private static func set(_ rest: inout Substring.UnicodeScalarView) -> Set? {
        let special = Swift.Set("\\[](){}*+?.^$|".unicodeScalars)
        guard let first = rest.popFirst() else { return nil }
        switch first {
        case "\\":
            guard let escaped = rest.popFirst() else { return nil }
            return escaped == "s" ? .whiteSpace : special.contains(escaped) ? .scalars([escaped]) : nil
        case "[":
            var scalars: [Unicode.Scalar] = []
            while let scalar = rest.popFirst() {
                switch scalar {
                case "]": return scalars.isEmpty ? nil : .scalars(scalars)
                case "\\":
                    guard let escaped = rest.popFirst(), !escaped.properties.isAlphabetic,
                        escaped.value > 0x39 || escaped.value < 0x30
                    else { return nil }
                    scalars.append(escaped)
                // A complement, a range, a set within.
                case "^" where scalars.isEmpty: return nil
                case "-" where !scalars.isEmpty && rest.first != "]": return nil
                case "[": return nil
                case "&" where rest.first == "&": return nil
                default: scalars.append(scalar)
                }
            }
            return nil
        default: return special.contains(first) ? nil : .scalars([first])
        }
    }

    /// The text with each match replaced.
    func replacing(_ text: [UInt8], with replacement: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if let end = match(text, index) {
                result += replacement
                index = end
            } else {
                let end = index + characterLength(text, index)
                result += text[index..<end]
                index = end
            }
        }
        return result
    }

    private func match(_ text: [UInt8], _ start: Int) -> Int? {
        switch unit {
        case .literal(let bytes):
            return !bytes.isEmpty && text[start...].starts(with: bytes) ? start + bytes.count : nil
        case .set(let set):
            var end = start
            var count = 0
            while let scalar = ByteDecoding.scalar(text, at: end), takesRuns || count == 0, Self.holds(set, scalar) {
                end += UTF8.width(scalar)
                count += 1
            }
            return count >= smallestRun ? end : nil
        }
    }

    private static func holds(_ set: Set, _ scalar: Unicode.Scalar) -> Bool {
        switch set {
        case .whiteSpace: scalar.properties.isWhitespace
        case .scalars(let scalars): scalars.contains(scalar)
        }
    }
}
