package import SupervConfig
import SupervProtocol
package import SupervSystem
package import SupervisionTree

/// A socket that listens, on its way to the kernel: arrays cannot hold what cannot be copied.
final class ListeningSocket {
  let door: ConnectionID.Door
  /// By which the next daemon is given it.
  let name: String
  /// Of supervisord's servers, which.
  let server: Int
  private var descriptor: Descriptor?

  init(
    _ door: ConnectionID.Door, _ descriptor: consuming Descriptor, name: String? = nil,
    server: Int = 0
  ) {
    self.door = door
    self.name = name ?? "\(door)"
    self.server = server
    self.descriptor = Optional(descriptor)
  }

  func take() -> Descriptor? { descriptor.take() }

  var number: Int32 { descriptor?.number ?? -1 }
}

/// The machine itself: one epoll instance over pidfds, signals, the alarm, the sockets with
/// their connections, probes, and the logger.
///
/// Every source has a token that holds its kind and a number that is never used twice, so that an
/// event that is out of date is dropped.
///
/// Most turns of a busy superv are connections and nothing else. What else there is, `KernelParts`,
/// is then not even asked; that it must be asked again shows by somebody taking it in hand.
package final class LinuxKernel: Kernel {
  enum Source: UInt64 {
    case process = 1
    case signals, alarm, door, connection, logger, loggerProcess, eventPipe
    case notifySocket, notifyPipe, probe, probeProcess, recordPipe, gauge, keeper
    case tap, input, reader, readerProcess

    /// The upper byte says what, the rest which.
    func token(_ number: UInt64 = 0) -> UInt64 { rawValue << 56 | number }

    static func of(_ token: UInt64) -> (source: Source, number: UInt64)? {
      Source(rawValue: token >> 56).map { ($0, token & (1 << 56 - 1)) }
    }
  }

  let poll: EventPoll
  let connections: ConnectionTable
  private let keptParts: KernelParts
  /// The parts have nothing to do: the last turn that asked them all found nothing, nothing of
  /// theirs is due, and nobody has taken them in hand since.
  package private(set) var isQuiet = false
  private let alarm: TimerDescriptor
  private var alarmTime: MonotonicTime?
  package let boot: String
  private var ready: [EventPoll.Event] = []
  /// The last wake-up brought ends, and everything else was left for this one.
  private var hasDeferred = false

  /// What there is beside connections, for whoever may give it something to do.
  var parts: KernelParts {
    isQuiet = false
    return keptParts
  }

  /// - Parameters:
  ///   - sockets: that listen, each one for its door.
  ///   - parts: nothing of them is watched yet.
  init(sockets: [ListeningSocket], _ parts: KernelParts) throws(SystemError) {
    keptParts = parts
    boot = try Processes.boot()
    poll = try EventPoll()
    alarm = try TimerDescriptor()
    connections = try ConnectionTable()
    try Signal.pipe.ignore()
    try poll.add(alarm.descriptor, token: Source.alarm.token(), for: .readable)
    for socket in sockets {
      if let descriptor = socket.take() {
        try connections.open(socket.door, descriptor, server: socket.server, poll)
      }
    }
    try parts.begin(now, poll)
  }

  package var now: MonotonicTime { MonotonicTime(nanoseconds: Clock.monotonicNanoseconds) }

  package var realTimeNanoseconds: Int64 { Clock.realTimeNanoseconds }

  package func setAlarm(at time: MonotonicTime?) {
    // One that comes early costs one wake-up; putting it off with every answer costs a call each.
    guard let time else { return }
    if let alarmTime, alarmTime <= time { return }
    alarmTime = time
    do {
      // 0 would turn it off; any point that is past fires at once.
      try alarm.arm(atNanoseconds: max(1, time.nanoseconds))
    } catch {
      preconditionFailure("\(error)")
    }
  }

  package func wait(_ events: inout [KernelEvent]) {
    connections.flush(poll, &events)
    if !isQuiet { keptParts.endTurn(poll, &events) }
    // Connections that broke while they were flushed are news already.
    let patience = !events.isEmpty ? 0 : isQuiet ? nil : keptParts.patienceMilliseconds(now)
    do {
      try poll.wait(&ready, timeoutMilliseconds: patience)
    } catch {
      preconditionFailure("\(error)")
    }
    if isQuiet, isOfConnectionsAlone {
      for event in ready { take(event, &events) }
    } else {
      attend(&events)
    }
  }

  /// What has come may be for anybody.
  private func attend(_ events: inout [KernelEvent]) {
    for event in ready where isEnd(event) { takeEnd(event, &events) }
    // One look at the clock for all that may be due: what it misses comes with the next turn.
    let now = self.now
    parts.advanceEnds(now, poll, &events)
    // A replacement does not wait for anybody's question, but no more than once: what is left out
    // here is still readable.
    hasDeferred = !events.isEmpty && !hasDeferred
    if hasDeferred { return }
    let isCalm = events.isEmpty && isOfConnectionsAlone
    for event in ready where !isEnd(event) { take(event, &events) }
    let count = events.count
    parts.advance(now, poll, &events)
    isQuiet = isCalm && events.count == count && keptParts.isIdle
    // The alarm comes last: whatever it waits for may have come with it.
    if ready.contains(where: isAlarm), (try? alarm.acknowledge()) == true {
      alarmTime = nil
      events.append(.alarm)
    }
  }

  private func isEnd(_ event: EventPoll.Event) -> Bool {
    event.token >> 56 == Source.process.rawValue
  }

  private func isAlarm(_ event: EventPoll.Event) -> Bool {
    event.token >> 56 == Source.alarm.rawValue
  }

  private var isOfConnectionsAlone: Bool {
    ready.allSatisfy { $0.token >> 56 == Source.connection.rawValue }
  }

  private func takeEnd(_ event: EventPoll.Event, _ events: inout [KernelEvent]) {
    guard let (_, number) = Source.of(event.token),
      let (key, termination) = parts.processes.takeEnd(number, poll)
    else { return }
    connections.takeLastWords(of: key, &events)
    parts.end(key, termination, now, poll)
  }

  private func take(_ event: EventPoll.Event, _ events: inout [KernelEvent]) {
    guard let (source, number) = Source.of(event.token) else { return }
    switch source {
    case .process, .alarm: break
    case .connection: connections.take(number, event.readiness, poll, &events)
    case .door: connections.accept(at: Int(number), parts.processes, poll, &events)
    default: parts.take(source, number, now, poll, &events)
    }
  }
}

extension LinuxKernel {
  package func beginSurvey() { parts.beginSurvey(now) }

  package func signal(_ process: ProcessKey, _ signal: Signal) {
    parts.processes.signal(process, signal)
  }

  package func kill(_ process: ProcessKey) {
    parts.trees.kill(process)
    parts.processes.signal(process, .kill)
  }

  package func orphans() -> [ProcessKey: [Int32]] { parts.trees.orphans(now, parts.isOwnChild) }

  package func problem(keeping limit: TreeLimit) -> String? {
    parts.trees.groups.problem(keeping: [limit])
  }

  package var controlGroups: ControlGroupsReport { parts.trees.groups.report }

  package func startProbe(_ probe: ProbeID, _ kind: ProbeKind, as launch: Launch) {
    parts.probes.start(probe, kind, poll) { (words) throws(LaunchError) in
      var request = try parts.processes.request(launch, command: words)
      parts.trees.mark(&request, launch)
      return try CommandProbe.start(request) { (request) throws(LaunchError) in
        try parts.processes.sandbox.start(request, launch.agent, isProbe: true)
      }
    }
  }

  package func cancelProbe(_ probe: ProbeID) { parts.probes.cancel(probe, poll) }

  package func owner(ofProcess pid: Int32) -> ProcessKey? { parts.processes.owner(of: pid) }

  package func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool {
    connections.send(bytes, to: connection)
  }

  package func send(
    to connection: ConnectionID, maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    connections.send(to: connection, maximumBytes: maximumBytes, write)
  }

  package func send() { connections.send() }

  package func close(_ connection: ConnectionID) { connections.close(connection) }

  package func writeEvent(_ line: [UInt8]) { parts.logs.writeEvent(line, poll) }

  package func writeLog(_ line: [UInt8], to place: AgentLogPlace) -> Bool {
    // Incarnation 0 is no process: superv itself.
    let hasEnded = place.process.incarnation > 0 && !parts.processes.isRunning(place.process)
    do {
      try parts.logs.writeRecord(line, to: place, isLast: hasEnded, poll)
      return true
    } catch {
      return false
    }
  }

  /// Another daemon goes on: what the last turn had to say is sent, and nothing is stopped.
  func handOver() {
    var ignored: [KernelEvent] = []
    connections.flush(poll, &ignored)
    parts.logs.handOver()
    parts.logs.watchLink(poll)
    parts.logs.flushEvents(poll)
  }

  /// The end of the daemon: what the last turn had to say is sent, what is still below it is
  /// killed, and the logger writes the rest.
  package func finish() {
    var ignored: [KernelEvent] = []
    connections.flush(poll, &ignored)
    parts.probes.cancelAll(poll)
    parts.reader.stop(poll)
    // A process that reads may hang on a disk; it ends when that lets it.
    parts.trees.killAll { $0 == parts.logs.pid || parts.reader.has($0) || $0 == Processes.ownPid }
    parts.logs.finish(poll)
    parts.journal.remove()
  }
}
