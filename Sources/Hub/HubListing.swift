import Checkpoints
import JSONLines
import Multimodal
import YAML

/// What is in a repository at a commit.
struct HubListing {
    struct File {
        var name: String
        var size: Int?
        /// What the content must be, where the hub tells.
        var digest: Digest.Expected?
    }

    let commit: String
    let files: [File]

    /// Reads the answer of `/api/models/ORG/NAME/revision/REVISION?blobs=true`. Refused: a commit that is none, and
    /// names that lead out of the model's folder.
    init(_ json: [UInt8], _ reference: HubReference) throws {
        func refusal(_ message: String) -> HubError { HubError(.corrupt, "\(reference)", message) }
        let record: JSONRecord
        do {
            record = try JSONRecordParser().parse(json)
        } catch {
            throw refusal("the hub's listing cannot be read (\(error.message)); check HF_ENDPOINT")
        }
        guard let sha = try? record.string("sha"), HubReference.isCommit(sha) else {
            throw refusal("the hub's listing names no commit; check HF_ENDPOINT")
        }
        commit = sha
        guard let siblings = record.raw("siblings"), siblings.kind == .array else {
            throw refusal("the hub's listing has no files")
        }
        // The rest of the answer, in which models' authors write what they like, is left out.
        files = try JSONDocument(Array(siblings.bytes), file: "\(reference) siblings").node().array { node in
            guard let name = try node[path: "rfilename"]?.string(), Self.isSafe(name) else {
                throw refusal("the hub's listing has a file name that leads elsewhere; nothing was written")
            }
            let large = node[path: "lfs"].flatMap { $0 == .null ? nil : $0 }
            let size = (large?[path: "size"] ?? node[path: "size"]).flatMap { try? $0.text() }
            var digest: Digest.Expected?
            if let sha256 = try? large?[path: "sha256"]?.string(), Self.isSHA256(sha256) {
                digest = .sha256(sha256)
            } else if large == nil, let id = try? node[path: "blobId"]?.string(), HubReference.isCommit(id) {
                digest = .gitBlob(id)
            }
            return File(name: name, size: size.flatMap(Self.size), digest: digest)
        }
    }

    /// A size in bytes; nil where it is none, or more than all files together may have.
    static func size(_ text: String) -> Int? { Int(text).flatMap { (0...1 << 42).contains($0) ? $0 : nil } }

    /// Whether a name stays in the folder that it is put into.
    static func isSafe(_ name: String) -> Bool {
        name.utf8.count <= 1024 && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
            && name.split(separator: "/", omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && $0 != "." && $0 != ".."
            }
    }

    /// Whether a name can be that of a file, whatever it was made for.
    static func isPlainName(_ name: String) -> Bool {
        (1...200).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "-_.".utf8.contains(byte)
            }
    }

    static func isSHA256(_ text: String) -> Bool {
        text.utf8.count == 64 && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}
