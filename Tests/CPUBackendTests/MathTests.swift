import Multimodal
import Testing

@testable import CPUBackend

/// Error of `value` against the exact result, in units of the last place of a float32 at `exact`.
private func unitsOfLastPlace(_ value: Float, _ exact: Double) -> Double {
    if value.isNaN || exact.isNaN { return value.isNaN && exact.isNaN ? 0 : .infinity }
    let rounded = Float(exact)
    if value == rounded { return 0 }
    guard value.isFinite, rounded.isFinite else { return .infinity }
    return abs(Double(value) - exact) / Double(max(rounded.ulp, Float.leastNormalMagnitude.ulp))
}

@Test(
    "elementary functions are within a few units of the last place over all floats",
    arguments: [(Unary.exp, 1.6), (.log, 1.6), (.tanh, 2.0), (.sigmoid, 3.0), (.erf, 1.6)])
func accuracy(op: Unary, limit: Double) throws {
    // Every 30,011th bit pattern, both signs, with infinities, NaN and subnormals.
    var values = stride(from: UInt32(0), through: .max - 30_011, by: 30_011).map { Float(bitPattern: $0) }
    values += [0, -0.0, .infinity, -.infinity, .nan, 1, -1, 88.7, -87.4, -103.9, 0.625, 0.92773]
    let type = TensorType(.float32, [values.count])
    let graph = try Graph.build { [("y", $0.input("x", type).apply(.unary(op)))] }
    let executable = try CPUBackend().compile(graph, parameters: [:], options: CompileOptions())
    let x = try #require(TensorData(values, shape: [values.count]))
    let results = try #require(try executable.run(["x": x])["y"]?.floats)
    let exact = try op.evaluate([ReferenceTensor(type: type, values: values.map(Double.init))], result: type)
    var worst = (units: 0.0, at: Float(0))
    for (index, value) in results.enumerated() {
        // Sigmoid falls to 0 where it is subnormal.
        if op == .sigmoid, abs(exact[index]) < Double(Float.leastNormalMagnitude) { continue }
        let units = unitsOfLastPlace(value, exact[index])
        if units > worst.units { worst = (units, values[index]) }
    }
    #expect(worst.units <= limit, "\(worst.units) units at \(worst.at)")
}
