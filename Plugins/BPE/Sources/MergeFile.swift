import CZlib

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Reads a merge file from disk, out of gzip where it is in it.
package enum MergeFile {
    /// The bytes of a file, without a byte order mark.
    ///
    /// - Parameter isEnough: whether these first bytes are enough, so that the rest of a gzip file is not inflated, nor
    ///   its checksum compared.
    package static func contents(
        _ path: String, limit: Int = .max, isEnough: ([UInt8]) -> Bool = { _ in false }
    ) throws(MergeTableError) -> [UInt8] {
        let bytes = try read(path, limit: limit)
        let text = bytes.starts(with: [0x1F, 0x8B]) ? try inflated(bytes, file: path, isEnough) : bytes
        return text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
    }

    private static func read(_ path: String, limit: Int) throws(MergeTableError) -> [UInt8] {
        func failure(_ code: Int32) -> MergeTableError {
            MergeTableError(file: path, line: 0, reason: .unreadable(String(cString: strerror(code))))
        }
        // A path with a NUL inside would be cut there by the system.
        guard !path.utf8.contains(0) else { throw failure(ENOENT) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        while bytes.count < limit {
            let count = chunk.withUnsafeMutableBytes { systemRead(descriptor, $0) }
            if count == 0 { return bytes }
            if count > 0 {
                bytes += chunk[..<count]
            } else if errno != EINTR {
                throw failure(errno)
            }
        }
        return bytes
    }

    private static func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.read(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
            Musl.read(descriptor, buffer.baseAddress, buffer.count)
        #else
            Darwin.read(descriptor, buffer.baseAddress, buffer.count)
        #endif
    }

    /// Inflates gzip as zlib does, whose checksum also tells damage.
    private static func inflated(
        _ bytes: [UInt8], file: String, _ isEnough: ([UInt8]) -> Bool
    ) throws(MergeTableError) -> [UInt8] {
        func failure(_ why: String) -> MergeTableError {
            MergeTableError(file: file, line: 0, reason: .damagedGzip(why))
        }
        guard bytes.count < Int(UInt32.max) else { throw failure("it is larger than 4 GB") }
        var input = bytes
        var stream = z_stream()
        // 16 more than the largest window asks for gzip's header and checksum.
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw failure("zlib cannot start")
        }
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 18)
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while status == Z_OK {
                let produced = chunk.withUnsafeMutableBufferPointer { chunk in
                    stream.next_out = chunk.baseAddress
                    stream.avail_out = UInt32(chunk.count)
                    status = inflate(&stream, Z_NO_FLUSH)
                    return chunk.count - Int(stream.avail_out)
                }
                output += chunk[..<produced]
                if status == Z_OK, isEnough(output) { status = Z_STREAM_END }
            }
        }
        guard status == Z_STREAM_END else {
            throw failure(status == Z_BUF_ERROR ? "it ends early" : "its bytes are damaged")
        }
        return output
    }
}
