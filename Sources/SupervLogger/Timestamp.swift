/// Instants as the log writes them: RFC 3339, UTC, microseconds, always 27 bytes, for example
/// `2026-11-21T07:20:00.123456Z`.
///
/// Nanoseconds since 1970 in 64 bits reach from 1677 to 2262, so every one of them can be written.
package enum Timestamp {
  package static let byteCount = 27

  static let nanosecondsPerSecond: Int64 = 1_000_000_000

  /// The 27 bytes of an instant, given in nanoseconds since 1970 (UTC, without leap seconds).
  package static func bytes(_ nanoseconds: Int64) -> [UInt8] {
    var writer = TimestampWriter()
    writer.set(nanoseconds)
    return writer.text
  }

  /// Reads what `bytes` wrote; nil for anything else, impossible dates included.
  ///
  /// - Returns: nanoseconds since 1970. Instants that do not fit 64 bits (before 1677, after 2262)
  ///   give nil.
  package static func parse(_ text: Span<UInt8>) -> Int64? {
    guard text.count == byteCount, text[10] == UInt8(ascii: "T"), text[19] == UInt8(ascii: "."),
      text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"), text[13] == UInt8(ascii: ":"),
      text[16] == UInt8(ascii: ":"), text[26] == UInt8(ascii: "Z"),
      let year = number(text, 0, 4), let month = number(text, 5, 2), let day = number(text, 8, 2),
      let hour = number(text, 11, 2), let minute = number(text, 14, 2),
      let second = number(text, 17, 2), let micros = number(text, 20, 6),
      (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 60
    else { return nil }
    let days = daysFromCivil(year: year, month: month, day: day)
    guard civilFromDays(days) == (year, month, day) else { return nil }
    let whole = days * 86_400 + hour * 3_600 + minute * 60 + second
    let (scaled, overflow) = whole.multipliedReportingOverflow(by: nanosecondsPerSecond)
    let (sum, overflowAgain) = scaled.addingReportingOverflow(micros * 1_000)
    return overflow || overflowAgain ? nil : sum
  }

  private static func number(_ text: Span<UInt8>, _ start: Int, _ length: Int) -> Int64? {
    var value: Int64 = 0
    for index in start..<(start + length) {
      let digit = text[index] &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      value = value * 10 + Int64(digit)
    }
    return value
  }

  /// Days since 1970-01-01 of a date in the Gregorian calendar (Howard Hinnant, "chrono-Compatible
  /// Low-Level Date Algorithms"): years begin in March, so that the leap day is the last one.
  static func daysFromCivil(year: Int64, month: Int64, day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  /// The inverse of `daysFromCivil`.
  static func civilFromDays(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra =
      (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}

/// Writes one instant after another; the date and the time down to the second are worked out once
/// a second, the microseconds every time.
struct TimestampWriter {
  private(set) var bytes: [27 of UInt8]
  private var second: Int64 = .min

  init() {
    bytes = InlineArray(repeating: UInt8(ascii: "0"))
    for (index, mark) in [
      (4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (26, "Z"),
    ] {
      bytes[index] = mark.utf8.first ?? 0
    }
  }

  /// The text as an array, for paths that are not taken for every line.
  var text: [UInt8] { bytes.indices.map { bytes[$0] } }

  /// Makes `bytes` the text of an instant in nanoseconds since 1970.
  mutating func set(_ nanoseconds: Int64) {
    var whole = nanoseconds / Timestamp.nanosecondsPerSecond
    var rest = nanoseconds % Timestamp.nanosecondsPerSecond
    if rest < 0 {
      whole -= 1
      rest += Timestamp.nanosecondsPerSecond
    }
    if whole != second { setSecond(whole) }
    put(rest / 1_000, at: 20, digits: 6)
  }

  private mutating func setSecond(_ whole: Int64) {
    second = whole
    var days = whole / 86_400
    var rest = whole % 86_400
    if rest < 0 {
      days -= 1
      rest += 86_400
    }
    let date = Timestamp.civilFromDays(days)
    put(date.year, at: 0, digits: 4)
    put(date.month, at: 5, digits: 2)
    put(date.day, at: 8, digits: 2)
    put(rest / 3_600, at: 11, digits: 2)
    put(rest / 60 % 60, at: 14, digits: 2)
    put(rest % 60, at: 17, digits: 2)
  }

  private mutating func put(_ value: Int64, at start: Int, digits: Int) {
    var rest = value
    for index in stride(from: start + digits - 1, through: start, by: -1) {
      bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    }
  }
}
