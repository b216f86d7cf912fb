import CLIPKit

/// What a pull tells people on standard error: a bar on a terminal, and what went wrong everywhere.
final class PullProgress {
    private let context: CommandContext
    private var latest: ContinuousClock.Instant?
    private var isDrawn = false
    private static let interval = Duration.milliseconds(100)
    private static let width = 20

    init(_ context: CommandContext) { self.context = context }

    func report(_ event: HubEvent) {
        switch event {
        case .progress(let progress):
            guard context.showsProgress else { return }
            let now = ContinuousClock.now
            let isWhole = progress.received == progress.total
            if let latest, now - latest < Self.interval, !isWhole { return }
            latest = now
            context.writeError("\r\u{1B}[K" + Self.line(progress))
            isDrawn = true
        case .waiting(let file): note("waiting for another program that fetches \(file)")
        case .retrying(let subject, let cause, let delay):
            note("\(subject): \(cause); trying again in \(Self.seconds(delay)) s")
        }
    }

    /// Clears the bar.
    func finish() {
        if isDrawn { context.writeError("\r\u{1B}[K") }
        isDrawn = false
    }

    private func note(_ message: String) {
        finish()
        context.note(message)
    }

    private static func line(_ progress: HubProgress) -> String {
        guard let total = progress.total, total > 0 else {
            return "\(megabytes(progress.received)) MB  \(progress.file.suffix(24))"
        }
        let share = min(1, Double(progress.received) / Double(total))
        let filled = Int(share * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled)
        return
            "[\(bar)] \(Int(share * 100))%  \(megabytes(progress.received)) of \(megabytes(total)) MB  \(progress.file.suffix(24))"
    }

    private static func megabytes(_ bytes: Int) -> String { "\(bytes / 1_000_000).\(bytes / 100_000 % 10)" }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = duration / .milliseconds(100)
        return tenths < 100 ? "\((tenths).rounded() / 10)" : "\(Int(tenths / 10))"
    }
}
