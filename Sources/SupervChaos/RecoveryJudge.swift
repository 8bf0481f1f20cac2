import SupervConfig
package import SupervProtocol

/// What is known of one instance, from events and from status.
package struct AgentView: Hashable, Sendable {
  package var incarnation = 0
  package var isRunning = false
  package var isReady = false
  /// It ended as it should, and its restart type leaves it down.
  package var isDone = false

  package init() {}

  package init(_ status: AgentStatus) {
    incarnation = status.incarnation
    isRunning = status.phase == "running" && status.pid != nil
    isReady = isRunning && status.ready
    isDone = status.phase == "exited" && status.exit?.classification == "normal"
  }

  package mutating func take(_ event: EventRecord) {
    if let number = event.incarnation, number > incarnation { incarnation = number }
    switch event.event {
    case "agent.started":
      isRunning = true
      isReady = false
      isDone = false
    case "agent.ready": isReady = isRunning
    case "agent.not_ready": isReady = false
    case "agent.stopping", "agent.failed", "agent.backoff", "agent.stopped":
      isRunning = false
      isReady = false
    case "agent.exited":
      isRunning = false
      isReady = false
      isDone = event.exit?.classification == "normal"
    default: break
    }
  }
}

/// A fault that was carried out, or why not.
package struct FaultRecord: Codable, Hashable, Sendable {
  package var number: Int
  package var kind: String
  @OrNull package var target: String?
  /// Since the beginning.
  package var atSeconds: Double
  /// When it was over and things could become good again; null when it was spared.
  @OrNull package var endedSeconds: Double?
  /// From then until everything was as it was; null when that did not come about.
  @OrNull package var recoverySeconds: Double?
  /// Why it was not carried out; null when it was.
  @OrNull package var spared: String?
  /// What else there is to know.
  @OrNull package var note: String?

  package init(_ planned: PlannedFault, atSeconds: Double) {
    number = planned.number
    kind = planned.kind.rawValue
    target = planned.target
    self.atSeconds = atSeconds
  }

  private enum CodingKeys: String, CodingKey {
    case number, kind, target
    case atSeconds = "at_s"
    case endedSeconds = "ended_s"
    case recoverySeconds = "recovery_s"
    case spared, note
  }
}

/// Waits for the tree to be as it was after each fault.
package struct RecoveryJudge: Sendable {
  private struct Open {
    var record: FaultRecord
    /// Those that have not been seen well again. Once is enough: while some mend, others are hit.
    var agents: [String]
    /// The incarnation that has to be another one.
    var before: Int?
  }

  private let boundSeconds: Double
  /// As it was in the beginning.
  private let baseline: [String: AgentView]
  private var open: [Int: Open] = [:]
  /// Until when the restart of an instance waits, as superv has said.
  private var waits: [String: Double] = [:]
  package private(set) var records: [FaultRecord] = []

  package init(baseline: [String: AgentView], boundSeconds: Double) {
    self.baseline = baseline
    self.boundSeconds = boundSeconds
  }

  package var openCount: Int { open.count }
  /// When the last restart that waits is due; 0: none.
  package var longestWaitSeconds: Double { waits.values.max() ?? 0 }

  package mutating func spare(_ record: FaultRecord, because why: String) {
    var record = record
    record.spared = why
    records.append(record)
  }

  /// A fault begins.
  ///
  /// - Parameter incarnation: of the agent that is to be replaced.
  package mutating func begin(_ record: FaultRecord, replacing incarnation: Int? = nil) {
    let agents = record.target.map { [$0] } ?? baseline.keys.sorted()
    open[record.number] = Open(record: record, agents: agents, before: incarnation)
  }

  package mutating func note(_ number: Int, _ text: String) { open[number]?.record.note = text }

  /// A restart waits: that is no part of the bound, as the configuration asks for it.
  package mutating func waits(_ agent: String, untilSeconds seconds: Double) {
    waits[agent] = max(seconds, waits[agent] ?? 0)
  }

  /// Nothing is done to the tree any more.
  package mutating func end(_ number: Int, seconds: Double) {
    open[number]?.record.endedSeconds = seconds
  }

  package func hasEnded(_ number: Int) -> Bool { open[number]?.record.endedSeconds != nil }

  /// Looks which faults have been made good again.
  package mutating func look(
    _ views: [String: AgentView], seconds: Double, _ verdict: inout Verdict
  ) {
    for (number, fault) in open.sorted(by: { $0.key < $1.key }) {
      guard let ended = fault.record.endedSeconds else { continue }
      let ill = fault.agents.filter { !isWell($0, views[$0], fault.before) }
      open[number]?.agents = ill
      let missing = ill.first
      let due = max(ended, missing.flatMap { waits[$0] } ?? 0) + boundSeconds
      guard missing == nil || seconds > due else { continue }
      var record = fault.record
      if missing == nil { record.recoverySeconds = max(0, seconds - ended) }
      open[number] = nil
      records.append(record)
      verdict.check(
        .recovery, missing == nil,
        "\(record.kind) (fault \(number)): \(missing ?? "") is not as it was after "
          + "\(Int(boundSeconds)) s")
    }
  }

  private func isWell(_ name: String, _ view: AgentView?, _ before: Int?) -> Bool {
    guard let was = baseline[name], was.isRunning else { return true }
    guard let view else { return false }
    if view.isDone { return true }
    if let before, view.incarnation <= before { return false }
    return view.isRunning && (view.isReady || !was.isReady)
  }

  /// Chaos stops here: what is open stays so.
  package mutating func abandon() {
    records += open.sorted { $0.key < $1.key }.map { $0.value.record }
    open = [:]
  }
}
