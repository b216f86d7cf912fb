import AtomicFiles
import Checkpoints
import JSONLines

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `metrics.jsonl` of a run directory, one JSON object a line:
///
///     {"step":10,"epoch":1,"loss":5.1,"learningRate":1.0e-5,"gradientNorm":2.2,"logitScale":14.3,"pairsPerSecond":310}
///     {"step":500,"validation":{"loss":3.2,"imageToTextRecall@1":0.41,"textToImageRecall@1":0.43,"pairs":1000}}
///     {"step":0,"failure":{"file":"pairs.jsonl","line":7,"message":"images/7.png: the file is empty"}}
///
/// `loss` is the mean since the line before. A run that is resumed leaves out what was measured after its checkpoint.
final class Metrics {
    private let descriptor: Int32
    private let writer: RecordWriter
    private let every: Int
    private var lossSum = 0.0
    private var lossCount = 0

    init(_ path: String, keepingSteps kept: Int, every: Int) throws {
        var lines: [UInt8] = []
        if kept > 0, FileSystem.isFile(path) {
            let reader = LineReader(bytes: try MappedFile(path).withBytes(Array.init), name: path)
            let parser = JSONRecordParser()
            while case .line(let line)? = try reader.next() {
                // A line cut off by a crash is no record any more.
                guard let record = try? parser.parse(line.bytes), let step = try? record.number("step"),
                    step <= Double(kept)
                else { continue }
                lines += line.bytes + [0x0A]
            }
        }
        try AtomicFile.write(lines, to: path)
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw TrainingError("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        writer = RecordWriter(descriptor: descriptor, name: path, flushesEachRecord: true)
        self.every = every
    }

    deinit { close(descriptor) }

    func add(_ report: TrainingEvent.StepReport) throws {
        lossSum += report.loss
        lossCount += 1
        guard report.step % every == 0 || report.step == report.steps else { return }
        let loss = lossSum / Double(lossCount)
        lossSum = 0
        lossCount = 0
        try writer.write { object in
            object.int("step", report.step)
            object.int("epoch", report.epoch)
            try object.float("loss", Float(loss))
            try object.float("learningRate", Float(report.learningRate))
            try object.float("gradientNorm", Float(report.gradientNorm))
            try object.float("logitScale", Float(report.logitScale))
            try object.float("pairsPerSecond", Float(report.pairsPerSecond))
        }
    }

    /// - Parameter step: steps done when it was found; 0 is before the first.
    func add(_ failure: DataFailure, step: Int) throws {
        try writer.write { object in
            object.int("step", step)
            object.object("failure") { object in
                object.string("file", failure.file)
                object.int("line", failure.line)
                object.string("message", failure.message)
            }
        }
    }

    func add(_ report: TrainingEvent.ValidationReport) throws {
        try writer.write { object in
            object.int("step", report.step)
            try object.object("validation") { (object: inout ObjectWriter) throws in
                try object.float("loss", Float(report.loss))
                try object.float("imageToTextRecall@1", Float(report.imageToTextRecall))
                try object.float("textToImageRecall@1", Float(report.textToImageRecall))
                object.int("pairs", report.pairs)
            }
        }
    }
}
