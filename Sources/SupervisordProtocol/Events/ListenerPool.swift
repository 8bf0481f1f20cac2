/// The name of a listener process and of its pool, which is its group.
package struct ListenerID: Codable, Hashable, Sendable {
  package var pool: String
  package var name: String

  package init(pool: String, name: String) {
    self.pool = pool
    self.name = name
  }
}

/// What `len` in an event's header counts.
///
/// supervisord's manual says bytes, supervisord 4 on Python 3 sends characters
/// (github.com/Supervisor/supervisor/issues/1243), and a listener that reads standard input as
/// text, as `supervisor.childutils` and superlance do, waits for ever when it is told bytes. It
/// makes no difference to ASCII.
package enum PayloadLength: String, Codable, Hashable, Sendable {
  /// Unicode code points, as supervisord 4 counts.
  case characters
  /// Of UTF-8, as the manual has it and supervisord 3 counted.
  case bytes
}

/// What an `[eventlistener:x]` section asks for.
package struct ListenerPoolConfiguration: Codable, Hashable, Sendable {
  package var name: String
  package var subscriptions: [ListenerEventType]
  /// How many events wait at most; below 1 counts as 1.
  package var bufferSize: Int
  /// The process names, in the order in which they are asked.
  package var listeners: [String]

  package init(
    name: String, subscriptions: [ListenerEventType], bufferSize: Int, listeners: [String]
  ) {
    self.name = name
    self.subscriptions = subscriptions
    self.bufferSize = bufferSize
    self.listeners = listeners
  }

  package func wants(_ type: ListenerEventType) -> Bool {
    subscriptions.contains { type.isKind(of: $0) }
  }
}

/// What the daemon has to do, in this order.
package enum ListenerEffect: Hashable, Sendable {
  /// Write all of it to the listener's standard input, or say that it could not be.
  case write([UInt8], to: ListenerID)
  case log(Activity)
}

/// One pool: its listeners and the events that wait for one of them.
///
/// An event goes to the first listener that runs and is ready. If that one refuses it, dies with
/// it or breaks the protocol, the event comes back to the front, with the numbers it has. When more
/// would wait than `bufferSize`, the oldest is lost, which is logged and counted.
package struct ListenerPool: Codable, Hashable, Sendable {
  private struct Listener: Codable, Hashable, Sendable {
    var name: String
    var dialogue = ListenerDialogue()
    /// What it has and has not answered: there while it is busy.
    var event: NumberedEvent?
    /// It has been up for `startsecs` and is not to stop.
    var isRunning = false
    /// Its standard input is closed.
    var isDeaf = false

    var takesEvents: Bool { isRunning && !isDeaf && dialogue.state == .ready }
  }

  package private(set) var configuration: ListenerPoolConfiguration
  /// Events lost because the buffer was full.
  package private(set) var discardedCount = 0
  private var listeners: [Listener]
  private var buffer = EventBuffer()
  private var serials = Serials()

  init(_ configuration: ListenerPoolConfiguration) {
    self.configuration = configuration
    listeners = configuration.listeners.map { Listener(name: $0) }
  }

  /// How many events wait for a listener, those being worked on left out.
  package var waitingCount: Int { buffer.count }

  /// nil: there is no such listener.
  package func state(of name: String) -> ListenerState? {
    index(name).map { listeners[$0].dialogue.state }
  }

  private func index(_ name: String) -> Int? { listeners.firstIndex { $0.name == name } }

  /// Goes by another configuration. A listener that is in both goes on; events of those gone wait
  /// again.
  mutating func configure(
    _ new: ListenerPoolConfiguration, _ envelope: EventEnvelope
  ) -> [ListenerEffect] {
    var effects: [ListenerEffect] = []
    for gone in listeners.reversed() where !new.listeners.contains(gone.name) {
      effects += takeBack(from: gone.name)
    }
    let known = listeners
    listeners = new.listeners.map { name in
      known.first { $0.name == name } ?? Listener(name: name)
    }
    configuration = new
    return effects + dispatch(envelope)
  }

  // MARK: Events

  mutating func accept(
    _ type: ListenerEventType, _ payload: String, serial: Int, _ envelope: EventEnvelope
  ) -> [ListenerEffect] {
    let effects = makeRoom()
    buffer.append(
      NumberedEvent(type: type, payload: payload, serial: serial, poolSerial: serials.take()))
    return effects + dispatch(envelope)
  }

  private mutating func makeRoom() -> [ListenerEffect] {
    var effects: [ListenerEffect] = []
    while buffer.count >= max(1, configuration.bufferSize), let lost = buffer.popFirst() {
      discardedCount &+= 1
      effects.append(log(.overflowed(discardedSerial: lost.serial)))
    }
    return effects
  }

  private mutating func takeBack(from name: String) -> [ListenerEffect] {
    guard let index = index(name), let event = listeners[index].event else { return [] }
    listeners[index].event = nil
    var effects = [
      log(
        .rebuffered(
          serial: event.serial, count: buffer.count, bufferSize: configuration.bufferSize))
    ]
    effects += makeRoom()
    buffer.prepend(event)
    return effects
  }

  private mutating func dispatch(_ envelope: EventEnvelope) -> [ListenerEffect] {
    var effects: [ListenerEffect] = []
    while let index = listeners.firstIndex(where: \.takesEvents), let event = buffer.popFirst() {
      let name = listeners[index].name
      listeners[index].dialogue.eventWasSent()
      listeners[index].event = event
      let message = envelope.message(event, pool: configuration.name)
      effects.append(.write(message, to: ListenerID(pool: configuration.name, name: name)))
      effects.append(.log(.listener(name, .gotEvent(serial: event.serial))))
    }
    return effects
  }

  private func log(_ activity: PoolActivity) -> ListenerEffect {
    .log(.pool(configuration.name, activity))
  }

  // MARK: Listeners

  mutating func processStarted(_ name: String) -> [ListenerEffect] {
    let effects = takeBack(from: name)
    if let index = index(name) { listeners[index] = Listener(name: name) }
    return effects
  }

  mutating func processIsRunning(_ name: String, _ envelope: EventEnvelope) -> [ListenerEffect] {
    guard let index = index(name) else { return [] }
    listeners[index].isRunning = true
    return dispatch(envelope)
  }

  mutating func processIsStopping(_ name: String) {
    if let index = index(name) { listeners[index].isRunning = false }
  }

  mutating func processEnded(_ name: String, _ envelope: EventEnvelope) -> [ListenerEffect] {
    processStarted(name) + dispatch(envelope)
  }

  mutating func couldNotWrite(to name: String, _ envelope: EventEnvelope) -> [ListenerEffect] {
    guard let index = index(name) else { return [] }
    listeners[index].isDeaf = true
    listeners[index].dialogue.eventWasNotSent()
    var effects: [ListenerEffect] = []
    if let event = listeners[index].event {
      effects.append(.log(.listener(name, .couldNotGetEvent(serial: event.serial))))
    }
    return effects + takeBack(from: name) + dispatch(envelope)
  }

  mutating func hear(
    _ bytes: Span<UInt8>, from name: String, _ envelope: EventEnvelope
  ) -> [ListenerEffect] {
    guard let index = index(name) else { return [] }
    var effects: [ListenerEffect] = []
    var state = listeners[index].dialogue.state
    for outcome in listeners[index].dialogue.hear(bytes) {
      effects += settle(outcome, name, &state)
    }
    return effects + dispatch(envelope)
  }

  private mutating func settle(
    _ outcome: ListenerOutcome, _ name: String, _ state: inout ListenerState
  ) -> [ListenerEffect] {
    let old = state
    func told(_ activities: ListenerActivity...) -> [ListenerEffect] {
      activities.map { .log(.listener(name, $0)) }
    }
    switch outcome {
    case .becameReady:
      state = .ready
      return told(.changed(from: old, to: state))
    case .answered(let result):
      state = .acknowledged
      // Nothing is left to say of an event that was taken back from it.
      let changed = told(.changed(from: old, to: state))
      guard let index = index(name), listeners[index].event != nil else { return changed }
      guard result == .ok else { return told(.rejectedEvent) + changed + takeBack(from: name) }
      listeners[index].event = nil
      return told(.processedEvent) + changed
    case .broke(let violation):
      state = .unknown
      var effects: [ListenerEffect] = []
      if case .badResultLine(let line) = violation { effects = told(.badResultLine(line)) }
      effects += told(.changed(from: old, to: state), .becameUnknown)
      return effects + takeBack(from: name)
    }
  }
}
