import BenchPage

/// What superv is held to beside its peers.
struct PeerGoals {
  let contest: Contest

  struct Goal {
    var name: String
    var ours: String
    var theirs: String
    var isMet: Bool
  }

  var all: [Goal] {
    let standing = PeerStanding(contest: contest)
    let mine = standing.ours(.restart, fastest: false)
    let slow = ["supervisord", "circus"].compactMap { name -> Goal? in
      guard let mine, let theirs = standing.theirs(.restart, name) else { return nil }
      return Goal(
        name: "restart p50 at least 100 × faster than \(name)'s default",
        ours: "\(mine.short) ms", theirs: "\(theirs.short) ms", isMet: theirs >= 100 * mine)
    }
    let others: [(String, Measure, String)] = [
      ("restart p50 no slower than the fastest peer's", .restart, "ms"),
      (
        "cold start of \(grouped(contest.sizes.agentCount)) faster than every peer's", .coldMany,
        "ms"
      ),
      ("memory with \(grouped(contest.sizes.agentCount)) lower than every peer's", .memory, "MB"),
      ("log throughput higher than every peer's, complete", .logRate, "MB/s"),
    ]
    return slow
      + others.compactMap { name, measure, unit in
        guard let ours = standing.ours(measure), let best = standing.bestPeer(measure) else {
          return nil
        }
        let lost = standing.ours(.logLost) ?? 0
        return Goal(
          name: name, ours: "\(ours.short) \(unit)",
          theirs: "\(best.value.short) \(unit) (\(best.label))",
          isMet: measure == .logRate
            ? ours > best.value && lost == 0 : ours <= best.value)
      }
  }
}

/// Where superv stands.
struct PeerStanding {
  let contest: Contest

  /// The better of both settings, or that of one.
  func ours(_ measure: Measure, fastest: Bool? = nil) -> Double? {
    let values = zip(contest.entries, contest.findings).compactMap { entry, findings in
      entry.contestant is Superv && (fastest == nil || entry.isFastest == fastest)
        ? findings.value(measure) : nil
    }
    return measure == .logRate ? values.max() : values.min()
  }

  /// With default settings.
  func theirs(_ measure: Measure, _ name: String) -> Double? {
    zip(contest.entries, contest.findings).compactMap { entry, findings in
      entry.contestant.name == name && !entry.isFastest ? findings.value(measure) : nil
    }.first
  }

  /// Of those with as many agents, with either of its settings.
  func bestPeer(_ measure: Measure) -> (label: String, value: Double)? {
    let peers = zip(contest.entries, contest.findings).compactMap { entry, findings in
      let isOne = !(entry.contestant is Superv || entry.contestant is Bare)
      let isWhole = (entry.contestant.limit?.count ?? .max) >= contest.sizes.agentCount
      let value = isOne && isWhole ? findings.value(measure) : nil
      return value.map { (label: entry.label, value: $0) }
    }
    return measure == .logRate
      ? peers.max { $0.value < $1.value } : peers.min { $0.value < $1.value }
  }

  var markdown: String {
    let lines = Self.reasons.compactMap { measure, what, unit, why -> String? in
      guard let ours = ours(measure), let best = bestPeer(measure) else { return nil }
      let isFirst = measure == .logRate ? ours >= best.value : ours <= best.value
      if isFirst { return nil }
      let figures = "\(ours.short) \(unit), \(best.label) \(best.value.short) \(unit)"
      return "- **\(what)**: \(figures).\n  \(why)\n"
    }
    return "## Where superv is not first\n\n" + (lines.isEmpty ? noLines : lines.joined())
  }

  private var noLines: String {
    let isCompared = Self.reasons.contains { measure, _, _, _ in
      ours(measure) != nil && bestPeer(measure) != nil
    }
    return isCompared ? "It is first in every figure.\n" : "It was measured beside nobody.\n"
  }

  /// What superv does in that time which the others do not.
  private static let reasons: [(Measure, String, String, String)] = [
    (.coldFew, "Cold start of 10", "ms", startReason),
    (.coldSome, "Cold start of 100", "ms", startReason),
    (.coldMany, "Cold start of all", "ms", startReason),
    (
      .restart, "Restart", "ms",
      "superv looks that nothing of the dead agent's tree is left, gives the new one a control\n"
        + "  group, a session, pipes and its sandbox, and writes both down before it runs."
    ),
    (
      .allKilled, "All killed at once", "ms",
      "One process does in turn what a process for each agent does side by side, and writes each "
        + "death down."
    ),
    (
      .memory, "Memory", "MB",
      "superv keeps a history of decisions, the last lines of output and an open log of each agent."
    ),
    (.wakeUps, "Wake-ups", "a second", "superv looks after its own processes as well."),
    (.processor, "Processor at rest", "ms a second", "superv looks after its own processes too."),
    (
      .status, "Status", "ms",
      "`superv status` gathers health, restarts, memory and last events and lays out a table; the "
        + "faster\n  command lists names and internal ids."
    ),
    (
      .logRate, "Log", "MB/s",
      "superv finds the end of each line and writes the time before it; who is faster copies bytes "
        + "as they come."
    ),
    (
      .stop, "Stop", "ms",
      "superv makes sure that nothing of each agent's tree is left, and writes each end down."
    ),
  ]

  private static let startReason =
    "superv starts a keeper and a logger of its own, gives each agent a control group, a\n"
    + "  session, pipes and its sandbox, and writes it down before it runs, so that its own death\n"
    + "  loses none."
}
