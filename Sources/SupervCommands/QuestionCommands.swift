import SupervLogger
import SupervProtocol

@Sendable func runStatus(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let name = invocation.operands.first
  let wait = invocation.value("wait").flatMap { StatusWait(rawValue: $0) }
  let report = try session.answer(
    invocation, .status, StatusParams(agent: name, wait: wait), as: StatusReport.self,
    decides: wait != nil
  ) { report, style in
    name == nil ? statusTable(report, style: style) : statusDetails(report, style: style)
  }
  guard wait != nil, let report else { return .ok }
  return report.agents.contains(where: \.isMissing) ? .no : .ok
}

@Sendable func runTree(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  _ = try session.answer(
    invocation, .status, StatusParams(), as: StatusReport.self, decides: false, render: treeDrawing)
  return .ok
}

@Sendable func runWhy(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let deadline = try invocation.deadline()
  let client = try session.connect(invocation, by: deadline)
  let name = invocation.operands[0]
  var report = try client.call(.why, WhyParams(name: name), by: deadline, as: WhyReport.self)
  let logs = try client.call(.logs, LogsParams(names: [name]), by: deadline, as: LogsReport.self)
  report.output = lastLines(of: logs.files)
  if invocation.has("json") {
    session.console.writeLine(JSON.encode(report).span)
  } else {
    session.console.write(whyText(report, style: session.console.style))
  }
  return .ok
}

/// The end of an agent's output; nothing where it cannot be read, as that is not what was asked.
private func lastLines(of files: [LogsReport.File]) -> [String] {
  guard Set(files.map(\.agent)).count == 1 else { return [] }
  let sources = files.map { LogSource($0) }
  var lines: [String] = []
  try? LogQuery(sources: sources, filter: LogFilter(), tail: 5).run { record in
    lines.append(String(decoding: record.message, as: UTF8.self))
    return true
  }
  return lines
}

@Sendable func runHealth(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let report = try session.answer(
    invocation, .health, NoParams(), as: HealthReport.self, render: healthText)
  return report.map { $0.live && ($0.ready || invocation.has("live")) } == true ? .ok : .no
}

/// For completion: names, one a line, and nothing when no daemon answers at once.
@Sendable func runNames(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let deadline = Deadline(after: .seconds(1))
  let client = try session.connect(invocation, by: deadline)
  let report = try client.call(.status, StatusParams(), by: deadline, as: StatusReport.self)
  var names = report.supervisors.map(\.name)
  for agent in report.agents {
    if agent.agent != agent.name && names.last != agent.agent && agent.instance == 0 {
      names.append(agent.agent)
    }
    names.append(agent.name)
  }
  session.console.write(names.map { "\($0)\n" }.joined())
  return .ok
}
