/// Reads the fields of a Protocol Buffers message in the order of its bytes.
struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case float(Float)
        case bytes(ArraySlice<UInt8>)

        var bool: Bool { if case .integer(let value) = self { value != 0 } else { false } }
        var int: Int? { if case .integer(let value) = self { Int(exactly: value) } else { nil } }
        var float: Float? { if case .float(let value) = self { value } else { nil } }
        var bytes: ArraySlice<UInt8>? { if case .bytes(let value) = self { value } else { nil } }
    }

    /// The bytes are no message.
    struct Damage: Error {
        var offset: Int
    }

    private var rest: ArraySlice<UInt8>

    init(_ message: ArraySlice<UInt8>) { rest = message }

    mutating func next() throws(Damage) -> (field: Int, value: Value)? {
        guard !rest.isEmpty else { return nil }
        let tag = try varint()
        let field = Int(truncatingIfNeeded: tag >> 3)
        guard field > 0 else { throw Damage(offset: rest.startIndex) }
        switch tag & 7 {
        case 0: return (field, .integer(try varint()))
        case 1: return (field, .bytes(try take(8)))
        case 2: return (field, .bytes(try take(try varint())))
        case 5:
            let bits = try take(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return (field, .float(Float(bitPattern: bits)))
        default: throw Damage(offset: rest.startIndex)
        }
    }

    private mutating func take(_ count: UInt64) throws(Damage) -> ArraySlice<UInt8> {
        guard count <= rest.count else { throw Damage(offset: rest.startIndex) }
        let taken = rest.prefix(Int(count))
        rest = rest.dropFirst(Int(count))
        return taken
    }

    private mutating func varint() throws(Damage) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard let byte = rest.popFirst() else { break }
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw Damage(offset: rest.startIndex)
    }
}
