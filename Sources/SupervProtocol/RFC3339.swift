/// Times as superv writes them everywhere: RFC 3339, UTC, microseconds.
package enum RFC3339 {
  /// For example `2026-11-21T07:20:00.123456Z`.
  ///
  /// - Parameter nanoseconds: since 1970-01-01 UTC.
  package static func text(nanoseconds: Int64) -> String {
    var bytes: [UInt8] = []
    append(nanoseconds: nanoseconds, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends the same 27 characters.
  package static func append(nanoseconds: Int64, to bytes: inout [UInt8]) {
    let microseconds = nanoseconds.floorDivided(by: 1000)
    let seconds = microseconds.floorDivided(by: 1_000_000)
    let days = seconds.floorDivided(by: 86_400)
    let ofDay = seconds - days * 86_400
    let date = civilDate(daysSince1970: days)
    append(date.year, digits: 4, "-", to: &bytes)
    append(date.month, digits: 2, "-", to: &bytes)
    append(date.day, digits: 2, "T", to: &bytes)
    append(ofDay / 3600, digits: 2, ":", to: &bytes)
    append(ofDay / 60 % 60, digits: 2, ":", to: &bytes)
    append(ofDay % 60, digits: 2, ".", to: &bytes)
    append(microseconds - seconds * 1_000_000, digits: 6, "Z", to: &bytes)
  }

  private static func append(
    _ value: Int64, digits: Int, _ separator: Unicode.Scalar, to bytes: inout [UInt8]
  ) {
    var power: Int64 = 1
    for _ in 1..<digits { power *= 10 }
    while power > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(value / power % 10))
      power /= 10
    }
    bytes.append(UInt8(ascii: separator))
  }

  /// The proleptic Gregorian date, counted in eras of 400 years that begin on the first of March,
  /// so that a leap day is the last day of its year.
  private static func civilDate(daysSince1970: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let days = daysSince1970 + 719_468
    let era = days.floorDivided(by: 146_097)
    let ofEra = days - era * 146_097
    let yearOfEra = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * ofYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, ofYear - (153 * shifted + 2) / 5 + 1)
  }
}

extension Int64 {
  fileprivate func floorDivided(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
