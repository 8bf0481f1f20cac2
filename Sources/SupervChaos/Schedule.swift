package import SupervConfig

/// One fault of a schedule.
package struct PlannedFault: Hashable, Sendable {
  /// From 1.
  package var number: Int
  /// From the beginning.
  package var atMilliseconds: Int64
  package var kind: FaultKind
  /// The instance; nil where it is superv itself.
  package var target: String?
  package var lastsMilliseconds: Int64
  /// Bytes, lines, milliseconds or descriptors, as the kind wants it.
  package var amount: Int64

  fileprivate var endMilliseconds: Int64 { atMilliseconds + lastsMilliseconds }
}

/// Makes a schedule out of a plan: the same one for the same seed, plan and tree.
///
/// What would only show that a budget is a budget is left out: no supervisor is made to restart
/// more often than it may, and nobody is restarted while there are no descriptors.
///
/// - Parameters:
///   - agents: whom `--agents` names; empty: whom the plan names.
package func makeSchedule(
  _ plan: ChaosPlan, for tree: ChaosTree, seed: UInt64, only agents: [String] = []
) -> [PlannedFault] {
  var maker = ScheduleMaker(plan, tree, seed, agents)
  return maker.make()
}

private struct ScheduleMaker {
  /// Left of every budget for what happens by itself.
  private static let reserve = 2
  /// Between two faults of one agent, and around those that bear no others.
  private static let quietMilliseconds: Int64 = 2000
  /// Nobody can start the tree again faster than that after both are dead.
  private static let rebirthMilliseconds: Int64 = 6000
  private static let attempts = 30
  private static let exaggeration = 4

  let plan: ChaosPlan
  let tree: ChaosTree
  let durationMilliseconds: Int64
  var dice: Dice
  /// By kind, in the order of `FaultKind.allCases`.
  var targets: [[String]] = []
  var weights: [Int] = []
  var episode: Int64 = -1
  var made: [PlannedFault] = []

  init(_ plan: ChaosPlan, _ tree: ChaosTree, _ seed: UInt64, _ chosen: [String]) {
    self.plan = plan
    self.tree = tree
    durationMilliseconds = plan.duration.milliseconds
    dice = Dice(seed: seed)
    let allowed = Set(tree.agents.filter(\.isAllowed).map(\.name))
    for kind in FaultKind.allCases {
      let own = plan[kind].agents
      let general = tree.instances(of: chosen.isEmpty ? plan.agents : chosen)
      let wanted = own.isEmpty ? general : tree.instances(of: own).filter(Set(general).contains)
      targets.append(kind.target == .agent ? wanted.filter(allowed.contains) : [])
    }
  }

  mutating func make() -> [PlannedFault] {
    let interval = max(1, 60_000 / Int64(plan.rate))
    var at: Int64 = 0
    while true {
      at += dice.within((interval / 2)...(interval * 3 / 2))
      guard at < durationMilliseconds else { return made }
      beginEpisode(at)
      for _ in 0..<Self.attempts {
        guard let fault = roll(at) else { continue }
        guard isFitting(fault) else { continue }
        made.append(fault)
        break
      }
    }
  }

  /// Swarm testing (Groce and others, ISSTA 2012): what is never together with everything else at
  /// once gets further than what always is.
  private mutating func beginEpisode(_ at: Int64) {
    let number = plan.isSwarm ? at / max(1, plan.swarmPeriod.milliseconds) : 0
    guard number != episode else { return }
    episode = number
    let all = FaultKind.allCases.enumerated().map { index, kind in
      kind.target == .agent && targets[index].isEmpty ? 0 : plan[kind].weight
    }
    weights = all
    guard plan.isSwarm else { return }
    weights = all.map { dice.isHeads() ? $0 : 0 }
    if weights.allSatisfy({ $0 == 0 }) { weights = all }
    if let index = dice.pick(weights) { weights[index] *= Self.exaggeration }
  }

  private mutating func roll(_ at: Int64) -> PlannedFault? {
    guard let index = dice.pick(weights) else { return nil }
    let kind = FaultKind.allCases[index]
    let settings = plan[kind]
    var target: String?
    if kind.target == .agent { target = targets[index][dice.below(targets[index].count)] }
    return PlannedFault(
      number: made.count + 1, atMilliseconds: at, kind: kind, target: target,
      lastsMilliseconds: settings.lasts.milliseconds, amount: amount(of: kind, settings))
  }

  private mutating func amount(of kind: FaultKind, _ settings: FaultPlan) -> Int64 {
    switch kind {
    case .memoryHog, .diskFull: return settings.bytes
    case .flood: return Int64(settings.lines)
    case .delayAnswers: return settings.span.milliseconds
    case .clockStep:
      let step = settings.span.milliseconds
      return dice.isHeads() ? step : -step
    case .noDescriptors: return Int64(settings.spare)
    case .agentKill, .agentTerm, .agentStop, .manualStop, .cpuHog, .dropAnswers,
      .duplicateAnswers, .daemonKill, .daemonTerm, .keeperKill, .keeperTerm, .bothKill, .reload:
      return 0
    }
  }

  // MARK: What goes together

  private func isFitting(_ fault: PlannedFault) -> Bool {
    guard fault.endMilliseconds < durationMilliseconds, isPaid(fault) else { return false }
    return !made.contains { isInTheWay($0, of: fault) }
  }

  private func isInTheWay(_ earlier: PlannedFault, of fault: PlannedFault) -> Bool {
    if earlier.kind.endsTree,
      fault.atMilliseconds < earlier.atMilliseconds + Self.rebirthMilliseconds
    {
      return true
    }
    guard fault.atMilliseconds < earlier.endMilliseconds + Self.quietMilliseconds else {
      return false
    }
    if let target = fault.target, target == earlier.target { return true }
    if fault.target == nil, earlier.kind == fault.kind { return true }
    if fault.kind.endsTree { return true }
    return [(earlier.kind, fault.kind), (fault.kind, earlier.kind)].contains { one, other in
      // A start without descriptors spends budget, and a daemon cannot begin.
      one == .noDescriptors && (other.starts || other.killsDaemon)
        // What the daemon has in its memory and the disk does not take, nobody can know.
        || one == .diskFull && other.killsDaemon
    }
  }

  private func isPaid(_ fault: PlannedFault) -> Bool {
    guard let (payer, budget) = payer(of: fault) else { return true }
    let window = Int64(budget.periodSeconds * 1000) + Self.quietMilliseconds
    let spent = made.filter { earlier in
      earlier.atMilliseconds > fault.atMilliseconds - window
        && self.payer(of: earlier)?.name == payer
    }.count
    return spent < (budget.intensity < 1 ? 0 : max(1, budget.intensity - Self.reserve))
  }

  /// Whose budget a fault spends; nil: nobody's.
  private func payer(of fault: PlannedFault) -> (name: String, budget: ChaosTree.Budget)? {
    if fault.kind == .daemonKill { return ("", ChaosTree.keeperBudget) }
    guard fault.kind.spendsBudget, let agent = fault.target.flatMap({ tree[agent: $0] }) else {
      return nil
    }
    return tree.payer(of: agent.name, under: agent.supervisor)
  }
}

extension FaultKind {
  /// Nobody starts another daemon after it.
  package var endsTree: Bool { self == .daemonTerm || self == .keeperTerm || self == .bothKill }

  package var killsDaemon: Bool { self == .daemonKill || self == .keeperKill || endsTree }

  /// A process is started because of it.
  fileprivate var starts: Bool {
    spendsBudget || self == .manualStop || self == .cpuHog || self == .memoryHog
      || self == .dropAnswers || self == .delayAnswers || self == .agentStop
  }
}

extension Duration {
  package var milliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
