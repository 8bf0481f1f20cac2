import SupervConfig
package import SupervProtocol

/// What a run of chaos has come to, as JSON and for people.
package struct ChaosReport: Codable, Hashable, Sendable {
  /// Seconds from the end of a fault until everything was as it was.
  package struct Recovery: Codable, Hashable, Sendable {
    package var kind: String
    /// The instance; null for all of them together, or for superv itself.
    @OrNull package var agent: String?
    package var faults: Int
    package var recovered: Int
    @OrNull package var p50Seconds: Double?
    @OrNull package var p95Seconds: Double?
    @OrNull package var maximumSeconds: Double?

    private enum CodingKeys: String, CodingKey {
      case kind, agent, faults, recovered
      case p50Seconds = "p50_s"
      case p95Seconds = "p95_s"
      case maximumSeconds = "max_s"
    }
  }

  package struct Check: Codable, Hashable, Sendable {
    package var invariant: Invariant
    package var meaning: String
    /// How often it was looked at.
    package var checks: Int
    package var violations: Int
  }

  /// The version of this shape.
  package var version = 1
  package var superv: String
  package var configuration: String
  @OrNull package var plan: String?
  package var seed: UInt64
  package var agents: Int
  /// How long it has run, which is less than it should where somebody stopped it.
  package var seconds: Double
  package var wasInterrupted = false
  package var faults: [FaultRecord]
  package var recoveries: [Recovery]
  package var invariants: [Check]
  package var violations: [Violation]
  package var exits: Int
  /// Of those, by themselves.
  package var ownExits: Int
  /// Lines that were printed in the names of agents and looked for.
  package var lines: Int
  package var callsMade: Int
  package var callEnds: [String: Int]

  package init(
    superv: String, configuration: String, plan: String?, seed: UInt64, agents: Int,
    seconds: Double, faults: [FaultRecord], verdict: Verdict, judge: EventJudge, calls: CallJudge,
    lines: Int
  ) {
    self.superv = superv
    self.configuration = configuration
    self.plan = plan
    self.seed = seed
    self.agents = agents
    self.seconds = seconds
    self.faults = faults.sorted { $0.number < $1.number }
    recoveries = Self.recoveries(of: faults)
    invariants = Invariant.allCases.map {
      Check(
        invariant: $0, meaning: $0.meaning, checks: verdict.checks[$0] ?? 0,
        violations: verdict.violationCounts[$0] ?? 0)
    }
    violations = verdict.violations
    exits = judge.exitCount
    ownExits = judge.ownExitCount
    self.lines = lines
    callsMade = calls.madeCount
    callEnds = calls.ends
  }

  private enum CodingKeys: String, CodingKey {
    case version, superv, configuration, plan, seed, agents, seconds
    case wasInterrupted = "interrupted"
    case faults, recoveries, invariants, violations, exits
    case ownExits = "own_exits"
    case lines
    case callsMade = "calls_made"
    case callEnds = "call_ends"
  }

  package var violationCount: Int { invariants.reduce(0) { $0 + $1.violations } }

  /// A line for each kind, and below it one for each agent that it hit.
  private static func recoveries(of faults: [FaultRecord]) -> [Recovery] {
    let carriedOut = faults.filter { $0.spared == nil }
    return FaultKind.allCases.flatMap { kind -> [Recovery] in
      let all = carriedOut.filter { $0.kind == kind.rawValue }
      guard !all.isEmpty else { return [] }
      let agents = Set(all.compactMap(\.target)).sorted()
      return [recovery(kind, nil, all)]
        + agents.map { agent in recovery(kind, agent, all.filter { $0.target == agent }) }
    }
  }

  private static func recovery(
    _ kind: FaultKind, _ agent: String?, _ faults: [FaultRecord]
  ) -> Recovery {
    let times = faults.compactMap(\.recoverySeconds).sorted()
    return Recovery(
      kind: kind.rawValue, agent: agent, faults: faults.count, recovered: times.count,
      p50Seconds: percentile(50, of: times), p95Seconds: percentile(95, of: times),
      maximumSeconds: times.last)
  }

  /// The nearest rank: a time that was measured.
  private static func percentile(_ percent: Int, of sorted: [Double]) -> Double? {
    guard !sorted.isEmpty else { return nil }
    let rank = (sorted.count * percent + 99) / 100
    return sorted[max(0, rank - 1)]
  }
}

extension ChaosReport {
  /// For people, and for a ticket. Rows of single agents stand there as long as they are few.
  package var markdown: String {
    var lines = [
      "# Chaos: " + (violationCount == 0 ? "every invariant held" : "\(violationCount) violations"),
      "",
      "superv \(superv) on `\(configuration)`, \(agents) agents, \(decimal(seconds, 0)) s"
        + (wasInterrupted ? " (interrupted)" : "")
        + ", seed \(seed), plan \(plan.map { "`\($0)`" } ?? "the default").",
      "",
      "\(faults.filter { $0.spared == nil }.count) faults, "
        + "\(faults.filter { $0.recoverySeconds != nil }.count) recoveries, "
        + "\(faults.filter { $0.spared != nil }.count) spared; \(exits) exits of agents, "
        + "\(ownExits) of them their own; \(self.lines) lines printed and looked for; "
        + "\(callsMade) calls made\(callText).",
      "", "## Invariants", "", "| | invariant | looked at | violations |", "|---|---|--:|--:|",
    ]
    lines += invariants.map {
      "| \($0.violations == 0 ? "ok" : "**no**") | \($0.meaning) | \($0.checks) "
        + "| \($0.violations) |"
    }
    if !violations.isEmpty {
      lines += [
        "", "## Violations", "", "| at | invariant | after fault | what |", "|--:|---|--:|---|",
      ]
      lines += violations.map {
        "| \(decimal($0.atSeconds, 1)) s | \($0.invariant.rawValue) "
          + "| \($0.fault.map { "\($0)" } ?? "") | \(cell($0.text)) |"
      }
    }
    lines += [
      "", "## Time to recovery", "", "| fault | agent | faults | recovered | p50 | p95 | max |",
      "|---|---|--:|--:|--:|--:|--:|",
    ]
    let areFew = recoveries.count <= 60
    lines += recoveries.filter { $0.agent == nil || areFew }.map {
      "| \($0.agent == nil ? $0.kind : "") | \($0.agent ?? "") | \($0.faults) | \($0.recovered) "
        + "| \(time($0.p50Seconds)) | \(time($0.p95Seconds)) | \(time($0.maximumSeconds)) |"
    }
    let spared = Dictionary(grouping: faults.filter { $0.spared != nil }) {
      "\($0.kind): \($0.spared ?? "")"
    }
    if !spared.isEmpty {
      lines += ["", "## Spared", "", "| fault | times |", "|---|--:|"]
      lines += spared.sorted { $0.key < $1.key }.map { "| \(cell($0.key)) | \($0.value.count) |" }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private var callText: String {
    guard !callEnds.isEmpty else { return "" }
    let ends = callEnds.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return " (" + ends.map { "\($0.value) \($0.key)" }.joined(separator: ", ") + ")"
  }

  private func time(_ seconds: Double?) -> String {
    guard let seconds else { return "" }
    return seconds < 1 ? "\(decimal(seconds * 1000, 1)) ms" : "\(decimal(seconds, 2)) s"
  }

  private func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }

  private func decimal(_ value: Double, _ digits: Int) -> String {
    var scale = 1
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((value * Double(scale)).rounded())
    guard digits > 0 else { return "\(whole)" }
    let rest = "\(whole % scale)"
    return "\(whole / scale)." + String(repeating: "0", count: digits - rest.count) + rest
  }
}
