import SupervProtocol

/// One line of the tree: an agent or a supervisor, and where it stands.
struct TreeRow: Sendable {
  enum Item: Sendable {
    case agent(AgentStatus)
    case supervisor(SupervisorStatus)
  }

  var item: Item
  /// From 0 for a child of the root.
  var depth: Int
  /// The lines that lead to it: `│  ├─ `.
  var branch: String
}

/// The children of the root and everything under them, depth first, each in start order.
func treeRows(_ report: StatusReport) -> [TreeRow] {
  let agents = Dictionary(report.agents.map { ($0.name, $0) }) { first, _ in first }
  let supervisors = Dictionary(report.supervisors.map { ($0.name, $0) }) { first, _ in first }
  var rows: [TreeRow] = []
  var seen: Set<String> = []
  // Explicit, since a tree is as deep as its user makes it.
  var pending: [(name: String, depth: Int, margin: String, isLast: Bool)] = []
  func push(_ names: [String], depth: Int, margin: String) {
    let known = names.filter { agents[$0] != nil || supervisors[$0] != nil }
    for (index, name) in known.enumerated().reversed() {
      pending.append((name, depth, margin, index == known.count - 1))
    }
  }
  push(topNames(report, supervisors), depth: 0, margin: "")
  while let next = pending.popLast() {
    guard seen.insert(next.name).inserted else { continue }
    let branch = next.margin + (next.isLast ? "└─ " : "├─ ")
    if let supervisor = supervisors[next.name] {
      rows.append(TreeRow(item: .supervisor(supervisor), depth: next.depth, branch: branch))
      let margin = next.margin + (next.isLast ? "   " : "│  ")
      push(supervisor.children, depth: next.depth + 1, margin: margin)
    } else if let agent = agents[next.name] {
      rows.append(TreeRow(item: .agent(agent), depth: next.depth, branch: branch))
    }
  }
  return rows
}

/// The names that have no supervisor in the report, in the order in which their agents are listed.
private func topNames(
  _ report: StatusReport, _ supervisors: [String: SupervisorStatus]
) -> [String] {
  var top: [String] = []
  var placed: Set<String> = []
  func place(_ name: String, parent: String) {
    var (name, parent) = (name, parent)
    var path: Set<String> = [name]
    // A parent that was met before would be a circle, which no daemon sends.
    while let above = supervisors[parent], path.insert(parent).inserted {
      (name, parent) = (parent, above.parent)
    }
    if placed.insert(name).inserted { top.append(name) }
  }
  for agent in report.agents { place(agent.name, parent: agent.supervisor) }
  for supervisor in report.supervisors { place(supervisor.name, parent: supervisor.parent) }
  return top
}
