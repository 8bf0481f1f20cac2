import SupervProtocol
import SupervSystem
package import SupervisionTree

/// The story of the tree: numbers every event, keeps the latest ones, and gives each as one line of
/// JSON to whoever writes or follows them.
package struct EventLog: Sendable {
  /// One event as it was written.
  package struct Entry: Sendable {
    package var sequence: Int64
    /// RFC 3339.
    package var time: String
    package var kind: String
    /// The agent instance or supervisor it is about; empty for the daemon itself.
    package var name: String
    package var reason: String
    /// The whole object, without a newline.
    package var json: [UInt8]
  }

  /// So many events can be asked of the daemon; older ones are in the event log's files.
  package static let capacity = 4096

  /// The number of the next event.
  package private(set) var nextSequence: Int64
  private var ring: [Entry] = []
  private var oldest = 0

  package init(nextSequence: Int64) { self.nextSequence = nextSequence }

  /// The number of the oldest event that is kept.
  /// Those that can be asked for without reading a file.
  package var count: Int { ring.count }

  package var oldestSequence: Int64 { nextSequence - Int64(ring.count) }

  /// Oldest first.
  package func entries(since sequence: Int64) -> [Entry] {
    // Whatever number a client has made up.
    let last = min(max(sequence, oldestSequence - 1), nextSequence - 1)
    let skipped = Int(last + 1 - oldestSequence)
    return (skipped..<ring.count).map { ring[(oldest + $0) % ring.count] }
  }

  /// The latest events about one child, oldest first.
  package func history(of name: String, limit: Int) -> [Entry] {
    var found: [Entry] = []
    for index in (0..<ring.count).reversed() where found.count < limit {
      let entry = ring[(oldest + index) % ring.count]
      if entry.name == name { found.append(entry) }
    }
    return found.reversed()
  }

  /// Gives an event the next number and keeps it.
  package mutating func add(_ event: StoryEvent) -> Entry {
    let reason = event.reason.description
    let entry = Entry(
      sequence: nextSequence, time: RFC3339.text(nanoseconds: event.realTimeNanoseconds),
      kind: event.kind, name: event.name, reason: reason, json: event.json(nextSequence, reason))
    keep(entry)
    return entry
  }

  private mutating func keep(_ entry: Entry) {
    nextSequence = entry.sequence + 1
    if ring.count < Self.capacity {
      ring.append(entry)
    } else {
      ring[oldest] = entry
      oldest = (oldest + 1) % ring.count
    }
  }

  private struct Line: Decodable {
    var seq: Int64
    var time: String
    var event: String
    var agent: String?
    var supervisor: String?
    var reason: String?
  }

  /// Keeps lines that an earlier daemon has numbered, as far as the log may not have them.
  ///
  /// - Returns: those that are to be written, again or for the first time.
  package mutating func readmit(_ lines: [String]) -> [[UInt8]] {
    lines.compactMap { text in
      let json = Array(text.utf8)
      guard let line = try? JSON.decode(Line.self, from: json.span), line.seq >= nextSequence
      else { return nil }
      keep(
        Entry(
          sequence: line.seq, time: line.time, kind: line.event,
          name: line.agent ?? line.supervisor ?? "", reason: line.reason ?? "", json: json))
      return json
    }
  }
}

/// What an event says, before it has a number.
package struct StoryEvent: Codable, Sendable {
  package enum Subject: String, Codable, Hashable, Sendable {
    case agent, supervisor, daemon
  }

  /// Who is at the other end of a control connection.
  package struct Peer: Codable, Hashable, Sendable {
    package var pid: Int32
    package var user: UInt32
  }

  package var kind: String
  package var subject: Subject
  package var name = ""
  /// When it was decided, since 1970-01-01 UTC.
  package var realTimeNanoseconds: Int64 = 0
  package var incarnation: UInt64 = 0
  package var pid: Int32?
  package var exit: ExitRecord?
  package var delay: Duration?
  package var reason: StoryReason
  /// Who asked for it over the control socket.
  package var peer: Peer?

  package init(_ kind: String, _ subject: Subject, name: String = "", reason: String) {
    self.init(kind, subject, name: name, reason: .text(reason))
  }

  package init(_ kind: String, _ subject: Subject, name: String, reason: StoryReason) {
    self.kind = kind
    self.subject = subject
    self.name = name
    self.reason = reason
  }

  fileprivate func json(_ sequence: Int64, _ reason: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(192)
    func raw(_ text: StaticString) {
      text.withUTF8Buffer { unsafe bytes.append(contentsOf: $0) }
    }
    func member(_ key: StaticString, _ number: some SignedInteger) {
      raw(key)
      JSON.append(integer: Int64(number), to: &bytes)
    }
    func member(_ key: StaticString, _ number: some UnsignedInteger) {
      raw(key)
      JSON.append(integer: UInt64(number), to: &bytes)
    }
    func member(_ key: StaticString, _ text: String) {
      raw(key)
      JSON.append(text, to: &bytes)
    }
    member(#"{"seq":"#, sequence)
    raw(#","time":""#)
    RFC3339.append(nanoseconds: realTimeNanoseconds, to: &bytes)
    member(#"","event":"#, kind)
    switch subject {
    case .agent:
      member(#","agent":"#, name)
      member(#","incarnation":"#, incarnation)
    case .supervisor: member(#","supervisor":"#, name)
    case .daemon: break
    }
    if let pid { member(#","pid":"#, pid) }
    if let exit { bytes += exitMember(exit) }
    if let delay {
      raw(#","delay_s":"#)
      bytes.append(contentsOf: String(Double(delay.wholeNanoseconds) / 1e9).utf8)
    }
    member(#","reason":"#, reason)
    if let peer {
      member(#","by":{"pid":"#, peer.pid)
      member(#","uid":"#, peer.user)
      raw("}")
    }
    raw("}")
    return bytes
  }

  private func exitMember(_ exit: ExitRecord) -> [UInt8] {
    let (code, signal) = exit.termination.codeAndSignal
    let text =
      #","exit":{"code":"# + (code.map { String($0) } ?? "null")
      + #","signal":"# + (signal.map { String($0) } ?? "null")
      + #","class":""# + exit.exitClass.rawValue
      + (exit.termination == .outOfMemory ? #"","oom":true}"# : #""}"#)
    return Array(text.utf8)
  }
}

/// Why, as it was decided. It becomes text when it is told, which is later and less urgent.
package enum StoryReason: Codable, Sendable, CustomStringConvertible {
  case decided(Reason)
  case text(String)

  package var description: String {
    switch self {
    case .decided(let reason): reason.description
    case .text(let text): text
    }
  }
}

extension Termination {
  /// The exit code, or the signal; neither when nobody knows.
  var codeAndSignal: (code: Int32?, signal: Int32?) {
    switch self {
    case .exited(let code): (code, nil)
    case .signalled(let signal, _): (nil, signal)
    case .outOfMemory: (nil, Signal.kill.number)
    case .unknown: (nil, nil)
    }
  }
}
