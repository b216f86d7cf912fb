import CLIPKit

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How many inputs a tower takes at once: a given number, or one that is found by measuring.
///
/// Sizes double from the smallest on for as long as a larger one is faster and fits in memory. The first batch of a size is
/// not measured: its graph is compiled and its memory touched for the first time. Results do not depend on the size.
struct BatchSize {
    private(set) var current: Int
    private let largest: Int
    private var isFound: Bool
    private var batches = 0
    private var rate = 0.0
    private var smallerRate = 0.0
    private var growth = 0

    /// How much faster a larger size must be.
    private static let gain = 1.03

    /// Always `count`.
    init(fixed count: Int) {
        (current, largest, isFound) = (count, count, true)
    }

    /// Found between these.
    init(from smallest: Int, to largest: Int) {
        (current, self.largest, isFound) = (smallest, largest, false)
    }

    /// Runs a batch of `count` inputs that are `work` to do, in any unit.
    mutating func measuring<T>(count: Int, work: Int, _ body: () throws -> T) rethrows -> T {
        if isFound || count < current { return try body() }
        let memory = Memory.resident
        let start = ContinuousClock.now
        let result = try body()
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        growth = max(growth, Memory.resident - memory)
        record(work: work, seconds: seconds, available: Memory.available)
        return result
    }

    /// Takes note of a full batch. `available` is memory in bytes that the next size may use; nil where nobody knows.
    mutating func record(work: Int, seconds: Double, available: Int?) {
        batches += 1
        guard !isFound, batches > 1 else { return }
        rate = max(rate, Double(work) / max(seconds, 1e-9))
        // Two measurements, since other programs may disturb one.
        guard batches > 2 else { return }
        if rate < smallerRate * Self.gain {
            current /= 2
            isFound = true
            return
        }
        let fits = available.map { growth * 4 <= $0 } ?? true
        if current * 2 > largest || !fits {
            isFound = true
            return
        }
        current *= 2
        (smallerRate, rate, batches) = (rate, 0, 0)
    }
}

/// The batch sizes of both towers.
struct BatchSizes {
    var images = BatchSize(from: 8, to: 64)
    var texts = BatchSize(from: 32, to: 256)

    /// Always `fixed` inputs; nil finds out.
    init(fixed count: Int? = nil) {
        guard let count else { return }
        (images, texts) = (BatchSize(fixed: count), BatchSize(fixed: count))
    }
}

/// What a process can know of its memory. In bytes.
enum Memory {
    /// Memory that can still be used without pressing other programs; nil where the system does not tell.
    static var available: Int? {
        guard let line = lines(of: "/proc/meminfo").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return nil }
        // In a container, its limit may be the nearer one.
        let limit = lines(of: "/sys/fs/cgroup/memory.max").first.flatMap { Int($0) } ?? .max
        let used = lines(of: "/sys/fs/cgroup/memory.current").first.flatMap { Int($0) } ?? 0
        return min(kilobytes * 1024, max(0, limit - used))
    }

    /// Memory of this process; 0 where the system does not tell.
    static var resident: Int {
        let pages = lines(of: "/proc/self/statm").first?.split(separator: " ").dropFirst().first.flatMap { Int($0) }
        return (pages ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func lines(of path: String) -> [Substring] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
    }
}
