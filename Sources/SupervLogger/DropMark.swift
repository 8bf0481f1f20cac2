import SupervSystem

/// What is written where lines are missing.
///
/// In text it stands where a stream's tag stands, so that no agent's output can look like it:
/// `2026-11-21T07:20:00.123456Z -- superv: 12 lines (345 bytes) dropped: Input/output error --`
enum DropMark: Hashable, Sendable {
  case text
  /// A record with `"stream":"superv"`, `"dropped"` and `"dropped_bytes"`.
  case json(label: [UInt8])
  /// A line of the event log: `"event":"log.dropped"`.
  case event

  init(_ stream: LogStream) {
    switch (stream.kind, stream.file.format) {
    case (.events, _): self = .event
    case (.stdout, .text), (.stderr, .text), (.raw, .text), (.stdout, .bytes),
      (.stderr, .bytes), (.raw, .bytes):
      self = .text
    case (.stdout, .json), (.stderr, .json), (.raw, .json):
      self = .json(label: RecordShape.label(stream.origin, stream: "superv"))
    }
  }

  /// The whole line.
  func bytes(_ fault: LogFile.Fault, time: Int64) -> [UInt8] {
    let message =
      "\(fault.droppedRecords) lines (\(fault.droppedBytes) bytes) dropped: "
      + errorText(fault.error.code)
    let buffer = ByteBuffer()
    let stamp = Timestamp.bytes(time)
    guard self != .text else {
      return stamp + Array(" -- superv: \(message) --\n".utf8)
    }
    buffer.append(#"{"time":""#)
    buffer.append(stamp)
    if case .json(let label) = self {
      buffer.append("\",")
      buffer.append(label)
    } else {
      buffer.append(#"","event":"log.dropped""#)
    }
    let counts =
      #","dropped":\#(fault.droppedRecords),"dropped_bytes":\#(fault.droppedBytes),"message":""#
    buffer.append(Array(counts.utf8))
    buffer.appendEscaped(Array(message.utf8))
    buffer.append("\"}\n")
    return unsafe Array(buffer.bytes)
  }
}
