import SupervProtocol

// What the smaller answers look like.

func actionText(_ report: ActionReport, style: Style) -> String {
  var table = Table(columns: [.init(title: "NAME"), .init(title: "RESULT"), .init(title: "REASON")])
  for result in report.results {
    let word = result.ok ? result.phase ?? "done" : "failed"
    table.rows.append([
      Cell(result.name), Cell(word, result.ok ? .green : .red), Cell(result.reason ?? ""),
    ])
  }
  return table.rendered(style)
}

func healthText(_ report: HealthReport, style: Style) -> String {
  let agents = report.agents
  let verdict = report.live && report.ready ? "ready" : "not ready"
  var text = "\(verdict): daemon \(report.state.rawValue), "
  text += "\(agents.ready) of \(agents.total) agents ready, \(agents.failed) failed\n"
  for reason in report.reasons { text += "  \(printable(reason))\n" }
  return text
}

func whyText(_ report: WhyReport, style: Style) -> String {
  let readiness = report.phase == "running" ? (report.ready ? ", ready" : ", not ready") : ""
  var text = "\(report.name) is \(report.phase)\(readiness)"
  text += report.reason.map { ": \(printable($0))\n" } ?? ".\n"
  let restarts = report.restarts == 1 ? "1 restart" : "\(report.restarts) restarts"
  text += "  wanted \(report.desired.rawValue), \(restarts)"
  text += report.exit.map { ", last exit: \($0.text) (\($0.classification))\n" } ?? "\n"
  if !report.history.isEmpty {
    var table = Table(columns: [
      .init(title: "TIME"), .init(title: "EVENT"), .init(title: "REASON"),
    ])
    table.rows = report.history.map {
      [Cell(shortTime($0.time), .faint), Cell($0.event), Cell($0.reason ?? "")]
    }
    text += "\n" + table.rendered(style)
  }
  guard !report.output.isEmpty else { return text }
  text += "\nLast output:\n"
  for line in report.output { text += "  \(printable(line))\n" }
  return text
}

/// One line of `superv events`.
func eventLine(_ event: EventRecord, style: Style) -> String {
  let subject = event.agent ?? event.supervisor ?? "daemon"
  var notes: [String] = []
  if let incarnation = event.incarnation { notes.append("incarnation \(incarnation)") }
  if let pid = event.pid { notes.append("pid \(pid)") }
  // The reason of an exit says how it ended; without one the facts do.
  if let exit = event.exit, event.reason == nil {
    notes.append("\(exit.text), \(exit.classification)")
  }
  if let delay = event.delaySeconds { notes.append("in \(delayText(seconds: delay))") }
  let facts = notes.isEmpty ? "" : " (\(notes.joined(separator: ", ")))"
  var table = Table(columns: [
    .init(title: shortTime(event.time)), .init(title: padded(event.event, 21)), .init(title: ""),
  ])
  let reason = event.reason.map { ": \($0)" } ?? ""
  table.columns[2].title = printable("\(subject)\(facts)\(reason)")
  var plain = style
  plain.usesColor = false
  return "\(padded(String(event.seq), 6, right: true))  " + table.rendered(plain.narrowed(by: 8))
}

func reloadText(_ report: ReloadReport, isPlan: Bool, style: Style) -> String {
  var text = ""
  for diagnostic in report.diagnostics {
    text += "\(diagnostic.file):\(diagnostic.line):\(diagnostic.column): "
    text += "\(diagnostic.severity.rawValue): \(printable(diagnostic.message))\n"
    if let hint = diagnostic.hint { text += "  hint: \(printable(hint))\n" }
  }
  let changes = [
    ("start", report.start), ("stop", report.stop), ("restart", report.restart),
    ("update", report.update),
  ]
  for (verb, names) in changes where !names.isEmpty {
    text += "\(padded(verb, 7))  \(names.joined(separator: ", "))\n"
  }
  let count = changes.reduce(0) { $0 + $1.1.count }
  let verdict = report.applied ? "applied" : "planned"
  if !report.applied && !isPlan { return text + "refused: nothing was changed\n" }
  return text
    + "\(count) \(count == 1 ? "change" : "changes") \(verdict), \(report.unchanged) unchanged\n"
}

/// RFC 3339 to the millisecond, with a space for the `T`: `2026-11-21 07:20:00.123`.
func shortTime(_ time: String) -> String {
  guard time.utf8.count >= 23, time.hasSuffix("Z") else { return printable(time) }
  return printable(String(time.prefix(23)).replacing("T", with: " "))
}

func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
  let gap = String(repeating: " ", count: max(0, width - text.count))
  return right ? gap + text : text + gap
}

extension Style {
  fileprivate func narrowed(by columns: Int) -> Style {
    Style(usesColor: usesColor, width: width.map { $0 - columns })
  }
}
