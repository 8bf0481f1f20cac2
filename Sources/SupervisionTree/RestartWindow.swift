/// The restarts a supervisor has spent within its period: a sliding window of monotonic times.
package struct RestartWindow: Codable, Hashable, Sendable {
  /// Oldest first.
  package private(set) var times: [MonotonicTime] = []

  package init(times: [MonotonicTime] = []) { self.times = times }

  /// Spends one restart.
  ///
  /// - Returns: which restart of the window this is, from 1; nil when it would be number
  ///   `limit + 1`, which is not made.
  package mutating func spend(_ intensity: RestartIntensity, now: MonotonicTime) -> Int? {
    forget(before: now, period: intensity.period)
    times.append(now)
    return times.count > intensity.limit ? nil : times.count
  }

  /// How many restarts count at `now`. One that is exactly a period old still does, as in OTP.
  package func count(within period: Duration, now: MonotonicTime) -> Int {
    times.count { now - $0 <= period }
  }

  private mutating func forget(before now: MonotonicTime, period: Duration) {
    times.removeAll { now - $0 > period }
  }
}

extension BackoffPolicy {
  /// The longest wait of the `number`-th restart in a window, `min(cap, base · 2^(number-1))`.
  package func bound(restart number: Int) -> Duration {
    let base = base.wholeNanoseconds
    let cap = cap.wholeNanoseconds
    guard base > 0, cap > 0 else { return .zero }
    let shift = number - 1
    guard shift < 62, base <= cap >> shift else { return .nanoseconds(cap) }
    return .nanoseconds(base << shift)
  }

  /// How long the `number`-th restart in a window waits: full jitter, except for the first.
  package func delay(
    restart number: Int, urgency: RestartUrgency, jitter: inout Jitter
  ) -> Duration {
    if number <= 1 && urgency == .immediate { return .zero }
    let bound = bound(restart: number).wholeNanoseconds
    guard bound > 0 else { return .zero }
    return .nanoseconds(Int64.random(in: 0...bound, using: &jitter))
  }
}

/// The randomness of backoff: SplitMix64, seeded from outside, so that a run can be repeated.
public struct Jitter: RandomNumberGenerator, Codable, Hashable, Sendable {
  @usableFromInline var state: UInt64

  public init(seed: UInt64) { state = seed }

  // Every call that begins a trace draws two.
  @inlinable
  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
