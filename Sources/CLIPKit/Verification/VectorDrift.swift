/// How far vectors are from what they should be.
public struct VectorDrift: Sendable, Hashable {
    /// Of any component.
    public var largestDifference: Float = 0
    /// Of any pair; 1 where there is none.
    public var smallestCosine: Float = 1

    init() {}

    /// Takes in one more pair. A vector of another length, or without direction, drifts as far as can be.
    mutating func add(_ own: ArraySlice<Float>, _ expected: [Float]) {
        var (dot, a, b) = (0.0, 0.0, 0.0)
        var largest: Float = own.count == expected.count ? 0 : .infinity
        for (x, y) in zip(own, expected) {
            dot += Double(x) * Double(y)
            a += Double(x) * Double(x)
            b += Double(y) * Double(y)
            let difference = abs(x - y)
            largest = difference.isNaN ? .infinity : max(largest, difference)
        }
        let cosine = dot / (a * b).squareRoot()
        largestDifference = max(largestDifference, largest)
        smallestCosine = min(smallestCosine, cosine.isNaN || largest == .infinity ? -1 : Float(cosine))
    }
}
