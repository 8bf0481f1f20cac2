import SupervConfig
import SupervProtocol
import SupervisionTree

/// How often something was wrong with an agent, over all its incarnations.
struct HealthCounts {
  fileprivate(set) var failures: [ProbeRole: Int] = [:]
  fileprivate(set) var stuck = 0
}

/// What is known of the processes that are probed, or that have said something. A process of which
/// nothing is known costs nothing.
final class HealthHub {
  final class Record {
    let process: ProcessKey
    var health: AgentHealth
    var statusText: String?
    /// As it says itself; it belongs to the agent.
    var mainPid: Int32?
    /// What a daemon that comes after this one knows of it.
    fileprivate var written: HealthMemory

    init(_ process: ProcessKey, _ health: AgentHealth) {
      self.process = process
      self.health = health
      written = health.memory
    }
  }

  /// By the index of the node.
  fileprivate var records: [Int: Record] = [:]
  var recordCount: Int { records.count }
  var timerCount: Int { timers.count }
  fileprivate var timers = TimerHeap()
  /// Probes in flight, and of which node they are.
  fileprivate var inFlight: [UInt64: Int] = [:]
  private var lastNumber: UInt64 = 0
  /// Instances that an operator holds.
  var heldNames: Set<String> = []
  /// By instance.
  private(set) var counts: [String: HealthCounts] = [:]
  /// Lines of notifications that were no `NAME=value`, or had a value that makes no sense.
  var badLineCount = 0

  var nextDeadline: MonotonicTime? { timers.first?.time }

  /// What is known of an incarnation.
  func record(of process: ProcessKey) -> Record? {
    records[process.node.index].flatMap { $0.process == process ? $0 : nil }
  }

  fileprivate func arm(_ record: Record) {
    if let time = record.health.deadline {
      timers.set(record.process.node.index, at: time)
    } else {
      timers.cancel(record.process.node.index)
    }
  }

  fileprivate func nextNumber(for record: Record) -> UInt64 {
    lastNumber += 1
    record.health.asking?.number = lastNumber
    inFlight[lastNumber] = record.process.node.index
    return lastNumber
  }

  fileprivate func count(_ effect: HealthEffect, of name: String) {
    switch effect {
    case .missed(let role): counts[name, default: HealthCounts()].failures[role, default: 0] += 1
    case .stuck: counts[name, default: HealthCounts()].stuck += 1
    case .ask, .cancelAsk, .declaresReadiness, .ready, .notReady, .unstuck, .unhealthy: break
    }
  }
}

// MARK: - Beginning and end

extension Daemon {
  /// The process of an incarnation runs.
  func beginHealth(of process: ProcessKey) {
    guard let definition = agents[process.node.index]?.definition, definition.isHealthConfigured
    else { return }
    health.arm(makeRecord(of: process, definition))
  }

  /// The process goes on, and another daemon knew it.
  func resumeHealth(of process: ProcessKey, _ memory: HealthMemory?) {
    guard let memory, let definition = agents[process.node.index]?.definition else {
      return beginHealth(of: process)
    }
    let record = makeRecord(of: process, definition)
    record.health.resume(memory, kernel.now)
    record.written = record.health.memory
    health.arm(record)
  }

  /// Writes down what has changed for a daemon that comes after this one.
  private func remember(_ record: HealthHub.Record) {
    let memory = record.health.memory
    guard memory != record.written else { return }
    record.written = memory
    let (node, incarnation) = (record.process.node, record.process.incarnation)
    write(.health(node: node, incarnation: incarnation, memory))
  }

  /// It has ended.
  func endHealth(of process: ProcessKey) {
    guard let record = health.record(of: process) else { return }
    carryOut(record.health.stop(), for: record)
    health.timers.cancel(process.node.index)
    health.records[process.node.index] = nil
  }

  /// A reload has changed what is wanted of a process that goes on.
  func adoptHealth(of process: ProcessKey) {
    guard let definition = agents[process.node.index]?.definition else { return }
    let isReady = tree.isReady(process.node)
    learn(of: process) { $0.adopt(definition.health, $1, isReady: isReady) }
  }

  /// One of which nothing is known has nothing to be held from.
  func holdHealth(of process: ProcessKey, _ on: Bool) {
    guard health.record(of: process) != nil else { return }
    learn(of: process) { $0.hold(on, $1) }
  }

  private func makeRecord(
    of process: ProcessKey, _ definition: AgentDefinition
  ) -> HealthHub.Record {
    let started = agents[process.node.index]?.process?.startedAt ?? kernel.now
    let isHeld = health.heldNames.contains(definition.specification.name)
    let record = HealthHub.Record(
      process, AgentHealth(definition, startedAt: started, isHeld: isHeld))
    health.records[process.node.index] = record
    return record
  }

  /// Takes in something about a process that lives, and does what follows from it.
  func learn<Failure>(
    of process: ProcessKey,
    _ step: (inout AgentHealth, MonotonicTime) throws(Failure) -> [HealthEffect]
  ) throws(Failure) {
    guard isCurrent(process), let definition = agents[process.node.index]?.definition else {
      return
    }
    let record = health.record(of: process) ?? makeRecord(of: process, definition)
    let effects = try step(&record.health, kernel.now)
    remember(record)
    health.arm(record)
    carryOut(effects, for: record)
  }

  func fireHealthTimers() {
    while let index = health.timers.popDue(kernel.now) {
      guard let record = health.records[index] else { continue }
      guard tree.publicPhase(of: record.process.node) == .running else {
        // It is on its way out: nobody asks it any more.
        carryOut(record.health.stop(), for: record)
        continue
      }
      let isConnected = sessions.serving(record.process) != nil
      let effects = record.health.fire(kernel.now, isConnected: isConnected)
      remember(record)
      health.arm(record)
      carryOut(effects, for: record)
    }
  }
}

// MARK: - What follows

extension Daemon {
  private func carryOut(_ effects: [HealthEffect], for record: HealthHub.Record) {
    let node = record.process.node
    let incarnation = record.process.incarnation
    for effect in effects {
      health.count(effect, of: record.health.name)
      switch effect {
      case .missed: break
      case .ask(let role): ask(role, of: record)
      case .cancelAsk(let number):
        guard health.inFlight.removeValue(forKey: number) != nil else { break }
        kernel.cancelProbe(ProbeID(number: number))
      case .declaresReadiness: feed(.declaresReadiness(node, incarnation: incarnation))
      case .ready(let why): feed(.ready(node, incarnation: incarnation, why: why))
      case .notReady(let why): feed(.notReady(node, incarnation: incarnation, why: why))
      case .stuck(let text): tell(about: record.process, "agent.stuck", reason: text)
      case .unstuck(let text): tell(about: record.process, "agent.unstuck", reason: text)
      case .unhealthy(let reason):
        feed(.unhealthy(node, incarnation: incarnation, why: .health(reason)))
      }
    }
  }

  private func ask(_ role: ProbeRole, of record: HealthHub.Record) {
    guard let kind = record.health.probe(role)?.kind,
      let slot = agents[record.process.node.index]
    else { return }
    let probe = ProbeID(number: health.nextNumber(for: record))
    switch kind {
    case .watchdog: break
    case .ping: sendPing(probe, to: record.process)
    case .http, .tcp, .unix:
      kernel.startProbe(
        probe, kind,
        as: Launch(
          key: record.process, agent: slot.definition, environment: [], log: slot.log))
    case .command:
      do {
        kernel.startProbe(probe, kind, as: try launch(record.process, slot))
      } catch {
        probeEnded(probe, .failed(error.description))
      }
    }
  }

  /// It is in nobody's hands when there is no connection, and fails when its time is over.
  private func sendPing(_ probe: ProbeID, to process: ProcessKey) {
    guard let session = sessions.serving(process) else { return }
    deliver(
      Array(#"{"jsonrpc":"2.0","id":"p\#(probe.number)","method":"ping"}"#.utf8) + [10], to: session
    )
  }

  func probeEnded(_ probe: ProbeID, _ outcome: ProbeOutcome) {
    guard let index = health.inFlight.removeValue(forKey: probe.number),
      let record = health.records[index], record.health.asking?.number == probe.number
    else { return }
    learn(of: record.process) { $0.probeEnded(outcome, $1) }
  }

  /// Whether an answer is one to a `ping`: ids of calls do not begin so.
  /// - Parameter id: of an answer.
  func isPong(_ id: Range<Int>, in line: Span<UInt8>) -> Bool {
    guard id.count > 3 else { return false }
    return line[id.lowerBound] == UInt8(ascii: "\"")
      && line[id.lowerBound + 1] == UInt8(ascii: "p")
  }

  /// An error is as good as a result: its loop has answered. One that comes too late is dropped.
  func takePong(_ id: Range<Int>, in line: Span<UInt8>, from session: Session) {
    guard let number = UInt64(text(of: id.lowerBound + 2..<id.upperBound - 1, in: line)),
      health.inFlight[number] == session.process.node.index,
      case .ping? = health.record(of: session.process)?.health.askedKind
    else { return }
    probeEnded(ProbeID(number: number), .passed)
  }
}

// MARK: - What it says

extension Daemon {
  /// It said hello: from now on its own word counts.
  func declareReadiness(of process: ProcessKey) {
    let isReady = tree.isReady(process.node)
    learn(of: process) { $0.hello($1, isReady: isReady) }
    // A question that went to the connection before, or to none, is asked again.
    guard let record = health.record(of: process), case .ping? = record.health.askedKind,
      let number = record.health.asking?.number
    else { return }
    sendPing(ProbeID(number: number), to: process)
  }

  func say(_ declaration: Declaration, of process: ProcessKey) {
    let isReady = tree.isReady(process.node)
    learn(of: process) { $0.say(declaration, $1, isReady: isReady) }
  }

  func setStatus(_ text: String, of process: ProcessKey) {
    learn(of: process) { _, _ in [] }
    health.record(of: process)?.statusText = text
  }
}

extension AgentDefinition {
  /// Whether its health needs anything beside the tree's own clock.
  fileprivate var isHealthConfigured: Bool {
    specification.readyAfter == nil || health.startup != nil || health.liveness != nil
      || health.readiness != nil
  }
}

extension AgentDefinition {
  /// Another `startsecs` counts from the next start on.
  func wantsSameHealth(as other: AgentDefinition) -> Bool {
    var health = health
    health.startSeconds = other.health.startSeconds
    let isTreesTime = specification.readyAfter != nil
    return health == other.health && isTreesTime == (other.specification.readyAfter != nil)
  }
}

extension AgentHealth {
  /// What the probe in flight is.
  fileprivate var askedKind: ProbeKind? { asking.flatMap { probe($0.role)?.kind } }
}
