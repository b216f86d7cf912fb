public import Checkpoints

/// Which hub is asked, as whom, and where files are kept.
public struct HubConfiguration: Sendable {
    public static let defaultEndpoint = "https://huggingface.co"

    /// The address of the hub, without a slash at its end.
    public var endpoint: String
    /// Sent to the endpoint and to nobody else.
    public var token: String?
    public var cache: HubCache
    /// Make no request: what is in the cache is all there is.
    public var isOffline = false
    /// Seconds until a connection must stand, and for which nothing may arrive.
    public var (connectTimeout, stallTimeout) = (10, 10)
    /// A file of certificates to trust instead of the system's.
    public var certificates: String?
    package var retries = RetryPolicy()

    public init(endpoint: String = defaultEndpoint, token: String? = nil, cache: HubCache) {
        self.endpoint = endpoint
        self.token = token
        self.cache = cache
    }

    /// Reads the variables of the hub's own tools: `HF_ENDPOINT`, `HF_TOKEN` or the file of `HF_TOKEN_PATH` (else
    /// `$HF_HOME/token`) unless `HF_HUB_DISABLE_IMPLICIT_TOKEN`, `HF_HUB_OFFLINE`, `HF_HUB_ETAG_TIMEOUT`,
    /// `HF_HUB_DOWNLOAD_TIMEOUT`, those of `HubCache`, and `SSL_CERT_FILE`.
    public init(environment: [String: String]) throws(HubError) {
        guard let cache = HubCache(environment: environment) else {
            throw HubError(.setup, "HF_HUB_CACHE", "there is no place for the cache; set it, or HOME")
        }
        self.init(cache: cache)
        if let address = environment["HF_ENDPOINT"], !address.isEmpty {
            endpoint = String(address.trimmingSuffix { $0 == "/" })
            guard ["http://", "https://"].contains(where: { endpoint.lowercased().hasPrefix($0) }),
                endpoint.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw HubError(.setup, "HF_ENDPOINT", "'\(address)' is no address; write https://HOST") }
        }
        token = try Self.token(environment)
        isOffline = try Self.isTrue("HF_HUB_OFFLINE", in: environment)
        connectTimeout = try Self.seconds("HF_HUB_ETAG_TIMEOUT", in: environment) ?? connectTimeout
        stallTimeout = try Self.seconds("HF_HUB_DOWNLOAD_TIMEOUT", in: environment) ?? stallTimeout
        certificates = HubCache.path("SSL_CERT_FILE", in: environment)
    }

    private static func token(_ environment: [String: String]) throws(HubError) -> String? {
        if try isTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN", in: environment) { return nil }
        if let token = environment["HF_TOKEN"].flatMap(cleaned) { return token }
        let file =
            HubCache.path("HF_TOKEN_PATH", in: environment)
            ?? HubCache.home(environment: environment).map { $0 + "/token" }
        return file.flatMap { DiskFile.text($0) }.flatMap(cleaned)
    }

    /// Without white space; nil where nothing is left, or what could be no header.
    private static func cleaned(_ token: String) -> String? {
        let token = token.filter { !$0.isWhitespace && !$0.isNewline }
        return token.isEmpty || !token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ? nil : token
    }

    /// As the hub's tools read it; what they would take for "no" without a word is refused.
    private static func isTrue(_ variable: String, in environment: [String: String]) throws(HubError) -> Bool {
        let text = environment[variable] ?? ""
        if ["1", "on", "yes", "true"].contains(text.lowercased()) { return true }
        guard ["", "0", "off", "no", "false"].contains(text.lowercased()) else {
            throw HubError(.setup, variable, "'\(text)' is neither yes nor no; write 1 or 0")
        }
        return false
    }

    private static func seconds(_ variable: String, in environment: [String: String]) throws(HubError) -> Int? {
        guard let text = environment[variable], !text.isEmpty else { return nil }
        guard let seconds = Int(text), (1...86400).contains(seconds) else {
            throw HubError(.setup, variable, "'\(text)' is no number of seconds from 1 to 86400")
        }
        return seconds
    }
}

extension String {
    fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> Substring {
        var rest = self[...]
        while let last = rest.last, isTrimmed(last) { rest.removeLast() }
        return rest
    }
}
