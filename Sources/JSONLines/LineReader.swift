#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Why a stream cannot be read any further.
public struct ReadError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The stream's name.
    public var name: String
    /// The system's `errno`.
    public var code: Int32

    public var description: String { "\(name): cannot be read: \(POSIX.message(code))" }
}

/// Splits a stream into lines, with memory for the longest line only. For use by one thread at a time.
///
/// Lines end with LF, of which a CR before it is part, or with NUL. A last line without its end counts. A byte order mark
/// of UTF-8 is no part of the line that it begins (with NUL, of the first line only). Nothing else is changed: what is in a
/// line need not be text.
public final class LineReader {
    public enum Separator: UInt8, Sendable {
        case newline = 0x0A
        case nul = 0
    }

    /// A line without its end. Numbers count from 1.
    public struct Line: Sendable {
        public var number: Int
        public var bytes: [UInt8]
        /// Whether its end was there, which the last one of a stream may lack.
        public var hasEnd: Bool
    }

    public enum Item: Sendable {
        case line(Line)
        /// A line beyond the limit, skipped; `length` is its length in bytes.
        case tooLong(number: Int, length: Int)
    }

    /// The name of the stream, for error messages.
    public let name: String
    /// The bytes that a line may have.
    public let maximumLength: Int

    private let descriptor: Int32
    /// What ends a line.
    public let separator: Separator
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0  // of the next line
    private var scanned = 0  // no separator between start and here
    private var end = 0
    private var atEnd = false
    private var count = 0
    private var failure: ReadError?
    private var held: Item?

    private static let chunk = 1 << 18

    /// Reads from a file descriptor, which stays open.
    public init(
        descriptor: Int32, name: String = "standard input", separator: Separator = .newline,
        maximumLength: Int = 256 << 20
    ) {
        self.descriptor = descriptor
        self.name = name
        self.separator = separator
        self.maximumLength = max(1, min(maximumLength, 1 << 32 - 1024))
        buffer = .allocate(byteCount: Self.chunk * 2, alignment: 16)
    }

    /// Reads bytes in memory.
    public init(
        bytes: [UInt8], name: String = "memory", separator: Separator = .newline, maximumLength: Int = 256 << 20
    ) {
        descriptor = -1
        self.name = name
        self.separator = separator
        self.maximumLength = max(1, min(maximumLength, 1 << 32 - 1024))
        buffer = .allocate(byteCount: max(bytes.count, 1), alignment: 16)
        buffer.copyBytes(from: bytes)
        end = bytes.count
        atEnd = true
    }

    deinit { buffer.deallocate() }

    /// What `next()` will give.
    package func peek() throws(ReadError) -> Item? {
        if held == nil { held = try next() }
        return held
    }

    /// The next line, or nil at the end of the stream.
    public func next() throws(ReadError) -> Item? {
        if let held {
            self.held = nil
            return held
        }
        var skipped = 0
        while true {
            if let length = lengthOfBufferedLine() {
                return take(length, ending: 1, skipped: skipped)
            }
            if atEnd {
                if start == end && skipped == 0 { return nil }
                return take(end - start, ending: 0, skipped: skipped)
            }
            // One more for the separator and one for a CR, which do not count.
            if end - start > maximumLength + 1 {
                skipped += end - start
                start = end
                scanned = end
            }
            try fill()
        }
    }

    /// True when `next()` answers without waiting for input: write out what is pending before calling it otherwise.
    /// Takes in what has arrived.
    public var isReady: Bool {
        if held != nil { return true }
        while !atEnd, failure == nil, lengthOfBufferedLine() == nil, end - start <= maximumLength + 1 {
            guard POSIX.wait(for: Int16(POLLIN), on: descriptor, milliseconds: 0) else { return false }
            try? fill()  // a failure is kept for `next()`
        }
        return true
    }

    private func lengthOfBufferedLine() -> Int? {
        guard scanned < end, let base = buffer.baseAddress else { return nil }
        if let found = memchr(base + scanned, Int32(separator.rawValue), end - scanned) {
            // Where the search ended is kept, so that asking twice costs nothing.
            scanned = found - UnsafeMutableRawPointer(base)
            return scanned - start
        }
        scanned = end
        return nil
    }

    private func take(_ length: Int, ending: Int, skipped: Int) -> Item {
        count += 1
        var bytes = UnsafeRawBufferPointer(rebasing: buffer[start..<(start + length)])
        start += length + ending
        scanned = start
        if separator == .newline, ending == 1, bytes.last == 0x0D { bytes = .init(rebasing: bytes.dropLast()) }
        // Files that were joined have one each.
        if separator == .newline || count == 1, skipped == 0, bytes.starts(with: Encodings.mark) {
            bytes = .init(rebasing: bytes.dropFirst(Encodings.mark.count))
        }
        let total = skipped + bytes.count
        return total > maximumLength
            ? .tooLong(number: count, length: total)
            : .line(Line(number: count, bytes: Array(bytes), hasEnd: ending == 1))
    }

    /// Reads at least one byte more, or finds the end.
    private func fill() throws(ReadError) {
        if let failure { throw failure }
        let pending = end - start
        let small = Self.chunk * 2
        // Room for one chunk beyond what is pending; memory of a giant line is given back after it.
        if buffer.count - end < Self.chunk || (buffer.count > 8 << 20 && pending < small / 2) {
            let needed = pending + Self.chunk
            let isTooSmall = needed > buffer.count
            if isTooSmall || (buffer.count > 8 << 20 && pending < small / 2) {
                let larger = UnsafeMutableRawBufferPointer.allocate(
                    byteCount: isTooSmall ? max(needed, buffer.count * 2) : small, alignment: 16)
                larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
                buffer.deallocate()
                buffer = larger
            } else if pending > 0, let base = buffer.baseAddress {
                memmove(base, base + start, pending)
            }
            scanned -= start
            start = 0
            end = pending
        }
        let count = POSIX.read(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
        guard count >= 0 else {
            let error = ReadError(name: name, code: Int32(-count))
            failure = error
            throw error
        }
        atEnd = count == 0
        end += count
    }
}
