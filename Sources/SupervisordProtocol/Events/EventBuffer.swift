/// An event with its numbers, as it is sent and sent again.
struct NumberedEvent: Codable, Hashable, Sendable {
  var type: ListenerEventType
  var payload: String
  /// Its number among the events that any pool took.
  var serial: Int
  /// Its number among those of its pool.
  var poolSerial: Int
}

/// The events that wait for a listener, oldest first; quick at both ends.
struct EventBuffer: Codable, Hashable, Sendable {
  /// Taken ones are nil, all of them before `start`.
  private var slots: [NumberedEvent?] = []
  private var start = 0

  init() {}

  init(from decoder: any Decoder) throws {
    slots = try [NumberedEvent](from: decoder)
  }

  func encode(to encoder: any Encoder) throws {
    try events.encode(to: encoder)
  }

  static func == (one: Self, other: Self) -> Bool { one.events == other.events }
  func hash(into hasher: inout Hasher) { hasher.combine(events) }

  var events: [NumberedEvent] { slots[start...].compactMap(\.self) }
  var count: Int { slots.count - start }
  var isEmpty: Bool { count == 0 }

  mutating func append(_ event: NumberedEvent) { slots.append(event) }

  mutating func prepend(_ event: NumberedEvent) {
    guard start > 0 else {
      slots.insert(event, at: 0)
      return
    }
    start -= 1
    slots[start] = event
  }

  mutating func popFirst() -> NumberedEvent? {
    guard !isEmpty, let event = slots[start] else { return nil }
    slots[start] = nil
    start += 1
    if start >= 32, start * 2 >= slots.count {
      slots.removeFirst(start)
      start = 0
    }
    return event
  }
}
