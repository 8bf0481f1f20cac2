/// A point on the monotonic clock, in nanoseconds since an arbitrary origin (`CLOCK_MONOTONIC` in
/// the daemon, a counter in tests). The tree never reads a clock: every event brings its `now`.
public struct MonotonicTime: Codable, Hashable, Comparable, Sendable {
  public var nanoseconds: Int64

  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  @inlinable
  public static func == (left: Self, right: Self) -> Bool { left.nanoseconds == right.nanoseconds }

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  @inlinable
  public static func > (left: Self, right: Self) -> Bool { left.nanoseconds > right.nanoseconds }

  public static func + (time: Self, span: Duration) -> Self {
    Self(nanoseconds: time.nanoseconds.addingSaturating(span.wholeNanoseconds))
  }

  /// The time from `earlier` to `later`; negative when they are the other way round, and
  /// clamped to what 64 bits of nanoseconds hold.
  public static func - (later: Self, earlier: Self) -> Duration {
    let (span, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return .nanoseconds(overflow ? (later < earlier ? .min : .max) : span)
  }
}

// As it is written down.
extension MonotonicTime {
  public init(from decoder: any Decoder) throws {
    self.init(nanoseconds: try decoder.singleValueContainer().decode(Int64.self))
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(nanoseconds)
  }
}

extension Duration {
  /// This duration in nanoseconds, rounded down and clamped to what 64 bits hold (292 years).
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    guard !overflow else { return seconds < 0 ? .min : .max }
    return product.addingSaturating(attoseconds / 1_000_000_000)
  }
}

extension Int64 {
  fileprivate func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    guard overflow else { return sum }
    return other < 0 ? .min : .max
  }
}
