/// What the activity log tells of a listener.
package enum ListenerActivity: Hashable, Sendable {
  case changed(from: ListenerState, to: ListenerState)
  case becameUnknown
  case badResultLine([UInt8])
  case processedEvent
  case rejectedEvent
  case gotEvent(serial: Int)
  /// Its standard input is closed.
  case couldNotGetEvent(serial: Int)
  /// What it said, told where `loglevel` is `debug` or below.
  case said([UInt8])

  var level: ActivityLevel {
    switch self {
    case .changed, .processedEvent, .gotEvent, .couldNotGetEvent, .said: .debug
    case .becameUnknown, .badResultLine, .rejectedEvent: .warn
    }
  }

  func text(_ name: String) -> String {
    switch self {
    case .changed(let old, let new): "\(name): \(old.rawValue) -> \(new.rawValue)"
    case .becameUnknown:
      "\(name): has entered the UNKNOWN state and will no longer receive events, this usually "
        + "indicates the process violated the eventlistener protocol"
    case .badResultLine(let line): "\(name): bad result line: '\(PythonText.decoded(line))'"
    case .processedEvent: "\(name): event was processed"
    case .rejectedEvent: "\(name): event was rejected"
    case .gotEvent(let serial): "event \(serial) sent to listener \(name)"
    case .couldNotGetEvent(let serial):
      "epipe occurred while sending event \(serial) to listener \(name), listener state unchanged"
    case .said(let bytes):
      "\(PythonText.literal(name)) stdout output:\n\(PythonText.literal(bytes))"
    }
  }
}

/// What the activity log tells of a pool of listeners.
package enum PoolActivity: Hashable, Sendable {
  case rebuffered(serial: Int, count: Int, bufferSize: Int)
  /// The oldest event that waited is lost.
  case overflowed(discardedSerial: Int)

  var level: ActivityLevel {
    switch self {
    case .rebuffered: .debug
    case .overflowed: .error
    }
  }

  func text(_ name: String) -> String {
    switch self {
    case .rebuffered(let serial, let count, let size):
      "rebuffering event \(serial) for pool \(name) (buf size=\(count), max=\(size))"
    case .overflowed(let serial):
      "pool \(name) event buffer overflowed, discarding event \(serial)"
    }
  }
}
