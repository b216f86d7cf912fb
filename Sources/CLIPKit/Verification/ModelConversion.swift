import AtomicFiles
public import Checkpoints
public import ModelGraph
public import Multimodal

/// What `ModelDirectory.convert` did.
public struct ModelConversion: Sendable {
    /// The space of what was written: that of the source where the layout keeps everything and so does the type.
    public var space: String
    /// What the layout's programs do otherwise than the source, in words.
    public var notes: [String]
    /// How far golden vectors are from what the source gives for the same inputs.
    public var drift: VectorDrift
}

extension ModelDirectory {
    /// Writes this model to `folder` with everything stated that decides its vectors (activation, preprocessing,
    /// tokenizer, context), and with golden vectors that `ModelVerification` recomputes. The folder is there whole or not at
    /// all. Weights go through memory one tensor at a time.
    /// - Parameters:
    ///   - folder: new, empty, or written before from the same model in the same way; see `OutputRule`.
    ///   - layout: whose programs are to read it.
    ///   - dtype: element type of the weights; nil keeps it.
    ///   - replacing: whether it is written into `folder` whatever is there: files of the same names are replaced, others
    ///     stay.
    ///   - backend: what computes the golden vectors, in float32.
    /// - Throws: `CheckpointError` where the layout cannot express the model, `OutputRefusal` where `folder` is taken or is
    ///   this model's own.
    public func convert(
        to folder: String, layout: ModelLayoutName = .clip, dtype: DType? = nil, replacing: Bool = false,
        plugins: PluginRegistry, backend: String, threads: Int? = nil
    ) throws -> ModelConversion {
        try OutputRule.check(folder: folder, isNone: sources)
        let record = OutputRecord(
            command: "clip models convert",
            purpose: "space \(space), layout \(layout.rawValue), \(dtype.map { "\($0)" } ?? "the source's type")")
        try OutputRule.check(folder: folder, for: record, force: replacing)
        try FileSystem.makeDirectory(FileSystem.folder(of: folder))
        var space = ""
        return try AtomicDirectory.write(
            to: folder, record: record, force: replacing,
            check: { try Self.check(mixed: $0, for: space, at: folder, plugins: plugins) }
        ) { temporary in
            try write(to: temporary, layout: layout, dtype: dtype, plugins: plugins)
            let written = try ModelDirectory(path: temporary, plugins: plugins)
            space = written.space
            let options = CompileOptions(threads: threads)
            let golden = try GoldenVectors(of: written, backend: backend, plugins: plugins, options: options)
            try golden.write(to: temporary)
            let source = try CLIPModel(self, plugins: plugins, backend: backend, options: options)
            return ModelConversion(
                space: written.space, notes: try notes(written, layout, golden, source),
                drift: try golden.drift(of: source, pictures: temporary))
        }
    }

    private func notes(
        _ written: ModelDirectory, _ layout: ModelLayoutName, _ golden: GoldenVectors, _ source: CLIPModel
    ) throws -> [String] {
        var notes: [String] = []
        if config.image != nil, try written.transform != transform {
            var changes: [String] = []
            if try written.transform.cropRounding != transform.cropRounding {
                changes.append("where an odd number of pixels is cut off, the crop may start one pixel elsewhere")
            }
            if try written.transform.convert != transform.convert {
                changes.append(
                    "pictures that are not RGB are converted \(try written.transform.convert == .first ? "before" : "after") resizing"
                )
            }
            if try written.transform.alpha != transform.alpha {
                changes.append(
                    try written.transform.alpha == .white
                        ? "transparent pictures are laid on white, where this model drops alpha"
                        : "alpha is dropped, where this model lays transparent pictures on white")
            }
            notes.append(
                "the layout \(layout.rawValue) prepares some pictures otherwise: "
                    + (changes.isEmpty ? "its settings are its own" : changes.joined(separator: ", ")))
        }
        if config.text != nil, try written.tokenizer.digest != tokenizer.digest {
            notes.append(
                "the layout \(layout.rawValue) cleans texts in its own way, so that unusual ones get other ids")
        }
        let changed = try golden.texts.filter { try source.tokenize($0.text).ids != $0.ids }
        if let first = changed.first {
            notes.append(
                "\(changed.count) of \(golden.texts.count) golden texts get other ids, \"\(first.text)\" for one")
        }
        if layout == .openCLIP, try tokenizer.encode("a photo of a cat") != [320, 1125, 539, 320, 2368] {
            notes.append(
                "open_clip itself takes the merges of its own package, not merges.txt, and would give this model's texts "
                    + "other ids: give it those of 'clip tokenize'")
        }
        return notes
    }
}
