import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Threads that sleep until there is work, and end with this object. They start when they are first needed.
///
/// Safe to share between threads; jobs follow one another.
final class Workers: Sendable {
    private let board = Board()
    private let threads = Mutex(Started())

    private struct Started: @unchecked Sendable {
        var threads: [pthread_t] = []
    }

    deinit {
        board.end()
        for thread in threads.withLock({ $0.threads }) { pthread_join(thread, nil) }
    }

    /// Calls `body` with every number below `count`, on so many threads, this one among them; a thread that is done with
    /// one number takes the next. After an error no further number is taken, and the first error is thrown.
    /// - Returns: the seconds that it took, without waiting for an earlier job.
    @discardableResult
    func forEach<Failure: Error>(
        _ count: Int, threads wanted: Int, _ body: @escaping @Sendable (Int) throws(Failure) -> Void
    ) throws(Failure) -> Double {
        let share = Share(count: count, body: body)
        let seconds = threads.withLock { started in
            while started.threads.count < min(wanted, count) - 1 {
                let (board, number) = (board, started.threads.count)
                // Where the system gives no more threads, the others do the work.
                guard let thread = Threads.start({ board.serve(number) }) else { break }
                started.threads.append(thread)
            }
            let start = ContinuousClock.now
            board.run(helpers: min(wanted, count) - 1) { share.work() }
            return (ContinuousClock.now - start) / .seconds(1)
        }
        if let error = share.error.withLock({ $0 }) { throw error }
        return seconds
    }
}

/// Numbers that threads take one after the other.
private final class Share<Failure: Error>: Sendable {
    let error = Mutex<Failure?>(nil)
    private let next = Atomic(0)
    private let count: Int
    private let body: @Sendable (Int) throws(Failure) -> Void

    init(count: Int, body: @escaping @Sendable (Int) throws(Failure) -> Void) {
        self.count = count
        self.body = body
    }

    func work() {
        while true {
            let number = next.add(1, ordering: .relaxed).oldValue
            if number >= count { return }
            do throws(Failure) {
                try body(number)
            } catch {
                next.store(count, ordering: .relaxed)
                self.error.withLock { if $0 == nil { $0 = error } }
            }
        }
    }
}

/// Where sleeping threads find their next job. A job is done together: whoever comes late finds nothing left of it, so
/// nobody waits for a thread that has not woken up yet.
private final class Board: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let posted = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let finished = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    // All guarded by `mutex`.
    private var job: (@Sendable () -> Void)?
    private var round = 0
    private var helpers = 0
    private var busy = 0
    private var isEnding = false

    init() {
        mutex.initialize(to: pthread_mutex_t())
        posted.initialize(to: pthread_cond_t())
        finished.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(posted, nil)
        pthread_cond_init(finished, nil)
    }

    deinit {
        pthread_cond_destroy(finished)
        pthread_cond_destroy(posted)
        pthread_mutex_destroy(mutex)
        finished.deallocate()
        posted.deallocate()
        mutex.deallocate()
    }

    /// Does `job` on this thread and on as many of the others.
    func run(helpers count: Int, _ job: @escaping @Sendable () -> Void) {
        guard count > 0 else { return job() }
        locked {
            self.job = job
            helpers = count
            round += 1
            pthread_cond_broadcast(posted)
        }
        job()
        locked {
            helpers = 0
            while busy > 0 { pthread_cond_wait(finished, mutex) }
            self.job = nil
        }
    }

    /// The life of thread `number`.
    func serve(_ number: Int) {
        var seen = 0
        while let job = next(number, &seen) {
            job()
            locked {
                busy -= 1
                if busy == 0 { pthread_cond_signal(finished) }
            }
        }
    }

    func end() {
        locked {
            isEnding = true
            pthread_cond_broadcast(posted)
        }
    }

    /// Waits for a job that this thread has not seen; nil at the end.
    private func next(_ number: Int, _ seen: inout Int) -> (@Sendable () -> Void)? {
        locked {
            while !isEnding, round == seen || number >= helpers { pthread_cond_wait(posted, mutex) }
            guard !isEnding else { return nil }
            seen = round
            busy += 1
            return job
        }
    }

    private func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }
}
