public import Checkpoints
import Imaging
public import Multimodal

/// Whether a model gives on this machine what it gave when it was converted.
public struct ModelVerification: Sendable {
    /// One backend in one precision.
    public struct Run: Sendable {
        public var backend: String
        public var precision: CompileOptions.Precision
        public var result: Result

        public enum Result: Sendable {
            case drift(VectorDrift)
            /// The backend cannot run it, and why.
            case unsupported(String)
        }

        /// What is allowed: float32 within 1e-4 in every component; bfloat16, whose products round to eight bits, a cosine
        /// of 0.9995.
        public var isWithinBounds: Bool {
            guard case .drift(let drift) = result else { return true }
            return precision == .float32
                ? drift.largestDifference <= Self.largestDifference : drift.smallestCosine >= Self.smallestCosine
        }

        public static let largestDifference: Float = 1e-4
        public static let smallestCosine: Float = 0.9995
    }

    public var golden: GoldenVectors
    /// The space that the model has now.
    public var space: String
    /// Files that are gone or changed.
    public var changedFiles: [String]
    /// Texts that get other ids.
    public var changedTexts: [String]
    public var runs: [Run]

    /// The precisions that must give the golden vectors; int8 is an approximation.
    public static let precisions: [CompileOptions.Precision] = [.float32, .bfloat16]

    /// Whether all of it is as it was, within bounds.
    public var isGood: Bool {
        changedFiles.isEmpty && changedTexts.isEmpty && space == golden.space && runs.allSatisfy(\.isWithinBounds)
    }

    /// Recomputes the golden vectors of a model.
    /// - Parameters:
    ///   - backends: names of the backends to run; each runs in `precisions`.
    ///   - threads: nil leaves it to the backend.
    public init(
        of directory: ModelDirectory, backends: [String], plugins: PluginRegistry, threads: Int? = nil
    ) throws {
        golden = try GoldenVectors(folder: directory.folder)
        space = directory.space
        changedFiles = golden.files.sorted { $0.key < $1.key }.compactMap { name, digest in
            (try? GoldenVectors.digest(FileSystem.resolve(name, in: directory.folder))) == digest ? nil : name
        }
        changedTexts = try golden.texts.filter {
            try directory.tokenizer.tokenize($0.text, contextLength: directory.model.text.contextLength).ids != $0.ids
        }.map(\.text)
        runs = []
        for backend in backends {
            for precision in Self.precisions {
                let options = CompileOptions(precision: precision, threads: threads)
                let model = try CLIPModel(
                    directory, plugins: plugins, backend: backend, options: options,
                    imageOptions: ImageOptions(orientation: golden.orientation))
                var result: Run.Result
                do {
                    result = .drift(try golden.drift(of: model, pictures: directory.folder))
                } catch let error as BackendError {
                    result = .unsupported(error.message)
                }
                runs.append(Run(backend: backend, precision: precision, result: result))
            }
        }
    }
}

extension GoldenVectors {
    /// How far `model` is from these vectors. Texts are tokenized and pictures decoded anew.
    /// - Parameter pictures: the folder that has `golden/`.
    func drift(of model: CLIPModel, pictures folder: String) throws -> VectorDrift {
        var drift = VectorDrift()
        let words = texts.isEmpty ? nil : try model.embed(texts: texts.map(\.text))
        for (row, text) in texts.enumerated() { drift.add(words?[row] ?? [], text.embedding) }
        let paths = pictures.map { FileSystem.resolve("\(Self.folder)/\($0.file)", in: folder) }
        let photos = paths.isEmpty ? nil : try model.embed(images: paths)
        for (row, picture) in pictures.enumerated() { drift.add(photos?[row] ?? [], picture.embedding) }
        return drift
    }
}
