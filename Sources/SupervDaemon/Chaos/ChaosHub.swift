import SupervProtocol
import SupervisionTree

let chaosTimerKey = -3

/// The faults in force that `superv chaos` has asked for. Each ends by itself at its time, and all
/// of them with the daemon.
final class ChaosHub {
  /// What becomes of the answers of one agent.
  struct Disturbance: Hashable {
    var fault: DaemonFault
    var until: MonotonicTime
    /// Of a delay.
    var delay = Duration.zero
  }

  /// An answer that is held back.
  struct HeldAnswer {
    var line: [UInt8]
    var connection: ConnectionID
    var due: MonotonicTime
  }

  /// A process that uses up what an agent may have.
  struct Hog {
    var process: ProcessKey
    var fault: DaemonFault
    var until: MonotonicTime
  }

  var disturbances: [NodeID: Disturbance] = [:] {
    didSet { isDisturbing = !disturbances.isEmpty }
  }
  /// Looked at for every answer of every agent.
  private(set) var isDisturbing = false
  var held: [HeldAnswer] = []
  var clock: (offset: Duration, until: MonotonicTime)?
  var hogs: [ProbeID: Hog] = [:]
  private var hogCount: UInt64 = 0

  /// Far from the numbers of health's own probes.
  func nextHog() -> ProbeID {
    hogCount += 1
    return ProbeID(number: 1 << 48 + hogCount)
  }

  var nextDeadline: MonotonicTime? {
    let times =
      disturbances.values.map(\.until) + held.map(\.due) + hogs.values.map(\.until)
      + (clock.map { [$0.until] } ?? [])
    return times.min()
  }
}

extension Daemon {
  /// superv's own view of the wall clock. Nothing but what is told to people depends on it.
  var realTimeNanoseconds: Int64 {
    kernel.realTimeNanoseconds + (chaos.clock?.offset.wholeNanoseconds ?? 0)
  }

  func setChaosTimer() {
    if let due = chaos.nextDeadline {
      timers.set(chaosTimerKey, at: due)
    } else {
      timers.cancel(chaosTimerKey)
    }
  }

  /// Ends what is over, and lets in the answers whose time has come.
  func fireChaosTimer() {
    let now = kernel.now
    chaos.disturbances = chaos.disturbances.filter { $0.value.until > now }
    if let clock = chaos.clock, clock.until <= now { chaos.clock = nil }
    for (probe, hog) in chaos.hogs where hog.until <= now { endHog(probe) }
    letIn { $0.due <= now }
    setChaosTimer()
  }

  /// Everything is as if nobody had asked.
  func endChaos() {
    chaos.disturbances = [:]
    chaos.clock = nil
    for probe in chaos.hogs.keys { endHog(probe) }
    letIn { _ in true }
    setChaosTimer()
  }

  private func endHog(_ probe: ProbeID) {
    chaos.hogs[probe] = nil
    kernel.cancelProbe(probe)
  }

  /// A hog does not outlive the process whose limits it uses up.
  func endHogs(of process: ProcessKey) {
    for (probe, hog) in chaos.hogs where hog.process == process { endHog(probe) }
  }

  // MARK: Answers

  /// Whether an answer is to be taken now as it is.
  ///
  /// - Returns: false when it was dropped or is held back.
  func isUndisturbed(_ line: Span<UInt8>, from session: Session) -> Bool {
    guard let disturbance = chaos.disturbances[session.process.node],
      disturbance.until > kernel.now
    else { return true }
    switch disturbance.fault {
    case .drop: return false
    case .delay:
      hold(line, from: session, until: kernel.now + disturbance.delay)
      return false
    case .duplicate:
      hold(line, from: session, until: kernel.now)
      return true
    case .clock, .cpu, .memory: return true
    }
  }

  private func hold(_ line: Span<UInt8>, from session: Session, until due: MonotonicTime) {
    let bytes = unsafe line.withUnsafeBufferPointer { unsafe Array($0) }
    chaos.held.append(.init(line: bytes, connection: session.id, due: due))
    setChaosTimer()
  }

  private func letIn(_ isDue: (ChaosHub.HeldAnswer) -> Bool) {
    let due = chaos.held.filter(isDue)
    chaos.held.removeAll(where: isDue)
    for answer in due {
      // A connection that has closed meanwhile answers nobody.
      guard let session = sessions[answer.connection], !session.isClosed else { continue }
      var message = Message()
      guard (try? MessageScanner.scan(answer.line.span, into: &message)) != nil else { continue }
      take(&message, in: answer.line.span, from: session)
    }
  }
}
