import SupervProtocol
import SupervSystem

/// What `superv status` shows.
func statusTable(_ report: StatusReport, style: Style) -> String {
  var table = Table(columns: [
    .init(title: "NAME"), .init(title: "PHASE"), .init(title: "READY"),
    .init(title: "PID", isNumeric: true), .init(title: "INC", isNumeric: true),
    .init(title: "RESTARTS", isNumeric: true), .init(title: "UPTIME", isNumeric: true),
    .init(title: "REASON"),
  ])
  for row in treeRows(report) {
    let indent = String(repeating: "  ", count: row.depth)
    switch row.item {
    case .agent(let agent): table.rows.append(cells(of: agent, indent: indent))
    case .supervisor(let supervisor):
      table.rows.append(cells(of: supervisor, indent: indent))
    }
  }
  return table.rendered(style) + "\n" + summary(report) + "\n"
}

private func cells(of agent: AgentStatus, indent: String) -> [Cell] {
  [
    Cell(indent + agent.name), phaseCell(agent), Cell(agent.pid == nil ? "" : yesNo(agent.ready)),
    Cell(agent.pid.map(String.init) ?? ""),
    Cell(agent.incarnation == 0 ? "" : String(agent.incarnation)),
    Cell(String(agent.restarts), agent.restarts > 0 ? .yellow : nil),
    Cell(agent.uptimeSeconds.map { ageText(seconds: $0) } ?? ""),
    Cell(explanation(of: agent), agent.isMissing ? .red : .faint),
  ]
}

private func cells(of supervisor: SupervisorStatus, indent: String) -> [Cell] {
  let budget = "\(supervisor.restartsInPeriod)/\(supervisor.intensity)"
  return [
    Cell(indent + supervisor.name, .bold),
    Cell(supervisor.phase, phaseColor(supervisor.phase, isReady: true)), Cell(""), Cell(""),
    Cell(""), Cell(budget, supervisor.restartsInPeriod > 0 ? .yellow : nil), Cell(""),
    Cell(supervisor.reason ?? supervisor.strategy, .faint),
  ]
}

/// What keeps it from being ready, else the last decision's reason; without a process also how the
/// last one ended.
private func explanation(of agent: AgentStatus) -> String {
  let marks = [
    agent.held ? "held" : nil, agent.breakerText.map { "breaker \($0)" },
    agent.orphanText.map { "orphans \($0)" },
  ]
  let text = agent.obstacle.map { "not ready: \($0)" } ?? lastDecision(on: agent)
  return (marks.compactMap(\.self) + (text.isEmpty ? [] : [text])).joined(separator: "; ")
}

private func lastDecision(on agent: AgentStatus) -> String {
  let ending = agent.pid == nil ? agent.exit?.text : nil
  switch (agent.reason, ending) {
  case (let reason?, let ending?): return reason.contains(ending) ? reason : "\(reason) (\(ending))"
  case (let reason?, nil): return reason
  case (nil, let ending?): return ending
  case (nil, nil): return ""
  }
}

func phaseCell(_ agent: AgentStatus) -> Cell {
  Cell(agent.phase, phaseColor(agent.phase, isReady: agent.ready))
}

private func phaseColor(_ phase: String, isReady: Bool) -> Color? {
  switch phase {
  case "running": isReady ? .green : .yellow
  case "failed": .red
  case "stopped", "exited": .faint
  default: .yellow
  }
}

private func yesNo(_ value: Bool) -> String { value ? "yes" : "no" }

/// For example `Daemon 4242 running for 3m12s; 5 agents: 3 ready, 1 failed, 1 stopped.`
func summary(_ report: StatusReport) -> String {
  let daemon = report.daemon
  let age = ageText(seconds: daemon.uptimeSeconds)
  let ready = report.agents.count(where: \.ready)
  var counts = ready > 0 ? ["\(ready) ready"] : []
  var phases: [String] = []
  for agent in report.agents where !agent.ready && !phases.contains(agent.phase) {
    phases.append(agent.phase)
  }
  for phase in phases {
    let count = report.agents.count { !$0.ready && $0.phase == phase }
    counts.append(phase == "running" ? "\(count) not ready" : "\(count) \(phase)")
  }
  let agents = report.agents.count == 1 ? "1 agent" : "\(report.agents.count) agents"
  let list = counts.isEmpty ? "" : ": \(counts.joined(separator: ", "))"
  return "Daemon \(daemon.pid) \(daemon.state.rawValue) for \(age); \(agents)\(list)."
}

/// What `superv status NAME` shows: one paragraph each.
func statusDetails(_ report: StatusReport, style: Style) -> String {
  let paragraphs = treeRows(report).map { row in
    switch row.item {
    case .agent(let agent): details(of: agent, style)
    case .supervisor(let supervisor): details(of: supervisor, style)
    }
  }
  return paragraphs.joined(separator: "\n")
}

private func details(of agent: AgentStatus, _ style: Style) -> String {
  let instance = agent.agent == agent.name ? nil : "\(agent.instance) of \(agent.agent)"
  let life: [(String, String?)] =
    [
      ("instance", instance), ("supervisor", agent.supervisor), ("phase", agent.phase),
      ("desired", agent.desired.rawValue),
      ("ready", agent.obstacle.map { "no: \($0)" } ?? yesNo(agent.ready)),
      ("alive", yesNo(agent.alive)), ("pid", agent.pid.map(String.init)),
      ("incarnation", String(agent.incarnation)), ("restarts", String(agent.restarts)),
      ("uptime", agent.uptimeSeconds.map { ageText(seconds: $0) }), ("started", agent.startedAt),
      ("ready since", agent.readyAt),
      ("last exit", agent.exit.map { "\($0.text), \($0.classification)" }),
      ("reason", agent.reason),
    ]
  return fields(agent.name, life + health(of: agent), style)
}

/// What it says of itself and what its probes found, where there is something to tell.
private func health(of agent: AgentStatus) -> [(String, String?)] {
  let operations = agent.operations.map { operation in
    operation.op + (operation.kind.map { " (\($0))" } ?? "")
      + " for \(ageText(seconds: operation.sinceSeconds))"
  }
  let probes = agent.probes.map { probe in
    (probe.role.rawValue, Optional(probe.text))
  }
  return [
    ("held", agent.held ? "yes: superv asks nothing of it (superv hold --off)" : nil),
    ("says", agent.statusText), ("progress", agent.progress),
    ("main pid", agent.mainPID.map(String.init)),
    ("calls", agent.callsInFlight == 0 ? nil : "\(agent.callsInFlight) in its hands"),
    ("breaker", agent.breakerText),
    ("orphans", agent.orphanText),
    ("limits", agent.limits.isEmpty ? nil : agent.limits.map(\.text).joined(separator: ", ")),
    ("operations", operations.isEmpty ? nil : operations.joined(separator: ", ")),
  ] + probes
}

extension AgentStatus {
  /// nil where it is closed, which is the rule.
  fileprivate var breakerText: String? {
    breaker == "closed" ? nil : breaker.replacing("_", with: " ")
  }

  /// The first of them; nil without any.
  fileprivate var orphanText: String? {
    guard !orphans.isEmpty else { return nil }
    let first = orphans.prefix(8).map { String($0) }.joined(separator: " ")
    return orphans.count > 8 ? "\(first) and \(orphans.count - 8) more" : first
  }

  /// Why it runs and is not ready, where its word or a probe says so.
  fileprivate var obstacle: String? {
    guard phase == "running", !ready else { return nil }
    if let reason = notReadyReason { return reason.isEmpty ? "it says so" : reason }
    let probe = probes.first { $0.role != .liveness && $0.state != .passing }
    return probe.map { "\($0.role.rawValue) \($0.text)" }
  }
}

extension LimitStatus {
  /// For example `memory_max 256MB (superv watches it)`.
  fileprivate var text: String {
    switch kept {
    case .kernel: "\(name) \(value)"
    case .superv: "\(name) \(value) (superv watches it)"
    case .nobody: "\(name) \(value) (not kept: \(problem ?? ""))"
    }
  }
}

extension ProbeStatus {
  /// For example `ping: failing, failed 3 times in a row: no answer within 5s`.
  fileprivate var text: String {
    var text = "\(kind): \(state.rawValue)"
    if failures > 0 { text += ", failed \(failures == 1 ? "once" : "\(failures) times in a row")" }
    return text + (last.map { ": \($0)" } ?? "")
  }
}

private func details(of supervisor: SupervisorStatus, _ style: Style) -> String {
  let period = ageText(seconds: supervisor.periodSeconds)
  return fields(
    supervisor.name,
    [
      ("parent", supervisor.parent), ("strategy", supervisor.strategy),
      ("phase", supervisor.phase), ("desired", supervisor.desired.rawValue),
      ("restarts", "\(supervisor.restartsInPeriod) of \(supervisor.intensity) in \(period)"),
      ("children", supervisor.children.joined(separator: ", ")), ("reason", supervisor.reason),
    ], style)
}

private func fields(_ title: String, _ pairs: [(String, String?)], _ style: Style) -> String {
  var table = Table(columns: [.init(title: title), .init(title: "")])
  table.rows = pairs.compactMap { name, value in
    value.map { [Cell("  \(name)"), Cell($0)] }
  }
  return table.rendered(style)
}

extension AgentStatus {
  /// It is to run and does not, and did not end as it should either.
  var isMissing: Bool {
    guard desired == .up, phase != "running" else { return false }
    guard phase == "exited" else { return true }
    return exit.map { $0.classification != "normal" && $0.classification != "requested" } ?? false
  }
}

extension ExitReport {
  /// For example `exit code 3` or `SIGKILL`.
  var text: String {
    if oom { return "SIGKILL (out of memory)" }
    if let signal { return Signal(signal).description }
    return code.map { "exit code \($0)" } ?? "unknown exit"
  }
}
