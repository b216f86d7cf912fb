import Synchronization

/// Memory that can be given back and comes again when it is touched: a mapped file.
package protocol PagedMemory: AnyObject, Sendable {
    func releasePages(of bytes: UnsafeRawBufferPointer)
}

/// Bytes and who owns them. Immutable once a `TensorData` holds it, hence safe to share.
package final class TensorStorage: @unchecked Sendable {
    package enum Owner {
        case allocation(UnsafeMutableRawBufferPointer)
        case pages(any PagedMemory)
    }

    private enum Content {
        case bytes(UnsafeRawBufferPointer, Owner)
        /// Made when it is read.
        case recipe(byteCount: Int, fill: @Sendable (UnsafeMutableRawBufferPointer) -> Void)
    }

    /// Of a recipe.
    private struct Made: @unchecked Sendable {
        var memory: UnsafeMutableRawBufferPointer?
        var readers = 0
        var isReleased = false

        /// Frees what nobody reads or wants to read again.
        mutating func drop() {
            guard isReleased, readers == 0 else { return }
            memory?.deallocate()
            memory = nil
        }
    }

    private let content: Content
    private let made = Mutex(Made())

    package init(_ bytes: UnsafeRawBufferPointer, owner: Owner) { content = .bytes(bytes, owner) }

    init(byteCount: Int, whenRead fill: @escaping @Sendable (UnsafeMutableRawBufferPointer) -> Void) {
        content = .recipe(byteCount: byteCount, fill: fill)
    }

    /// The bytes, which stay until they are given back.
    func borrow() -> UnsafeRawBufferPointer {
        switch content {
        case .bytes(let bytes, _): return bytes
        case .recipe(let byteCount, let fill):
            let address = made.withLock { made -> UInt in
                let memory = made.memory ?? .allocate(byteCount: max(byteCount, 1), alignment: 64)
                if made.memory == nil { fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount])) }
                made.memory = memory
                made.readers += 1
                made.isReleased = false
                return UInt(bitPattern: memory.baseAddress)
            }
            return UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
        }
    }

    func giveBack() {
        guard case .recipe = content else { return }
        made.withLock {
            $0.readers -= 1
            $0.drop()
        }
    }

    func releasePages() {
        switch content {
        case .bytes(let bytes, .pages(let memory)): memory.releasePages(of: bytes)
        case .bytes: break
        case .recipe:
            made.withLock {
                $0.isReleased = true
                $0.drop()
            }
        }
    }

    deinit {
        if case .bytes(_, .allocation(let memory)) = content { memory.deallocate() }
        made.withLock { $0.memory?.deallocate() }
    }
}

/// A tensor's values, which stay where they are for as long as this lives.
public final class PinnedBytes: Sendable {
    private let storage: TensorStorage
    nonisolated(unsafe) public let bytes: UnsafeRawBufferPointer

    init(_ storage: TensorStorage) {
        self.storage = storage
        bytes = storage.borrow()
    }

    deinit { storage.giveBack() }
}
