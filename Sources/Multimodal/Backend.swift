/// Something that runs graphs: plain Swift, a processor's vector units, a GPU.
public protocol Backend: Sendable {
    /// Whether this backend runs the op of `node` itself. Composites that it declines arrive decomposed.
    func supports(_ node: Node) -> Bool

    /// Makes `graph` runnable. `parameters` gives every parameter of the graph its first value; a missing one, or one of
    /// another type, is an error that names it.
    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable

    /// What it found on this machine.
    var capabilities: BackendCapabilities { get }
}

/// What a backend found on this machine.
public struct BackendCapabilities: Sendable {
    /// What it computes with, for people: `avx512-bf16, oneDNN 2.6.3`.
    public var instructionSet: String
    /// The instruction sets that it can be held to, the slowest first; empty where there is nothing to choose.
    public var instructionSets: [String]
    /// Precisions that the processor multiplies in by itself, the most exact first.
    public var precisions: [CompileOptions.Precision]
    /// Worker threads that it takes where `CompileOptions.threads` is nil.
    public var threads: Int

    public init(
        instructionSet: String = "portable", instructionSets: [String] = [],
        precisions: [CompileOptions.Precision] = [.float32], threads: Int = 1
    ) {
        self.instructionSet = instructionSet
        self.instructionSets = instructionSets
        self.precisions = precisions
        self.threads = threads
    }
}

extension Backend {
    public var capabilities: BackendCapabilities { BackendCapabilities() }
}

/// How a graph is to be run.
public struct CompileOptions: Hashable, Sendable {
    /// Element type of the products; everything between them stays float32.
    public var precision: Precision
    /// Worker threads; nil leaves it to the backend, which takes the processor's cores.
    public var threads: Int?
    /// Where graphs of the same parameters are compiled one after the other: what they can have in common.
    public var sharedWeights: SharedWeights?

    public init(precision: Precision = .float32, threads: Int? = nil, sharedWeights: SharedWeights? = nil) {
        self.precision = precision
        self.threads = threads
        self.sharedWeights = sharedWeights
    }

    public enum Precision: String, Hashable, Sendable, CaseIterable { case float32, bfloat16, int8 }
}

/// A compiled graph. Its parameters live in it: constants where the graph updates none, else changed by every run.
///
/// Runs of one executable follow one another; different executables may run at the same time.
public protocol Executable: AnyObject, Sendable {
    /// Computes the outputs by name. Every input of the graph must be there, of its type; anything else is refused.
    func run(_ inputs: [String: TensorData]) throws -> [String: TensorData]

    /// The value that a parameter has now; nil for a name that the graph lacks.
    func parameter(_ name: String) throws -> TensorData?

    /// What the steps took since compilation or the last call: time that passed, or with one thread its own processor
    /// time. nil from a backend that does not measure.
    func takeProfile() -> ExecutionProfile?
}

extension Executable {
    public func takeProfile() -> ExecutionProfile? { nil }
}

/// Where the time of an executable's runs went.
public struct ExecutionProfile: Sendable {
    /// In the order in which they run.
    public var steps: [Step]
    /// Floating-point operations a second that the processor is capable of in the executable's precision, as measured
    /// just now.
    public var peak: Double

    /// One step, all calls together.
    public struct Step: Sendable {
        /// `matmul`, `elementwise`.
        public var kind: String
        /// Shapes and implementation, for people.
        public var detail: String
        /// Where the graph's node was made.
        public var location: SourceLocation
        public var calls: Int
        public var seconds: Double
        /// Floating-point operations of all calls; 0 where they do not matter.
        public var flops: Double

        public init(
            kind: String, detail: String, location: SourceLocation, calls: Int, seconds: Double, flops: Double
        ) {
            self.kind = kind
            self.detail = detail
            self.location = location
            self.calls = calls
            self.seconds = seconds
            self.flops = flops
        }
    }

    public init(steps: [Step], peak: Double) {
        self.steps = steps
        self.peak = peak
    }
}

/// Why a graph cannot be compiled or run.
public struct BackendError: Error, CustomStringConvertible, Sendable {
    public var message: String
    /// Whether memory was too short, so that a smaller batch may do.
    public var isOutOfMemory: Bool

    public init(_ message: String, isOutOfMemory: Bool = false) {
        self.message = message
        self.isOutOfMemory = isOutOfMemory
    }

    public var description: String { message }
}

extension Graph {
    /// The graph with what a backend declines decomposed, until only ops are left that it runs.
    ///
    /// - Parameter backend: its name, for messages.
    /// - Throws: an error that names the op, where it was made and what to do, where one is declined and has no
    ///   decomposition.
    public func decomposed(for backend: String, unless isSupported: (Node) -> Bool) throws -> Graph {
        let graph = try decomposing(unless: isSupported)
        for node in graph.nodes where node.op.definition != nil && !isSupported(node) {
            throw BackendError(
                "the \(backend) backend cannot run the op '\(node.op.name)' of \(node.location) (it gives \(node.type)): it "
                    + "has no kernel for it, and the op has no decomposition; give the op a decomposition "
                    + "(`OpDefinition.decompose`), or \(backend) a kernel for it, or use the reference backend")
        }
        return graph
    }

    /// `parameters` in the order of the graph's own, or an error that names what is missing or does not fit.
    public func ordered(_ parameters: [String: TensorData]) throws(BackendError) -> [TensorData] {
        var result: [TensorData] = []
        for (parameter, type) in parameterSignature {
            result.append(try Self.checked(parameters[parameter.name], type, "parameter '\(parameter.name)'"))
        }
        return result
    }

    /// `inputs` in the order of the graph's own, or an error that names what is missing, unknown or does not fit.
    public func orderedInputs(_ inputs: [String: TensorData]) throws(BackendError) -> [TensorData] {
        var result: [TensorData] = []
        for (name, type) in inputSignature {
            result.append(try Self.checked(inputs[name], type, "input '\(name)'"))
        }
        let known = Set(inputSignature.map(\.name))
        if let unknown = inputs.keys.sorted().first(where: { !known.contains($0) }) {
            throw BackendError("the graph has no input '\(unknown)'; it has \(known.sorted().joined(separator: ", "))")
        }
        return result
    }

    private static func checked(
        _ data: TensorData?, _ type: TensorType, _ what: String
    ) throws(BackendError) -> TensorData {
        guard let data else { throw BackendError("\(what) (\(type)) is missing") }
        guard data.type == type else { throw BackendError("\(what) is \(data.type), the graph needs \(type)") }
        return data
    }
}
