import CBench

/// A tree run by superv, as a black box: configuration in, command line and JSON out.
final class Tree {
  let folder: String
  private let superv: String
  private(set) var daemon: Int32 = 0
  private(set) var processes: [Int32] = []
  /// The run of `superv start`.
  private(set) var start: Finished?

  var logFolder: String { folder + "/logs" }

  /// One section of the configuration.
  struct Agent {
    var name: String
    var command: [String]
    var count = 1
    var keys = ["startsecs = 0"]

    var lines: [String] {
      ["", "[agent:\(name)]", "command = \(command.joined(separator: " "))"]
        + (count == 1 ? [] : ["numprocs = \(count)"]) + keys
    }
  }

  /// Starts it, and returns once `superv start` has.
  ///
  /// - Parameter areTogether: whether one supervisor has all agents, so that they may call each
  ///   other.
  init(
    _ options: Options, in folder: String, settings: [String] = [], agents: [Agent],
    areTogether: Bool = false
  ) throws {
    self.folder = folder
    superv = options.supervPath
    try makeFolder(folder)
    let lines =
      [
        "[superv]", "runtime_dir = \(folder)/run", "state_dir = \(folder)/state",
        "log_dir = \(folder)/logs", "intensity = 1000000", "period = 60s", "backoff_base = 0",
      ] + settings + agents.flatMap(\.lines)
      + (areTogether
        ? ["", "[supervisor:all]", "children = \(agents.map(\.name).joined(separator: ", "))"] : [])
    let configuration = folder + "/superv.conf"
    try write((lines.joined(separator: "\n") + "\n").utf8, to: configuration)
    setEnvironment("SUPERV_CONTROL", folder + "/run/control.sock")
    do {
      start = try runToEnd([superv, "start", configuration], seconds: 120)
      guard let daemon = lockHolder() else { throw BenchError("superv.lock names no daemon") }
      self.daemon = daemon
      processes = supervProcesses(daemon: daemon)
    } catch {
      stop()
      throw error
    }
  }

  /// `superv status --json`, run to its end.
  func status() throws(BenchError) -> Finished {
    setEnvironment("SUPERV_CONTROL", folder + "/run/control.sock")
    return try runToEnd([superv, "status", "--json"], seconds: 30)
  }

  /// When the daemon started on the monotonic clock, to 10 ms; nil when it is gone.
  var daemonStarted: Nanoseconds? {
    Statistics(daemon).map { $0.startedAfterBoot - cbench_boot_offset() }
  }

  /// Stops it by `superv shutdown`, and what is left of it then by SIGKILL.
  func stop() {
    setEnvironment("SUPERV_CONTROL", folder + "/run/control.sock")
    if daemon == 0 { daemon = lockHolder() ?? 0 }
    if daemon != 0 {
      do { try runToEnd([superv, "shutdown"], seconds: 60) } catch { complain(error.message) }
    }
    for pid in processes + [daemon] where program(of: pid) == superv { _ = cbench_kill(pid, 9) }
    daemon = 0
    processes = []
  }

  /// The daemon's pid, as its lock file says.
  private func lockHolder() -> Int32? {
    guard let text = text(of: folder + "/run/superv.lock") else { return nil }
    return Int32(text.split(separator: "\n").first ?? "")
  }

  deinit { if daemon != 0 { stop() } }
}
