import SupervisionTree

extension Script {
  /// What can happen, each with how often it does in an even run.
  private enum Kind: CaseIterable {
    case exit, crash, freeze, wills, startFailure, probe
    case call, cancel, manner, readiness, hangUp, beat
    case request, look, operatorHangUp, reload, upgrade, hangUpSignal
    case daemonDeath, keeperDeath, bothDie, daemonStartFailure
    case fullQueue, journal, logs, logger, wallClock, lateness, slowness

    var weight: Int {
      switch self {
      case .exit: 12
      case .crash, .request, .call: 8
      case .wills, .manner, .daemonDeath: 4
      case .startFailure, .look, .keeperDeath: 3
      case .freeze, .probe, .cancel, .readiness, .hangUp, .fullQueue, .lateness, .slowness: 2
      case .upgrade: 2
      case .beat, .operatorHangUp, .hangUpSignal, .bothDie, .daemonStartFailure, .journal,
        .logs, .logger, .wallClock, .reload:
        1
      }
    }
  }

  /// The history of a seed. Each run leaves out some kinds of events and has too much of others
  /// (Groce et al., "Swarm Testing", ISSTA 2012): what hides one bug lets another one show.
  init(seed: UInt64) {
    var random = Jitter(seed: seed)
    let plan = random.pick(LoadedPlan.all).plan
    var weights: [(kind: Kind, weight: Int)] = []
    for kind in Kind.allCases {
      let factor = random.pick([0, 0, 1, 1, 1, 1, 6])
      if factor > 0 { weights.append((kind, kind.weight * factor)) }
    }
    let spans = random.pick([[1, 20, 100, 500], [1, 500, 2500, 12_000], [5, 1000, 1000, 3000]])
    let count = Int.random(in: 10...50, using: &random)
    var steps: [Step] = []
    while steps.count < count {
      if random.chance(0.35) { steps.append(.pass(milliseconds: random.pick(spans))) }
      guard let kind = Self.pick(weights, &random) else { break }
      steps += Self.steps(kind, plan, &random)
    }
    self.init(seed: seed, tree: plan, steps: steps)
  }

  private static func pick(
    _ weights: [(kind: Kind, weight: Int)], _ random: inout Jitter
  ) -> Kind? {
    let sum = weights.reduce(0) { $0 + $1.weight }
    guard sum > 0 else { return nil }
    var left = Int.random(in: 0..<sum, using: &random)
    for (kind, weight) in weights {
      left -= weight
      if left < 0 { return kind }
    }
    return nil
  }

  private static func steps(
    _ kind: Kind, _ plan: TreePlan, _ random: inout Jitter
  ) -> [Step] {
    let name = random.pick(plan.allInstances)
    switch kind {
    case .exit: return [.exit(name, code: random.pick([0, 0, 1, 1, 1, 2, 75, 78]))]
    case .crash: return [.crash(name, signal: random.pick([9, 11, 15]))]
    case .freeze: return [random.chance(0.6) ? .freeze(name) : .thaw(name)]
    case .wills:
      let span = random.pick([10, 700, 5000])
      return [
        .wills(name, random.pick([.obeys, .takes(milliseconds: span), .ignores, .hangsInKernel]))
      ]
    case .startFailure: return [.startsFail(name, count: random.pick([1, 1, 2, 5]))]
    case .probe: return [.probesFail(name, random.chance(0.6))]
    case .call:
      let to = random.pick(plan.agents).name
      return [.call(name, to: to, milliseconds: random.pick([1, 50, 500, 3000]))]
    case .cancel: return [.cancelCall(name)]
    case .manner:
      let span = random.pick([10, 100, 800])
      return [
        .answers(
          name, random.pick([.atOnce, .withError, .twice, .never, .after(milliseconds: span)]))
      ]
    case .readiness: return [random.chance(0.5) ? .saysNotReady(name) : .saysReady(name)]
    case .hangUp: return [.hangsUp(name)]
    case .beat: return [.beats(name)]
    case .request, .look: return [question(kind == .look, plan, &random)]
    case .operatorHangUp: return [.operatorHangsUp]
    case .reload:
      let other = Int.random(in: 0..<LoadedPlan.count, using: &random)
      return [.reload(plan: random.chance(0.2) ? nil : other)]
    case .upgrade: return [.upgrade]
    case .hangUpSignal: return [.signalKeeper(random.chance(0.9) ? 1 : 15)]
    case .daemonDeath:
      return [.killDaemon(afterOperations: random.chance(0.2) ? 0 : random.pick(Array(0..<60)))]
    case .keeperDeath: return [.killKeeper]
    case .bothDie: return [.killBoth, .pass(milliseconds: random.pick([1, 1000])), .startSuperv]
    case .daemonStartFailure: return [.daemonStartsFail(count: random.pick([1, 2, 4]))]
    case .fullQueue: return [.refuseSends(count: random.pick([1, 1, 3]))]
    case .journal:
      return [.journalFails(operations: random.pick([1, 1, 3, 20]), isTorn: random.chance(0.5))]
    case .logs: return [.noDescriptorsForLogs(random.chance(0.6))]
    case .logger: return [.loggerComplains]
    case .wallClock: return [.stepWallClock(seconds: random.pick([-3600, -1, 1, 86_400]))]
    case .lateness: return [.lateAlarms(milliseconds: random.pick([0, 1, 200, 900]))]
    case .slowness: return [.slowOperations(milliseconds: random.pick([0, 0, 1, 5]))]
    }
  }

  private static func question(
    _ isLook: Bool, _ plan: TreePlan, _ random: inout Jitter
  ) -> Step {
    let names = (0..<random.pick([1, 1, 2])).map { _ in random.pick(plan.names) }
    if isLook {
      return .ask(random.pick([.status, .why, .events, .signal, .health, .logs, .reload]), names)
    }
    return .ask(random.chance(0.02) ? .shutdown : random.pick([.up, .down, .restart]), names)
  }
}
