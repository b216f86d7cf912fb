import CPUBackend
import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

/// A plugin that is wrong in one way, and what its suite must say of it.
struct WrongPlugin: Sendable, CustomTestStringConvertible {
    var name: String
    /// The claim that fails: `image-encoder.gradient`.
    var subject: String
    /// What the message names.
    var phrases: [String]
    var run: @Sendable () -> ConformanceReport

    init(_ name: String, _ subject: String, _ phrases: String..., run: @escaping @Sendable () -> ConformanceReport) {
        self.name = name
        self.subject = subject
        self.phrases = phrases
        self.run = run
    }

    var testDescription: String { name }

    /// Fails unless the suite finds the fault and names it.
    func expectFound() {
        let report = run()
        let failures = report.failures.filter { $0.subject == subject }
        let isNamed = failures.contains { failure in phrases.allSatisfy { failure.message.contains($0) } }
        #expect(isNamed, "\(name): nothing of \(subject) names \(phrases) in \(report)")
    }
}

@Suite("A suite fails a plugin that is wrong in one way, and names the fault")
struct WrongPluginTests {
    @Test("an op of an encoder", arguments: ops)
    func op(wrong: WrongPlugin) { wrong.expectFound() }

    @Test("an encoder", arguments: encoders)
    func encoder(wrong: WrongPlugin) { wrong.expectFound() }

    @Test("a tokenizer", arguments: tokenizers)
    func tokenizer(wrong: WrongPlugin) { wrong.expectFound() }

    @Test("a loss", arguments: losses)
    func loss(wrong: WrongPlugin) { wrong.expectFound() }

    @Test("a backend", arguments: backends)
    func backend(wrong: WrongPlugin) { wrong.expectFound() }

    @Test("settings", arguments: settings)
    func setting(wrong: WrongPlugin) { wrong.expectFound() }

    private static func image(_ op: Bend.Fault, on backends: [any Backend] = []) -> ConformanceReport {
        ImageEncoderConformance.run(ToyImageEncoder(op: op), backends: backends)
    }

    static let ops: [WrongPlugin] = [
        WrongPlugin("gradient 1.001 times too large", "image-encoder.op-gradient", "'bend'", "input 0", "1.001 times") {
            image(.gradientFactor(1.001))
        },
        WrongPlugin("gradient half of it", "image-encoder.op-gradient", "'bend'", "0.5 times") {
            image(.gradientFactor(0.5))
        },
        WrongPlugin("and so of the parameters before", "image-encoder.gradient", "'tower.conv1.weight'", "0.5 times") {
            image(.gradientFactor(0.5))
        },
        WrongPlugin("gradient of the wrong sign", "image-encoder.op-gradient", "input 0", "-1.0 times") {
            image(.gradientSign)
        },
        WrongPlugin("gradient lacks a term", "image-encoder.op-gradient", "input 1") { image(.gradientMissesTerm) },
        WrongPlugin("gradient of one parameter zero", "image-encoder.gradient", "'tower.bend'", "zero") {
            image(.gradientOfWeightZero)
        },
        WrongPlugin("no gradient of one operand", "image-encoder.op-gradient", "input 1", "zero") {
            image(.gradientOfWeightNil)
        },
        WrongPlugin("gradient of another shape", "image-encoder.op-gradient", "type is not the input's") {
            image(.gradientOfWrongType)
        },
        WrongPlugin("decomposition computes another thing", "image-encoder.op-decomposition", "'bend'", "position") {
            image(.decompositionValue)
        },
        WrongPlugin("decomposition of another type", "image-encoder.op-decomposition", "another type") {
            image(.decompositionType)
        },
        WrongPlugin("decomposes to itself", "image-encoder.op-decomposition", "without end") {
            image(.decomposesToItself)
        },
        WrongPlugin("no decomposition", "image-encoder.op-decomposition", "'bend'", "decompose") {
            image(.noDecomposition, on: [ReferenceBackend()])
        },
        WrongPlugin("no decomposition, on cpu", "image-encoder.backend", "cpu", "'bend'", "give the op a decomposition")
        {
            image(.noDecomposition, on: [CPUBackend()])
        },
        WrongPlugin("another result each time", "image-encoder.op-determinism", "'bend'") { image(.random) },
        WrongPlugin("shape rule of another count", "image-encoder", "'bend'", "shape rule") { image(.count) },
        WrongPlugin("shape rule transposed", "image-encoder.op-decomposition", "another type") {
            image(.transposedShape)
        },
        WrongPlugin("infinite", "image-encoder.op-finite", "'bend'") { image(.infinite) },
        WrongPlugin("wrong gradient in a text encoder", "text-encoder.op-gradient", "'bend'", "1.01 times") {
            TextEncoderConformance.run(ToyTextEncoder(op: .gradientFactor(1.01)), backends: [])
        },
        WrongPlugin("wrong gradient in a loss", "loss.op-gradient", "'bend'", "1.01 times") {
            LossConformance.run(ToyLoss(fault: .wrongGradient), backends: [])
        },
    ]

    private static func image(
        _ name: String, _ fault: ToyImageEncoder.Fault, _ subject: String, _ phrase: String
    ) -> WrongPlugin {
        WrongPlugin(name, "image-encoder." + subject, phrase) {
            ImageEncoderConformance.run(ToyImageEncoder(fault: fault), backends: [])
        }
    }

    static let encoders: [WrongPlugin] = [
        image("rows see each other", .mixesRows, "batch", "'pooled'"),
        image("tokens see other rows", .mixesTokens, "batch", "'tokens'"),
        image("a parameter that nothing reaches", .unusedParameter, "gradient", "'tower.lost'"),
        image("a name outside of the scope", .outsideScope, "names", "'stray'"),
        image("features of rank 1", .flat, "shape", "pooled"),
        image("state that embedding changes", .changesWhenEmbedding, "state", "'tower.count'"),
        image("a parameter as large as the batch", .growsWithBatch, "parameters", "'tower.rows'"),
        image("another graph each time", .otherGraphEachTime, "build", "second time"),
        image("not a number", .notFinite, "finite", "'pooled'"),
        image("the same for every picture", .deaf, "input", "same features"),
        image("an update of what is trained", .updatesTrainable, "state", "'tower.bend'"),
        image("other parameters in training", .trainsOtherParameters, "parameters", "'tower.extra'"),
        WrongPlugin("padding that is seen", "text-encoder.padding", "other tokens after the end") {
            TextEncoderConformance.run(ToyTextEncoder(isCausal: false), backends: [])
        },
        WrongPlugin("texts that see each other", "text-encoder.batch", "'tokens'") {
            TextEncoderConformance.run(ToyTextEncoder(mixesRows: true), backends: [])
        },
        WrongPlugin("a backend without custom ops", "image-encoder.backend", "wrong", "unsupported") {
            ImageEncoderConformance.run(ToyImageEncoder(), backends: [WrongBackend(.refusesCustomOps)])
        },
        WrongPlugin("a backend in half precision", "text-encoder.backend", "position") {
            TextEncoderConformance.run(ToyTextEncoder(), backends: [HalfBackend()])
        },
    ]

    private static func tokenizer(
        _ fault: ToyTokenizer.Fault, _ subject: String, _ phrase: String = ""
    ) -> WrongPlugin {
        WrongPlugin("\(fault)", "tokenizer." + subject, phrase) {
            TokenizerConformance.run(ToyTokenizer(fault: fault), longText: 1 << 10)
        }
    }

    static let tokenizers: [WrongPlugin] = [
        tokenizer(.outOfRange, "range", "outside of 0..<100"), tokenizer(.negative, "range", "-1"),
        tokenizer(.deaf, "meaning"), tokenizer(.endIsALetter, "ordinary", "101, the end token"),
        tokenizer(.startIsALetter, "ordinary", "97, the start token"),
        tokenizer(.padIsALetter, "ordinary", "33, the pad token"), tokenizer(.endIsAnEmoji, "ordinary", "240"),
        tokenizer(.endIsARarePiece, "ordinary", "honorific"), tokenizer(.startIsEnd, "special", "same id"),
        tokenizer(.framesItself, "ordinary", "start token"),
        tokenizer(.readsSpecials, "ordinary", "specialSpellings"), tokenizer(.dropsEnd, "end", "not the last"),
        tokenizer(.dropsStart, "start", "not the first"), tokenizer(.countsNoCut, "truncation", "0 ids told"),
        tokenizer(.countsOneLess, "truncation"), tokenizer(.ignoresLength, "length"),
        tokenizer(.fillsToLength, "length"), tokenizer(.padsInside, "inside", "pad token"),
        tokenizer(.startsTwice, "inside", "start token"), tokenizer(.remembersLastText, "determinism"),
        tokenizer(.racy, "concurrency"), tokenizer(.digestChanges, "digest", "changes"),
        tokenizer(.noDigest, "digest", "empty"), tokenizer(.empty, "vocabulary", "empty"),
    ]

    private static func loss(
        _ name: String, _ fault: ToyLoss.Fault, _ subject: String, _ phrase: String
    ) -> WrongPlugin {
        WrongPlugin(name, "loss." + subject, phrase) { LossConformance.run(ToyLoss(fault: fault), backends: []) }
    }

    static let losses: [WrongPlugin] = [
        loss("one side counts", .oneSided, "symmetry", "isSymmetric"),
        loss("a scale that is not learned", .constantScale, "gradient", "'logit_scale'"),
        loss("wrong pairs cost less", .upsideDown, "alignment", "wrong pairs"),
        loss("later pairs weigh more", .dependsOnOrder, "order", "reversed"),
        loss("the first pair is another", .favoursTheFirst, "order", "turned"),
        loss("a gradient off by a hundredth", .wrongGradient, "gradient", "1.01 times"),
        loss("one pair divides by zero", .needsTwoPairs, "single", "one pair"),
        loss("a start beyond its bounds", .startsOutside, "bounds", "'logit_scale' starts outside"),
        loss("infinite at its bound", .infiniteAtItsBound, "bounds", "where 'logit_scale' is"),
        loss("another calibration", .otherCalibration, "calibration", "10.0"),
        loss("a loss a pair", .vector, "shape", "not a scalar"),
    ]

    private static func contract(
        _ fault: WrongBackend.Fault, _ subject: String, _ phrase: String = ""
    ) -> WrongPlugin {
        WrongPlugin("\(fault)", "contract." + subject, phrase) {
            ExecutableContract(backend: WrongBackend(fault)).run()
        }
    }

    private static func cases(_ fault: WrongBackend.Fault, _ name: String, _ phrase: String = "") -> WrongPlugin {
        WrongPlugin("\(fault)", name, phrase) {
            BackendConformance(WrongBackend(fault), reference: ReferenceBackend(), seeds: 0..<2).run(name)
        }
    }

    static let backends: [WrongPlugin] = [
        cases(.ignoresCausalMask, "attention.causal", "differ"), cases(.computesInHalf, "matmul", "differ"),
        cases(.forgetsUpdates, "graph.updates", "parameter"), cases(.updatesTwice, "graph.updates", "parameter"),
        cases(.dropsOutputs, "graph.fan-out", "missing"), cases(.refusesCustomOps, "custom", "cannot run"),
        contract(.reusesOutputBuffer, "repetition", "change when the next one runs"),
        contract(.swallowsNaN, "specials", "finite numbers"), contract(.spreadsNaN, "specials", "reaches other rows"),
        contract(.dependsOnThreads, "threads", "on 3 threads"), contract(.mixesRows, "batch", "row 0 alone"),
        contract(.remembersLastRun, "repetition"), contract(.sharesState, "company", "two executables"),
        contract(.ignoresMissingInputs, "refusals", "missing input is accepted"),
        contract(.takesAnyType, "refusals", "another shape is accepted"),
        contract(.takesUnknownInputs, "refusals", "unknown input is accepted"),
        contract(.clampsIndices, "refusals", "beyond the table is accepted"),
    ]

    private static func plugin(_ fault: ToyPlugin.Fault, _ subject: String, _ phrase: String) -> WrongPlugin {
        WrongPlugin("\(fault)", subject, phrase) {
            PluginConformance.run(ToyPlugin(fault: fault), beside: [ReferencePlugin()])
        }
    }

    static let settings: [WrongPlugin] = [
        plugin(.ignoresSetting, "settings.use", "'bias'"),
        plugin(.defaultDoesNotBuild, "settings.defaults", "does not divide"),
        plugin(.traplessButNameless, "settings.bounds", "patchSize at the most"),
        plugin(.undeclaredSetting, "settings.defaults", "'depth'"),
        plugin(.wrongOp, "image-encoder.op-gradient", "'bend'"), plugin(.tooLarge, "settings.size", "small"),
    ]
}

/// The reference with every result rounded to half precision.
struct HalfBackend: Backend {
    func supports(_ node: Node) -> Bool { true }

    func compile(
        _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
    ) throws -> any Executable {
        let rounded = try graph.rewritten { node, inputs, builder in
            guard node.dtype == .float32, node.op.definition != nil else { return nil }
            return builder.apply(node.op, inputs, node.location).cast(to: .float16).cast(to: .float32)
        }
        return try ReferenceBackend().compile(rounded, parameters: parameters, options: options)
    }
}
