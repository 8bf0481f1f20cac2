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
        self = .json(
          label: RecordShape.label(origin, stream: kind == .stdout ? "stdout" : "stderr"))
      case .bytes: self = .verbatim
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
  /// Enough for what a pipe usually holds to be written at once, and little enough for the cache.
  package static let bufferBytes = 256 * 1024

  private let output = ByteBuffer(capacity: bufferBytes)
  /// How many records this batch has, and how many of them the sink dropped.
  package private(set) var records: UInt64 = 0
  package private(set) var droppedRecords: UInt64 = 0
  private var clock = TimestampWriter()
  /// What stands before each message, made once a batch: for whole lines, and for pieces when there
  /// are any. Both keep some bytes of slack.
  private let head = ByteBuffer(capacity: 512)
  private let partialHead = ByteBuffer(capacity: 512)
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
  }

  /// Writes what is left of the batch.
  package func end(_ sink: any RecordSink) {
    guard output.count > 0 else { return }
    droppedRecords += unsafe sink.write(output.bytes)
    output.count = 0
  }

  /// Adds lines.
  package func append(_ run: LineRun, sink: any RecordSink) {
    if run.hasPieces { buildHead(partialHead, isPartial: true) }
    switch shape {
    case .text, .verbatim:
      unsafe encode(run, growth: 1, sink) { line, count, output in
        unsafe ShortCopy.copy(line, count: count, to: output)
      }
    case .json:
      unsafe encode(run, growth: JSONText.mostBytesPerByte, sink) { line, count, output in
        let end = unsafe JSONText.write(line, count: count, to: output)
        unsafe end[0] = UInt8(ascii: "\"")
        unsafe end[1] = UInt8(ascii: "}")
        return unsafe end + 2
      }
    }
  }

  /// The loop over the lines: everything it needs for one is in local variables.
  ///
  /// - Parameter message: Writes a line and what follows it, at most `growth` bytes for each byte,
  ///   and gives back its end.
  @inline(__always)
  private func encode(
    _ run: LineRun, growth: Int, _ sink: any RecordSink,
    message: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>)
      -> UnsafeMutablePointer<UInt8>
  ) {
    let (head, partialHead) = unsafe (head.bytes, partialHead.bytes)
    let around = max(head.count, partialHead.count) + 2 * LineLimits.slackBytes
    var added: UInt64 = 0
    var output = unsafe self.output.end
    var limit = unsafe self.output.limit
    unsafe run.visit { line, count, isPartial in
      let most = around &+ count &* growth
      if unsafe limit - output < most {
        unsafe self.output.setEnd(output)
        end(sink)
        self.output.reserve(most)
        unsafe output = self.output.end
        unsafe limit = self.output.limit
      }
      let head = unsafe isPartial ? partialHead : head
      if let start = head.baseAddress {
        unsafe output = ShortCopy.copy(start, count: head.count, to: output)
      }
      unsafe output = message(line, count, output)
      unsafe output.pointee = UInt8(ascii: "\n")
      unsafe output += 1
      added &+= 1
    }
    unsafe self.output.setEnd(output)
    records += added
  }

  private func buildHead(_ head: ByteBuffer, isPartial: Bool) {
    head.count = 0
    defer { head.reserve(LineLimits.slackBytes) }
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

/// Copies for the many short runs of bytes: without a call, sixteen bytes at a time.
enum ShortCopy {
  /// Copies, and scribbles on up to 15 bytes behind the end; as many behind the source are read.
  ///
  /// - Returns: the end of the copy.
  @inline(__always)
  static func copy(
    _ source: UnsafePointer<UInt8>, count: Int, to output: UnsafeMutablePointer<UInt8>
  ) -> UnsafeMutablePointer<UInt8> {
    if count > 256 {
      unsafe UnsafeMutableRawPointer(output).copyMemory(from: source, byteCount: count)
      return unsafe output + count
    }
    var index = 0
    while index < count {
      let block = unsafe UnsafeRawPointer(source + index)
        .loadUnaligned(as: SIMD16<UInt8>.self)
      unsafe UnsafeMutableRawPointer(output + index).storeBytes(of: block, as: SIMD16<UInt8>.self)
      index &+= 16
    }
    return unsafe output + count
  }
}

extension ByteBuffer {
  /// Appends the inside of a JSON string. For short text: it copies the array for the slack.
  func appendEscaped(_ text: [UInt8]) {
    reserve(text.count * JSONText.mostBytesPerByte + LineLimits.slackBytes)
    let padded = text + Array(repeating: 0, count: LineLimits.slackBytes)
    unsafe padded.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe setEnd(JSONText.write(start, count: text.count, to: end))
    }
  }
}
