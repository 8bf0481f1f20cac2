import SupervisionTree
import Testing

/// Windows, waits and the clock, at their edges.
@Suite struct TimeTests {
  private static func at(_ seconds: Int64) -> MonotonicTime {
    MonotonicTime(nanoseconds: seconds * 1_000_000_000)
  }

  @Test func restartExactlyAPeriodOldStillCounts() {
    let intensity = RestartIntensity(limit: 1, period: .seconds(10))
    var window = RestartWindow(times: [Self.at(0)])
    #expect(window.count(within: .seconds(10), now: Self.at(10)) == 1)
    #expect(window.spend(intensity, now: Self.at(10)) == nil)
    var later = RestartWindow(times: [Self.at(0)])
    let justAfter = MonotonicTime(nanoseconds: 10_000_000_001)
    #expect(later.count(within: .seconds(10), now: justAfter) == 0)
    #expect(later.spend(intensity, now: justAfter) == 1)
  }

  @Test func limitZeroAllowsNone() {
    var window = RestartWindow()
    #expect(window.spend(RestartIntensity(limit: 0), now: Self.at(0)) == nil)
    #expect(window.spend(RestartIntensity(limit: 0), now: Self.at(1_000_000)) == nil)
  }

  @Test func manyAreCountedOneByOne() {
    let intensity = RestartIntensity(limit: 1000, period: .seconds(5))
    var window = RestartWindow()
    for number in 1...1000 { #expect(window.spend(intensity, now: Self.at(7)) == number) }
    #expect(window.spend(intensity, now: Self.at(7)) == nil)
    #expect(window.spend(intensity, now: Self.at(13)) == 1)
    #expect(window.times == [Self.at(13)])
  }

  @Test func boundDoublesUpToTheCap() {
    let policy = BackoffPolicy(base: .milliseconds(100), cap: .seconds(30))
    let bounds = (1...11).map { policy.bound(restart: $0).wholeNanoseconds / 1_000_000 }
    #expect(
      bounds == [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000])
  }

  @Test func hugeNumbersDoNotOverflow() {
    let widest = BackoffPolicy(base: .nanoseconds(1), cap: .nanoseconds(Int64.max))
    #expect(widest.bound(restart: 62) == .nanoseconds(Int64(1) << 61))
    for number in [63, 64, 65, 1000, Int.max] {
      #expect(widest.bound(restart: number) == .nanoseconds(Int64.max))
    }
    let beyond = BackoffPolicy(base: .seconds(Int64.max), cap: .seconds(Int64.max))
    #expect(beyond.bound(restart: 1) == .nanoseconds(Int64.max))
    var jitter = Jitter(seed: 1)
    let delay = beyond.delay(restart: Int.max, urgency: .delayed, jitter: &jitter)
    #expect(delay >= .zero)
    #expect(MonotonicTime(nanoseconds: .max) + delay == MonotonicTime(nanoseconds: .max))
  }

  @Test func zeroBaseOrCapNeverWaits() {
    for policy in [
      .off, BackoffPolicy(base: .zero, cap: .seconds(9)),
      BackoffPolicy(base: .seconds(9), cap: .zero),
      BackoffPolicy(base: .seconds(-1), cap: .seconds(9)),
    ] {
      var jitter = Jitter(seed: 1)
      for number in 1...100 {
        #expect(policy.delay(restart: number, urgency: .delayed, jitter: &jitter) == .zero)
      }
    }
  }

  @Test func onlyTheFirstIsImmediate() {
    let policy = BackoffPolicy(base: .seconds(1), cap: .seconds(8))
    for seed in UInt64(0)..<100 {
      var jitter = Jitter(seed: seed)
      #expect(policy.delay(restart: 1, urgency: .immediate, jitter: &jitter) == .zero)
      #expect(policy.delay(restart: 1, urgency: .delayed, jitter: &jitter) > .zero)
      #expect(policy.delay(restart: 2, urgency: .immediate, jitter: &jitter) > .zero)
    }
  }

  @Test func jitterFillsTheWholeRange() {
    let policy = BackoffPolicy(base: .seconds(1), cap: .seconds(30))
    var jitter = Jitter(seed: 7)
    for number in 2...7 {
      let bound = policy.bound(restart: number)
      var tenths = [Int](repeating: 0, count: 10)
      for _ in 0..<2000 {
        let delay = policy.delay(restart: number, urgency: .immediate, jitter: &jitter)
        #expect(delay >= .zero && delay <= bound)
        tenths[min(9, Int(delay / bound * 10))] += 1
      }
      // 200 expected in each; 120 or 280 would be six standard deviations away.
      #expect(tenths.allSatisfy { (120...280).contains($0) }, "\(tenths)")
    }
  }

  @Test func sameSeedSameWaits() {
    var first = Jitter(seed: 42)
    var second = Jitter(seed: 42)
    #expect((0..<100).map { _ in first.next() } == (0..<100).map { _ in second.next() })
    // The published first value of SplitMix64 for seed 0.
    var zero = Jitter(seed: 0)
    #expect(zero.next() == 0xe220_a839_7b1d_cdaf)
  }

  @Test func clockSaturates() {
    let last = MonotonicTime(nanoseconds: .max)
    let first = MonotonicTime(nanoseconds: .min)
    #expect(last + .nanoseconds(1) == last)
    #expect(last + .seconds(Int64.max) == last)
    #expect(first + .nanoseconds(-1) == first)
    #expect(first + .seconds(Int64.min) == first)
    #expect(Self.at(3) + .milliseconds(500) == MonotonicTime(nanoseconds: 3_500_000_000))
    #expect(Self.at(3) - Self.at(5) == .seconds(-2))
    #expect(last - first == .nanoseconds(Int64.max))
    #expect(first - last == .nanoseconds(Int64.min))
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
    #expect(Duration.seconds(Int64.min).wholeNanoseconds == .min)
    #expect(
      Duration(secondsComponent: 1, attosecondsComponent: 999_999_999).wholeNanoseconds
        == 1_000_000_000)
  }
}
