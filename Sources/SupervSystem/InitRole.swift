import CSuperv

/// What is different for process 1, of a container or of a machine.
package enum InitRole {
  /// Whether this process is process 1 of its pid namespace: orphans come to it, and signals that
  /// it does not take do not reach it (pid_namespaces(7)).
  package static var isOurs: Bool { Processes.ownPid == 1 }

  /// The signals that ask for a stop in order.
  ///
  /// Process 1 takes more of them: what ends a container is up to whoever built its image (QUIT for
  /// nginx's, RTMIN+3 for systemd's), and PWR is how some machines announce the end of the power.
  /// As process 1 any other would be dropped, and the container killed when its patience is over.
  package static let stopSignals: [Signal] =
    [.terminate, .interrupt] + (isOurs ? [.quit, .powerFailure, .initStop] : [])

  /// Whether `/proc` shows the pid namespace that this process is in: if not, pids that are read
  /// there are other processes' here (`unshare --pid` without `--mount-proc`).
  package static var seesOwnProcesses: Bool {
    (try? Files.linkTarget("/proc/self")) == String(Processes.ownPid)
  }
}

extension Signal {
  /// SIGRTMIN+3: systemd(1) as process 1 halts the machine.
  package static let initStop = Signal(csv_sigrtmin() + 3)
}
