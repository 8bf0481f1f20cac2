import SupervConfig
import SupervDaemon
import SupervSystem

@Sendable func runForeground(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  try refuseForeignProcesses()
  let path = try session.absolutePath(invocation.operands[0])
  let configuration = try session.loadUsable(invocation.operands[0])
  if InitRole.isOurs { tellWhatIsMissing(in: session) }
  session.console.flush()
  var start = DaemonStart(configurationPath: path, mirrorsOutput: true)
  start.workingFolder = try session.folder(of: configuration)
  start.runtimeDirectory = configuration.settings.runtimeDirectory
  return status(session.roles.keeper(DaemonArguments(start)))
}

@Sendable func runKeeperRole(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  status(session.roles.keeper(try daemonArguments(invocation)))
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
  status(session.roles.daemon(try daemonArguments(invocation)))
}

/// Keeper and daemon are started by superv itself, with the same words.
private func daemonArguments(_ invocation: Invocation) throws(CommandFailure) -> DaemonArguments {
  guard let path = invocation.value("config") else { throw .usage("--config FILE is missing") }
  var start = DaemonStart(configurationPath: path, mirrorsOutput: invocation.has("mirror"))
  start.workingFolder = invocation.value("directory")
  start.runtimeDirectory = invocation.value("runtime-dir")
  start.keeperDescriptor = try descriptor("keeper-fd", invocation)
  start.lockDescriptor = try descriptor("lock-fd", invocation)
  start.takesOver = invocation.has("takes-over")
  for text in invocation.value("sockets")?.split(separator: ",") ?? [] {
    guard let descriptor = InheritedDescriptor(text) else {
      throw .usage("--sockets: '\(text)' is not NAME=NUMBER")
    }
    start.inherited.append(descriptor)
  }
  return DaemonArguments(start, readyDescriptor: try descriptor("ready-fd", invocation))
}

private func descriptor(
  _ option: String, _ invocation: Invocation
) throws(CommandFailure) -> Int32? {
  guard let text = invocation.value(option) else { return nil }
  guard let number = Int32(text), number > 2 else {
    throw .usage("--\(option): '\(text)' is not a descriptor")
  }
  return number
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
