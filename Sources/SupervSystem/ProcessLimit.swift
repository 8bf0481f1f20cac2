import CSuperv
import Glibc

/// A limit of a process (getrlimit(2)).
package struct ProcessLimit: Hashable, Sendable {
  /// What can be limited; the raw values are the names that limits.conf(5) and ulimit users know.
  package enum Resource: String, CaseIterable, Hashable, Sendable {
    case cpu, fsize, data, stack, core, rss, nproc, nofile, memlock, `as`, locks, sigpending
    case msgqueue, nice, rtprio, rttime

    /// The kernel's number, the same on every architecture that superv runs on: the order above.
    var number: Int32 { Int32(Self.allCases.firstIndex(of: self) ?? 0) }
  }

  /// Stands for "no limit".
  package static let unlimited = UInt64.max

  package var resource: Resource
  /// What is enforced; in bytes, seconds or counts, as getrlimit(2) says.
  package var soft: UInt64
  /// How far the process may raise `soft`.
  package var hard: UInt64

  package init(_ resource: Resource, soft: UInt64, hard: UInt64) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }

  /// The limit of a process; of another one it takes the same user, or privileges (prlimit(2)).
  ///
  /// - Parameter pid: 0 for this process.
  package static func current(
    _ resource: Resource, of pid: Int32 = 0
  ) throws(SystemError) -> ProcessLimit {
    var raw = rlimit()
    try retrying("getrlimit", subject: resource.rawValue) {
      unsafe csv_limit(pid, resource.number, &raw, nil)
    }
    return ProcessLimit(resource, soft: UInt64(raw.rlim_cur), hard: UInt64(raw.rlim_max))
  }

  /// Makes it the limit of this process.
  package func apply() throws(SystemError) { try apply(toPid: 0) }

  func apply(toPid pid: Int32) throws(SystemError) {
    var raw = rlimit(rlim_cur: rlim_t(soft), rlim_max: rlim_t(hard))
    try retrying("setrlimit", subject: resource.rawValue) {
      unsafe csv_limit(pid, resource.number, nil, &raw)
    }
  }

  /// Lets this process open as many descriptors as it may.
  ///
  /// - Returns: The limit before, for `SpawnRequest.limits`: programs that use select(2) break
  ///   with numbers from 1024 up, so spawned ones must not inherit the raised limit.
  package static func raiseOpenFiles() throws(SystemError) -> ProcessLimit {
    let before = try current(.nofile)
    try ProcessLimit(.nofile, soft: before.hard, hard: before.hard).apply()
    return before
  }
}
