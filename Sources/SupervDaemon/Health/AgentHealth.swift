package import SupervConfig
package import SupervisionTree

// What one process is known to be like: asked by probes, told by itself, left to the clock.
//
//   startup ──passes──▶ liveness and readiness begin        startup or liveness fails: unhealthy
//
//   ready = declared ready  and  startup passed  and  readiness passing
//
// Where no startup or readiness probe is configured, both of these hold, and as long as it has
// said nothing, the tree alone decides by time (`AgentSpecification.readyAfter`).
//
// - One probe of an agent is in flight at a time; others that are due wait for its end.
// - A `ping` probe begins with the first hello, a watchdog with the first keep-alive: nobody is
//   held to a protocol that he did not start to speak.
// - A verdict that ends the process is the last thing that happens here.

/// What an agent says of its readiness, whichever way it says it.
package enum Declaration: Codable, Hashable, Sendable {
  case ready
  case notReady(String)
}

/// What follows from what was learned, in this order.
package enum HealthEffect: Hashable, Sendable {
  /// Begin a probe of this role; `AgentHealth.asking` says until when.
  case ask(ProbeRole)
  /// Nobody waits for this probe any more.
  case cancelAsk(UInt64)
  /// A probe failed, and that counts.
  case missed(ProbeRole)
  /// Time alone does not make it ready any more.
  case declaresReadiness
  case ready(Reason)
  case notReady(Reason)
  case stuck(String)
  case unstuck(String)
  case unhealthy(HealthReason)
}

/// The health of one incarnation, without clock, sockets and processes.
package struct AgentHealth: Sendable {
  /// A probe in flight.
  package struct Asking: Hashable, Sendable {
    package var role: ProbeRole
    /// Exact: what has not come by then has failed.
    package var deadline: MonotonicTime
    /// Given by whoever makes the probe.
    package var number: UInt64 = 0
  }

  package struct Probe: Hashable, Sendable {
    package let role: ProbeRole
    package var machine: ProbeMachine
    /// Nil until it may begin.
    var schedule: ProbeSchedule?
    /// Of a watchdog: from when its time runs; nil: it does not.
    var keptAliveAt: MonotonicTime?

    init(_ role: ProbeRole, _ settings: ProbeSettings, state: ProbeMachine.State = .waiting) {
      self.role = role
      machine = ProbeMachine(settings.forWatchdog, state: state)
    }

    package var kind: ProbeKind { machine.settings.kind }

    var watchdogSpan: Duration? {
      if case .watchdog(let span) = kind { span } else { nil }
    }

    /// A startup probe that has passed is done.
    var isOver: Bool { role == .startup && machine.state == .passing }
  }

  let name: String
  var settings: HealthSettings
  package internal(set) var probes: [Probe]
  package internal(set) var asking: Asking?
  package var watch = ProgressWatch()
  package internal(set) var isHeld: Bool
  /// There was a verdict, or it is being stopped.
  var isOver = false

  var word: Declaration?
  var hasHello = false
  /// When time will have made it ready; nil when it has, or does not.
  var timeDue: MonotonicTime?
  var hasTimePassed = false
  private let startSeconds: Duration
  /// What the tree was told last; nil as long as it decides itself.
  var told: Bool?

  /// - Parameters:
  ///   - agent: its `health` says what is wanted; `readyAfter` whether the tree knows the time.
  ///   - startedAt: when its process was started.
  package init(_ agent: AgentDefinition, startedAt: MonotonicTime, isHeld: Bool = false) {
    name = agent.specification.name
    settings = agent.health
    self.isHeld = isHeld
    probes = Self.probes(of: agent.health)
    told = agent.specification.readyAfter == nil ? false : nil
    startSeconds = agent.specification.readyAfter ?? agent.health.startSeconds
    if agent.health.source != .declared { timeDue = startedAt + startSeconds }
    openGates(startedAt)
  }

  static func probes(of settings: HealthSettings) -> [Probe] {
    let all: [(ProbeRole, ProbeSettings?)] = [
      (.startup, settings.startup), (.liveness, settings.liveness),
      (.readiness, settings.readiness),
    ]
    return all.compactMap { role, settings in settings.map { Probe(role, $0) } }
  }

  package func probe(_ role: ProbeRole) -> Probe? { probes.first { $0.role == role } }

  func index(_ role: ProbeRole) -> Int? { probes.firstIndex { $0.role == role } }

  var hasStarted: Bool { probe(.startup)?.isOver ?? true }

  // MARK: When something is due

  /// When `fire` has to be called next; nil: never, unless something happens.
  package var deadline: MonotonicTime? {
    guard !isOver else { return nil }
    var times: [MonotonicTime?] = [told == nil ? nil : timeDue]
    if !isHeld {
      times.append(watch.due?.roundedUp(to: ProbeSchedule.slack))
      if let asking {
        times.append(asking.deadline)
      } else {
        times += probes.map { $0.isOver ? nil : $0.schedule?.due }
      }
      times += probes.map(watchdogDue)
    }
    return times.compactMap(\.self).min()
  }

  private func watchdogDue(_ probe: Probe) -> MonotonicTime? {
    guard let span = probe.watchdogSpan, !probe.isOver, let keptAliveAt = probe.keptAliveAt,
      probe.role == .startup || hasStarted
    else { return nil }
    let due = keptAliveAt + span
    return span < .seconds(1) ? due : due.roundedUp(to: ProbeSchedule.slack)
  }

  /// Lets those begin whose time has come.
  mutating func openGates(_ now: MonotonicTime) {
    for index in probes.indices where probes[index].schedule == nil && !probes[index].isOver {
      let probe = probes[index]
      guard probe.role == .startup || hasStarted else { continue }
      switch probe.kind {
      case .watchdog: continue
      case .ping where !hasHello: continue
      case .ping, .command, .http, .tcp, .unix: break
      }
      probes[index].schedule = ProbeSchedule(
        probe.machine.settings, probe.role, of: name, from: now)
    }
  }
}

// MARK: - What happens

extension AgentHealth {
  /// The time given as `deadline` has come.
  ///
  /// - Parameter isConnected: whether there is a connection to ask over.
  package mutating func fire(_ now: MonotonicTime, isConnected: Bool) -> [HealthEffect] {
    guard !isOver else { return [] }
    var effects: [HealthEffect] = []
    if let due = timeDue, due <= now {
      timeDue = nil
      hasTimePassed = true
    }
    if !isHeld {
      if let asking, asking.deadline <= now {
        effects.append(.cancelAsk(asking.number))
        conclude(.failed(missedText(asking, isConnected)), now, &effects)
      }
      for probe in probes {
        guard let span = probe.watchdogSpan, let due = watchdogDue(probe), due <= now else {
          continue
        }
        // Until it speaks again, it cannot be late again.
        if let index = index(probe.role) { probes[index].keptAliveAt = nil }
        take(.failed("no WATCHDOG=1 for \(span.brief)"), of: probe.role, now, &effects)
      }
      for operation in watch.takeOverdue(now) { becomeStuck(operation, now, &effects) }
    }
    return settled(effects, now, .stayedUp(startSeconds))
  }

  private func missedText(_ asking: Asking, _ isConnected: Bool) -> String {
    guard let probe = probe(asking.role) else { return "" }
    if probe.kind == .ping, !isConnected { return "it has no connection" }
    return "no answer within \(probe.machine.settings.timeout.brief)"
  }

  /// The probe in flight has ended.
  package mutating func probeEnded(
    _ outcome: ProbeOutcome, _ now: MonotonicTime
  ) -> [HealthEffect] {
    guard let role = asking?.role, !isOver else { return [] }
    var effects: [HealthEffect] = []
    conclude(outcome, now, &effects)
    return settled(effects, now, .health(.probePassed(role)))
  }

  mutating func restartWatchdogs(_ now: MonotonicTime) {
    for index in probes.indices where probes[index].keptAliveAt != nil {
      probes[index].keptAliveAt = now
    }
  }

  private mutating func conclude(
    _ outcome: ProbeOutcome, _ now: MonotonicTime, _ effects: inout [HealthEffect]
  ) {
    guard let role = asking?.role else { return }
    asking = nil
    take(outcome, of: role, now, &effects)
  }

  mutating func take(
    _ outcome: ProbeOutcome, of role: ProbeRole, _ now: MonotonicTime,
    _ effects: inout [HealthEffect]
  ) {
    guard let index = index(role), !isOver else { return }
    if case .failed(let text) = outcome, probes[index].kind == .ping, watch.isBusy(now) {
      return probes[index].machine.excuse("\(text); not counted, an operation runs")
    }
    if case .failed = outcome { effects.append(.missed(role)) }
    switch probes[index].machine.take(outcome, now) {
    case nil: break
    case .passed:
      // What was said while it started counts from now on.
      if role == .startup { restartWatchdogs(now) }
      openGates(now)
    case .failed(let times, let detail):
      let reason = HealthReason.probeFailed(role, times: times, detail: detail)
      switch role {
      case .startup, .liveness: end(reason, &effects)
      case .readiness: tell(false, .health(reason), &effects)
      }
    }
  }

  mutating func end(_ reason: HealthReason, _ effects: inout [HealthEffect]) {
    guard !isOver else { return }
    effects += dropAsking()
    isOver = true
    effects.append(.unhealthy(reason))
  }

  /// It is being stopped: nothing of this matters any more.
  package mutating func stop() -> [HealthEffect] {
    isOver = true
    return dropAsking()
  }

  mutating func dropAsking() -> [HealthEffect] {
    defer { asking = nil }
    return asking.map { [.cancelAsk($0.number)] } ?? []
  }

  /// What follows for the probes that are due and for readiness.
  mutating func settled(
    _ effects: [HealthEffect], _ now: MonotonicTime, _ why: Reason
  ) -> [HealthEffect] {
    guard !isOver else { return effects }
    var effects = effects
    tell(isReady, why, &effects)
    guard !isHeld, asking == nil else { return effects }
    guard let next = nextDue(now) else { return effects }
    probes[next].schedule?.advance(now)
    let deadline = now + probes[next].machine.settings.timeout
    asking = Asking(role: probes[next].role, deadline: deadline)
    effects.append(.ask(probes[next].role))
    return effects
  }

  /// Whoever has waited longest, so that one that hangs and hangs keeps no other from its turn.
  private func nextDue(_ now: MonotonicTime) -> Int? {
    var first: (index: Int, due: MonotonicTime)?
    for index in probes.indices where !probes[index].isOver {
      guard let due = probes[index].schedule?.due, due <= now else { continue }
      if first.map({ due < $0.due }) ?? true { first = (index, due) }
    }
    return first?.index
  }
}

extension HealthSettings {
  /// A newline on a descriptor is a word, too.
  var source: ReadinessSource { notifyDescriptor == nil ? readySource : .declared }
}

extension ProbeSettings {
  /// Nobody is asked, so that nothing is counted: one keep-alive is enough, and one too few.
  fileprivate var forWatchdog: ProbeSettings {
    guard case .watchdog = kind else { return self }
    var settings = self
    settings.successThreshold = 1
    settings.failureThreshold = 1
    return settings
  }
}
