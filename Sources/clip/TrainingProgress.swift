import CLIPKit

/// What a run tells people on standard error: a line that is drawn over itself on a terminal, else one every while.
struct TrainingProgress {
    private let context: CommandContext
    private let drawsOver: Bool
    private var isDrawn = false
    private var lastLine: ContinuousClock.Instant?
    /// What the run started from.
    private(set) var origin: String?
    /// The latest.
    private(set) var validation: TrainingEvent.ValidationReport?

    private static let interval = Duration.seconds(10)
    private static let shownFailures = 20

    init(_ context: CommandContext) {
        self.context = context
        drawsOver = context.showsProgress
    }

    mutating func report(_ event: TrainingEvent) {
        switch event {
        case .started(let start):
            origin = start.origin
            line(
                start.resumedSteps > 0
                    ? "goes on after step \(start.resumedSteps) of the run in \(start.folder), which started from \(start.origin)"
                    : "starts from \(start.origin)" + (start.note.map { "; \($0)" } ?? ""))
        case .failed(let failures):
            line("\(counted(failures.count, "bad line or image", plural: "bad lines or images")), passed over:")
            for failure in failures.prefix(Self.shownFailures) { line("\(failure)") }
            if failures.count > Self.shownFailures {
                line("and \(failures.count - Self.shownFailures) more; all are in metrics.jsonl")
            }
        case .prepared(let preparation):
            line(
                "\(counted(preparation.pairs, "pair")) of \(counted(preparation.pictures, "picture")), "
                    + "\(preparation.parameters) parameters, \(counted(preparation.steps, "step"))"
                    + (preparation.resumedSteps > 0 ? ", going on after \(preparation.resumedSteps)" : ""))
            if preparation.truncatedCaptions > 0 {
                line(
                    "\(counted(preparation.truncatedCaptions, "caption")) had more tokens than the model takes and lost the rest"
                )
            }
        case .step(let step):
            let now = ContinuousClock.now
            let interval = drawsOver ? Duration.milliseconds(200) : Self.interval
            if let lastLine, now - lastLine < interval, step.step < step.steps { return }
            lastLine = now
            let text =
                "step \(step.step)/\(step.steps)  epoch \(step.epoch)  loss \(fixed(step.loss, 4))  "
                + "scale \(fixed(step.logitScale, 1))  \(Int(step.pairsPerSecond)) pairs/s  \(duration(step.secondsLeft)) left"
            if drawsOver {
                context.writeError("\r\u{1B}[K\(text)")
                isDrawn = true
            } else {
                line(text)
            }
        case .validated(let report):
            validation = report
            line(
                "step \(report.step): validation loss \(fixed(report.loss, 4)), among \(report.pairs) pairs "
                    + "image to text \(fixed(report.imageToTextRecall * 100, 1))%, "
                    + "text to image \(fixed(report.textToImageRecall * 100, 1))%")
        case .saved(let steps, let folder): line("step \(steps): saved to \(folder)")
        }
    }

    /// Ends a line that is being drawn over.
    mutating func finish() {
        if isDrawn { context.writeError("\n") }
        isDrawn = false
    }

    private mutating func line(_ text: String) {
        if isDrawn { context.writeError("\r\u{1B}[K") }
        isDrawn = false
        context.note(text)
    }

    private func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "unknown time" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        return hours > 0 ? "\(hours) h \(minutes) min" : minutes > 0 ? "\(minutes) min \(whole % 60) s" : "\(whole) s"
    }
}
