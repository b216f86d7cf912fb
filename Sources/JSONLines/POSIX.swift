// The one place that knows which C library there is.
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

enum POSIX {
    /// The system's words for an `errno`.
    static func message(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// Whether the byte is among the others, faster than a loop.
    static func contains(_ byte: UInt8, _ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { all in all.baseAddress.map { memchr($0, Int32(byte), all.count) != nil } ?? false }
    }

    /// `read` that goes on after signals and waits where the descriptor does not block. Negative: `errno`, negated.
    static func read(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #elseif canImport(Musl)
                let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                let count = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if count >= 0 { return count }
            let code = errno
            if code == EAGAIN { wait(for: Int16(POLLIN), on: descriptor, milliseconds: -1) }
            if code != EINTR, code != EAGAIN { return -Int(code) }
        }
    }

    /// `write` that goes on after signals and waits where the descriptor does not block. Negative: `errno`, negated.
    static func write(_ descriptor: Int32, _ buffer: UnsafeRawBufferPointer) -> Int {
        while true {
            #if canImport(Glibc)
                let count = Glibc.write(descriptor, buffer.baseAddress, buffer.count)
            #elseif canImport(Musl)
                let count = Musl.write(descriptor, buffer.baseAddress, buffer.count)
            #else
                let count = Darwin.write(descriptor, buffer.baseAddress, min(buffer.count, Int(Int32.max)))
            #endif
            if count >= 0 { return count }
            let code = errno
            if code == EAGAIN { wait(for: Int16(POLLOUT), on: descriptor, milliseconds: -1) }
            if code != EINTR, code != EAGAIN { return -Int(code) }
        }
    }

    /// Whether the descriptor becomes ready in time (or has failed, which a read or a write then tells).
    @discardableResult
    static func wait(for events: Int16, on descriptor: Int32, milliseconds: Int32) -> Bool {
        var request = pollfd(fd: descriptor, events: events, revents: 0)
        return poll(&request, 1, milliseconds) > 0
    }
}
