/// Which of n×n samples a pixel are covered; n = 1 draws hard edges, more draws them smooth.
struct Mask {
    let side: Int  // pixels
    let samples: Int  // a pixel's samples each way
    private let width: Int
    private var covered: [Bool]

    init(side: Int, samples: Int) {
        self.side = side
        self.samples = samples
        width = side * samples
        covered = Array(repeating: false, count: width * width)
    }

    /// Adds the inside of closed `outlines` by the even-odd rule, so that an inner outline is a hole.
    mutating func fill(_ outlines: [Polyline]) {
        let scale = Double(samples)
        var low = Double.infinity
        var high = -Double.infinity
        for outline in outlines {
            for p in outline {
                low = min(low, p.y)
                high = max(high, p.y)
            }
        }
        guard low < high else { return }
        let first = max(0, Int((low * scale).rounded(.down)))
        let last = min(width - 1, Int((high * scale).rounded(.up)))
        guard first <= last else { return }
        var crossings: [Double] = []
        for row in first...last {
            let y = (Double(row) + 0.5) / scale
            crossings.removeAll(keepingCapacity: true)
            for outline in outlines {
                guard var previous = outline.last else { continue }
                for p in outline {
                    if (previous.y <= y) != (p.y <= y) {
                        crossings.append(previous.x + (y - previous.y) / (p.y - previous.y) * (p.x - previous.x))
                    }
                    previous = p
                }
            }
            crossings.sort()
            var i = 0
            while i + 1 < crossings.count {
                let from = max(0, Int((crossings[i] * scale - 0.5).rounded(.up)))
                let to = min(width, Int((crossings[i + 1] * scale - 0.5).rounded(.up)))
                if from < to { for x in from..<to { covered[row * width + x] = true } }
                i += 2
            }
        }
    }

    /// Each pixel's covered share, 0 to 1, row by row.
    func coverage() -> [Double] {
        var result = Array(repeating: 0.0, count: side * side)
        let share = 1 / Double(samples * samples)
        for row in 0..<width {
            let line = row / samples * side
            for x in 0..<width where covered[row * width + x] { result[line + x / samples] += share }
        }
        return result
    }
}

/// A picture being painted: red, green, blue a pixel, 0 to 255.
struct Canvas {
    let side: Int
    var values: [Double]

    init(side: Int) {
        self.side = side
        values = Array(repeating: 0, count: side * side * 3)
    }

    /// Sets every pixel.
    mutating func paint(_ color: (_ x: Int, _ y: Int) -> Color) {
        for y in 0..<side {
            for x in 0..<side {
                let c = color(x, y)
                let i = (y * side + x) * 3
                values[i] = c.red
                values[i + 1] = c.green
                values[i + 2] = c.blue
            }
        }
    }

    /// Lays `color` over the pixels that `mask` covers.
    mutating func lay(_ color: Color, over mask: Mask) {
        for (pixel, share) in mask.coverage().enumerated() where share > 0 {
            let i = pixel * 3
            values[i] += (color.red - values[i]) * share
            values[i + 1] += (color.green - values[i + 1]) * share
            values[i + 2] += (color.blue - values[i + 2]) * share
        }
    }

    /// Softens the picture: each pixel gives `share` of itself to its neighbours, across and then down.
    mutating func blur(_ share: Double) {
        for step in [3, side * 3] {
            let old = values
            for y in 0..<side {
                for x in 0..<side {
                    let along = step == 3 ? x : y
                    for channel in 0..<3 {
                        let i = (y * side + x) * 3 + channel
                        let before = along > 0 ? old[i - step] : old[i]
                        let after = along < side - 1 ? old[i + step] : old[i]
                        values[i] = old[i] * (1 - share) + (before + after) * (share / 2)
                    }
                }
            }
        }
    }

    /// Red, green, blue bytes, row by row.
    func bytes() -> [UInt8] { values.map { UInt8(min(255, max(0, $0.rounded()))) } }
}
