import CLIPKit
import Synchronization

/// Records that are decoded and tokenized together, by several threads.
final class EmbedChunk: Sendable {
    /// A record as an encoder takes it.
    enum Prepared: Sendable {
        case image([Float])
        case text(TokenizedText)
        case failed(RecordError)
    }

    let items: [EmbedInputReader.Item]
    private let next = Atomic(0)
    private let prepared: Mutex<[Prepared?]>

    init(_ items: [EmbedInputReader.Item]) {
        self.items = items
        prepared = Mutex(Array(repeating: nil, count: items.count))
    }

    /// Prepares records until none is left; any number of threads may do so at once.
    ///
    /// - Parameter isStrict: whether a text that is longer than the model takes fails.
    func prepare(_ model: CLIPModel, isStrict: Bool = false) {
        // A few at a time, so that short texts do not cost more in handing out than in work.
        let share = 4
        while true {
            let start = next.add(share, ordering: .relaxed).oldValue
            if start >= items.count { return }
            for index in start..<min(start + share, items.count) {
                guard case .input(let input) = items[index] else { continue }
                let result = Self.prepare(input.content, model, isStrict)
                prepared.withLock { $0[index] = result }
            }
        }
    }

    /// What was prepared, by index; to be called once all threads are done.
    func takePrepared() -> [Prepared?] {
        prepared.withLock { prepared in
            defer { prepared = [] }
            return prepared
        }
    }

    private static func prepare(_ content: RecordContent, _ model: CLIPModel, _ isStrict: Bool) -> Prepared {
        do {
            switch content {
            case .text(let text):
                let tokens = try model.tokenize(text)
                if isStrict, let error = tokens.truncation { return .failed(error) }
                return .text(tokens)
            case .image(let path): return .image(try model.prepare(file: path.bytes))
            }
        } catch let error as ImageError {
            return .failed(RecordError(code: error.code, message: error.description))
        } catch {  // the model has no encoder for it
            return .failed(RecordError(code: "model.encoder", message: "\(error)"))
        }
    }
}

extension TokenizedText {
    /// The error under `--strict`; nil where nothing was cut.
    var truncation: RecordError? {
        guard truncated > 0 else { return nil }
        return RecordError(
            code: "text.truncated",
            message: "the text has \(counted(truncated, "token")) more than the model takes; shorten it, or leave out "
                + "--strict to have it cut")
    }
}

/// What a tower gives for one input: a vector, or a matrix of per-token states, row by row.
struct Encoded {
    var shape: [Int]
    var values: [Float]
}

extension CLIPModel {
    /// What the towers give for what was prepared, by index; nil where that failed. Texts of like length go together, so
    /// that little is padded.
    func encode(
        _ prepared: [EmbedChunk.Prepared?], _ sizes: inout BatchSizes, output: EncoderOutput = .pooled,
        normalize: Bool = true
    ) throws -> [Encoded?] {
        var vectors = [Encoded?](repeating: nil, count: prepared.count)
        var images: [(index: Int, pixels: [Float])] = []
        var texts: [(index: Int, text: TokenizedText)] = []
        for (index, item) in prepared.enumerated() {
            switch item {
            case .image(let pixels): images.append((index, pixels))
            case .text(let text): texts.append((index, text))
            case .failed, nil: break
            }
        }
        texts.sort { ($0.text.ids.count, $0.index) < ($1.text.ids.count, $1.index) }
        func place(_ values: [Float], _ shape: [Int], _ indexes: [Int]) {
            let size = shape.reduce(1, *)
            for (row, index) in indexes.enumerated() {
                vectors[index] = Encoded(shape: shape, values: Array(values[row * size..<(row + 1) * size]))
            }
        }
        func place(_ states: TensorData, _ indexes: [Int]) {
            place(states.floats, Array(states.shape.dimensions.dropFirst()), indexes)
        }
        var rest = images[...]
        while !rest.isEmpty {
            let batch = rest.prefix(sizes.images.current)
            rest = rest.dropFirst(batch.count)
            let (pixels, indexes) = (batch.map(\.pixels), batch.map(\.index))
            try sizes.images.measuring(count: batch.count, work: batch.count) {
                if output == .pooled {
                    place(try embed(prepared: pixels, normalize: normalize), [width], indexes)
                } else {
                    place(try states(prepared: pixels, output: output), indexes)
                }
            }
        }
        var left = texts[...]
        while !left.isEmpty {
            let batch = left.prefix(sizes.texts.current)
            left = left.dropFirst(batch.count)
            let (texts, indexes) = (batch.map(\.text), batch.map(\.index))
            try sizes.texts.measuring(count: batch.count, work: texts.reduce(0) { $0 + $1.ids.count }) {
                if output == .pooled {
                    place(try embed(tokenized: texts, normalize: normalize), [width], indexes)
                } else {
                    place(try states(tokenized: texts, output: output), indexes)
                }
            }
        }
        return vectors
    }
}
