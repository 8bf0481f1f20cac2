import SupervSystem

/// Agents of a daemon whose journal says nothing any more. Nobody knows what they are about, and
/// they must not run beside those that are going to be started.
enum Survivors {
  /// Kills every process that was given this socket, with what is below it.
  static func kill(agentSocket: String) {
    let mark = Array("SUPERV_SOCKET=\(agentSocket)".utf8)
    for record in (try? ProcessRecord.all()) ?? []
    where record.pid != Processes.ownPid && record.session == record.pid {
      guard let variables = try? Files.read("/proc/\(record.pid)/environ", maximumBytes: 4 << 20),
        variables.split(separator: 0).contains(where: { $0.elementsEqual(mark) })
      else { continue }
      complain("process \(record.pid) (\(record.command)) of an earlier superv is killed")
      Processes.killTree(record.pid)
    }
  }
}
