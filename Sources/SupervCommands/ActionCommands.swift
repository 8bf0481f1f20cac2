import SupervProtocol
import SupervSystem

/// `up`, `down` and `restart`.
@Sendable func runAction(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  guard let method = ControlMethod(rawValue: invocation.command.name) else {
    throw .usage("'\(invocation.command.name)' is no action")
  }
  let report = try session.answer(
    invocation, method, NamesParams(names: invocation.operands), as: ActionReport.self,
    render: actionText)
  return report?.results.allSatisfy(\.ok) == true ? .ok : .no
}

@Sendable func runSignal(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let text = invocation.operands[0]
  guard let signal = Signal(named: text) else {
    throw .usage("'\(text)' is not a signal; write a name like HUP or a number")
  }
  let params = SignalParams(
    names: Array(invocation.operands.dropFirst()), signal: .number(signal.number))
  let report = try session.answer(
    invocation, .signal, params, as: ActionReport.self, render: actionText)
  return report?.results.allSatisfy(\.ok) == true ? .ok : .no
}

@Sendable func runHold(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let params = HoldParams(names: invocation.operands, on: !invocation.has("off"))
  let report = try session.answer(
    invocation, .hold, params, as: ActionReport.self, render: actionText)
  return report?.results.allSatisfy(\.ok) == true ? .ok : .no
}

@Sendable func runReload(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let params = ReloadParams(plan: invocation.has("plan"))
  let report = try session.answer(
    invocation, .reload, params, as: ReloadReport.self
  ) { report, style in reloadText(report, isPlan: params.plan, style: style) }
  let hasErrors = report?.diagnostics.contains { $0.severity == .error } ?? true
  return hasErrors || report?.applied == params.plan ? .no : .ok
}

/// Asks for the end and waits until the daemon is gone, which closes the connection.
@Sendable func runShutdown(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let deadline = try invocation.deadline()
  let client = try session.connect(invocation, by: deadline)
  let line = try client.call(.shutdown, NoParams(), by: deadline)
  let report = try line.decode(ShutdownReport.self, from: line.message.result)
  let processes = [report.pid, report.keeperPID].compactMap(\.self).map(ProcessIdentity.of)
  while try client.receive(by: deadline) != nil {}
  // The connection ends a moment before the processes do.
  for case let process? in processes { try waitForEnd(of: process, by: deadline) }
  if invocation.has("json") {
    session.console.write(json: report)
  } else {
    session.console.write("The daemon (pid \(report.pid)) has stopped.\n")
  }
  return .ok
}

private func waitForEnd(
  of process: ProcessIdentity, by deadline: Deadline
) throws(CommandFailure) {
  do {
    guard let pidfd = try process.open() else { return }
    guard try pidfd.wait(timeoutMilliseconds: deadline.remainingMilliseconds) else {
      throw CommandFailure.timedOut(
        "the daemon (pid \(process.pid)) has closed its socket and still runs")
    }
  } catch let failure as CommandFailure {
    throw failure
  } catch let error as SystemError {
    throw .system(error)
  } catch {
    throw .broken("\(error)")
  }
}
