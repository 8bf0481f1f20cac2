import CBench
import FoundationEssentials

/// A tree run by superv, as a black box: configuration in, command line and JSON out.
final class Tree {
  private struct Status: Decodable {
    struct Daemon: Decodable {
      var pid: Int32
      var keeperPID: Int32?
      enum CodingKeys: String, CodingKey {
        case pid
        case keeperPID = "keeper_pid"
      }
    }
    var daemon: Daemon
  }

  let folder: String
  private let superv: String
  private(set) var daemon: Int32 = 0
  private(set) var processes: [Int32] = []
  /// The run of `superv start`.
  private(set) var start: Finished?

  var logFolder: String { folder + "/logs" }

  /// Starts it, and returns once `superv start` has.
  init(
    _ options: Options, in folder: String, settings: [String] = [], agent: String,
    command: [String], count: Int
  ) throws {
    self.folder = folder
    superv = options.supervPath
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let numprocs = count == 1 ? [] : ["numprocs = \(count)"]
    let lines =
      [
        "[superv]", "runtime_dir = \(folder)/run", "state_dir = \(folder)/state",
        "log_dir = \(folder)/logs", "intensity = 1000000", "period = 60s", "backoff_base = 0",
      ] + settings + [
        "", "[agent:\(agent)]", "command = \(command.joined(separator: " "))", "startsecs = 0",
      ] + numprocs
    let configuration = folder + "/superv.conf"
    try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: configuration))
    setEnvironment("SUPERV_CONTROL", folder + "/run/control.sock")
    do {
      start = try runToEnd([superv, "start", configuration], seconds: 120)
      let status = try JSONDecoder().decode(Status.self, from: Data(self.status().output))
      daemon = status.daemon.pid
      processes = supervProcesses(daemon: daemon, keeper: status.daemon.keeperPID)
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
    guard let text = readProc(folder + "/run/superv.lock") else { return nil }
    return Int32(text.split(separator: "\n").first ?? "")
  }

  deinit { if daemon != 0 { stop() } }
}
