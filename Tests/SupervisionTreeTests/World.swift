import SupervisionTree

/// One thing that happens in a world. Everything the tree waits for is a move of its own, so that
/// answers, deaths and timers come in any order.
enum Move: Hashable, Sendable {
  case begin
  case spawned(NodeID)
  case spawnFails(NodeID)
  case ends(NodeID, Termination)
  /// An agent that was told to stop is gone.
  case stops(NodeID)
  case timer(NodeID)
  /// It says hello: from now on its word counts.
  case declares(NodeID)
  case says(NodeID, isReady: Bool)
  /// It does not live as it should.
  case unhealthy(NodeID)
  case request(Request, NodeID)
  case reload(TreeSpecification)
  case shutdown
  case hurry
  /// Nothing happens for so long.
  case passes(Duration)
}

/// Processes and timers as a tree sees them, without processes, and a record of what the tree
/// does to them that it must not do.
struct World {
  struct Process: Hashable {
    var incarnation: UInt64
    /// It was sent the first signal of its ladder.
    var isTold = false
    var isKilled = false
    var isUnhealthy = false
    /// What its word makes of its readiness; nil as long as only time counts.
    var word: Bool?
  }

  var tree: SupervisionTree
  var specification: TreeSpecification
  var now = MonotonicTime(nanoseconds: 0)
  /// Spawns that are not answered yet.
  var making: [NodeID: UInt64] = [:]
  var living: [NodeID: Process] = [:]
  var timers: [NodeID: MonotonicTime] = [:]
  /// The last incarnation of each name.
  var incarnations: [String: UInt64] = [:]
  var spawnCount = 0
  var ends: [TreeEnd] = []
  var isReloaded = false
  /// Under any earlier specification.
  var wereTemporary: Set<String> = []
  /// A spawn is being answered: who was told to stop before that is told now.
  private var isAnswering = false
  /// The tree before the event at hand.
  private(set) var before: SupervisionTree
  /// What must not be, in words; empty as long as all is well.
  var violations: [String] = []

  init(
    _ specification: TreeSpecification, seed: UInt64 = 1, incarnations: [String: UInt64] = [:],
    stopped: Set<String> = []
  ) {
    self.specification = specification
    self.incarnations = incarnations
    tree = SupervisionTree(
      specification, jitterSeed: seed, incarnations: incarnations, stopped: stopped)
    before = tree
  }

  /// Whether anything is under way that the world still has to answer.
  var isWaitedFor: Bool { !making.isEmpty || living.values.contains { $0.isTold } }

  mutating func play(_ move: Move) {
    switch move {
    case .begin: feed(.begin)
    case .spawned(let id):
      guard let incarnation = making.removeValue(forKey: id) else { return }
      living[id] = Process(incarnation: incarnation)
      isAnswering = true
      feed(.spawned(id, incarnation: incarnation))
      isAnswering = false
    case .spawnFails(let id):
      guard let incarnation = making.removeValue(forKey: id) else { return }
      feed(.spawnFailed(id, incarnation: incarnation, why: "planned"))
    case .ends(let id, let termination):
      guard let process = living.removeValue(forKey: id) else { return }
      feed(.exited(id, incarnation: process.incarnation, termination))
    case .stops(let id):
      guard let process = living.removeValue(forKey: id) else { return }
      let signal: Int32 = process.isKilled ? 9 : 15
      let status = tree.status(of: id)
      feed(
        .exited(id, incarnation: process.incarnation, .signalled(signal, coreDumped: false)))
      checkClass(status, of: process)
    case .timer(let id):
      guard let time = timers.removeValue(forKey: id) else { return }
      now = max(now, time)
      feed(.timer(id))
    case .declares(let id):
      guard let process = living[id] else { return }
      let isReady = tree.isReady(id)
      living[id]?.word = process.word ?? isReady
      feed(.declaresReadiness(id, incarnation: process.incarnation))
    case .says(let id, let isReady):
      guard let process = living[id] else { return }
      living[id]?.word = isReady
      let why = Reason.health(isReady ? .saidReady : .saidNotReady("busy"))
      feed(
        isReady
          ? .ready(id, incarnation: process.incarnation, why: why)
          : .notReady(id, incarnation: process.incarnation, why: why))
    case .unhealthy(let id):
      guard let process = living[id] else { return }
      living[id]?.isUnhealthy = true
      feed(.unhealthy(id, incarnation: process.incarnation, why: Self.sick))
      checkVerdict(id)
    case .request(let request, let id): feed(.request(request, id))
    case .reload(let new):
      wereTemporary.formUnion(
        specification.everyChild.filter { $0.policy.restart == .temporary }.map(\.name))
      specification = new
      isReloaded = true
      feed(.reload(new))
    case .shutdown: feed(.shutdown)
    case .hurry: feed(.hurry)
    case .passes(let span): now = now + span
    }
    checkStep(after: move)
  }

  static let sick = Reason.health(.probeFailed(.liveness, times: 3, detail: "no answer"))

  private mutating func feed(_ event: Event) {
    let isOver = !ends.isEmpty
    before = tree
    let effects = tree.handle(event, now: now)
    if isOver, !effects.isEmpty { violations.append("effects after the end: \(effects)") }
    for effect in effects { carryOut(effect) }
  }

  private mutating func carryOut(_ effect: Effect) {
    switch effect {
    case .spawn(let id, let incarnation):
      checkSpawn(id, incarnation)
      making[id] = incarnation
      incarnations[tree.name(of: id)] = incarnation
      spawnCount += 1
    case .askToStop(let id, let incarnation, _, _): tell(id, incarnation, isKill: false)
    case .signal(let id, let incarnation, _): tell(id, incarnation, isKill: false)
    case .kill(let id, let incarnation): tell(id, incarnation, isKill: true)
    case .setTimer(let id, let time):
      if time < now { violations.append("a timer of \(tree.name(of: id)) in the past") }
      timers[id] = time
    case .cancelTimer(let id): timers[id] = nil
    case .note(let note): check(note)
    case .treeStopped(let end): ends.append(end)
    }
  }

  private mutating func tell(_ id: NodeID, _ incarnation: UInt64, isKill: Bool) {
    guard var process = living[id], process.incarnation == incarnation else {
      violations.append("told \(tree.name(of: id)) \(incarnation) to stop, which does not live")
      return
    }
    if !process.isTold, !process.isUnhealthy, !isAnswering { checkStopOrder(id) }
    process.isTold = true
    process.isKilled = process.isKilled || isKill
    living[id] = process
  }

  /// The world's answers only: all spawns succeed, all that are told to stop do, and then the
  /// timers fire, until nothing is left to do.
  mutating func drain() {
    for _ in 0..<2000 {
      guard violations.isEmpty else { return }
      if let id = making.keys.min() {
        play(.spawned(id))
      } else if let id = living.filter(\.value.isTold).keys.min() {
        play(.stops(id))
      } else if let (id, _) = timers.min(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
        play(.timer(id))
      } else {
        return checkRest()
      }
    }
    violations.append("never comes to rest")
  }
}

extension World {
  func text(_ move: Move) -> String {
    switch move {
    case .begin: "begin"
    case .spawned(let id): "spawned \(label(id))"
    case .spawnFails(let id): "spawn of \(label(id)) fails"
    case .ends(let id, let termination): "\(label(id)) ends with \(termination)"
    case .stops(let id): "\(label(id)) stops"
    case .timer(let id): "timer of \(label(id))"
    case .declares(let id): "\(label(id)) declares readiness"
    case .says(let id, let isReady): "\(label(id)) says \(isReady ? "ready" : "not ready")"
    case .unhealthy(let id): "\(label(id)) is unhealthy"
    case .request(let request, let id): "\(request.rawValue) \(label(id))"
    case .reload(let specification): "reload \(specification.outline)"
    case .shutdown: "shutdown"
    case .hurry: "hurry"
    case .passes(let span): "\(span.brief) pass"
    }
  }

  /// Every child as it stands, for the message of a failure.
  var picture: String {
    tree.children.map { id in
      let status = tree.status(of: id)
      return "\(label(id)) of \(status.parent): \(status.phase.rawValue), "
        + "ready \(status.isReady), wish \(status.wish.rawValue), \(status.reason)"
        + (timers[id] == nil ? "" : ", timer")
    }.joined(separator: "\n")
  }

  private func label(_ id: NodeID) -> String { "\(tree.name(of: id))#\(id.index)" }
}

extension TreeSpecification {
  /// The tree in one line, for the message of a failure.
  var outline: String { children.map(\.outline).joined(separator: " ") }
}

extension ChildSpecification {
  var outline: String {
    var text = name
    switch policy.restart {
    case .permanent: break
    case .transient: text += "~"
    case .temporary: text += "!"
    }
    if !policy.autostart { text += "-" }
    if policy.critical { text += "*" }
    if policy.significant { text += "^" }
    for need in policy.needs { text += "<\(need.name):\(need.condition.rawValue)" }
    guard case .supervisor(let supervisor) = self else { return text }
    let inside = supervisor.children.map(\.outline).joined(separator: " ")
    return text + "{\(supervisor.strategy.rawValue) \(supervisor.intensity.limit): \(inside)}"
  }
}
