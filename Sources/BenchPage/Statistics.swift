extension Collection where Element: Comparable {
  /// The value that a fraction of all values do not exceed (nearest rank); nil when there is none.
  package func quantile(_ fraction: Double) -> Element? {
    let sorted = sorted()
    guard !sorted.isEmpty else { return nil }
    let rank = Int((fraction * Double(sorted.count)).rounded(.up))
    return sorted[Swift.min(Swift.max(rank, 1), sorted.count) - 1]
  }
}

extension Double {
  /// With so many decimals at most, and none for large numbers.
  package func rounded(to decimals: Int) -> String {
    guard magnitude < 1000 else { return String(Int(rounded())) }
    let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
    let text = String((self * scale).rounded() / scale)
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  /// With three digits that count, and commas between thousands: 0.123, 1.23, 12.3, 12,345.
  package var short: String {
    if magnitude >= 1000 { return grouped(Int(rounded())) }
    return rounded(to: magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : magnitude >= 1 ? 2 : 3)
  }

  /// The logarithm to base 2 of a number above 0, to 40 binary places; a plot needs no more, and no
  /// library for it.
  var binaryLogarithm: Double {
    precondition(self > 0 && isFinite)
    var result = Double(exponent)
    var rest = significand
    var place = 0.5
    for _ in 0..<40 {
      rest *= rest
      if rest >= 2 {
        rest /= 2
        result += place
      }
      place /= 2
    }
    return result
  }
}

/// A whole number with commas between thousands.
package func grouped(_ number: Int) -> String {
  var text = String(number.magnitude)
  var at = text.count
  while at > 3 {
    at -= 3
    text.insert(",", at: text.index(text.startIndex, offsetBy: at))
  }
  return (number < 0 ? "-" : "") + text
}
