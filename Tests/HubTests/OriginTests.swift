import Checkpoints
import Testing

@testable import Hub

@Suite struct OriginTests {
    @Test(
        "scheme, host and port decide who may see the token, whatever else an address says",
        arguments: [
            ("https://hub.example/a", true), ("https://HUB.example:443/b?c#d", true), ("https://hub.example", true),
            ("http://hub.example/a", false), ("https://hub.example:8443/a", false), ("https://cdn.example/a", false),
            ("https://hub.example.evil.example/", false), ("https://hub.example@evil.example/", false),
            ("https://evil.example/https://hub.example/", false),
            // A user's name before the host, for libcurl, which makes the request: it goes to hub.example.
            ("https://evil.example\\@hub.example/", true),
            ("//hub.example/", false), ("", false),
        ])
    func origin(_ address: String, _ isSame: Bool) throws {
        let connection = try HTTPConnection(HubConfiguration(cache: HubCache(folder: "/none")))
        #expect(connection.isSameOrigin(address, "https://hub.example") == isSame)
    }
}
