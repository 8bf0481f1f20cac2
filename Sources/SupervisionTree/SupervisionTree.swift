// The supervision tree: `(event, now) -> effects`, pure.
//
//                     start                 spawned               exited
//   down(stopped) ───────────▶ starting ─────────────▶ running ──────────────▶ ended
//     ▲   ▲   │                   │                       │                   │  │  │
//     │   │   └──▶ waiting ───────┘ needs met             │ stop              │  │  └▶ down(exited)
//     │   │                                               ▼                   │  │     down(failed)
//     │   └────────────────────────────────────────── stopping                │  │
//     │               failed start                                            │  │ restart
//     └───────────── retrying ◀───────────────────────────────────────────────┘◀─┘
//                     │ due: starts again
//
// The same phases hold for agents and supervisors. A supervisor `starting` is starting its
// children, `stopping` stops them.
//
// How one event is settled:
// - A supervisor handles its mail (deaths, retries, requests) first in, first out, one at a time.
//   While it is occupied (starting or stopping children in order) its mail waits; other
//   supervisors go on. A `one_for_one` supervisor is occupied only by its own start and stop,
//   because nothing ties its children together.
// - The consequences are worked out over an explicit agenda, then the effects are given back in the
//   order in which they were decided.
//
// Tie-breaks:
// - A death that waits in the mailbox is absorbed when a group stop reaches the child: it spends
//   nothing and whatever it was, the child starts with the rest (OTP).
// - A failed restart goes to the end of the mailbox: what already waits there comes first (OTP).
// - A supervisor told to stop drops its mail and cuts short what it was doing, except that
//   children already told to stop are waited for.
// - The operator's wish wins over every restart.

/// A tree of supervised processes that decides and does nothing itself.
package struct SupervisionTree: Codable, Sendable {
  /// What is left to work out within the event at hand.
  enum Work: Sendable {
    /// The supervisor takes its next step.
    case proceed(NodeID)
    /// The start of a child is over: it runs, or waits for what it needs.
    case startSettled(NodeID)
    case startFailed(NodeID, StartOrigin, Reason)
    /// A child that was told to stop is gone.
    case gone(NodeID)
  }

  var nodes: [Node] = []
  var ids: [String: NodeID] = [:]
  var specification: TreeSpecification
  var now: MonotonicTime
  var jitter: Jitter
  /// The last incarnation of each instance in an earlier life: one that a reload brings back goes
  /// on from there.
  let pastIncarnations: [String: UInt64]
  var agenda: [Work] = []
  var effects: [Effect] = []
  /// Something happened that may let a waiting child start.
  var needsChanged = false
  /// How many children wait for what they need; nil: not counted yet.
  var waitingCount: Int?
  var end: TreeEnd?
  var isHurried = false
  /// Children that a reload took out and that are not gone yet.
  var departing: [NodeID] = []
  /// Events about an incarnation or a timer that is no longer current.
  package private(set) var staleEventCount = 0

  /// What is written down of it. Between two events agenda and effects are empty.
  private enum CodingKeys: String, CodingKey {
    case nodes, ids, specification, now, jitter, pastIncarnations, end, isHurried, departing
  }

  /// A tree in which nothing runs yet.
  ///
  /// - Parameters:
  ///   - jitterSeed: fixes every random wait.
  ///   - incarnations: the last incarnation of each instance, from an earlier life.
  ///   - stopped: the names that an operator stopped in an earlier life.
  package init(
    _ specification: TreeSpecification, jitterSeed: UInt64,
    incarnations: [String: UInt64] = [:], stopped: Set<String> = []
  ) {
    self.specification = specification
    jitter = Jitter(seed: jitterSeed)
    pastIncarnations = incarnations
    now = MonotonicTime(nanoseconds: 0)
    var root = SupervisorSpecification(name: "root")
    root.children = specification.children
    nodes.append(
      Node(
        name: "root", parent: .root, kind: .supervisor(Supervisor(specification: root)),
        policy: ChildPolicy(), wish: .up))
    build(stopped: stopped)
  }

  /// Handles one event and says what is to be done, in order.
  package mutating func handle(_ event: Event, now: MonotonicTime) -> [Effect] {
    self.now = now
    take(event)
    settle()
    let decided = effects
    effects = []
    return decided
  }

  private mutating func take(_ event: Event) {
    switch event {
    case .begin: begin()
    case .spawned(let id, let incarnation):
      if isCurrent(id, incarnation) { spawned(id) }
    case .spawnFailed(let id, let incarnation, let why):
      if isCurrent(id, incarnation) { spawnFailed(id, why: .startFailed(why)) }
    case .exited(let id, let incarnation, let termination):
      if isCurrent(id, incarnation) { exited(id, termination) }
    case .declaresReadiness(let id, let incarnation):
      if isCurrent(id, incarnation) { declaresReadiness(id) }
    case .ready(let id, let incarnation, let why):
      if isCurrent(id, incarnation) { saidReady(id, why: why) }
    case .notReady(let id, let incarnation, let why):
      if isCurrent(id, incarnation) { saidNotReady(id, why: why) }
    case .unhealthy(let id, let incarnation, let why):
      if isCurrent(id, incarnation) { unhealthy(id, why: why) }
    case .stopUnheard(let id, let incarnation):
      if isCurrent(id, incarnation) { stopUnheard(id) }
    case .extendStop(let id, let incarnation, let span):
      if isCurrent(id, incarnation) { extendStop(id, by: span) }
    case .timer(let id): timerFired(id)
    case .request(let request, let id): post(request, id)
    case .reload(let specification): reload(specification)
    case .shutdown: stopTree(.asked, why: .shutdown)
    case .hurry: hurry()
    }
  }

  /// Works through the agenda until nothing follows from anything.
  private mutating func settle() {
    repeat {
      var next = 0
      while next < agenda.count {
        let work = agenda[next]
        next += 1
        switch work {
        case .proceed(let id): proceed(id)
        case .startSettled(let id): startSettled(id)
        case .startFailed(let id, let origin, let why): startFailed(id, origin, why)
        case .gone(let id): gone(id)
        }
      }
      agenda.removeAll(keepingCapacity: true)
      if needsChanged { wakeWaiting() }
    } while !agenda.isEmpty
  }

  /// The next step of a supervisor: go on with what occupies it, or take the next mail.
  private mutating func proceed(_ id: NodeID) {
    switch self[id].occupation {
    case .none: takeMail(id)
    case .single: break
    case .starting(let run): continueStarting(id, run)
    case .stopping(let run): continueStopping(id, run)
    }
  }

  private mutating func isCurrent(_ id: NodeID, _ incarnation: UInt64) -> Bool {
    let isCurrent =
      nodes.indices.contains(id.index) && nodes[id.index].incarnation == incarnation
      && nodes[id.index].phase.isAlive
    if !isCurrent { staleEventCount += 1 }
    return isCurrent
  }

  mutating func countStaleEvent() { staleEventCount += 1 }

  private mutating func begin() {
    guard nodes[0].phase == .down(.stopped), end == nil else { return countStaleEvent() }
    nodes[0].phase = .starting(.run)
    self[.root].occupation = .starting(
      StartRun(queue: self[.root].children.reversed(), purpose: .boot, why: .supervisorStarts))
    agenda.append(.proceed(.root))
  }

  mutating func stopTree(_ end: TreeEnd, why: Reason) {
    guard self.end == nil else { return }
    self.end = end
    guard nodes[0].phase != .down(.stopped) else { return effects.append(.treeStopped(end)) }
    beginStop(.root, why: why)
  }

  private mutating func timerFired(_ id: NodeID) {
    guard nodes.indices.contains(id.index) else { return countStaleEvent() }
    switch nodes[id.index].phase {
    case .running(ready: false) where isAgent(id):
      guard case .agent(let agent) = nodes[id.index].kind, let span = agent.readyAfter else {
        return countStaleEvent()
      }
      becomeReady(id, why: .stayedUp(span))
    case .running:
      guard !isAgent(id), self[id].pendingGroup != nil else { return countStaleEvent() }
      post(.groupDue, to: id)
    case .retrying(due: .some):
      // A supervisor that stops comes to this child in its turn.
      if case .stopping = nodes[nodes[id.index].parent.index].phase { return countStaleEvent() }
      post(.due(id), to: nodes[id.index].parent)
    case .stopping(let rung?) where isAgent(id): climb(id, from: rung)
    case .stopping, .retrying(due: nil), .down, .waiting, .starting, .ended: countStaleEvent()
    }
  }
}

// MARK: - Storage

extension SupervisionTree {
  /// The supervisor state of a node that is one.
  subscript(id: NodeID) -> Supervisor {
    get {
      guard case .supervisor(let supervisor) = nodes[id.index].kind else {
        preconditionFailure("\(nodes[id.index].name) is not a supervisor")
      }
      return supervisor
    }
    _modify {
      guard case .supervisor(var supervisor) = nodes[id.index].kind else {
        preconditionFailure("\(nodes[id.index].name) is not a supervisor")
      }
      // Moved out and back, so that its arrays are changed in place.
      nodes[id.index].kind = .moved
      defer { nodes[id.index].kind = .supervisor(supervisor) }
      yield &supervisor
    }
  }

  func isAgent(_ id: NodeID) -> Bool {
    if case .agent = nodes[id.index].kind { true } else { false }
  }

  /// Whether it does one thing at a time: always where siblings are tied together.
  func isSerial(_ id: NodeID) -> Bool {
    self[id].specification.strategy != .oneForOne || !specification.stopsSiblingsSideBySide
  }

  mutating func post(_ mail: Mail, to supervisor: NodeID) {
    self[supervisor].mailbox.append(mail)
    agenda.append(.proceed(supervisor))
  }

  /// Every change of phase goes through here, so that readiness and needs follow.
  mutating func setPhase(_ id: NodeID, _ phase: Phase, why: Reason? = nil) {
    if case .retrying(due: .some) = nodes[id.index].phase { effects.append(.cancelTimer(id)) }
    if let count = waitingCount {
      let leaving = nodes[id.index].phase == .waiting ? 1 : 0
      waitingCount = count - leaving + (phase == .waiting ? 1 : 0)
    }
    nodes[id.index].phase = phase
    if let why { nodes[id.index].reason = why }
    needsChanged = true
    refreshReadiness(above: id)
  }

  mutating func note(_ kind: Note.Kind, _ id: NodeID, _ why: Reason, due: MonotonicTime? = nil) {
    guard id != .root else { return }
    let node = nodes[id.index]
    effects.append(
      .note(
        Note(
          kind: kind, node: id, name: node.name, incarnation: node.incarnation, reason: why,
          due: due)))
  }

  /// The same story for both kinds of children.
  mutating func note(agent: Note.Kind, supervisor: Note.Kind, _ id: NodeID, _ why: Reason) {
    note(isAgent(id) ? agent : supervisor, id, why)
  }
}
