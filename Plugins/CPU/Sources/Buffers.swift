internal import Multimodal

/// What memory a step works on. Views name buffers by number; a table gives each number its address at run time.
struct Buffer {
    enum Place {
        /// In the arena, for as long as steps need it.
        case arena
        /// Given at each run.
        case input(Int)
        /// A parameter that the graph updates; it lives in memory of the executable.
        case resident(Int)
        /// Somebody's immutable values: a constant, or a parameter that no step changes.
        case data(TensorData)
        /// Computed once, when the graph is compiled.
        case folded
        /// Likewise, and perhaps by another executable before.
        case packed(PackedWeight)
        /// The same memory as another buffer: written in place.
        case alias(Int)
    }

    var byteCount: Int
    var place: Place
}

typealias Pointers = UnsafeMutablePointer<UnsafeMutableRawPointer>

/// One call of a kernel.
struct Step {
    /// For profiles: `matmul`, `elementwise`.
    var kind: String
    /// What it works on, for profiles.
    var detail: String
    var location: SourceLocation
    var reads: [Int]
    var writes: [Int]
    /// Depends on constants alone, so it runs when the graph is compiled.
    var isFolded: Bool
    /// Buffers among `reads` that a buffer among `writes` may replace: read before written, element by element.
    var inPlace: [(read: Int, write: Int)] = []
    /// Bytes of workspace that each worker needs.
    var workspace = 0
    var flops = 0.0
    var run: (Pointers) throws -> Void
}

/// Places buffers in one arena: two whose lives do not overlap may share bytes.
struct Arena {
    static let alignment = 64
    private(set) var byteCount = 0
    private var free: [Range<Int>] = []

    static func rounded(_ bytes: Int) -> Int { (max(bytes, 1) + alignment - 1) / alignment * alignment }

    /// The smallest gap that fits, else the end.
    mutating func allocate(_ bytes: Int) -> Range<Int> {
        let size = Self.rounded(bytes)
        let fitting = free.indices.filter { free[$0].count >= size }
        if let best = fitting.min(by: { free[$0].count < free[$1].count }) {
            let start = free[best].lowerBound
            free[best] = start + size..<free[best].upperBound
            if free[best].isEmpty { free.remove(at: best) }
            return start..<start + size
        }
        if let last = free.last, last.upperBound == byteCount {
            free.removeLast()
            byteCount = last.lowerBound + size
            return last.lowerBound..<byteCount
        }
        byteCount += size
        return byteCount - size..<byteCount
    }

    mutating func release(_ range: Range<Int>) {
        let index = free.firstIndex { $0.lowerBound > range.lowerBound } ?? free.count
        free.insert(range, at: index)
        if index + 1 < free.count, free[index].upperBound == free[index + 1].lowerBound {
            free[index] = free[index].lowerBound..<free[index + 1].upperBound
            free.remove(at: index + 1)
        }
        if index > 0, free[index - 1].upperBound == free[index].lowerBound {
            free[index - 1] = free[index - 1].lowerBound..<free[index].upperBound
            free.remove(at: index)
        }
    }
}
