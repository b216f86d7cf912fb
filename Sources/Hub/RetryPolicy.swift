/// How often and when something is tried again.
package struct RetryPolicy: Sendable {
    /// Attempts without progress in between.
    package var attempts = 6
    /// The wait after the first failure; it doubles from failure to failure.
    package var firstDelay = Duration.milliseconds(500)
    package var longestDelay = Duration.seconds(30)
    /// A server that asks for more is not waited for.
    package var longestAskedDelay = Duration.seconds(300)
    package var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    package init() {}

    /// The wait before the next attempt: what the server asks for, else exponential, of which up to half is left out by
    /// chance, so that many clients do not come back at once.
    func delay(failures: Int, asked: Duration?) -> Duration {
        let doublings = min(max(failures - 1, 0), 16)
        let delay = min(longestDelay, firstDelay * (1 << doublings)) * Double.random(in: 0.5...1)
        return max(delay, asked ?? .zero)
    }

    /// Does `body` until it works, fails for good, or has failed too often.
    func run<Result>(
        _ subject: String, onRetry: (_ cause: String, _ delay: Duration) -> Void, _ body: () throws -> Result
    ) async throws -> Result {
        var failures = 0
        while true {
            do {
                return try body()
            } catch let failure as TransientFailure {
                try Task.checkCancellation()
                failures = failure.hasProgress ? 1 : failures + 1
                guard failures < attempts else {
                    throw HubError(.network, subject, "\(failure.cause), \(failures) times; try again later")
                }
                if let asked = failure.retryAfter, asked > longestAskedDelay {
                    throw HubError(
                        .network, subject,
                        "\(failure.cause), to be asked again in \(asked.components.seconds) s; try again then")
                }
                let delay = delay(failures: failures, asked: failure.retryAfter)
                onRetry(failure.cause, delay)
                try await sleep(delay)
            }
        }
    }
}
