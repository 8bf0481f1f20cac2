import SupervConfig
import SupervisionTree

/// What is known of the health of one process, for a daemon that takes it over: its word, and how
/// far each probe has come. Operations that were open are not in it: the connection they were
/// reported on is gone.
package struct HealthMemory: Codable, Hashable, Sendable {
  struct Probe: Codable, Hashable, Sendable {
    var role: ProbeRole
    var state: ProbeMachine.State
    var successes: Int
    var failures: Int
    var isKeptAlive: Bool
  }

  var word: Declaration?
  var hasHello: Bool
  var hasTimePassed: Bool
  var told: Bool?
  var probes: [Probe]
}

extension AgentHealth {
  package var memory: HealthMemory {
    HealthMemory(
      word: word, hasHello: hasHello, hasTimePassed: hasTimePassed, told: told,
      probes: probes.map { probe in
        // More successes than it takes say nothing more, and would be news with every probe.
        HealthMemory.Probe(
          role: probe.role, state: probe.machine.state,
          successes: min(probe.machine.successes, probe.machine.settings.successThreshold),
          failures: probe.machine.failures, isKeptAlive: probe.keptAliveAt != nil)
      })
  }

  /// Goes on with a process that another daemon knew. Every probe begins anew in time.
  mutating func resume(_ memory: HealthMemory, _ now: MonotonicTime) {
    word = memory.word
    hasHello = memory.hasHello
    hasTimePassed = memory.hasTimePassed
    told = memory.told
    if hasTimePassed || (hasHello && settings.source == .automatic) { timeDue = nil }
    for known in memory.probes {
      guard let index = index(known.role) else { continue }
      probes[index].machine.resume(
        known.state, successes: known.successes, failures: known.failures)
      if probes[index].watchdogSpan != nil, known.isKeptAlive { probes[index].keptAliveAt = now }
    }
    for index in probes.indices { probes[index].schedule = nil }
    openGates(now)
  }
}
