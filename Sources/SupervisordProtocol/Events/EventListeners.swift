/// All pools of listeners: takes what happened and what listeners say, and returns what to do.
///
/// A plain value without clock or descriptors. Kept over the daemon's death, it goes on where it
/// was: who was busy still owes its result, and numbers go on.
package struct EventListeners: Codable, Hashable, Sendable {
  /// In the order in which they get events.
  package private(set) var pools: [ListenerPool] = []
  private var envelope: EventEnvelope
  private var serials = Serials()

  /// - Parameters:
  ///   - identifier: supervisord's `identifier`, which headers show as `server`.
  ///   - length: what `len` counts.
  package init(identifier: String, length: PayloadLength = .characters) {
    envelope = EventEnvelope(identifier: identifier, length: length)
  }

  /// Makes the pools these, at the start, after a reload, when groups come and go. A pool keeps
  /// what it has if its name stays.
  ///
  /// - Parameter identifier: nil leaves it.
  package mutating func configure(
    _ configurations: [ListenerPoolConfiguration], identifier: String? = nil
  ) -> [ListenerEffect] {
    envelope.identifier = identifier ?? envelope.identifier
    var effects: [ListenerEffect] = []
    pools = configurations.map { configuration in
      guard var pool = pools.first(where: { $0.configuration.name == configuration.name })
      else { return ListenerPool(configuration) }
      effects += pool.configure(configuration, envelope)
      return pool
    }
    return effects
  }

  /// nil: there is no such listener.
  package func state(of listener: ListenerID) -> ListenerState? {
    pools.first { $0.configuration.name == listener.pool }?.state(of: listener.name)
  }

  /// Whether anybody subscribes to it: if not, the event need not be made.
  package func wants(_ type: ListenerEventType) -> Bool {
    pools.contains { $0.configuration.wants(type) }
  }

  /// Something happened. Only what a pool subscribes to gets a number; a pool gets it once, even
  /// when several of its subscriptions bring it.
  package mutating func publish(_ event: ListenerEvent) -> [ListenerEffect] {
    let type = event.type
    guard wants(type) else { return [] }
    let (serial, payload) = (serials.take(), event.payload)
    var effects: [ListenerEffect] = []
    for index in pools.indices where pools[index].configuration.wants(type) {
      effects += pools[index].accept(type, payload, serial: serial, envelope)
    }
    return effects
  }

  // MARK: Listener processes; those of no pool are ignored

  /// It was spawned: its dialogue begins anew.
  package mutating func processStarted(_ listener: ListenerID) -> [ListenerEffect] {
    with(listener) { pool, _ in pool.processStarted(listener.name) }
  }

  /// It is RUNNING: it gets events from now on when it is ready.
  package mutating func processIsRunning(_ listener: ListenerID) -> [ListenerEffect] {
    with(listener) { pool, envelope in pool.processIsRunning(listener.name, envelope) }
  }

  /// It was asked to stop: it gets no further event, and may still answer.
  package mutating func processIsStopping(_ listener: ListenerID) {
    _ = with(listener) { pool, _ in
      pool.processIsStopping(listener.name)
      return []
    }
  }

  /// It ended, and all it wrote has been heard. An event it had goes to another.
  package mutating func processEnded(_ listener: ListenerID) -> [ListenerEffect] {
    with(listener) { pool, envelope in pool.processEnded(listener.name, envelope) }
  }

  /// Its standard input is closed (EPIPE): it gets no event until it is started again.
  package mutating func couldNotWrite(to listener: ListenerID) -> [ListenerEffect] {
    with(listener) { pool, envelope in pool.couldNotWrite(to: listener.name, envelope) }
  }

  /// Bytes of its standard output, cut anyhow.
  package mutating func hear(
    _ bytes: Span<UInt8>, from listener: ListenerID
  ) -> [ListenerEffect] {
    with(listener) { pool, envelope in pool.hear(bytes, from: listener.name, envelope) }
  }

  private mutating func with(
    _ listener: ListenerID, _ change: (inout ListenerPool, EventEnvelope) -> [ListenerEffect]
  ) -> [ListenerEffect] {
    guard let index = pools.firstIndex(where: { $0.configuration.name == listener.pool })
    else { return [] }
    return change(&pools[index], envelope)
  }
}

/// Numbers from 0, beginning again after the largest, as supervisord does.
struct Serials: Codable, Hashable, Sendable {
  private var next = 0

  mutating func take() -> Int {
    defer { next = next == .max ? 0 : next + 1 }
    return next
  }
}

/// Makes the message of an event: one header line, then the payload.
struct EventEnvelope: Codable, Hashable, Sendable {
  var identifier: String
  var length: PayloadLength

  func message(_ event: NumberedEvent, pool: String) -> [UInt8] {
    let count =
      switch length {
      case .characters: event.payload.unicodeScalars.count
      case .bytes: event.payload.utf8.count
      }
    let header =
      "ver:3.0 server:\(identifier) serial:\(event.serial) pool:\(pool) "
      + "poolserial:\(event.poolSerial) eventname:\(event.type.rawValue) len:\(count)\n"
    return Array(header.utf8) + event.payload.utf8
  }
}
