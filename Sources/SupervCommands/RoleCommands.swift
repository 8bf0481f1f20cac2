import SupervSystem

@Sendable func runForeground(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  try refuseForeignProcesses()
  let path = try session.absolutePath(invocation.operands[0])
  _ = try session.loadUsable(invocation.operands[0])
  if InitRole.isOurs { tellWhatIsMissing(in: session) }
  session.console.flush()
  let arguments = DaemonArguments(
    configurationPath: path, readyDescriptor: nil, mirrorsOutput: true)
  return status(session.roles.daemon(arguments))
}

/// A daemon that reads about processes which are not the ones it signals could stop anybody's.
func refuseForeignProcesses() throws(CommandFailure) {
  guard !InitRole.seesOwnProcesses else { return }
  throw .no(
    "/proc shows the processes of another pid namespace: mount it anew in this one "
      + "(unshare --mount-proc does)")
}

@Sendable func runDaemonRole(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  guard let path = invocation.value("config") else { throw .usage("daemon needs --config FILE") }
  var arguments = DaemonArguments(
    configurationPath: path, readyDescriptor: nil, mirrorsOutput: false)
  if let text = invocation.value("ready-fd") {
    guard let number = Int32(text), number > 2 else {
      throw .usage("--ready-fd: '\(text)' is not a descriptor")
    }
    arguments.readyDescriptor = number
  }
  return status(session.roles.daemon(arguments))
}

@Sendable func runLoggerRole(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  status(session.roles.logger())
}

/// A role knows only the statuses that commands have.
private func status(_ code: Int32) -> CommandStatus { CommandStatus(rawValue: code) ?? .no }
