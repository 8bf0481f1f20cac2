import Foundation
import SupervProtocol
import SupervisionTree
import Testing

/// The hand-made RFC 3339 against Foundation's calendar.
@Suite struct TimeTextTests {
  /// Foundation's text of a whole second, with the microseconds that it would round put in by hand.
  private func expected(_ nanoseconds: Int64, _ formatter: ISO8601DateFormatter) -> String {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    let whole = rest < 0 ? seconds - 1 : seconds
    let micros = (rest < 0 ? rest + 1_000_000_000 : rest) / 1000
    let text = formatter.string(from: Date(timeIntervalSince1970: TimeInterval(whole)))
    let digits = String(micros)
    return text.dropLast() + "." + String(repeating: "0", count: 6 - digits.count) + digits + "Z"
  }

  @Test func agreesWithFoundation() {
    let formatter = ISO8601DateFormatter()
    var random = Jitter(seed: 20_261_121)
    // From 1678 to 2261; the Gregorian calendar is older than that.
    var times = (0..<3000).map { _ in
      Int64.random(in: -9_200_000_000_000_000_000...9_200_000_000_000_000_000, using: &random)
    }
    times += (0..<1000).map { _ in Int64.random(in: -3_000_000_000...3_000_000_000, using: &random)
    }
    times += [0, -1, -999, -1000, 1, 999, 1000, 999_999_999, 1_000_000_000, -1_000_000_000]
    for time in times {
      let text = RFC3339.text(nanoseconds: time)
      guard text != expected(time, formatter) else { continue }
      Issue.record("\(time): \(text), not \(expected(time, formatter))")
      return
    }
  }

  @Test func agreesAroundMidnight() {
    let formatter = ISO8601DateFormatter()
    for day in stride(from: Int64(-100_000), to: 100_000, by: 97) {
      let midnight = day * 86_400_000_000_000
      for time in [midnight - 1000, midnight] {
        #expect(RFC3339.text(nanoseconds: time) == expected(time, formatter))
      }
    }
    let leap = ["1972-02-29", "2000-02-29", "2024-02-29", "2096-02-29"]
    for date in leap {
      let day = formatter.date(from: date + "T12:00:00Z")?.timeIntervalSince1970 ?? 0
      #expect(
        RFC3339.text(nanoseconds: Int64(day) * 1_000_000_000) == date + "T12:00:00.000000Z")
    }
  }

  @Test func endsOfTheRange() {
    #expect(RFC3339.text(nanoseconds: .max) == "2262-04-11T23:47:16.854775Z")
    #expect(RFC3339.text(nanoseconds: .min) == "1677-09-21T00:12:43.145224Z")
  }
}
