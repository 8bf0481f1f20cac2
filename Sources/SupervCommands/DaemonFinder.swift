import SupervSystem

extension Session {
  /// A connection to the daemon that the command line means: `--socket`, else `SUPERV_CONTROL`,
  /// else the one daemon that this user has running.
  func connect(
    _ invocation: Invocation, by deadline: Deadline
  ) throws(CommandFailure) -> DaemonClient {
    try DaemonClient(connectingTo: try controlSocket(invocation), by: deadline)
  }

  /// A connection for what agents and operators may both ask: as an agent over `SUPERV_SOCKET`,
  /// unless the command line or `SUPERV_CONTROL` names a daemon.
  func connectAsCaller(
    _ invocation: Invocation, by deadline: Deadline
  ) throws(CommandFailure) -> DaemonClient {
    let namesDaemon = invocation.has("socket") || environment["SUPERV_CONTROL"]?.isEmpty == false
    guard !namesDaemon, let path = agentsSocket else {
      return try connect(invocation, by: deadline)
    }
    return try DaemonClient(connectingTo: path, by: deadline)
  }

  /// nil outside of agents.
  var agentsSocket: String? { environment["SUPERV_SOCKET"].flatMap { $0.isEmpty ? nil : $0 } }

  func controlSocket(_ invocation: Invocation) throws(CommandFailure) -> String {
    if let path = invocation.value("socket") { return path }
    if let path = environment["SUPERV_CONTROL"], !path.isEmpty { return path }
    let daemons: [Registry.Entry]
    do {
      daemons = try Registry(environment: environment).runningDaemons()
    } catch {
      throw .unreachable(
        "\(error.subject ?? "the registry of daemons") cannot be trusted: it must be a folder that "
          + "only you can use; --socket PATH goes without it")
    }
    if let only = daemons.first, daemons.count == 1 { return only.controlSocket }
    guard !daemons.isEmpty else {
      throw .unreachable("no daemon is running; superv start FILE starts one")
    }
    let list = daemons.map {
      "\n  --socket \($0.controlSocket)  (pid \($0.process.pid), \($0.configuration))"
    }
    throw .usage("\(daemons.count) daemons are running; choose one:\(list.joined())")
  }
}
