import CLIPKit

/// Embeddings of one modality, kept until it is known which are queries: vectors in rows, and their fields.
final class CandidateSpool {
    /// Where a candidate's fields stand.
    struct Fields: Sendable {
        var offset: Int
        var count: Int
    }

    private(set) var count = 0
    private let width: Int
    private let rows: Spool
    private let fields: Spool

    private var rowBytes: Int { width * 4 + 16 }

    init(width: Int, folder: String) {
        self.width = width
        rows = Spool(folder: folder)
        fields = Spool(folder: folder)
    }

    func append(_ candidate: EmbeddingStream.Candidate) throws {
        let json = candidate.fields
        try candidate.record.embedding.withUnsafeBytes { try rows.append($0) }
        try withUnsafeBytes(of: (Int64(fields.count), Int64(json.count))) { try rows.append($0) }
        try fields.append(json)
        count += 1
    }

    /// Calls `body` with blocks of these rows: vectors, row by row, and where their fields are.
    func forEachBlock(_ range: Range<Int>, _ body: ([Float], [Fields]) throws -> Void) throws {
        let block = max(256, (1 << 20) / width)
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(start + block, range.upperBound)
            var bytes = [UInt8](repeating: 0, count: (end - start) * rowBytes)
            try bytes.withUnsafeMutableBytes { try rows.read(at: start * rowBytes, into: $0) }
            var places: [Fields] = []
            let vectors = [Float](unsafeUninitializedCapacity: (end - start) * width) { target, initialized in
                bytes.withUnsafeBytes { source in
                    for row in 0..<end - start {
                        let offset = row * rowBytes
                        UnsafeMutableRawBufferPointer(
                            rebasing: UnsafeMutableRawBufferPointer(target)[(row * width * 4)...]
                        )
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + width * 4]))
                        places.append(
                            Fields(
                                offset: Int(source.loadUnaligned(fromByteOffset: offset + width * 4, as: Int64.self)),
                                count: Int(source.loadUnaligned(fromByteOffset: offset + width * 4 + 8, as: Int64.self))
                            ))
                    }
                }
                initialized = (end - start) * width
            }
            try body(vectors, places)
            start = end
        }
    }

    /// The fields of a candidate, as JSON.
    func json(_ place: Fields) throws -> [UInt8] { try fields.bytes(at: place.offset, count: place.count) }
}
