/// A decimal number and exact comparisons with float32: whole numbers of any length, nothing is ever rounded.
struct ExactDecimal {
    /// Without leading zeros.
    var digits: [UInt8]
    /// Of the last digit.
    var exponent: Int

    /// Whether `value` is the float32 nearest to this number, the even one of two equally near. An infinity stands for what
    /// rounds beyond float32.
    func isNearest(_ value: Float) -> Bool {
        let bits = value.magnitude.bitPattern
        let field = Int(bits >> 23)
        let (fraction, scale) = field == 0 ? (bits, -149) : (bits & 0x7F_FFFF | 1 << 23, field - 150)
        let isEven = fraction & 1 == 0
        if value.isInfinite { return compared(1 << 25 - 1, 103) >= 0 }  // from the middle of the last float and 2^128
        let above = compared(2 * UInt64(fraction) + 1, scale - 1)
        guard above < 0 || above == 0 && isEven else { return false }
        if fraction == 0 { return true }
        let isPower = fraction == 1 << 23 && field > 1  // the float below is nearer
        let below =
            isPower ? compared(4 * UInt64(fraction) - 1, scale - 2) : compared(2 * UInt64(fraction) - 1, scale - 1)
        return below > 0 || below == 0 && isEven
    }

    /// -1, 0 or 1: how this number compares with `whole * 2^scale`.
    private func compared(_ whole: UInt64, _ scale: Int) -> Int {
        var left = Natural(digits)
        var right = Natural(whole)
        if exponent > 0 { left.multiply(byPowerOfTen: exponent) } else { right.multiply(byPowerOfTen: -exponent) }
        if scale < 0 { left.double(times: -scale) } else { right.double(times: scale) }
        return left.compared(right)
    }

    /// Exactly `whole * 2^scale`.
    init(_ whole: UInt64, scale: Int) {
        // 2^-n is 5^n 10^-n.
        var number = Natural(whole)
        if scale < 0 { for _ in 0..<(-scale) { number.multiply(by: 5) } } else { number.double(times: scale) }
        digits = number.decimalDigits
        exponent = min(scale, 0)
    }

    init(digits: [UInt8], exponent: Int) {
        self.digits = Array(digits.drop { $0 == 0 })
        self.exponent = exponent
    }
}

/// A whole number of any size, not negative; the lowest 32 bits first.
struct Natural {
    private var words: [UInt32] = []

    init(_ value: UInt64) {
        words = [UInt32(truncatingIfNeeded: value), UInt32(value >> 32)]
        trim()
    }

    init(_ digits: [UInt8]) {
        for start in stride(from: 0, to: digits.count, by: 9) {
            let part = digits[start..<min(start + 9, digits.count)]
            let factor = part.reduce(UInt32(1)) { factor, _ in factor * 10 }
            multiply(by: factor, adding: part.reduce(0) { $0 * 10 + UInt32($1) })
        }
    }

    mutating func multiply(by factor: UInt32, adding: UInt32 = 0) {
        var carry = UInt64(adding)
        for index in words.indices {
            carry += UInt64(words[index]) * UInt64(factor)
            words[index] = UInt32(truncatingIfNeeded: carry)
            carry >>= 32
        }
        if carry > 0 { words.append(UInt32(carry)) }
    }

    mutating func multiply(byPowerOfTen power: Int) {
        for _ in 0..<power / 9 { multiply(by: 1_000_000_000) }
        for _ in 0..<power % 9 { multiply(by: 10) }
    }

    mutating func double(times count: Int) {
        if count % 32 > 0 { multiply(by: 1 << UInt32(count % 32)) }
        if !words.isEmpty { words = [UInt32](repeating: 0, count: count / 32) + words }
    }

    func compared(_ other: Natural) -> Int {
        if words.count != other.words.count { return words.count < other.words.count ? -1 : 1 }
        for (a, b) in zip(words.reversed(), other.words.reversed()) where a != b { return a < b ? -1 : 1 }
        return 0
    }

    var decimalDigits: [UInt8] {
        var rest = self
        var digits: [UInt8] = []
        while !rest.words.isEmpty {
            var remainder: UInt64 = 0
            for index in rest.words.indices.reversed() {
                let part = remainder << 32 | UInt64(rest.words[index])
                rest.words[index] = UInt32(part / 1_000_000_000)
                remainder = part % 1_000_000_000
            }
            rest.trim()
            for _ in 0..<9 {
                digits.append(UInt8(remainder % 10))
                remainder /= 10
            }
        }
        while digits.last == 0 { digits.removeLast() }
        return digits.reversed()
    }

    private mutating func trim() { while words.last == 0 { words.removeLast() } }
}
