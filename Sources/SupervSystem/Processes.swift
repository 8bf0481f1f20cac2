import CSuperv
import Glibc

/// How a process ended (waitid(2)).
package enum ExitStatus: Hashable, Sendable, CustomStringConvertible {
  case exited(code: Int32)
  case signalled(number: Int32, coreDumped: Bool)

  init(_ raw: csv_exit) {
    self =
      raw.killed == 0
      ? .exited(code: raw.value)
      : .signalled(number: raw.value, coreDumped: raw.dumped_core != 0)
  }

  /// For example `exit code 3` or `SIGSEGV (core dumped)`.
  package var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signalled(let number, let dumped):
      "\(Signal(number))\(dumped ? " (core dumped)" : "")"
    }
  }
}

/// Children, and processes that a pidfd stands for.
package enum Processes {
  /// How a child ended; nil while it runs. Its pid is free for another process after this.
  ///
  /// - Throws: `SystemError`; `ECHILD` when it is not our child or was reaped already.
  package static func reap(_ pidfd: borrowing Descriptor) throws(SystemError) -> ExitStatus? {
    var result = csv_exit()
    try retrying("waitid") { unsafe csv_wait_pidfd(pidfd.number, &result) }
    return result.pid == 0 ? nil : ExitStatus(result)
  }

  /// The same, and the child stays to be reaped.
  package static func peek(_ pidfd: borrowing Descriptor) throws(SystemError) -> ExitStatus? {
    var result = csv_exit()
    try retrying("waitid") { unsafe csv_peek_pidfd(pidfd.number, &result) }
    return result.pid == 0 ? nil : ExitStatus(result)
  }

  /// The same for a child without a pidfd: an orphan that came to us as subreaper.
  package static func reap(pid: Int32) throws(SystemError) -> ExitStatus? {
    var result = csv_exit()
    try retrying("waitid", subject: String(pid)) { unsafe csv_wait_pid(pid, &result) }
    return result.pid == 0 ? nil : ExitStatus(result)
  }

  /// How a process ended that somebody else reaps, in the order in which it can be known: from its
  /// zombie, then from the kernel's record of it (Linux 6.15).
  ///
  /// - Returns: nil when nobody knows, or not yet: `ProcessRecord.state` of one that is there.
  package static func learnEnd(of pid: Int32, _ pidfd: borrowing Descriptor) -> ExitStatus? {
    var result = csv_exit()
    // A zombie that is reaped between the two questions may leave its pid to another process.
    if let status = ProcessRecord.waitStatus(ofZombie: pid), isUnreaped(pidfd) {
      unsafe csv_read_status(status, &result)
      return ExitStatus(result)
    }
    guard unsafe csv_pidfd_exit(pidfd.number, &result) == 0 else { return nil }
    return ExitStatus(result)
  }

  /// Whether a process was forked and has not executed a program (`PF_FORKNOEXEC` in
  /// proc_pid_stat(5), field 9), a zombie included; false when it is gone.
  package static func isBeforeExec(_ pid: Int32) -> Bool {
    flags(of: pid).map { $0 & 0x40 != 0 } ?? false
  }

  /// Whether a process has begun to end (`PF_EXITING`, as above): from then on its children may be
  /// somebody else's. True when it is gone.
  package static func isEnding(_ pid: Int32) -> Bool {
    flags(of: pid).map { $0 & 0x4 != 0 } ?? true
  }

  private static func flags(of pid: Int32) -> UInt32? {
    guard let fields = ProcessRecord.fields(of: pid), fields.count > 6 else { return nil }
    return UInt32(fields[6])
  }

  /// Tells a process from all others until the next boot (Linux 6.9); nil on older kernels.
  package static func inode(of pidfd: borrowing Descriptor) -> UInt64? {
    let inode = csv_pidfd_inode(pidfd.number)
    return inode == 0 ? nil : inode
  }

  /// The pid of some child that has ended, which stays there to be reaped; nil without one. Lets a
  /// subreaper tell its own children, which a pidfd reports, from adopted orphans.
  ///
  /// The kernel names the same one again until it is reaped: reap it before asking again.
  package static func peekEnded() -> Int32? {
    var result = csv_exit()
    // ECHILD, no child at all, is the only error there can be.
    guard unsafe csv_peek_exited(&result) == 0, result.pid > 0 else { return nil }
    return result.pid
  }

  /// Sends a signal to exactly this process (pidfd_send_signal(2)).
  ///
  /// - Returns: false when it has ended and been reaped.
  @discardableResult
  package static func send(
    _ signal: Signal, to pidfd: borrowing Descriptor
  ) throws(SystemError) -> Bool {
    try unlessGone { () throws(SystemError) in
      try retrying("pidfd_send_signal", subject: signal.description) {
        csv_pidfd_send_signal(pidfd.number, signal.number)
      }
    }
  }

  /// Whether the process runs or waits to be reaped: until then its pid is nobody else's.
  package static func isUnreaped(_ pidfd: borrowing Descriptor) -> Bool {
    isUnreaped(pidfd.number)
  }

  static func isUnreaped(_ pidfd: Int32) -> Bool {
    // Whether we may send it a signal does not matter.
    csv_pidfd_send_signal(pidfd, 0) == 0 || errno != ESRCH
  }

  /// Sends a signal to every process of a group (kill(2)). The number stays taken while any
  /// process of the group, or its unreaped leader, is there.
  ///
  /// - Precondition: `group` is above 1; 0, -1 and 1 would mean everybody.
  /// - Returns: false when there is no such group.
  @discardableResult
  package static func send(
    _ signal: Signal, toGroup group: Int32
  ) throws(SystemError) -> Bool {
    precondition(group > 1, "\(group) is no agent's process group")
    return try unlessGone { () throws(SystemError) in
      try retrying("kill", subject: "group \(group)") { kill(-group, signal.number) }
    }
  }

  /// A pidfd of any process; nil when there is none with this pid (pidfd_open(2)).
  package static func open(pid: Int32) throws(SystemError) -> Descriptor? {
    do {
      let pidfd = try retrying("pidfd_open", subject: String(pid)) { csv_pidfd_open(pid) }
      return Descriptor(owning: pidfd)
    } catch let error where error.code == ESRCH {
      return nil
    }
  }

  /// Orphaned descendants become children of this process (prctl(2) `PR_SET_CHILD_SUBREAPER`).
  package static func becomeSubreaper() throws(SystemError) {
    try retrying("prctl PR_SET_CHILD_SUBREAPER") { csv_become_subreaper() }
  }

  /// Names the boot of this machine and the pid namespace: where both are the same, pids are.
  package static func boot() throws(SystemError) -> String {
    let boot = try Files.readText("/proc/sys/kernel/random/boot_id").filter { !$0.isWhitespace }
    return "\(boot) \(try Files.linkTarget("/proc/self/ns/pid"))"
  }

  /// The pid of this process.
  package static var ownPid: Int32 { getpid() }

  /// The effective user of this process.
  package static var ownUser: UInt32 { geteuid() }

  private static func unlessGone(
    _ body: () throws(SystemError) -> Int32
  ) throws(SystemError) -> Bool {
    do {
      _ = try body()
      return true
    } catch let error where error.code == ESRCH {
      return false
    }
  }
}
