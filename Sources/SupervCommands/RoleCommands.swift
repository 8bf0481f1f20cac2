import SupervDaemon

@Sendable func runForeground(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let path = try session.absolutePath(invocation.operands[0])
  _ = try session.loadUsable(invocation.operands[0])
  session.console.flush()
  let arguments = DaemonArguments(
    configurationPath: path, readyDescriptor: nil, mirrorsOutput: true)
  return status(session.roles.daemon(arguments))
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

@Sendable func runGaugeRole(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  status(runGauge(pids: invocation.operands.compactMap { Int32($0) }))
}

/// A role knows only the statuses that commands have.
private func status(_ code: Int32) -> CommandStatus { CommandStatus(rawValue: code) ?? .no }
