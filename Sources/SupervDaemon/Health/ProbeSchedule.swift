package import SupervConfig
package import SupervisionTree

/// When one probe of one agent is due: a grid of its interval, in which every agent has a place of
/// its own, so that a thousand agents that were started together are not asked together.
package struct ProbeSchedule: Hashable, Sendable {
  /// What is due within a quarter of a second is due together: with 1,000 agents and intervals of
  /// 10 s that is 4 wake-ups a second in place of 100.
  package static let slack = Duration.milliseconds(250)

  private let interval: Duration
  /// Where the second probe stands, seen from the first one.
  private let secondAfter: Duration
  private var isFirst = true
  /// The place on the grid, before it is rounded.
  private var nominal: MonotonicTime

  /// - Parameters:
  ///   - name: of the instance; it decides about the place.
  ///   - beginning: when the probe may begin; the first one comes `initialDelay` later, and that of
  ///     a liveness probe up to one interval after that.
  package init(
    _ settings: ProbeSettings, _ role: ProbeRole, of name: String, from beginning: MonotonicTime
  ) {
    interval = max(settings.interval, .milliseconds(1))
    let place = Self.place(of: name, within: interval)
    nominal = beginning + settings.initialDelay
    switch role {
    // How long an agent may take to start is a promise, so that its times are exact.
    case .startup: secondAfter = interval
    // The first answer is waited for; the rest are spread.
    case .readiness: secondAfter = (interval + place) / 2
    case .liveness:
      secondAfter = interval
      nominal = nominal + place
      isFirst = false
    }
  }

  /// When it is due. The first one of those that make an agent ready does not wait for company.
  package var due: MonotonicTime {
    isFirst || interval < .seconds(1) ? nominal : nominal.roundedUp(to: Self.slack)
  }

  /// The one that is due is being made: places that went by meanwhile are left out.
  package mutating func advance(_ now: MonotonicTime) {
    nominal = nominal + (isFirst ? secondAfter : interval)
    isFirst = false
    guard nominal < now else { return }
    let step = interval.wholeNanoseconds
    let missed = (now - nominal).wholeNanoseconds
    nominal = nominal + .nanoseconds((missed + step - 1) / step * step)
  }

  /// The same for the same name in every run (FNV-1a).
  private static func place(of name: String, within interval: Duration) -> Duration {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    // Names that differ in their last letter differ in the lower bits most.
    let thousandths = (hash ^ hash >> 32) % 1000
    return interval * Int(thousandths) / 1000
  }
}

extension MonotonicTime {
  /// The next point that is a whole number of `steps` from the origin.
  func roundedUp(to step: Duration) -> MonotonicTime {
    let size = step.wholeNanoseconds
    let over = nanoseconds % size
    return over == 0 ? self : self + .nanoseconds(size - over)
  }
}
