import SupervProtocol
import SupervSystem

@Sendable func runEvents(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let since = try invocation.sequenceNumber()
  let follow = invocation.has("follow")
  let deadline = try invocation.deadline()
  let name = invocation.operands.first
  let client = try session.connect(invocation, by: deadline)
  let printer = EventPrinter(session: session, asJSON: invocation.has("json"))
  let params = EventsParams(since: since, follow: follow, agent: name)
  let line = try client.call(.events, params, by: deadline)
  guard let result = line.message.result else { throw .broken("the daemon's answer has no events") }
  let oldest = JSON.member("oldest_seq", of: result, in: line.bytes.span)
    .flatMap { Int64(text(of: $0, in: line.bytes.span)) }
  if let since, let oldest, since < oldest - 1 {
    try showOlderEvents(
      after: since, before: oldest, of: name, printer, invocation, session, deadline)
  }
  if let events = JSON.member("events", of: result, in: line.bytes.span) {
    for range in JSON.elements(of: events, in: line.bytes.span) {
      try printer.show(line, range)
    }
  }
  guard follow else { return .ok }
  session.console.flush()
  while !session.console.isClosed, let line = try client.receive(by: .never) {
    guard line.message.methodName(in: line.bytes.span) == "event", let event = line.message.params
    else { continue }
    try printer.show(line, event)
    session.console.flush()
  }
  if session.console.isClosed { return .ok }
  throw .unreachable("the daemon has closed the connection")
}

extension Invocation {
  fileprivate func sequenceNumber() throws(CommandFailure) -> Int64? {
    guard let text = value("since") else { return nil }
    guard let number = Int64(text), number >= 0 else {
      throw .usage("--since: '\(text)' is not the number of an event")
    }
    return number
  }
}

private struct EventPrinter {
  let session: Session
  let asJSON: Bool

  func show(_ line: ReceivedLine, _ range: Range<Int>) throws(CommandFailure) {
    if asJSON {
      session.console.writeLine(line.bytes.span.extracting(range))
    } else {
      show(try line.decode(EventRecord.self, from: range))
    }
  }

  func show(_ event: EventRecord) {
    session.console.write(eventLine(event, style: session.console.style))
  }

  func show(_ event: EventRecord, encoded: Span<UInt8>) {
    if asJSON { session.console.writeLine(encoded) } else { show(event) }
  }
}

/// Events that the daemon no longer holds, from the event log and its rotated files. It takes a
/// connection of its own: on the first one events may already be coming in.
private func showOlderEvents(
  after since: Int64, before oldest: Int64, of name: String?, _ printer: EventPrinter,
  _ invocation: Invocation, _ session: Session, _ deadline: Deadline
) throws(CommandFailure) {
  let client = try session.connect(invocation, by: deadline)
  let logs = try client.call(.logs, LogsParams(), by: deadline, as: LogsReport.self)
  var next = since + 1
  for path in rotatedFiles(of: logs.events) {
    // A file may be rotated away while we look.
    guard let content = try? Files.read(path, maximumBytes: .max) else { continue }
    var lines = LineBuffer()
    lines.append(content.span)
    while let found = lines.next() {
      guard case .line(let range) = found else { continue }
      lines.withBytes(of: range) { bytes in
        guard let event = try? JSON.decode(EventRecord.self, from: bytes) else { return }
        guard event.seq >= next, event.seq < oldest else { return }
        next = event.seq + 1
        if event.concerns(name) { printer.show(event, encoded: bytes) }
      }
    }
  }
}

/// The oldest first: `PATH.N` … `PATH.1`, `PATH`.
func rotatedFiles(of path: String) -> [String] {
  let folder = Files.parent(of: path)
  let base = path.split(separator: "/").last.map(String.init) ?? path
  let names = (try? Files.names(in: folder)) ?? []
  let numbers = names.compactMap { name in
    name.hasPrefix("\(base).") ? Int(name.dropFirst(base.count + 1)) : nil
  }
  return numbers.sorted(by: >).map { "\(path).\($0)" } + [path]
}

extension EventRecord {
  /// As the daemon filters: an agent stands for its instances.
  fileprivate func concerns(_ name: String?) -> Bool {
    guard let name else { return true }
    return agent == name || supervisor == name || agent?.hasPrefix("\(name):") == true
  }
}
