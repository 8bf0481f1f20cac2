import CSuperv
import Glibc

/// When the kernel lets this process run (sched(7)).
package enum Scheduling {
  /// Has this process interrupt nobody from now on (`SCHED_BATCH`): when something wakes it, it
  /// runs on a processor that has nothing to do, or waits until whoever runs has to sleep or has
  /// used up a time slice. Its share of the processors stays the same.
  ///
  /// One that runs under another policy than the standard one keeps that: somebody has chosen it.
  package static func interruptNobody() {
    guard sched_getscheduler(0) == SCHED_OTHER else { return }
    _ = csv_become_batch()
  }

  /// Lets whoever waits for this processor run first (sched_yield(2)).
  package static func giveWay() { sched_yield() }
}
