// What one listener says on its standard output, and when.
//
//   ACKNOWLEDGED --"READY\n"--> READY --an event is sent--> BUSY --"RESULT n\n" + n bytes--> ACKN…
//   anything else said in any of these: UNKNOWN, until the process is started anew
//
// What a chunk holds is taken as one speech however it is cut; supervisord decides the same way.

/// Where a listener is in its protocol; the raw values are supervisord's words.
package enum ListenerState: String, Codable, Hashable, Sendable {
  /// It has yet to say `READY`: after its start, or after a result.
  case acknowledged = "ACKNOWLEDGED"
  /// It can be sent an event.
  case ready = "READY"
  /// It has an event and owes the result.
  case busy = "BUSY"
  /// It broke the protocol and gets nothing any more.
  case unknown = "UNKNOWN"
}

/// What a listener answered to an event.
package enum ListenerResult: Hashable, Sendable {
  /// `OK`: the event is done with.
  case ok
  /// `FAIL`: it wants the event again.
  case fail
  /// Anything else, which counts as `FAIL`; the first `ListenerDialogue.maximumKeptBytes` of it.
  case other([UInt8])
}

/// How a listener broke the protocol.
package enum ListenerViolation: Hashable, Sendable {
  /// Something else than `READY` after its start or a result.
  case notReady
  /// It spoke while it had no event.
  case unasked
  /// A result line without a length, too long, or with one out of range; without its newline.
  case badResultLine([UInt8])
}

/// What has come of some bytes.
package enum ListenerOutcome: Hashable, Sendable {
  case becameReady
  case answered(ListenerResult)
  case broke(ListenerViolation)
}

/// The protocol of one listener process, from its start to its end.
package struct ListenerDialogue: Codable, Hashable, Sendable {
  /// What is kept of a result line and of a result: memory does not grow with what is said.
  package static let maximumKeptBytes = 1024

  private enum Phase: Codable, Hashable, Sendable {
    /// With the beginning of what may become `READY`, five bytes at most.
    case acknowledged([UInt8])
    case ready
    /// Waits for the end of the result line, of which this much is there.
    case awaitingLine([UInt8])
    /// Waits for that many bytes of a result that begins like this.
    case awaitingResult(missing: Int, kept: [UInt8])
    case unknown
  }

  private var phase = Phase.acknowledged([])

  /// The dialogue with a process that has just been started.
  package init() {}

  package var state: ListenerState {
    switch phase {
    case .acknowledged: .acknowledged
    case .ready: .ready
    case .awaitingLine, .awaitingResult: .busy
    case .unknown: .unknown
    }
  }

  /// An event was sent to it, which only a listener that is ready gets.
  package mutating func eventWasSent() {
    guard case .ready = phase else { return }
    phase = .awaitingLine([])
  }

  /// The event did not get through; it is ready as before, unless it has begun to answer.
  package mutating func eventWasNotSent() {
    guard case .awaitingLine([]) = phase else { return }
    phase = .ready
  }

  /// Takes what it wrote, in pieces of any size.
  package mutating func hear(_ bytes: Span<UInt8>) -> [ListenerOutcome] {
    var outcomes: [ListenerOutcome] = []
    var rest = bytes
    while !rest.isEmpty {
      let (used, outcome) = step(rest)
      rest = rest.extracting(droppingFirst: used)
      if let outcome { outcomes.append(outcome) }
    }
    return outcomes
  }

  /// Takes at least one byte, up to the next outcome.
  private mutating func step(_ bytes: Span<UInt8>) -> (used: Int, ListenerOutcome?) {
    switch phase {
    case .acknowledged(let heard): awaitReady(bytes, heard)
    case .ready: give(up: .unasked, bytes.count)
    case .awaitingLine(let line): awaitLine(bytes, line)
    case .awaitingResult(let missing, let kept): awaitResult(bytes, missing, kept)
    case .unknown: (bytes.count, nil)
    }
  }

  private mutating func give(
    up violation: ListenerViolation, _ used: Int
  ) -> (Int, ListenerOutcome?) {
    phase = .unknown
    return (used, .broke(violation))
  }

  private static let ready = Array("READY\n".utf8)

  private mutating func awaitReady(
    _ bytes: Span<UInt8>, _ heard: [UInt8]
  ) -> (Int, ListenerOutcome?) {
    let used = min(Self.ready.count - heard.count, bytes.count)
    var word = heard
    word.append(bytes.extracting(first: used))
    guard word.count == Self.ready.count else {
      phase = .acknowledged(word)
      return (used, nil)
    }
    guard word == Self.ready else { return give(up: .notReady, used) }
    phase = .ready
    return (used, .becameReady)
  }

  private mutating func awaitLine(
    _ bytes: Span<UInt8>, _ begun: [UInt8]
  ) -> (Int, ListenerOutcome?) {
    let room = Self.maximumKeptBytes - begun.count
    let end = bytes.firstIndex(of: UInt8(ascii: "\n"), from: 0) ?? bytes.count
    var line = begun
    line.append(bytes.extracting(first: min(end, room)))
    guard end <= room else { return give(up: .badResultLine(line), bytes.count) }
    guard end < bytes.count else {
      phase = .awaitingLine(line)
      return (end, nil)
    }
    guard let length = Self.length(line) else {
      return give(up: .badResultLine(line), end + 1)
    }
    if length == 0 { return (end + 1, answer([])) }
    phase = .awaitingResult(missing: length, kept: [])
    return (end + 1, nil)
  }

  private mutating func awaitResult(
    _ bytes: Span<UInt8>, _ missing: Int, _ begun: [UInt8]
  ) -> (Int, ListenerOutcome?) {
    let used = min(missing, bytes.count)
    var kept = begun
    kept.append(bytes.extracting(first: min(used, Self.maximumKeptBytes - begun.count)))
    guard used == missing else {
      phase = .awaitingResult(missing: missing - used, kept: kept)
      return (used, nil)
    }
    return (used, answer(kept))
  }

  private mutating func answer(_ result: [UInt8]) -> ListenerOutcome {
    phase = .acknowledged([])
    if result == Array("OK".utf8) { return .answered(.ok) }
    if result == Array("FAIL".utf8) { return .answered(.fail) }
    return .answered(.other(result))
  }

  /// The length that a result line gives: what follows its first seven bytes, which supervisord
  /// does not look at, read as Python's `int` reads it. nil: none, or negative, or beyond `Int`.
  private static func length(_ line: [UInt8]) -> Int? {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    var digits = line.dropFirst("RESULT ".utf8.count).drop(while: isSpace)
    while let last = digits.last, isSpace(last) { digits.removeLast() }
    let isNegative = digits.first == UInt8(ascii: "-")
    if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    var value = 0
    var wasDigit = false
    for byte in digits {
      // An underscore may stand between two digits.
      if byte == UInt8(ascii: "_"), wasDigit {
        wasDigit = false
        continue
      }
      let digit = byte &- UInt8(ascii: "0")
      guard digit < 10 else { return nil }
      let (tens, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tens.addingReportingOverflow(Int(digit))
      guard !overflows, !overflowsToo else { return nil }
      (value, wasDigit) = (sum, true)
    }
    return wasDigit && !(isNegative && value > 0) ? value : nil
  }
}
