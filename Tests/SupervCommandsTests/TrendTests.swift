import SupervCommands
import Testing

/// What a soak calls growth, and what it does not.
@Suite struct TrendTests {
  /// Half an hour, a point every five seconds.
  private func series(
    _ unit: Series.Unit = .bytes, minutes: Double = 30, _ value: (Double) -> Double
  ) -> Series {
    let points = stride(from: 0, to: minutes * 60, by: 5).map { seconds in
      Series.Point(seconds: seconds, value: value(seconds))
    }
    return Series("made up", unit, points: points)
  }

  /// SplitMix64: the same numbers in every run.
  private struct Noise: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return mixed ^ (mixed >> 31)
    }

    /// Of about the normal distribution, with a deviation of 1.
    mutating func normal() -> Double {
      (0..<12).reduce(-6) { sum, _ in sum + Double.random(in: 0..<1, using: &self) }
    }
  }

  private func trend(of series: Series) -> Trend { Trend(of: series, warmUp: 0.25) }

  @Test func whatNeverChangesIsFlat() {
    let trend = trend(of: series(.count) { _ in 40 })
    #expect(trend.verdict == .flat)
    #expect(trend.slopePerDay == 0 && trend.lowestPerDay == 0 && trend.highestPerDay == 0)
  }

  @Test("noise is flat, whichever it is")
  func noise() {
    let found = (0..<UInt64(200)).count { seed in
      var noise = Noise(state: seed)
      return trend(of: series { _ in 8e6 + 5e4 * noise.normal() }).verdict != .flat
    }
    #expect(found <= 2)
  }

  @Test("a slow leak is found in noise, with its size", arguments: 0..<20 as Range<UInt64>)
  func leak(seed: UInt64) {
    // 64 bytes for each of ten restarts a second.
    let perDay = 640.0 * 86_400
    var noise = Noise(state: seed)
    let trend = trend(of: series { 8e6 + 640 * $0 + 5e4 * noise.normal() })
    #expect(trend.verdict == .growing)
    #expect(trend.lowestPerDay < perDay && perDay < trend.highestPerDay)
    #expect(abs(trend.slopePerDay - perDay) < perDay / 4)
  }

  @Test("growth need not be a straight line")
  func curves() {
    #expect(trend(of: series { 8e6 + $0 * $0 }).verdict == .growing)
    #expect(trend(of: series { 8e6 + 1e4 * ($0 + 1).squareRoot() }).verdict == .growing)
    #expect(trend(of: series(.count) { ($0 / 200).rounded(.down) }).verdict == .growing)
  }

  @Test("what stops growing is flat from then on")
  func plateau() {
    #expect(trend(of: series { 8e6 + 1e3 * min($0, 900) }).verdict == .flat)
  }

  @Test("one descriptor in two minutes is found")
  func descriptors() {
    let trend = trend(of: series(.count) { (30 + $0 / 120).rounded(.down) })
    #expect(trend.verdict == .growing)
    #expect(abs(trend.slopePerDay - 720) < 72)
  }

  @Test("a file that grows and begins anew is flat", arguments: [20.0, 47, 90, 200])
  func sawtooth(period: Double) {
    let trend = trend(of: series { 1e6 * $0.truncatingRemainder(dividingBy: period) / period })
    #expect(trend.verdict == .flat, "\(trend)")
  }

  @Test("what it takes to get warm is left out")
  func warmUp() {
    let trend = trend(of: series { $0 < 400 ? 4e6 + 1e4 * $0 : 8e6 })
    #expect(trend.verdict == .flat && trend.slopePerDay == 0)
    #expect(trend.middleValue == 8e6)
  }

  @Test("one step is no slope, and neither is a peak")
  func step() {
    var noise = Noise(state: 1)
    let step = trend(of: series { ($0 < 1100 ? 8e6 : 8.2e6) + 1e3 * noise.normal() })
    #expect(step.verdict == .flat, "\(step)")
    let peak = trend(of: series { (900..<1000).contains($0) ? 2e7 : 8e6 + 1e3 * noise.normal() })
    #expect(peak.verdict == .flat, "\(peak)")
  }

  @Test("a page in a quarter of an hour is nothing to speak of, and going down is no leak")
  func smallAndFalling() {
    #expect(trend(of: series { 8e6 + 4 * $0 }).verdict == .small)
    #expect(trend(of: series { 8e6 - 400 * $0 }).verdict == .falling)
  }

  @Test("of a minute nothing is said, nor of nothing")
  func tooShort() {
    #expect(trend(of: series(minutes: 1) { $0 * 1e6 }).verdict == .unknown)
    #expect(trend(of: Series("empty", .count)).verdict == .unknown)
  }
}
