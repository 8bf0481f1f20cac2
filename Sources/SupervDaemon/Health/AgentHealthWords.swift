package import SupervConfig
package import SupervProtocol
package import SupervisionTree

// What an agent says of itself, and what operators do about its health.

extension AgentHealth {
  var isReady: Bool {
    let isDeclared =
      switch (settings.source, word) {
      case (.automatic, .notReady), (.startSeconds, .notReady), (.declared, .notReady),
        (.declared, nil):
        false
      case (.automatic, .ready), (.declared, .ready): true
      case (.automatic, nil), (.startSeconds, .ready), (.startSeconds, nil): hasTimePassed
      }
    return isDeclared && hasStarted && probe(.readiness)?.machine.state ?? .passing == .passing
  }

  mutating func tell(_ isReady: Bool, _ why: Reason, _ effects: inout [HealthEffect]) {
    guard let told, told != isReady else { return }
    self.told = isReady
    effects.append(isReady ? .ready(why) : .notReady(why))
  }

  /// From now on its word counts beside the tree's clock, which has come to `isReady`.
  private mutating func takeOver(_ isReady: Bool, _ now: MonotonicTime) {
    guard told == nil else { return }
    told = isReady
    if isReady || timeDue.map({ $0 <= now }) ?? false {
      hasTimePassed = true
      timeDue = nil
    }
  }

  /// It said hello.
  ///
  /// - Parameter isReady: what the tree says.
  package mutating func hello(_ now: MonotonicTime, isReady: Bool) -> [HealthEffect] {
    guard !hasHello, !isOver else { return [] }
    hasHello = true
    var effects: [HealthEffect] = []
    if settings.source == .automatic {
      let wasTrees = told == nil
      if wasTrees { hasTimePassed = isReady }
      told = told ?? isReady
      // What time has not done until now it does not do any more.
      timeDue = nil
      if wasTrees { effects.append(.declaresReadiness) }
    }
    openGates(now)
    return settled(effects, now, .health(.saidReady))
  }

  package mutating func say(
    _ declaration: Declaration, _ now: MonotonicTime, isReady: Bool
  ) -> [HealthEffect] {
    guard !isOver else { return [] }
    takeOver(isReady, now)
    word = declaration
    if settings.source == .automatic { timeDue = nil }
    return settled([], now, Self.reason(of: declaration))
  }

  private static func reason(of declaration: Declaration) -> Reason {
    switch declaration {
    case .ready: .health(.saidReady)
    case .notReady(let text): .health(.saidNotReady(text))
    }
  }

  /// `WATCHDOG=1`. It only moves a deadline, which is looked at when it comes.
  package mutating func keepAlive(_ now: MonotonicTime) -> [HealthEffect] {
    guard !isOver else { return [] }
    var effects: [HealthEffect] = []
    for index in probes.indices where probes[index].watchdogSpan != nil {
      probes[index].keptAliveAt = now
      if !isHeld { take(.passed, of: probes[index].role, now, &effects) }
    }
    return settled(effects, now, .health(.probePassed(.readiness)))
  }

  /// `WATCHDOG=trigger`: it has found out itself that it does not work.
  package mutating func trigger(_ now: MonotonicTime) -> [HealthEffect] {
    guard !isOver, !isHeld else { return [] }
    var effects: [HealthEffect] = []
    for probe in probes where probe.watchdogSpan != nil {
      take(.failed("it says so (WATCHDOG=trigger)"), of: probe.role, now, &effects)
    }
    return settled(effects, now, .health(.saidReady))
  }

  /// `EXTEND_TIMEOUT_USEC` while it starts.
  package mutating func extendStartup(by span: Duration, _ now: MonotonicTime) {
    guard let index = index(.startup), !probes[index].isOver else { return }
    probes[index].machine.bePatient(until: now + span)
  }

  package mutating func heartbeat(_ progress: String, _ now: MonotonicTime) -> [HealthEffect] {
    guard !isOver else { return [] }
    let limit = settings.progressTimeout > .zero && !isHeld ? settings.progressTimeout : nil
    var effects: [HealthEffect] = []
    switch watch.report(progress, limit: limit, now) {
    case .none: break
    case .unstuck: effects.append(.unstuck("its progress is '\(progress)' now"))
    case .stuck(let span):
      becomeStuck("its progress has been '\(progress)' for \(span.brief)", &effects)
    }
    return effects
  }

  /// - Throws: `RPCError` when there is no such operation.
  package mutating func endOperation(
    _ name: String, _ now: MonotonicTime
  ) throws(RPCError) -> [HealthEffect] {
    let operation = try watch.end(name, now)
    guard operation.isStuck, !isOver else { return [] }
    return [.unstuck("\(operation.title) has ended after \((now - operation.since).brief)")]
  }

  mutating func becomeStuck(
    _ operation: ProgressWatch.Operation, _ now: MonotonicTime, _ effects: inout [HealthEffect]
  ) {
    let usual = operation.expected.map { "; \($0.brief) was expected" } ?? ""
    let span = (now - operation.countsFrom).brief
    becomeStuck("\(operation.title) has run for \(span)\(usual)", &effects)
  }

  private mutating func becomeStuck(_ text: String, _ effects: inout [HealthEffect]) {
    effects.append(.stuck(text))
    switch settings.stuck {
    case .warn: break
    case .restart: end(.stuck(text), &effects)
    }
  }
}

// MARK: - What operators do

extension AgentHealth {
  /// Nothing is asked of a held agent and nothing held against it. When it is let go, everything is
  /// counted anew.
  package mutating func hold(_ isHeld: Bool, _ now: MonotonicTime) -> [HealthEffect] {
    guard isHeld != self.isHeld, !isOver else { return [] }
    self.isHeld = isHeld
    guard !isHeld else {
      return dropAsking()
    }
    begin(anew: probes.map { ($0.role, $0.machine) }, now)
    return settled([], now, .health(.probePassed(.startup)))
  }

  private mutating func begin(
    anew machines: [(role: ProbeRole, machine: ProbeMachine)], _ now: MonotonicTime
  ) {
    for (role, machine) in machines {
      guard let index = index(role) else { continue }
      probes[index].machine = machine
      probes[index].machine.forget()
      probes[index].schedule = nil
    }
    restartWatchdogs(now)
    watch.forget(now)
    openGates(now)
  }

  /// A reload has changed what is wanted of a process that goes on: what it was known for stands,
  /// and everything is counted anew.
  ///
  /// - Parameter isReady: what the tree says.
  package mutating func adopt(
    _ new: HealthSettings, _ now: MonotonicTime, isReady: Bool
  ) -> [HealthEffect] {
    guard !isOver else { return [] }
    let effects = dropAsking()
    takeOver(isReady, now)
    if isReady, word == nil { word = .ready }
    let isStarted = isReady || hasStarted
    let hasSpoken = probes.contains { $0.keptAliveAt != nil }
    settings = new
    probes = Self.probes(of: new).map { probe in
      switch probe.role {
      case .startup:
        Probe(probe.role, probe.machine.settings, state: isStarted ? .passing : .waiting)
      case .readiness:
        Probe(probe.role, probe.machine.settings, state: isReady ? .passing : .waiting)
      case .liveness: probe
      }
    }
    for index in probes.indices where hasSpoken { probes[index].keptAliveAt = now }
    begin(anew: [], now)
    return settled(effects, now, .reloadChanged)
  }
}
