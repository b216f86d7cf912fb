#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why records cannot be written any further.
public enum WriteError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The reader went away, as `head` does: for a command that is success.
    case closedPipe
    case diskFull(name: String)
    case failed(name: String, code: Int32)

    init(name: String, code: Int32) {
        switch code {
        case EPIPE: self = .closedPipe
        case ENOSPC, EDQUOT: self = .diskFull(name: name)
        default: self = .failed(name: name, code: code)
        }
    }

    public var description: String {
        switch self {
        case .closedPipe: "the reader of the output has gone"
        case .diskFull(let name): "\(name): the disk is full; free some space and run it again"
        case .failed(let name, let code): "\(name): cannot be written: \(POSIX.message(code))"
        }
    }
}

/// A shape that records have on the wire.
public protocol WireRecord: Sendable {
    /// Writes the fields in their order. Refuses values that JSON has no text for.
    func write(to object: inout ObjectWriter) throws(RecordError)
}

/// Writes records to a file descriptor, one JSON object a line, buffered. For use by one thread at a time.
///
/// Call `flush()` before waiting for input and at the end: nothing is written on deinitialisation. After a `WriteError`
/// every later call throws the same one.
public final class RecordWriter {
    /// The name of the stream, for error messages.
    public let name: String

    private let descriptor: Int32
    private let flushesEachRecord: Bool
    private let buffer: OutputBuffer
    private var failure: WriteError?

    private static let capacity = 1 << 17

    /// - Parameter flushesEachRecord: For a terminal, or another reader that waits for each record.
    public init(descriptor: Int32, name: String = "standard output", flushesEachRecord: Bool = false) {
        self.descriptor = descriptor
        self.name = name
        self.flushesEachRecord = flushesEachRecord
        buffer = OutputBuffer(capacity: Self.capacity + 1 << 14)
    }

    /// Lets a closed pipe show as `WriteError.closedPipe` instead of ending the process. Commands call it once.
    public static func ignoreBrokenPipeSignal() { signal(SIGPIPE, SIG_IGN) }

    /// Writes one object. When `body` throws, nothing of the record is written and the error goes on.
    public func write(_ body: (inout ObjectWriter) throws -> Void) throws {
        if let failure { throw failure }
        let start = buffer.count
        do {
            try ObjectWriter.write(to: buffer, body)
        } catch {
            buffer.truncate(to: start)
            throw error
        }
        try endLine()
    }

    /// Writes one record. Throws `RecordError`, with nothing of the record written, or `WriteError`.
    public func write(_ record: some WireRecord) throws { try write { try record.write(to: &$0) } }

    /// Writes one line as it is, for records that pass through whole. The caller vouches that it is one JSON object.
    public func write(line: [UInt8]) throws(WriteError) {
        if let failure { throw failure }
        buffer.append(line)
        try endLine()
    }

    /// Hands everything written so far to the system.
    public func flush() throws(WriteError) {
        if let failure { throw failure }
        var rest = buffer.written
        while !rest.isEmpty {
            let count = POSIX.write(descriptor, rest)
            if count < 0 {
                let error = WriteError(name: name, code: Int32(-count))
                failure = error
                buffer.removeAll(keeping: Self.capacity)
                throw error
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
        buffer.removeAll(keeping: Self.capacity * 2)
    }

    private func endLine() throws(WriteError) {
        buffer.append(0x0A)
        if flushesEachRecord || buffer.count >= Self.capacity { try flush() }
    }
}
