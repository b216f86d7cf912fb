/// Text in columns, for people.
struct Table {
    private var rows: [[String]] = []

    init(_ header: [String] = []) { if !header.isEmpty { rows.append(header) } }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}

/// A number with so many digits after the point.
func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
    let power = (0..<digits).reduce(1.0) { product, _ in product * 10 }
    let scaled = Int((abs(value) * power).rounded())
    let unit = Int(power)
    let fraction = String(scaled % unit)
    let padding = String(repeating: "0", count: max(0, digits - fraction.count))
    return (value < 0 ? "-" : "") + "\(scaled / unit)" + (digits > 0 ? "." + padding + fraction : "")
}
