import CHub

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// HTTP through libcurl, one request after another over connections that stay open. Blocks while it transfers.
final class HTTPConnection {
    struct Request {
        var url: String
        var isHead = false
        /// "Name: value"
        var headers: [String] = []
    }

    struct Head {
        var status = 0
        /// Values by name in lower case.
        var headers: [String: String] = [:]
        /// Where the response sends on to.
        var redirect: String?
        var retryAfter: Duration?
    }

    private let client: OpaquePointer
    private let configuration: HubConfiguration

    init(_ configuration: HubConfiguration) throws(HubError) {
        var message = [CChar](repeating: 0, count: 256)
        guard let client = chub_client_create(&message, message.count) else {
            throw HubError(.setup, "libcurl", Self.text(message))
        }
        self.client = client
        self.configuration = configuration
    }

    deinit { chub_client_destroy(client) }

    /// Whether both addresses are of one scheme, host and port.
    func isSameOrigin(_ a: String, _ b: String) -> Bool { chub_is_same_origin(client, a, b) }

    /// Sends a request and hands over the body as it comes, each part with the head, whatever the status.
    /// - Throws: `TransientFailure`, `HubError`, what `receive` throws, or `CancellationError`.
    func send(_ request: Request, receive: (Head, UnsafeRawBufferPointer) throws -> Void) throws -> Head {
        try withoutActuallyEscaping(receive) { receive in
            let exchange = Exchange(receive)
            var response = chub_response()
            let headers = request.headers.map { strdup($0) }
            defer { for header in headers { free(header) } }
            (headers.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { headers in
                withOptionalCString(configuration.certificates) { certificates in
                    request.url.withCString { url in
                        var raw = chub_request()
                        raw.url = url
                        raw.is_head = request.isHead
                        raw.headers = headers.baseAddress
                        raw.connect_timeout = configuration.connectTimeout
                        raw.stall_timeout = configuration.stallTimeout
                        raw.certificates = certificates
                        raw.context = Unmanaged.passUnretained(exchange).toOpaque()
                        raw.on_header = {
                            Exchange.of($0)?.takeHeader(UnsafeRawBufferPointer(start: $1, count: $2)) ?? false
                        }
                        raw.on_body = {
                            Exchange.of($0)?.takeBody(UnsafeRawBufferPointer(start: $1, count: $2)) ?? false
                        }
                        raw.goes_on = { _ in !Task.isCancelled }
                        chub_perform(client, &raw, &response)
                    }
                }
            }
            withExtendedLifetime(exchange) {}
            try Task.checkCancellation()
            if let error = exchange.error { throw error }
            let message = withUnsafeBytes(of: response.message) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            switch response.outcome {
            case CHUB_DONE: break
            case CHUB_BROKEN_OFF, CHUB_STOPPED: throw TransientFailure(cause: message)
            case CHUB_UNTRUSTED:
                throw HubError(
                    .network, request.url.withoutQuery,
                    "\(message); SSL_CERT_FILE names a file of certificates to trust")
            default:
                throw HubError(
                    .network, request.url.withoutQuery, "\(message); check the network, and HF_ENDPOINT where it is set"
                )
            }
            var head = exchange.head
            head.redirect = response.redirect.map { String(cString: $0) }
            head.retryAfter = response.retry_after > 0 ? .seconds(response.retry_after) : nil
            return head
        }
    }

    private static func text(_ message: [CChar]) -> String {
        String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// What the callbacks of one request write into.
private final class Exchange {
    var head = HTTPConnection.Head()
    var error: (any Error)?
    private let receive: (HTTPConnection.Head, UnsafeRawBufferPointer) throws -> Void

    init(_ receive: @escaping (HTTPConnection.Head, UnsafeRawBufferPointer) throws -> Void) { self.receive = receive }

    /// What `send` handed over.
    static func of(_ context: UnsafeMutableRawPointer?) -> Exchange? {
        context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    /// "HTTP/1.1 200 OK" begins a head, also after one that only said to go on; then "Name: value".
    func takeHeader(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = String(decoding: bytes, as: UTF8.self)
        if line.hasPrefix("HTTP/") {
            let status = line.split(separator: " ").dropFirst().first.flatMap { Int($0.prefix(3)) }
            head = HTTPConnection.Head(status: status ?? 0)
        } else if let colon = line.firstIndex(of: ":") {
            let value = line[line.index(after: colon)...].drop(while: \.isWhitespace)
            head.headers[line[..<colon].lowercased()] = String(value.prefix { !$0.isNewline })
        }
        return true
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        do {
            try receive(head, bytes)
            return true
        } catch {
            self.error = error
            return false
        }
    }
}

private func withOptionalCString<Result>(_ text: String?, _ body: (UnsafePointer<CChar>?) -> Result) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
}

extension String {
    /// An address as it may be shown: signed ones carry secrets in their query.
    var withoutQuery: String { String(prefix { $0 != "?" }) }
}
