package import SupervConfig
package import SupervProtocol

/// Follows the event log and looks whether everything in it has a cause: exits, stops, restarts.
package struct EventJudge: Sendable {
  /// One start of an instance.
  package struct Incarnation: Hashable, Sendable {
    package var agent: String
    package var number: Int

    package init(agent: String, number: Int) {
      self.agent = agent
      self.number = number
    }
  }

  /// A second more is on the watch of whoever reads events than on superv's.
  private static let windowSlackSeconds = 1.0

  private let tree: ChaosTree
  private let ownEnds: OwnEnds
  package private(set) var nextSequence: Int64?
  /// The pid that each one was started with, until it ends.
  package private(set) var running: [Incarnation: Int32] = [:]
  package private(set) var ended: Set<Incarnation> = []
  /// Exits of agents, with whatever cause.
  package private(set) var exitCount = 0
  /// Of those, by themselves: with codes, or with signals that a plan allows.
  package private(set) var ownExitCount = 0
  /// What chaos has sent, by whom.
  private var sent: [Incarnation: Set<Int32>] = [:]
  /// Incarnations whose end may be unknown: nobody was there to see it.
  private var isUnseen = false
  /// What the stop of an instance is for, as superv says.
  private var stops: [Incarnation: String] = [:]
  /// When a budget was spent, in seconds, by who pays.
  private var spent: [String: [Double]] = [:]
  /// A restart that was told when it was decided, and not again when it is done.
  private var announced: [String: String] = [:]

  package init(_ tree: ChaosTree, ownEnds: OwnEnds) {
    self.tree = tree
    self.ownEnds = ownEnds
  }

  /// What runs when chaos begins.
  package mutating func begin(_ status: StatusReport, nextSequence: Int64) {
    self.nextSequence = nextSequence
    for agent in status.agents {
      guard let pid = agent.pid else { continue }
      running[Incarnation(agent: agent.name, number: agent.incarnation)] = pid
    }
  }

  /// A signal that chaos is about to send to an incarnation: if it ends now, that is why.
  package mutating func sends(_ signal: Int32, to incarnation: Incarnation) {
    sent[incarnation, default: []].insert(signal)
  }

  /// Both daemon and keeper are dead: what ends meanwhile, process 1 sees.
  package mutating func nobodyLooks() { isUnseen = true }

  /// Takes the next event.
  ///
  /// - Parameter seconds: when it came here; superv's clock may be off.
  package mutating func take(_ event: EventRecord, seconds: Double, _ verdict: inout Verdict) {
    if let next = nextSequence {
      // The same event may come over two ways.
      if event.seq < next { return }
      verdict.check(.events, event.seq == next, "event \(next) is missing: \(event.seq) comes")
    }
    nextSequence = event.seq + 1
    takeSpending(event, seconds, &verdict)
    guard let agent = event.agent, let number = event.incarnation else { return }
    let incarnation = Incarnation(agent: agent, number: number)
    switch event.event {
    case "agent.started": takeStart(incarnation, event, &verdict)
    case "agent.stopping": takeStop(incarnation, event, &verdict)
    case "agent.exited": takeExit(incarnation, event, &verdict)
    case "control.signal": sent[incarnation, default: []].formUnion(1...64)
    default: break
    }
  }

  private mutating func takeStart(
    _ incarnation: Incarnation, _ event: EventRecord, _ verdict: inout Verdict
  ) {
    let other = running.keys.first { $0.agent == incarnation.agent }
    verdict.check(
      .oneProcess, other == nil || other == incarnation && running[incarnation] == event.pid,
      "\(incarnation) is started while \(other.map(String.init(describing:)) ?? "") runs")
    verdict.check(
      .exitsAccounted, !ended.contains(incarnation), "\(incarnation) has ended and is started")
    running[incarnation] = event.pid ?? 0
  }

  private mutating func takeStop(
    _ incarnation: Incarnation, _ event: EventRecord, _ verdict: inout Verdict
  ) {
    let reason = event.reason ?? ""
    stops[incarnation] = reason
    guard let agent = tree[agent: incarnation.agent],
      let mark = reason.firstRange(of: ": restarts with ")
    else { return }
    let sibling = String(reason[mark.upperBound...])
    verdict.check(
      .siblings, tree.group(of: sibling, under: agent.supervisor).contains(agent.name),
      "\(incarnation) was stopped although it does not go with \(sibling): \(reason)")
  }

  private mutating func takeExit(
    _ incarnation: Incarnation, _ event: EventRecord, _ verdict: inout Verdict
  ) {
    exitCount += 1
    verdict.check(
      .exitsAccounted, ended.insert(incarnation).inserted, "\(incarnation) has ended twice")
    running[incarnation] = nil
    let siblings = tree.untouchables(besides: incarnation.agent)
    verdict.count(.siblings, siblings.count)
    guard let fault = fault(of: incarnation, event.exit) else { return }
    let isSibling = sent.keys.contains { siblings.contains($0.agent) }
    verdict.violate(isSibling ? .siblings : .exitsAccounted, "\(incarnation): \(fault)")
  }

  /// What is wrong with an exit; nil: it has a cause.
  private mutating func fault(of incarnation: Incarnation, _ exit: ExitReport?) -> String? {
    if stops[incarnation] != nil || exit?.oom == true { return nil }
    if exit?.classification == "requested" {
      return "superv says that it asked for this end, and has told nobody why"
    }
    let signals = sent[incarnation] ?? []
    if !signals.isEmpty, exit?.signal.map(signals.contains) ?? true { return nil }
    guard let exit, exit.code != nil || exit.signal != nil else {
      return isUnseen ? nil : "nobody knows how it ended"
    }
    if exit.code != nil, ownEnds != .none || exit.classification == "normal" {
      ownExitCount += 1
      return nil
    }
    if ownEnds == .any {
      ownExitCount += 1
      return nil
    }
    return exit.signal.map { "signal \($0) ended it, which neither superv nor chaos has sent" }
      ?? "it ended by itself with code \(exit.code ?? 0)"
  }

  // MARK: Budgets

  /// `restart K of N in P after …` stands in the one event that decides a restart, and again in the
  /// start that comes of it where that had to wait.
  private mutating func takeSpending(
    _ event: EventRecord, _ seconds: Double, _ verdict: inout Verdict
  ) {
    guard let reason = event.reason, let number = Spending(reason) else { return }
    let name = event.supervisor ?? event.agent ?? ""
    switch event.event {
    case "supervisor.restarting": return spend(name, name, number, reason, seconds, &verdict)
    case "agent.backoff", "supervisor.backoff":
      guard announced.updateValue(reason, forKey: name) != reason else { return }
    case "agent.starting", "supervisor.starting":
      if announced.removeValue(forKey: name) == reason { return }
    default: return
    }
    let parent = tree[agent: name]?.supervisor ?? tree[supervisor: name]?.parent ?? "root"
    // A group's restart is told by its supervisor.
    let strategy = tree[supervisor: parent]?.strategy ?? "one_for_one"
    guard strategy == "one_for_one" else { return }
    spend(tree.payer(of: name, under: parent).name, name, number, reason, seconds, &verdict)
  }

  private mutating func spend(
    _ payer: String, _ name: String, _ number: Spending, _ reason: String, _ seconds: Double,
    _ verdict: inout Verdict
  ) {
    let budget =
      tree[supervisor: payer]?.budget ?? tree.rootBudget
    var times = spent[payer] ?? []
    times.append(seconds)
    times.removeAll { $0 <= seconds - budget.periodSeconds + Self.windowSlackSeconds }
    spent[payer] = times
    verdict.check(
      .budgets,
      number.number <= number.limit && number.limit == budget.intensity
        && times.count <= budget.intensity,
      "\(payer) has restarted \(times.count) times in \(Int(budget.periodSeconds)) s, and may "
        + "\(budget.intensity) times; last \(name): \(reason)")
  }

  private struct Spending {
    var number: Int
    var limit: Int

    init?(_ reason: String) {
      let words = reason.split(separator: " ", maxSplits: 5)
      guard words.count > 4, words[0] == "restart", words[2] == "of", words[4] == "in",
        let number = Int(words[1]), let limit = Int(words[3])
      else { return nil }
      self.number = number
      self.limit = limit
    }
  }

  // MARK: The end

  /// Looks whether what runs in the end is what was started and has not ended.
  package func end(_ status: StatusReport, _ verdict: inout Verdict) {
    let alive = Dictionary(
      uniqueKeysWithValues: status.agents.compactMap { agent in
        agent.pid.map { (Incarnation(agent: agent.name, number: agent.incarnation), $0) }
      })
    for (incarnation, pid) in running.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      verdict.check(
        .exitsAccounted, alive[incarnation] == pid,
        "\(incarnation) was started as pid \(pid), does not run, and no end of it was told")
    }
    for (incarnation, _) in alive.sorted(by: { "\($0.key)" < "\($1.key)" }) {
      verdict.check(
        .exitsAccounted, running[incarnation] != nil, "\(incarnation) runs, and no start was told")
    }
  }
}

extension EventJudge.Incarnation: CustomStringConvertible {
  package var description: String { "\(agent) (incarnation \(number))" }
}
