/// Looks for the numbered lines that chaos printed in the name of an agent in what its log has.
package enum LogJudge {
  /// What was found in the files of one log, the oldest file first.
  package struct Found: Hashable, Sendable {
    /// The numbers, in the order of the lines.
    package var numbers: [Int] = []
    /// Lines that the log itself says are missing.
    package var droppedCount = 0
    /// Older files may have made room for newer ones.
    package var wasRotated = false

    package init() {}
  }

  /// The line that is printed: ASCII, so that it is the same in a text file and in JSON.
  package static func line(_ token: String, _ number: Int) -> String {
    "superv-chaos:\(token):\(number):"
  }

  /// Adds what one file has.
  package static func read(_ content: [UInt8], token: String, into found: inout Found) {
    let mark = Array("superv-chaos:\(token):".utf8)
    let dropMarks = [Array(") dropped: ".utf8), Array("\"dropped\":".utf8)]
    for line in content.split(separator: UInt8(ascii: "\n")) {
      if let at = line.firstRange(of: mark) {
        let digits = line[at.upperBound...].prefix { (48...57).contains($0) }
        let isWhole = line[digits.endIndex...].first == UInt8(ascii: ":")
        if isWhole, let number = Int(String(decoding: digits, as: UTF8.self)) {
          found.numbers.append(number)
        }
      } else if line.firstRange(of: dropMarks[0]) != nil, line.firstRange(of: textMark) != nil {
        found.droppedCount += numberBefore(Array(" lines (".utf8), in: line)
      } else if let at = line.firstRange(of: dropMarks[1]) {
        let digits = line[at.upperBound...].prefix { (48...57).contains($0) }
        found.droppedCount += Int(String(decoding: digits, as: UTF8.self)) ?? 0
      }
    }
  }

  private static let textMark = Array(" superv: ".utf8)

  private static func numberBefore(_ words: [UInt8], in line: ArraySlice<UInt8>) -> Int {
    guard let at = line.firstRange(of: words) else { return 0 }
    let digits = line[..<at.lowerBound].reversed().prefix { (48...57).contains($0) }.reversed()
    return Int(String(decoding: Array(digits), as: UTF8.self)) ?? 0
  }

  /// - Parameter printed: so many lines, numbered from 1.
  /// - Returns: whether nothing is missing yet that may still come.
  package static func isComplete(_ found: Found, printed: Int) -> Bool {
    missing(found, printed: printed) <= found.droppedCount
  }

  /// The lines that should be there and are not. Those from before the oldest file do not count.
  private static func missing(_ found: Found, printed: Int) -> Int {
    let first = found.wasRotated ? found.numbers.min() ?? printed + 1 : 1
    return max(0, printed - first + 1) - Set(found.numbers).count
  }

  package static func judge(
    _ agent: String, _ found: Found, printed: Int, _ verdict: inout Verdict
  ) {
    verdict.count(.logs, printed)
    let missing = missing(found, printed: printed)
    if missing > found.droppedCount {
      verdict.violate(
        .logs,
        "\(agent): \(missing) of \(printed) lines are not in its log, which names "
          + "\(found.droppedCount) as dropped")
    }
    let doubled = found.numbers.count - Set(found.numbers).count
    if doubled > 0 { verdict.violate(.logs, "\(agent): \(doubled) lines are in its log twice") }
    let backwards = zip(found.numbers, found.numbers.dropFirst()).filter { $0 > $1 }
    if let first = backwards.first {
      verdict.violate(.logs, "\(agent): line \(first.1) comes after line \(first.0)")
    }
  }
}

extension ArraySlice<UInt8> {
  /// Where `words` stand; nil: nowhere.
  fileprivate func firstRange(of words: [UInt8]) -> Range<Int>? {
    guard let head = words.first else { return nil }
    var start = startIndex
    while let at = self[start...].firstIndex(of: head) {
      if self[at...].starts(with: words) { return at..<at + words.count }
      start = at + 1
    }
    return nil
  }
}
