/// A point in pixels or in a shape's own units; y grows downward.
struct Point {
    var x: Double
    var y: Double

    init(_ x: Double, _ y: Double) {
        self.x = x
        self.y = y
    }
}

/// A closed outline or an open stroke, flattened to points.
typealias Polyline = [Point]

/// The sine and cosine of an angle in turns, by polynomial: the C library's differ in the last bit between platforms,
/// and the pictures must not.
func sineCosine(turns: Double) -> (sine: Double, cosine: Double) {
    func sine(_ turns: Double) -> Double {
        var t = turns - turns.rounded(.down)  // 0 ..< 1
        var sign = 1.0
        if t >= 0.5 {
            t -= 0.5
            sign = -1
        }
        if t > 0.25 { t = 0.5 - t }
        let x = t * 6.283_185_307_179_586_5
        let x2 = x * x
        // Taylor to x^13: the error is below 1e-11 on a quarter turn.
        var sum = 1.0
        for k in [156.0, 110, 72, 42, 20, 6] { sum = 1 - x2 / k * sum }
        return sign * x * sum
    }
    return (sine(turns), sine(turns + 0.25))
}

/// A map of the plane: scale, slant and rotate, then move.
struct Affine {
    var a = 1.0
    var b = 0.0
    var c = 0.0
    var d = 1.0
    var x = 0.0
    var y = 0.0

    /// `shape` is made `width` times as wide and `height` times as high, turned and moved to `center`.
    init(center: Point, width: Double, height: Double, turns: Double, slant: Double = 0) {
        let (s, k) = sineCosine(turns: turns)
        a = k * width
        b = (-s + k * slant) * height
        c = s * width
        d = (k + s * slant) * height
        x = center.x
        y = center.y
    }

    func callAsFunction(_ p: Point) -> Point { Point(a * p.x + b * p.y + x, c * p.x + d * p.y + y) }
    func callAsFunction(_ line: Polyline) -> Polyline { line.map { self($0) } }
}

/// An elliptic arc from angle `from` to angle `to` (turns, clockwise on the screen), ends included.
func arc(_ center: Point, _ rx: Double, _ ry: Double, from: Double, to: Double) -> Polyline {
    let steps = max(2, Int((abs(to - from) * 40).rounded(.up)))
    return (0...steps).map { i in
        let (s, c) = sineCosine(turns: from + (to - from) * Double(i) / Double(steps))
        return Point(center.x + rx * c, center.y + ry * s)
    }
}

/// A cubic curve, without its first point.
func cubic(_ p: Point, _ q: Point, _ r: Point, _ s: Point) -> Polyline {
    (1...10).map { i in
        let t = Double(i) / 10
        let u = 1 - t
        let (a, b, c, d) = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
        return Point(a * p.x + b * q.x + c * r.x + d * s.x, a * p.y + b * q.y + c * r.y + d * s.y)
    }
}
