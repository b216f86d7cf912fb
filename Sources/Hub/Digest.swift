import CHub
import Checkpoints

/// Digests of files, by the system's cryptographic library.
enum Digest {
    /// What a content must be.
    enum Expected: Hashable {
        case sha256(String)
        /// SHA-1 of "blob SIZE\0" and the content: git's id of a file.
        case gitBlob(String)
    }

    /// Whether the file's content is the expected one.
    static func matches(_ expected: Expected, _ path: String) throws -> Bool {
        let file = try MappedFile(path)
        return try file.withBytes { bytes in
            switch expected {
            case .sha256(let digest): try hex(CHUB_SHA256, [bytes]) == digest
            case .gitBlob(let digest):
                try Array("blob \(bytes.count)\0".utf8).withUnsafeBytes { header in
                    try hex(CHUB_SHA1, [header, bytes]) == digest
                }
            }
        }
    }

    private static func hex(_ algorithm: chub_algorithm, _ parts: [UnsafeRawBufferPointer]) throws(HubError) -> String {
        guard let digest = chub_digest_create(algorithm) else {
            throw HubError(.setup, "libcrypto", "it cannot be opened; install OpenSSL 1.1 or later (Debian: libssl3)")
        }
        defer { chub_digest_destroy(digest) }
        var isFine = true
        for part in parts { isFine = isFine && chub_digest_update(digest, part.baseAddress, part.count) }
        let result = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: CHUB_DIGEST_CAPACITY) {
            let count = chub_digest_finish(digest, $0.baseAddress)
            return Array($0.prefix(count))
        }
        guard isFine, !result.isEmpty else { throw HubError(.setup, "libcrypto", "a digest cannot be computed") }
        return result.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
