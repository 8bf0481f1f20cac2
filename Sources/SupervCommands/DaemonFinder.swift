import SupervSystem

extension Session {
  /// A connection to the daemon that the command line means: `--socket`, else `SUPERV_CONTROL`,
  /// else the one daemon that this user has running.
  func connect(
    _ invocation: Invocation, by deadline: Deadline
  ) throws(CommandFailure) -> ControlClient {
    try ControlClient(connectingTo: try controlSocket(invocation), by: deadline)
  }

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
