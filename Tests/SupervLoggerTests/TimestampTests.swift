import Foundation
import SupervLogger
import Testing

@Suite struct TimestampTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000000Z"),
    (-1, "1969-12-31T23:59:59.999999Z"),
    (999, "1970-01-01T00:00:00.000000Z"),
    (1_795_245_600_123_456_789, "2026-11-21T07:20:00.123456Z"),
    (951_782_400_000_000_000, "2000-02-29T00:00:00.000000Z"),
    (4_107_542_399_999_999_999, "2100-02-28T23:59:59.999999Z"),
    (Int64.max, "2262-04-11T23:47:16.854775Z"),
    (Int64.min, "1677-09-21T00:12:43.145224Z"),
  ]) func writes(nanoseconds: Int64, text: String) {
    #expect(String(decoding: Timestamp.bytes(nanoseconds), as: UTF8.self) == text)
  }

  @Test func everyDayOfTwoCenturiesReadsBack() throws {
    let day: Int64 = 86_400_000_000_000
    let instants = (-25_567...47_846).map { (days: Int64) in days * day + days % 1000 * 1_000 }
    #expect(instants.allSatisfy { Timestamp.parse(Timestamp.bytes($0).span) == $0 })
  }

  @Test func agreesWithFoundation() throws {
    let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    for seconds in stride(from: -2_000_000_000, to: 8_000_000_000, by: 86_413_777) {
      let text = String(decoding: Timestamp.bytes(Int64(seconds) * 1_000_000_000), as: UTF8.self)
      let expected = Date(timeIntervalSince1970: Double(seconds)).formatted(style)
      #expect(text == expected.replacing(".000Z", with: ".000000Z"))
    }
  }

  @Test(arguments: [
    "", "2026-11-21T07:20:00.123456", "2026-11-21 07:20:00.123456Z", "2026-13-21T07:20:00.123456Z",
    "2026-02-29T07:20:00.123456Z", "2026-11-31T07:20:00.123456Z", "2026-11-21T24:20:00.123456Z",
    "2026-11-21T07:60:00.123456Z", "2026-11-21T07:20:60.123456Z", "2026-11-21T07:20:00.12345xZ",
    "2026-11-21T07:20:00.123456+", "-026-11-21T07:20:00.123456Z", "2026-00-21T07:20:00.123456Z",
    "2026-11-00T07:20:00.123456Z", "9999-11-21T07:20:00.123456Z", "0000-01-01T00:00:00.000000Z",
  ]) func refuses(text: String) {
    #expect(Timestamp.parse(Array(text.utf8).span) == nil)
  }
}
