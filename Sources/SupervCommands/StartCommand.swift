import SupervConfig
import SupervProtocol
import SupervSystem

@Sendable func runStart(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  // As process 1 there is nobody above who would wait for a daemon in the background.
  if InitRole.isOurs { return try runForeground(invocation, session) }
  try refuseForeignProcesses()
  let deadline = try invocation.deadline()
  let configuration = try session.loadUsable(invocation.operands[0])
  let path = try session.absolutePath(invocation.operands[0])
  let runtime = configuration.settings.runtimeDirectory
  try refuseSecondDaemon(in: runtime)
  let launch = try DaemonLaunch(
    session.executable, configuration: path, startedIn: try session.folder(of: configuration),
    runtimeDirectory: runtime, environment: session.environment)
  try launch.waitUntilServing(by: deadline)
  return try showTree(launch, invocation, session, deadline)
}

/// Keeper and daemon hold the lock for as long as they run, however they end. One that was killed
/// just now may still be on its way out.
func refuseSecondDaemon(in runtimeDirectory: String) throws(CommandFailure) {
  let patience = Deadline(after: .milliseconds(500))
  do {
    while let holder = try RuntimeLock.holder(in: runtimeDirectory) {
      guard !patience.isOver else {
        throw CommandFailure.no(
          "a daemon (pid \(holder)) already runs in \(runtimeDirectory); superv shutdown stops it, "
            + "superv reload has it read its configuration again")
      }
      pause(milliseconds: 5)
    }
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw .broken("runtime_dir cannot be used: \(error)")
  }
}

/// So often the daemon may die before the tree is up, and the one that follows it is asked.
private let patienceDeaths = 5

/// Whoever connects while there is no daemon waits for the next one, as long as there is a keeper.
private func statusOfTree(
  _ launch: DaemonLaunch, _ wait: StatusWait, _ deadline: Deadline
) throws(CommandFailure) -> ReceivedLine {
  var deaths = 0
  while true {
    do {
      let client = try DaemonClient(connectingTo: launch.controlSocket, by: deadline)
      return try client.call(.status, StatusParams(wait: wait), by: deadline)
    } catch {
      deaths += 1
      guard error.status == .unreachable, deaths < patienceDeaths, !launch.hasEnded else {
        throw error
      }
    }
  }
}

/// Waits until the tree is up and shows it. When that does not come about, what was begun is
/// stopped.
private func showTree(
  _ launch: DaemonLaunch, _ invocation: Invocation, _ session: Session, _ deadline: Deadline
) throws(CommandFailure) -> CommandStatus {
  let wait = invocation.value("wait").flatMap { StatusWait(rawValue: $0) } ?? .up
  let line: ReceivedLine
  do {
    line = try statusOfTree(launch, wait, deadline)
  } catch  where error.status == .unreachable {
    throw launch.failure("the daemon stopped while the tree was starting", by: deadline)
  } catch  where error.status == .timedOut {
    launch.stop()
    let allowance = deadline.allowance.map(durationText) ?? ""
    throw .timedOut("the tree was not \(wait.rawValue) within \(allowance) and is being stopped")
  }
  let report = try line.decode(StatusReport.self, from: line.message.result)
  if invocation.has("json"), let result = line.message.result {
    session.console.writeLine(line.bytes.span.extracting(result))
  } else {
    session.console.write(statusTable(report, style: session.console.style))
  }
  for agent in report.agents where agent.isMissing {
    session.console.complain(
      "\(agent.name) is \(agent.phase): \(agent.reason ?? "no reason known")")
  }
  guard report.daemon.state == .stopping else { return .ok }
  throw launch.failure("the tree is being stopped", by: deadline)
}
