import SupervConfig
import SupervisionTree
import SupervisordProtocol

// supervisord's event listeners, and programs that write messages for them.

/// Among the keys of timers, the one of ticks and of logs that are followed.
let supervisordTimerKey = -2

/// The listeners and what is read of outputs that come to the daemon.
final class ListeningHub {
  /// nil before there is a configuration.
  var listeners: EventListeners? {
    didSet { isWritten = false }
  }
  /// Whether the journal has them as they are.
  var isWritten = true
  var ticks = ListenerTicks()
  var scanners: [ProcessKey: [OutputChannel: OutputScanner]] = [:]
  /// Effects that follow from effects wait for their turn.
  var effects: [ListenerEffect] = []
  var isCarryingOut = false
}

extension Daemon {
  private static var tailPeriod: Duration { .milliseconds(500) }

  /// The listeners of the configuration, which is new or has changed.
  func adoptListeners() {
    guard let front else { return }
    let pools = front.groups.compactMap { group -> ListenerPoolConfiguration? in
      guard case .listeners(let pool) = group.kind else { return nil }
      return ListenerPoolConfiguration(
        name: group.name,
        subscriptions: pool.events.compactMap { ListenerEventType(rawValue: $0.rawValue) },
        bufferSize: pool.bufferSize, listeners: group.programsInStartOrder.map(\.name))
    }
    if listening.listeners == nil {
      listening.listeners = EventListeners(identifier: front.settings.identifier)
    }
    carryOut(listening.listeners?.configure(pools) ?? [])
    wakeForSupervisord()
  }

  /// Sees that the daemon looks at the time when that is due next.
  func wakeForSupervisord() {
    guard front != nil, timers.deadline(of: supervisordTimerKey) == nil else { return }
    let isFollowed = supervisord.clients.values.contains { client in
      if case .following = client.pending?.kind { true } else { false }
    }
    var wait: Duration?
    if listening.listeners?.wants(.tick5) == true || listening.listeners?.wants(.tick60) == true
      || listening.listeners?.wants(.tick3600) == true
    {
      let now = kernel.realTimeNanoseconds
      let next = ListenerTicks.nextSeconds(after: now / 1_000_000_000)
      wait = .nanoseconds(max(0, next * 1_000_000_000 - now))
    }
    if isFollowed { wait = min(wait ?? Self.tailPeriod, Self.tailPeriod) }
    if let wait { timers.set(supervisordTimerKey, at: kernel.now + wait) }
  }

  func fireSupervisordTimer() {
    let seconds = kernel.realTimeNanoseconds / 1_000_000_000
    for tick in listening.ticks.advance(toUnixSeconds: seconds) { publish(tick) }
    wakeForSupervisord()
  }

  /// - Parameter id: whose state has changed, where the event is about that: a listener itself
  ///   learns from it.
  func publish(_ event: ListenerEvent, about id: SupervisordProcessID? = nil) {
    guard listening.listeners != nil else { return }
    if let id, case .processState(_, _, let entry) = event {
      let listener = ListenerID(pool: id.group, name: id.name)
      switch entry {
      case .starting: carryOut(listening.listeners?.processStarted(listener) ?? [])
      case .running: carryOut(listening.listeners?.processIsRunning(listener) ?? [])
      case .stopping: listening.listeners?.processIsStopping(listener)
      case .stopped, .backoff, .exited, .fatal, .unknown:
        carryOut(listening.listeners?.processEnded(listener) ?? [])
      }
    }
    carryOut(listening.listeners?.publish(event) ?? [])
  }

  private func carryOut(_ effects: [ListenerEffect]) {
    listening.effects += effects
    guard !listening.isCarryingOut else { return }
    listening.isCarryingOut = true
    defer { listening.isCarryingOut = false }
    while !listening.effects.isEmpty {
      switch listening.effects.removeFirst() {
      case .log(let activity): logActivity(activity)
      case .write(let bytes, let listener):
        // The next daemon has to know that an answer is owed.
        writeListeners()
        let id = SupervisordProcessID(group: listener.pool, name: listener.name)
        guard let key = process(of: id), kernel.writeInput(bytes, to: key) else {
          listening.effects += listening.listeners?.couldNotWrite(to: listener) ?? []
          continue
        }
      }
    }
  }

  func writeListeners() {
    guard !listening.isWritten, let listeners = listening.listeners, !listeners.pools.isEmpty else {
      return
    }
    write(.listeners(listeners))
    listening.isWritten = true
  }

  func listenerIsDeaf(_ process: ProcessKey) {
    guard let program = agents[process.node.index]?.definition.program else { return }
    let listener = ListenerID(pool: program.group, name: program.name)
    carryOut(listening.listeners?.couldNotWrite(to: listener) ?? [])
  }

  // MARK: Outputs that come to the daemon

  /// Which outputs of a program those are.
  func taps(of agent: AgentDefinition) -> Set<OutputChannel> {
    guard let program = agent.program else { return [] }
    let strips = front?.settings.stripsANSI ?? false
    var taps: Set<OutputChannel> = []
    if isListener(program) || strips || program.output.isRead { taps.insert(.stdout) }
    if !program.redirectsErrors, strips || program.errors.isRead { taps.insert(.stderr) }
    return taps
  }

  private func isListener(_ program: ProgramSettings) -> Bool {
    guard let group = front?.groups.first(where: { $0.name == program.group }),
      case .listeners = group.kind
    else { return false }
    return true
  }

  func take(_ bytes: [UInt8], from process: ProcessKey, _ channel: OutputChannel) {
    guard let slot = agents[process.node.index], let program = slot.definition.program else {
      return
    }
    if channel == .stdout, isListener(program) {
      kernel.writeOutput(bytes, of: process, channel)
      let listener = ListenerID(pool: program.group, name: program.name)
      return carryOut(listening.listeners?.hear(bytes.span, from: listener) ?? [])
    }
    let stream = channel == .stdout ? program.output : program.errors
    var scanner =
      listening.scanners[process]?[channel]
      ?? OutputScanner(
        captureMaximumBytes: stream.captureBytes,
        stripsEscapes: front?.settings.stripsANSI ?? false)
    let pieces = scanner.scan(bytes.span)
    listening.scanners[process, default: [:]][channel] = scanner
    pass(pieces, of: process, channel, program, stream)
  }

  /// What was held back goes with the process.
  func endOutputs(of process: ProcessKey) {
    guard let scanners = listening.scanners.removeValue(forKey: process),
      let program = agents[process.node.index]?.definition.program
    else { return }
    for (channel, var scanner) in scanners {
      let stream = channel == .stdout ? program.output : program.errors
      pass(scanner.finish(), of: process, channel, program, stream)
    }
  }

  private func pass(
    _ pieces: [OutputPiece], of process: ProcessKey, _ channel: OutputChannel,
    _ program: ProgramSettings, _ stream: ProgramSettings.Stream
  ) {
    let who = EventProcess(name: program.name, group: program.group)
    let place: EventChannel = channel == .stdout ? .stdout : .stderr
    let pid = agents[process.node.index]?.process?.pid ?? 0
    for piece in pieces {
      switch piece {
      case .text(let bytes):
        kernel.writeOutput(bytes, of: process, channel)
        if stream.sendsEvents { publish(.processLog(who, pid: pid, place, bytes)) }
      case .captured(let bytes):
        if stream.sendsEvents { publish(.processLog(who, pid: pid, place, bytes)) }
      case .message(let bytes): publish(.processCommunication(who, pid: pid, place, bytes))
      }
    }
  }
}

extension ProgramSettings.Stream {
  /// Whether somebody beside its log wants to know what it says.
  fileprivate var isRead: Bool { captureBytes > 0 || sendsEvents }
}
