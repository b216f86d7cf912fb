import Multimodal
import MultimodalTesting
import ReferenceBackend
import Testing

@Suite struct BackendConformanceTests {
    @Test("the reference agrees with itself run on primitives alone, for every op there is")
    func primitives() {
        let report = BackendConformance(PrimitiveBackend(), reference: ReferenceBackend(), seeds: 0..<2).run()
        #expect(report.hasPassed, "\(report)")
        #expect(report.checkCount > 1000)
        // No op is missing from the cases.
        #expect(Set(OpKey.all).subtracting(report.coveredOps) == [])
    }

    @Test("every case has a name of its own")
    func names() {
        let names = BackendConformance.cases.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test(
        "an op that is off by one part in a thousand is found",
        arguments: ["softmaxGradient", "gelu.tanh", "reduce.maximum", "convolutionWeightGradient", "gather"])
    func faults(op: String) {
        let faulty = FaultyBackend(op: op, error: 1e-3, key: OpKey.key)
        let name = op.replacing("Gradient", with: "").replacing("WeightGradient", with: "").prefix { $0 != "W" }
        let report = BackendConformance(faulty, reference: ReferenceBackend(), seeds: 0..<1).run(String(name))
        #expect(!report.failures.isEmpty)
        #expect(report.failures.allSatisfy { $0.maximumError != nil && $0.subject.hasPrefix(name) })
    }

    @Test("the reference keeps the contract of executables")
    func contract() {
        let report = ExecutableContract(backend: ReferenceBackend()).run()
        #expect(report.hasPassed, "\(report)")
    }

    @Test("a backend that refuses nothing and forgets outputs and updates is found")
    func carelessness() {
        let report = ExecutableContract(backend: CarelessBackend()).run()
        #expect(Set(report.failures.map(\.subject)).isSuperset(of: ["contract.refusals", "contract.parameters"]))
        let updates = BackendConformance(CarelessBackend(), reference: ReferenceBackend()).run("graph.updates")
        #expect(updates.failures.contains { $0.message.contains("missing") })
        #expect(updates.failures.contains { $0.message.contains("parameter 'count'") })
    }

    @Test("float64 may be declined, and is then told as skipped")
    func declining() {
        struct SinglePrecision: Backend {
            func supports(_ node: Node) -> Bool { node.dtype != .float64 }
            func compile(
                _ graph: Graph, parameters: [String: TensorData], options: CompileOptions
            ) throws -> any Executable {
                try ReferenceBackend().compile(graph, parameters: parameters, options: options)
            }
        }
        let report = BackendConformance(SinglePrecision(), reference: ReferenceBackend()).run("cast.")
        #expect(report.hasPassed, "\(report)")
        #expect(report.skipped.keys.sorted() == ["cast.float64"])
    }

    @Test("products on bfloat16 operands agree, lowered before or after decomposition")
    func precision() {
        let report = BackendConformance(
            PrimitiveBackend(), reference: ReferenceBackend(), seeds: 0..<1,
            options: CompileOptions(precision: .bfloat16)
        ).run("matmul")
        #expect(report.hasPassed, "\(report)")
    }

    @Test("a suite that ran nothing has not passed")
    func nothing() {
        #expect(!BackendConformance(ReferenceBackend(), reference: ReferenceBackend()).run("nobody").hasPassed)
    }
}

@Suite struct ComparisonTests {
    private func tensor(_ values: [Double], _ dtype: DType = .float32) -> TensorData {
        TensorData(TensorType(dtype, [values.count]), doubles: values)
    }

    @Test("NaN agrees with NaN alone, an infinity with the same infinity alone")
    func specials() {
        let loose = Tolerance(relative: 1, absolute: 1)
        let values = [Double.nan, .infinity, -.infinity, 1]
        for (i, a) in values.enumerated() {
            for (j, b) in values.enumerated() where i != j {
                #expect(difference(tensor([a]), tensor([b]), loose) != nil, "\(a) and \(b)")
            }
            #expect(difference(tensor([a]), tensor([a]), .exact) == nil)
        }
    }

    @Test("the worst element is named, and how many there are")
    func worst() throws {
        let gap = try #require(difference(tensor([1, 2.5, 3, 9]), tensor([1, 2, 3, 4]), .op(.float32)))
        #expect(gap.position == 3)
        #expect(gap.count == 2)
        #expect(gap.maximumError == 5)
    }

    @Test("another type is a difference")
    func types() {
        #expect(difference(tensor([1]), tensor([1], .float64), .op(.float32)) != nil)
    }
}

@Suite struct GradientCheckTests {
    @Test("gradients agree with finite differences, for every op")
    func first() {
        let report = GradientCheck(reference: ReferenceBackend()).run()
        #expect(report.hasPassed, "\(report)")
        #expect(report.checkCount > 900)
    }

    @Test("gradients of gradients agree with finite differences")
    func second() {
        let report = GradientCheck(reference: ReferenceBackend(), tolerance: 1e-5).run(order: 2)
        #expect(report.hasPassed, "\(report)")
    }

    @Test("a wrong gradient rule is found, and so is one that forgets an operand")
    func wrong() {
        struct Cube: OpDefinition {
            var factor: Double
            var name: String { "cube" }
            func resultType(of inputs: [TensorType]) throws(OpFault) -> TensorType { inputs[0] }
            func evaluate(_ inputs: [ReferenceTensor], result: TensorType) throws(OpFault) -> [Double] {
                inputs[0].values.map { $0 * $0 * $0 }
            }
            func gradient(_ context: GradientContext) -> [Tensor?] {
                [factor * context.inputs[0] * context.inputs[0] * context.upstream]
            }
        }
        func report(_ factor: Double) -> ConformanceReport {
            let cube = ConformanceCase("cube") { c in
                c.output(c.input([5]).apply(.custom(CustomOp(Cube(factor: factor)))))
            }
            return GradientCheck(reference: ReferenceBackend()).run(cases: [cube])
        }
        #expect(report(3).hasPassed)
        #expect(!report(3.0001).failures.isEmpty)
    }
}
