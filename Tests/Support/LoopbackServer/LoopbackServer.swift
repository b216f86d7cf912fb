import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An HTTP server on 127.0.0.1 that answers as a test says, badly where it says so. One request a connection.
public final class LoopbackServer: Sendable {
    public struct Request: Sendable {
        /// "GET"
        public var method: String
        /// With its query.
        public var path: String
        /// By name in lower case.
        public var headers: [String: String]
    }

    public struct Reply: Sendable {
        /// What becomes of the body.
        public enum End: Sendable {
            case whole
            /// Closed after so many bytes.
            case closed(after: Int)
            /// Reset after so many bytes.
            case reset(after: Int)
            /// Nothing more after so many bytes, for as long as the client waits.
            case stalled(after: Int)
        }

        public var status: Int
        public var headers: [String: String]
        public var body: [UInt8]
        public var end: End

        public init(_ status: Int, headers: [String: String] = [:], body: [UInt8] = [], end: End = .whole) {
            self.status = status
            self.headers = headers
            self.body = body
            self.end = end
        }
    }

    public let port: UInt16
    public var address: String { "http://127.0.0.1:\(port)" }
    /// All requests so far.
    public var requests: [Request] { log.requests.withLock { $0 } }

    private let listener: Int32
    private let log = Log()

    private final class Log: Sendable { let requests = Mutex<[Request]>([]) }

    public init(_ answer: @escaping @Sendable (Request) -> Reply) throws {
        // The tests' requests go nowhere else.
        setenv("no_proxy", "127.0.0.1", 1)
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        let listener = socket(AF_INET, stream, 0)
        self.listener = listener
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        port = UInt16(bigEndian: name.sin_port)
        guard isListening else { throw Failure() }
        Self.inThread { [log] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                Self.inThread { Self.serve(connection, log, answer) }
            }
            close(listener)
        }
    }

    /// Ends the thread that waits for connections, which lets go of the port.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }

    private struct Failure: Error {}

    private static func serve(_ connection: Int32, _ log: Log, _ answer: @Sendable (Request) -> Reply) {
        defer { close(connection) }
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var byte: UInt8 = 0
            guard recv(connection, &byte, 1, 0) == 1 else { return }
            head.append(byte)
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n").map(String.init)
        let first = (lines.first ?? "").split(separator: " ").map(String.init)
        guard first.count >= 2 else { return }
        var request = Request(method: first[0], path: first[1], headers: [:])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            request.headers[line[..<colon].lowercased()] = String(
                line[line.index(after: colon)...].drop { $0 == " " })
        }
        log.requests.withLock { $0.append(request) }
        let reply = answer(request)
        var text = "HTTP/1.1 \(reply.status) Status\r\nConnection: close\r\n"
        var headers = reply.headers
        if headers["Content-Length"] == nil, headers["Transfer-Encoding"] == nil {
            headers["Content-Length"] = "\(reply.body.count)"
        }
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        send(Array((text + "\r\n").utf8), connection)
        if request.method == "HEAD" { return }
        switch reply.end {
        case .whole: send(reply.body, connection)
        case .closed(let count): send(Array(reply.body.prefix(count)), connection)
        case .reset(let count):
            send(Array(reply.body.prefix(count)), connection)
            usleep(50_000)  // so that what was sent is read before the reset
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        case .stalled(let count):
            send(Array(reply.body.prefix(count)), connection)
            var byte: UInt8 = 0
            _ = recv(connection, &byte, 1, 0)  // until the client goes
        }
    }

    private static func send(_ bytes: [UInt8], _ connection: Int32) {
        var done = 0
        while done < bytes.count {
            #if os(Linux)
                let flags = Int32(MSG_NOSIGNAL)
            #else
                let flags: Int32 = 0
            #endif
            let count = bytes.withUnsafeBytes {
                sendBytes(connection, $0.baseAddress! + done, bytes.count - done, flags)
            }
            if count <= 0 { return }
            done += count
        }
    }

    private static func inThread(_ body: @escaping @Sendable () -> Void) {
        let box = Unmanaged.passRetained(Box(body))
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        pthread_create(
            &thread, &attributes,
            { context in
                #if canImport(Darwin)
                    let context: UnsafeMutableRawPointer? = context
                #endif
                Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
    }

    private final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
}

private func sendBytes(_ socket: Int32, _ bytes: UnsafeRawPointer, _ count: Int, _ flags: Int32) -> Int {
    send(socket, bytes, count, flags)
}
