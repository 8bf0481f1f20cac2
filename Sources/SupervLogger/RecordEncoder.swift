package import SupervSystem

/// Where finished records go.
package protocol RecordSink: AnyObject {
  /// Takes whole records, each ended by a line feed.
  ///
  /// - Returns: how many of them were dropped.
  func write(_ records: UnsafeBufferPointer<UInt8>) -> UInt64
}

/// What the lines of one stream look like in its file.
package enum RecordShape: Hashable, Sendable {
  /// `2026-11-21T07:20:00.123456Z out message`. The tag is three letters: `out` or `err`.
  case text(tag: [UInt8])
  /// `{"time":"…",LABEL,"message":"…"}`. The label is the members that are the same for every line.
  case json(label: [UInt8])
  /// The line as it came.
  case verbatim

  package init(_ kind: LogStreamKind, format: LogFormat, origin: LogOrigin) {
    switch kind {
    case .events, .raw:
      self = .verbatim
    case .stdout, .stderr:
      switch format {
      case .text:
        self = .text(tag: Array((kind == .stdout ? "out" : "err").utf8))
      case .json:
        self = .json(label: RecordShape.label(origin, stream: kind == .stdout ? "stdout" : "stderr"))
      }
    }
  }

  /// The members of a JSON record between its time and its message.
  static func label(_ origin: LogOrigin, stream: String) -> [UInt8] {
    let buffer = ByteBuffer()
    buffer.append(#""agent":""#)
    buffer.appendEscaped(Array(origin.agent.utf8))
    let rest =
      #"","instance":\#(origin.instance),"incarnation":\#(origin.incarnation),"#
      + #""pid":\#(origin.processID),"stream":"\#(stream)""#
    buffer.append(Array(rest.utf8))
    return unsafe Array(buffer.bytes)
  }
}

/// Turns lines into records, in one buffer that all streams share, and writes it out when it is
/// full and at the end of each batch.
///
/// The piece of a line that was too long is marked: `out+` instead of `out` in text, and
/// `"partial":true` in JSON; the line goes on in the next record of that stream.
@safe
package final class RecordEncoder {
  /// Enough for a full read of short lines to be written at once.
  package static let bufferBytes = 512 * 1024

  private let output = ByteBuffer(capacity: bufferBytes)
  /// How many records this batch has, and how many of them the sink dropped.
  package private(set) var records: UInt64 = 0
  package private(set) var droppedRecords: UInt64 = 0
  private var clock = TimestampWriter()
  /// What stands before each message, made once a batch: for whole lines and for pieces.
  private let head = ByteBuffer(capacity: 512)
  private let partialHead = ByteBuffer(capacity: 512)
  private var hasPartialHead = false
  private var shape = RecordShape.verbatim

  package init() {}

  /// Begins a batch: lines of one stream that were read at one instant (nanoseconds since 1970).
  package func begin(_ shape: RecordShape, time: Int64) {
    assert(output.isEmpty, "the last batch was not ended")
    self.shape = shape
    records = 0
    droppedRecords = 0
    head.count = 0
    partialHead.count = 0
    if case .verbatim = shape { return }
    clock.set(time)
    buildHead(head, isPartial: false)
    hasPartialHead = false
  }

  /// Writes what is left of the batch.
  package func end(_ sink: any RecordSink) {
    guard output.count > 0 else { return }
    droppedRecords += unsafe sink.write(output.bytes)
    output.count = 0
  }

  /// Adds one line, without its line feed; `JSONText.slackBytes` behind it can be read.
  @inline(__always)
  package func append(
    _ line: UnsafePointer<UInt8>, count: Int, isPartial: Bool, sink: any RecordSink
  ) {
    if isPartial && !hasPartialHead {
      buildHead(partialHead, isPartial: true)
      hasPartialHead = true
    }
    let head = isPartial ? partialHead : head
    let growth = if case .json = shape { JSONText.mostBytesPerByte } else { 1 }
    let most = head.count &+ count &* growth &+ JSONText.slackBytes &+ RecordEncoder.endingBytes
    if output.capacity &- output.count < most {
      end(sink)
      output.reserve(most)
    }
    switch shape {
    case .text:
      appendHead(head)
      unsafe output.appendReserved(line, count: count)
    case .json:
      appendHead(head)
      unsafe JSONText.appendReserved(line, count: count, to: output)
      output.appendReserved(UInt8(ascii: "\""))
      output.appendReserved(UInt8(ascii: "}"))
    case .verbatim:
      unsafe output.appendReserved(line, count: count)
    }
    output.appendReserved(UInt8(ascii: "\n"))
    records &+= 1
  }

  /// `"}` and a line feed.
  private static let endingBytes = 3

  @inline(__always)
  private func appendHead(_ head: ByteBuffer) {
    guard let start = unsafe head.bytes.baseAddress else { return }
    unsafe output.appendReserved(start, count: head.count)
  }

  private func buildHead(_ head: ByteBuffer, isPartial: Bool) {
    head.count = 0
    switch shape {
    case .text(let tag):
      head.append(clock.text)
      head.append(" ")
      head.append(tag)
      head.append(isPartial ? "+ " : " ")
    case .json(let label):
      head.append(#"{"time":""#)
      head.append(clock.text)
      head.append("\",")
      head.append(label)
      if isPartial { head.append(#","partial":true"#) }
      head.append(#","message":""#)
    case .verbatim:
      break
    }
  }
}

extension ByteBuffer {
  /// Appends the inside of a JSON string. For short text: it copies the array for the slack.
  func appendEscaped(_ text: [UInt8]) {
    reserve(text.count * JSONText.mostBytesPerByte + JSONText.slackBytes)
    let padded = text + Array(repeating: 0, count: JSONText.slackBytes)
    unsafe padded.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe JSONText.appendReserved(start, count: text.count, to: self)
    }
  }
}
