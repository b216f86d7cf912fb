/// The text of the error that `body` throws; empty where it throws none.
package func failure(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch { return "\(error)" }
}

/// A field of a table as the fixtures' scripts write it: `\n`, `\r`, `\t` and `\\` stand for what they stand for in C.
package func unescaped(_ field: some StringProtocol) -> String {
    var text = String.UnicodeScalarView()
    var isEscaped = false
    for scalar in field.unicodeScalars {
        if isEscaped {
            text.append(scalar == "n" ? "\n" : scalar == "r" ? "\r" : scalar == "t" ? "\t" : scalar)
            isEscaped = false
        } else if scalar == "\\" {
            isEscaped = true
        } else {
            text.append(scalar)
        }
    }
    return String(text)
}
