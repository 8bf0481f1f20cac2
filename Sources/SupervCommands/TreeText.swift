import SupervProtocol

/// What `superv tree` shows.
func treeDrawing(_ report: StatusReport, style: Style) -> String {
  var table = Table(columns: [.init(title: "root"), .init(title: "PHASE"), .init(title: "")])
  for row in treeRows(report) {
    switch row.item {
    case .agent(let agent):
      let note = agent.phase == "running" && !agent.ready ? "not ready" : agent.reason ?? ""
      table.rows.append([Cell(row.branch + agent.name), phaseCell(agent), Cell(note, .faint)])
    case .supervisor(let supervisor):
      let period = ageText(seconds: supervisor.periodSeconds)
      let budget =
        "\(supervisor.restartsInPeriod) of \(supervisor.intensity) restarts in \(period)"
      let note = ([supervisor.strategy, budget] + [supervisor.reason].compactMap { $0 })
      table.rows.append([
        Cell(row.branch + supervisor.name), Cell(supervisor.phase),
        Cell(note.joined(separator: ", "), .faint),
      ])
    }
  }
  return table.rendered(style)
}
