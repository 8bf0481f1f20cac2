import Glibc

/// The two clocks superv reads.
///
/// Inside, time is `CLOCK_MONOTONIC`, not `CLOCK_BOOTTIME`: while the machine is suspended no agent
/// runs, so that time must not count against a heartbeat, a call or a stop that waits for one. On
/// `CLOCK_BOOTTIME` every deadline would be over at once when the machine wakes up, and healthy
/// agents would be killed for having slept. A restart window that sleeps along forgets later, which
/// errs on the side of giving up; both clocks go on across restarts of superv within one boot.
package enum Clock {
  /// Nanoseconds since an arbitrary point in this boot; never goes back (clock_gettime(2)).
  package static var monotonicNanoseconds: Int64 { read(CLOCK_MONOTONIC) }

  /// Nanoseconds since 1970-01-01 UTC, for people to read; may jump (clock_gettime(2)).
  package static var realTimeNanoseconds: Int64 { read(CLOCK_REALTIME) }

  /// What local time is ahead of UTC then, in seconds (localtime(3): `TZ`, or `/etc/localtime`).
  package static func utcOffsetSeconds(atUnixSeconds seconds: Int) -> Int32 {
    var time = time_t(seconds)
    var fields = unsafe tm()
    guard unsafe localtime_r(&time, &fields) != nil else { return 0 }
    return unsafe Int32(clamping: fields.tm_gmtoff)
  }

  /// A point on the monotonic clock as the kernel counts the starts of processes: in clock ticks
  /// since boot, suspended time included, and one less, as both are rounded.
  package static func ticks(atMonotonicNanoseconds time: Int64) -> UInt64 {
    let sinceBoot = time + read(CLOCK_BOOTTIME) - read(CLOCK_MONOTONIC)
    let ticksPerSecond = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    return UInt64(max(0, sinceBoot / (1_000_000_000 / ticksPerSecond) - 1))
  }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
