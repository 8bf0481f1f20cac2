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

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
