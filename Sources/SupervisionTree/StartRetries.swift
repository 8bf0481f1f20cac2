// Starts that are tried again: supervisord's rules, for the agents that have them.

/// How often the start of an agent is tried again.
///
/// An agent that has this and ends before `readyAfter` is over was not started, whatever its
/// restart type and its status say, and so was one that could not be executed. The k-th attempt in
/// a row comes k seconds later; attempts spend none of the budget. A normal end of an agent that
/// was up that long spends nothing either.
package struct StartRetries: Codable, Hashable, Sendable {
  /// Attempts after the first; when these have failed, the agent has. Below 0 is 0.
  package var limit: Int

  package init(limit: Int) { self.limit = limit }
}

extension SupervisionTree {
  func startRetries(of id: NodeID) -> StartRetries? {
    guard case .agent(let agent) = nodes[id.index].kind else { return nil }
    return agent.startRetries
  }

  /// Its process is gone, or was never there.
  mutating func countFailedStart(_ id: NodeID) {
    guard startRetries(of: id) != nil else { return }
    nodes[id.index].failedStarts = (nodes[id.index].failedStarts ?? 0) + 1
  }

  /// Tries a start that has failed again, or gives up.
  ///
  /// - Returns: whether it was a start that failed.
  mutating func retryStart(_ supervisor: NodeID, _ child: NodeID) -> Bool {
    guard let retries = startRetries(of: child), let failures = nodes[child.index].failedStarts
    else { return false }
    let cause = nodes[child.index].reason.description
    if failures <= max(0, retries.limit) {
      restartAlone(
        supervisor, child, delay: .seconds(failures),
        why: .startRetry(number: failures, limit: retries.limit, after: cause))
    } else {
      nodes[child.index].failedStarts = nil
      failed(child, why: .startRetriesSpent(limit: max(0, retries.limit), after: cause))
    }
    return true
  }

  /// Whether the end of a child is none that its budget is for: it did what it was meant to do, for
  /// as long as a start has to last.
  func isSpared(_ id: NodeID) -> Bool {
    guard case .agent(let agent) = nodes[id.index].kind, agent.startRetries != nil,
      let span = agent.readyAfter, span > .zero
    else { return false }
    return nodes[id.index].phase == .ended && nodes[id.index].lastExit?.exitClass == .normal
  }
}
