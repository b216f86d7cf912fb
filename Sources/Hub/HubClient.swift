import Checkpoints

/// The hub's HTTP interface, as huggingface_hub uses it (file_download.py, hf_api.py).
final class HubClient {
    /// What the hub says of a file.
    struct Metadata {
        /// The name of the content: SHA-256 of large files, git's id of others.
        var etag: String
        var size: Int?
        /// Whether `etag` is a SHA-256.
        var isLarge: Bool
    }

    /// What came of a request and of the redirections it was sent on to.
    struct Response {
        var status = 0
        var headers: [String: String] = [:]
        /// Name and size of a large file's content, by the hub itself before it sends on to where the content is.
        var linkedETag: String?
        var linkedSize: Int?
        var commit: String?
        /// Whether the endpoint itself answers.
        var isFromEndpoint = true
        var retryAfter: Duration?

        var etag: String? { linkedETag ?? headers["etag"].map(Self.normalized) }

        /// `W/"abc"` to `abc`.
        static func normalized(_ etag: String) -> String {
            let text = etag.hasPrefix("W/") ? etag.dropFirst(2) : etag[...]
            return String(text.filter { $0 != "\"" })
        }
    }

    /// The part of a file that is still wanted.
    struct Rest {
        var offset: Int
        var etag: String
    }

    let configuration: HubConfiguration
    private let connection: HTTPConnection
    private static let longestListing = 64 << 20
    private static let mostRedirections = 10

    init(_ configuration: HubConfiguration) throws(HubError) {
        self.configuration = configuration
        connection = try HTTPConnection(configuration)
    }

    /// What is in a repository at a revision.
    func listing(_ reference: HubReference) throws -> HubListing {
        var body: [UInt8] = []
        let path = "/api/models/\(reference.repository)/revision/\(Self.escaped(reference.revision, keepsSlash: false))"
        let response = try send(path + "?blobs=true") { response, bytes in
            guard body.count + bytes.count <= Self.longestListing else {
                throw HubError(
                    .corrupt, "\(reference)", "the hub's listing is longer than \(Self.longestListing) bytes")
            }
            if response.status == 200 { body += bytes }
        }
        try check(response, reference)
        return try HubListing(body, reference)
    }

    /// What the hub says of a file.
    func metadata(_ file: String, _ reference: HubReference, commit: String) throws -> Metadata {
        let response = try send(Self.path(file, reference, commit), isHead: true) { _, _ in }
        // A redirection to where the content is; the hub has said all there is to know.
        if response.linkedETag == nil || response.status >= 400 { try check(response, reference, file: file) }
        guard let etag = response.etag, HubListing.isPlainName(etag) else {
            throw HubError(
                .corrupt, "\(reference): \(file)",
                "the answer names no content (ETag); is \(configuration.endpoint) a hub? check HF_ENDPOINT")
        }
        if let said = response.commit, said != commit {
            throw HubError(.corrupt, "\(reference): \(file)", "the hub answers for commit \(said), not \(commit)")
        }
        let length = response.linkedETag == nil ? response.headers["content-length"].flatMap(HubListing.size) : nil
        return Metadata(
            etag: etag, size: response.linkedSize ?? length,
            isLarge: response.linkedETag != nil && HubListing.isSHA256(etag))
    }

    /// Fetches a file, or its rest.
    func content(
        _ file: String, _ reference: HubReference, commit: String, rest: Rest?,
        receive: (Response, UnsafeRawBufferPointer) throws -> Void
    ) throws -> Response {
        let response = try send(Self.path(file, reference, commit), rest: rest) { response, bytes in
            if response.status == 200 || response.status == 206 { try receive(response, bytes) }
        }
        if response.status != 416 { try check(response, reference, file: file) }
        return response
    }

    private static func path(_ file: String, _ reference: HubReference, _ commit: String) -> String {
        "/\(reference.repository)/resolve/\(commit)/\(escaped(file, keepsSlash: true))"
    }

    // MARK: - Requests

    /// One request with its redirections. The token goes to the endpoint only.
    private func send(
        _ path: String, isHead: Bool = false, rest: Rest? = nil,
        receive: (Response, UnsafeRawBufferPointer) throws -> Void
    ) throws -> Response {
        var result = Response()
        var url = configuration.endpoint + path
        for _ in 0...Self.mostRedirections {
            result.isFromEndpoint = connection.isSameOrigin(url, configuration.endpoint)
            // Sizes and ranges are those of the file itself, not of a compressed one.
            var headers = ["Accept-Encoding: identity", "User-Agent: clip"]
            if result.isFromEndpoint, let token = configuration.token {
                headers.append("Authorization: Bearer \(token)")
            }
            if let rest {
                headers.append("Range: bytes=\(rest.offset)-")
                // Where the content is, it goes by another name; its size and digest are checked instead.
                if result.isFromEndpoint { headers.append("If-Range: \"\(rest.etag)\"") }
            }
            let head = try connection.send(.init(url: url, isHead: isHead, headers: headers)) { head, bytes in
                guard !Self.isRedirection(head.status) else { return }
                try receive(Self.merge(head, into: result), bytes)
            }
            result = Self.merge(head, into: result)
            guard Self.isRedirection(head.status), let target = head.redirect else { return result }
            if isHead, result.linkedETag != nil { return result }
            if url.lowercased().hasPrefix("https:"), !target.lowercased().hasPrefix("https:") {
                throw HubError(
                    .network, url.withoutQuery, "the server sends on to \(target.withoutQuery), which is not encrypted")
            }
            url = target
        }
        throw HubError(.network, (configuration.endpoint + path).withoutQuery, "the servers send on without end")
    }

    private static func merge(_ head: HTTPConnection.Head, into earlier: Response) -> Response {
        var result = earlier
        result.status = head.status
        result.headers = head.headers
        result.retryAfter = head.retryAfter
        result.linkedETag = earlier.linkedETag ?? head.headers["x-linked-etag"].map(Response.normalized)
        result.linkedSize = earlier.linkedSize ?? head.headers["x-linked-size"].flatMap(HubListing.size)
        result.commit = earlier.commit ?? head.headers["x-repo-commit"]
        return result
    }

    private static func isRedirection(_ status: Int) -> Bool { [301, 302, 303, 307, 308].contains(status) }

    /// Throws where the answer is not what was asked for.
    private func check(_ response: Response, _ reference: HubReference, file: String? = nil) throws {
        if (200...299).contains(response.status) { return }
        let subject = file.map { "\(reference): \($0)" } ?? "\(reference)"
        let settings = "\(configuration.endpoint)/settings/tokens"
        switch response.status {
        case 401...404 where response.linkedETag != nil && !response.isFromEndpoint:
            // Addresses of contents are signed for a while; the hub gives a new one.
            throw TransientFailure(cause: "the hub's storage answers with status \(response.status)")
        case 408, 425, 429, 500...599:
            throw TransientFailure(
                cause: "the hub answers with status \(response.status)", retryAfter: response.retryAfter)
        case 401 where configuration.token == nil:
            throw HubError(
                .refused, subject,
                "the hub does not show it to everybody (401): there is no such repository, or it is private or gated; "
                    + "check the name, or set HF_TOKEN to a token of \(settings)")
        case 401:
            throw HubError(
                .refused, subject,
                "the hub does not accept the token (401); set HF_TOKEN to a valid one of \(settings), or unset it")
        case 403:
            throw HubError(
                .refused, subject,
                "the hub does not grant access (403); accept the terms at \(configuration.endpoint)/"
                    + "\(reference.repository)"
                    + (configuration.token == nil ? ", and set HF_TOKEN to a token of \(settings)" : ""))
        case 404:
            let what =
                switch response.headers["x-error-code"] {
                case "RevisionNotFound": "there is no revision '\(reference.revision)'; check it at"
                case "EntryNotFound": "there is no such file; look at"
                default: "there is no such repository or revision; check the name at"
                }
            throw HubError(.notFound, subject, "\(what) \(configuration.endpoint)/\(reference.repository)")
        default:
            throw HubError(
                .network, subject, "the server answers with status \(response.status); is HF_ENDPOINT right?")
        }
    }

    /// Percent-encoding of what may not stand in an address.
    private static func escaped(_ text: String, keepsSlash: Bool) -> String {
        var result = ""
        for byte in text.utf8 {
            let character = Unicode.Scalar(byte)
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-._~".unicodeScalars.contains(character) || (keepsSlash && character == "/")
            if isPlain {
                result.unicodeScalars.append(character)
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return result
    }
}
