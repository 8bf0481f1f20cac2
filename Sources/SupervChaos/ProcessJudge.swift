package import SupervProtocol

/// A process that says in its environment that it is of an agent of this tree.
package struct Sighting: Hashable, Sendable {
  package var pid: Int32
  /// Clock ticks since boot: a pid with it is one process for good.
  package var startTime: UInt64
  /// From its parent up, as far as they could be seen.
  package var ancestors: [Int32]
  package var leadsSession: Bool
  /// The instance.
  package var agent: String
  package var incarnation: Int

  package init(
    pid: Int32, startTime: UInt64, ancestors: [Int32], leadsSession: Bool, agent: String,
    incarnation: Int
  ) {
    self.pid = pid
    self.startTime = startTime
    self.ancestors = ancestors
    self.leadsSession = leadsSession
    self.agent = agent
    self.incarnation = incarnation
  }
}

/// Looks whether every process is where it belongs. One that is not has a moment: superv looks for
/// orphans a few times a second, and ends take a while.
package struct ProcessJudge: Sendable {
  private static let patienceSeconds = 2.5

  private struct Identity: Hashable {
    var pid: Int32
    var startTime: UInt64
  }

  private let tree: ChaosTree
  /// Since when each one has been out of place.
  private var suspects: [Identity: Double] = [:]
  private var told: Set<Identity> = []

  package init(_ tree: ChaosTree) { self.tree = tree }

  /// - Parameters:
  ///   - sightings: seen after `status` was asked for.
  ///   - ended: what had ended before that.
  ///   - helpers: superv's own processes in the places of agents.
  package mutating func take(
    _ sightings: [Sighting], _ status: StatusReport, ended: Set<EventJudge.Incarnation>,
    helpers: Set<Int32>, seconds: Double, _ verdict: inout Verdict
  ) {
    let agents = Dictionary(uniqueKeysWithValues: status.agents.map { ($0.name, $0) })
    var still: [Identity: Double] = [:]
    for one in sightings where !helpers.contains(one.pid) {
      verdict.count(.insideTree)
      if one.pid == agents[one.agent]?.pid { verdict.count(.oneProcess) }
      guard let fault = fault(of: one, agents[one.agent], ended) else { continue }
      let identity = Identity(pid: one.pid, startTime: one.startTime)
      let since = suspects[identity] ?? seconds
      still[identity] = since
      guard seconds - since >= Self.patienceSeconds, told.insert(identity).inserted else {
        continue
      }
      verdict.violate(fault.invariant, fault.text)
    }
    suspects = still
  }

  private func fault(
    of one: Sighting, _ agent: AgentStatus?, _ ended: Set<EventJudge.Incarnation>
  ) -> (invariant: Invariant, text: String)? {
    let name = "\(one.agent) (incarnation \(one.incarnation))"
    guard let agent else {
      return (.insideTree, "pid \(one.pid) says that it is of \(name), which there is not")
    }
    if agent.orphans.contains(one.pid) { return nil }
    guard one.incarnation == agent.incarnation, let leader = agent.pid else {
      if tree[agent: one.agent]?.detaches == true { return nil }
      return (.insideTree, "pid \(one.pid) of \(name) lives, and that has ended")
    }
    if one.pid == leader || one.ancestors.contains(leader) { return nil }
    if ended.contains(.init(agent: one.agent, number: one.incarnation)) { return nil }
    return one.leadsSession
      ? (.oneProcess, "\(name) is pid \(leader), and pid \(one.pid) as well")
      : (.insideTree, "pid \(one.pid) of \(name) is not below pid \(leader), and no orphan")
  }
}
