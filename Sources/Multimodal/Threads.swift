#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Plain threads, for work that blocks on files or computes for long and must not hold up Swift's own pool.
package enum Threads {
    /// As many as there is work for at once: `Processors.count`.
    package static var processorCount: Int { Processors.count }

    /// Runs `work` on `count` threads, with their numbers, and `meanwhile` on this one; returns when all are done. Where
    /// the system gives no thread, its share is done here afterwards.
    package static func run<T>(
        _ count: Int, _ work: @escaping @Sendable (Int) -> Void, meanwhile: () throws -> T
    ) rethrows -> T {
        var started: [pthread_t] = []
        var refused: [Int] = []
        for number in 0..<count {
            if let thread = start({ work(number) }) { started.append(thread) } else { refused.append(number) }
        }
        defer {
            for number in refused { work(number) }
            for thread in started { pthread_join(thread, nil) }
        }
        return try meanwhile()
    }

    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// A thread that runs `body`, to be joined; nil where the system gives none.
    static func start(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        // Some systems give threads less than decoders and parsers may need.
        pthread_attr_setstacksize(&attributes, 8 << 20)
        let work = Unmanaged.passRetained(Work(body))
        #if canImport(Darwin)
            var thread: pthread_t?
            let code = pthread_create(&thread, &attributes, { Threads.main($0) }, work.toOpaque())
        #else
            var thread = pthread_t()
            let code = pthread_create(&thread, &attributes, { $0.flatMap { Threads.main($0) } }, work.toOpaque())
        #endif
        guard code == 0 else {
            work.release()
            return nil
        }
        return thread
    }

    private static func main(_ argument: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
        Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
        return nil
    }
}
