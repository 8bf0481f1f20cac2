import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

/// Everything that can happen to the health of one process, in any order.
@Suite struct HealthRandomTests {
  @Test(arguments: 0..<8) func everythingHolds(part: UInt64) {
    for seed in part * 200..<part * 200 + 200 {
      var run = HealthRun(seed)
      for _ in 0..<150 where run.fault == nil { run.step() }
      if let fault = run.fault {
        Issue.record("seed \(seed): \(fault)\n\(run.story.joined(separator: "\n"))")
        return
      }
    }
  }
}

private struct HealthRun {
  private var random: Jitter
  private var health: AgentHealth
  private var now = moment(1)
  private var settings: HealthSettings
  /// What the tree would say.
  private var isReady = false
  private var isAsked = false
  private var isOver = false
  private(set) var fault: String?
  private(set) var story: [String] = []

  init(_ seed: UInt64) {
    random = Jitter(seed: seed)
    settings = Self.settings(&random)
    var agent = AgentDefinition(
      specification: AgentSpecification(name: "a\(seed)"), agent: "a", command: ["a"])
    agent.health = settings
    if settings.startup != nil || settings.readiness != nil || settings.readySource == .declared {
      agent.specification.readyAfter = nil
    }
    health = AgentHealth(agent, startedAt: now)
    story.append("\(settings)")
  }

  private static func settings(_ random: inout Jitter) -> HealthSettings {
    var settings = HealthSettings()
    settings.readySource = pick(ReadinessSource.allCases, &random)
    settings.stuck = pick(StuckAction.allCases, &random)
    settings.progressTimeout = pick([.zero, .seconds(20)], &random)
    func probe(_ random: inout Jitter) -> ProbeSettings? {
      guard chance(0.6, &random) else { return nil }
      var probe = ProbeSettings(
        pick([.ping, .command(["check"]), .watchdog(.seconds(20))], &random))
      probe.interval = pick([.milliseconds(100), .seconds(1), .seconds(10)], &random)
      probe.timeout = pick([.milliseconds(50), .seconds(5), .seconds(20)], &random)
      probe.initialDelay = pick([.zero, .seconds(3)], &random)
      probe.successThreshold = Int.random(in: 1...2, using: &random)
      probe.failureThreshold = Int.random(in: 1...4, using: &random)
      return probe
    }
    settings.startup = probe(&random)
    settings.liveness = probe(&random)
    settings.readiness = probe(&random)
    return settings
  }

  mutating func step() {
    switch Int.random(in: 0..<24, using: &random) {
    case 0: take("hello") { $0.hello($1, isReady: $2) }
    case 1: take("ready") { $0.say(.ready, $1, isReady: $2) }
    case 2: take("not ready") { $0.say(.notReady("busy"), $1, isReady: $2) }
    case 3, 4: take("keep-alive") { health, now, _ in health.keepAlive(now) }
    case 5: take("trigger") { health, now, _ in health.trigger(now) }
    case 6, 7:
      let progress = pick(["1", "2"], &random)
      take("progress \(progress)") { health, now, _ in health.heartbeat(progress, now) }
    case 8:
      let name = pick(["1", "2", "3"], &random)
      let expected: Duration? = pick([nil, .seconds(1)], &random)
      take("begin \(name)") { health, now, _ in
        try? health.watch.begin(name, kind: "k", expected: expected, now)
        return []
      }
    case 9:
      let name = pick(["1", "2", "3"], &random)
      take("end \(name)") { health, now, _ in (try? health.endOperation(name, now)) ?? [] }
    case 10:
      let isHeld = chance(0.3, &random)
      take(isHeld ? "hold" : "release") { health, now, _ in health.hold(isHeld, now) }
    case 11 where chance(0.3, &random):
      settings = Self.settings(&random)
      let new = settings
      take("adopt \(new)") { $0.adopt(new, $1, isReady: $2) }
    case 12:
      take("extend") { health, now, _ in
        health.extendStartup(by: .seconds(9), now)
        return []
      }
    case 13..<17: end()
    default: advance()
    }
  }

  private mutating func end() {
    guard isAsked else { return advance() }
    isAsked = false
    let outcome: ProbeOutcome = chance(0.6, &random) ? .passed : .failed("no")
    take("ended \(outcome)") { health, now, _ in health.probeEnded(outcome, now) }
  }

  /// To the next deadline, or somewhere before it.
  private mutating func advance() {
    guard let deadline = health.deadline else {
      now = now + .seconds(Int.random(in: 0...30, using: &random))
      return
    }
    if deadline > now, chance(0.3, &random) {
      now = now + (deadline - now) / 2
      return
    }
    now = max(now, deadline)
    let isConnected = chance(0.5, &random)
    take("fire") { health, now, _ in health.fire(now, isConnected: isConnected) }
    if let next = health.deadline, next <= now { fault = "it is due at once again" }
  }

  private mutating func take(
    _ text: String, _ act: (inout AgentHealth, MonotonicTime, Bool) -> [HealthEffect]
  ) {
    let wasHeld = health.isHeld
    let effects = act(&health, now, isReady)
    story.append("\(now.nanoseconds / 1_000_000) ms: \(text) → \(effects)")
    if isOver, !effects.isEmpty { fault = "something follows after the end" }
    for effect in effects { check(effect, isHeld: wasHeld && health.isHeld) }
    if isAsked != (health.asking != nil) { fault = "asked \(isAsked), and not so" }
    if isOver, health.deadline != nil { fault = "something is due after the end" }
  }

  private mutating func check(_ effect: HealthEffect, isHeld: Bool) {
    switch effect {
    case .ask:
      if isAsked { fault = "two probes at a time" }
      if isHeld { fault = "asked while it is held" }
      isAsked = true
    case .cancelAsk:
      if !isAsked { fault = "nothing to cancel" }
      isAsked = false
    case .ready:
      if isReady { fault = "ready twice" }
      isReady = true
    case .notReady:
      if !isReady { fault = "not ready twice" }
      isReady = false
    case .unhealthy:
      isOver = true
      if isHeld { fault = "a verdict while it is held" }
    case .missed, .stuck: if isHeld { fault = "held against it while it is held" }
    case .declaresReadiness, .unstuck: break
    }
  }
}
