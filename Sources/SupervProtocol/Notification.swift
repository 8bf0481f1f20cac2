/// One datagram of sd_notify(3): lines of `NAME=value`. Names that are not known are ignored, and
/// of a name that is given twice the last one counts.
package struct Notification: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case ready, reloading, stopping
  }

  package enum Watchdog: Hashable, Sendable {
    case alive
    /// It has found out itself that it does not work.
    case trigger
  }

  /// The longest datagram; a longer one counts as none.
  package static let maximumBytes = 64 << 10
  /// The longest status that is kept, in bytes; what is more is cut off.
  package static let maximumStatusBytes = 512

  package private(set) var state: State?
  package private(set) var watchdog: Watchdog?
  package private(set) var status: String?
  package private(set) var extendedTimeout: Duration?
  package private(set) var mainPid: Int32?
  /// Lines without a name or a `=`, and values that their name does not allow.
  package private(set) var badLineCount = 0

  package init(_ datagram: Span<UInt8>) {
    var start = 0
    for index in 0...datagram.count {
      let isEnd = index == datagram.count
      guard isEnd || datagram[index] == UInt8(ascii: "\n") else { continue }
      if index > start { take(datagram.extracting(start..<index)) }
      start = index + 1
    }
  }

  private mutating func take(_ line: Span<UInt8>) {
    guard let equals = line.indices.first(where: { line[$0] == UInt8(ascii: "=") }), equals > 0
    else {
      badLineCount += 1
      return
    }
    // No name that is known is longer.
    guard equals <= 24 else { return }
    let value = line.extracting((equals + 1)...)
    switch text(of: 0..<equals, in: line) {
    case "READY": takeFlag(.ready, value)
    case "RELOADING": takeFlag(.reloading, value)
    case "STOPPING": takeFlag(.stopping, value)
    case "STATUS": status = Self.status(value)
    case "WATCHDOG": takeWatchdog(value)
    case "EXTEND_TIMEOUT_USEC":
      let microseconds = number(value).flatMap { Int64(exactly: $0) }
      keep(microseconds.map { .microseconds($0) }, in: \.extendedTimeout)
    case "MAINPID":
      keep(
        number(value).flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }, in: \.mainPid)
    default: break
    }
  }

  private mutating func takeFlag(_ new: State, _ value: Span<UInt8>) {
    keep(text(of: 0..<value.count, in: value) == "1" ? new : nil, in: \.state)
  }

  private mutating func takeWatchdog(_ value: Span<UInt8>) {
    switch text(of: 0..<min(value.count, 8), in: value) {
    case "1": watchdog = .alive
    case "trigger": watchdog = .trigger
    default: badLineCount += 1
    }
  }

  private mutating func keep<Value>(_ value: Value?, in path: WritableKeyPath<Self, Value?>) {
    if let value { self[keyPath: path] = value } else { badLineCount += 1 }
  }

  private func number(_ value: Span<UInt8>) -> UInt64? {
    guard (1...20).contains(value.count), value.indices.allSatisfy({ value[$0].isDigit }) else {
      return nil
    }
    return UInt64(text(of: 0..<value.count, in: value))
  }

  /// Repaired where it is no UTF-8, and cut between two characters.
  private static func status(_ value: Span<UInt8>) -> String {
    var status = text(of: 0..<min(value.count, maximumStatusBytes), in: value)
    while status.utf8.count > maximumStatusBytes
      || value.count > maximumStatusBytes && status.last == "\u{FFFD}"
    {
      status.removeLast()
    }
    return status
  }
}

extension UInt8 {
  fileprivate var isDigit: Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self) }
}
