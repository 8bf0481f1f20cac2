/// Why a message between daemon and logger is not sent or not taken.
package enum LoggerMessageError: Error, Hashable, Sendable {
  /// A path or a text is longer than a message may carry.
  case tooLong
  /// The bytes are no message of this version.
  case malformed
}

/// One message is one packet: version, kind (reports from 129 up), then the fields in the order of
/// declaration. Numbers are little-endian; a text is its length in 16 bits and its UTF-8.
enum LoggerCoding {
  static let version: UInt8 = 1
  /// The longest text in a message, which is what a path may be (`PATH_MAX`).
  static let longestTextBytes = 4096
}

extension LoggerCommand {
  /// The message as one packet.
  ///
  /// - Throws: `tooLong` when a text is over 4096 bytes.
  package func encoded() throws(LoggerMessageError) -> [UInt8] {
    var writer = PacketWriter()
    switch self {
    case .configure(let directory, let totalMaximumBytes, let mirrorsToTerminal):
      writer.put(1 as UInt8)
      try writer.put(directory)
      writer.put(totalMaximumBytes)
      writer.put(UInt8(mirrorsToTerminal ? 1 : 0))
    case .open(let stream):
      writer.put(2 as UInt8)
      try writer.put(stream)
    case .update(let file):
      writer.put(3 as UInt8)
      try writer.put(file)
    case .rotate(let path):
      writer.put(4 as UInt8)
      try writer.put(path ?? "")
    case .reopen:
      writer.put(5 as UInt8)
    case .finish(let graceMilliseconds):
      writer.put(6 as UInt8)
      writer.put(graceMilliseconds)
    case .identify(let streams):
      guard streams.count <= LoggerCommand.mostStreamsPerPacket else { throw .tooLong }
      writer.put(7 as UInt8)
      writer.put(UInt16(streams.count))
      for stream in streams {
        writer.put(stream.stream)
        writer.put(stream.processID)
      }
    case .reportUsage:
      writer.put(8 as UInt8)
    case .clear(let path):
      writer.put(9 as UInt8)
      try writer.put(path)
    }
    return writer.bytes
  }

  /// Reads one packet; whatever the bytes are, it ends in a message or in `malformed`.
  package init(decoding packet: Span<UInt8>) throws(LoggerMessageError) {
    var reader = try PacketReader(packet)
    self =
      switch try reader.number(UInt8.self) {
      case 1:
        .configure(
          directory: try reader.text(), totalMaximumBytes: try reader.number(Int64.self),
          mirrorsToTerminal: try reader.flag())
      case 2: .open(try reader.stream())
      case 3: .update(try reader.file())
      case 4: .rotate(path: try reader.optionalText())
      case 5: .reopen
      case 6: .finish(graceMilliseconds: try reader.number(UInt32.self))
      case 7: .identify(try reader.processes())
      case 8: .reportUsage
      case 9: .clear(path: try reader.text())
      default: throw .malformed
      }
    try reader.end()
  }
}

extension LoggerReport {
  /// The message as one packet.
  ///
  /// - Throws: `tooLong` when a text is over 4096 bytes.
  package func encoded() throws(LoggerMessageError) -> [UInt8] {
    var writer = PacketWriter()
    switch self {
    case .closed(let stream, let lines, let bytes, let droppedLines):
      writer.put(129 as UInt8)
      for number in [stream, lines, bytes, droppedLines] { writer.put(number) }
    case .fault(let path, let code, let text, let sinceNanoseconds):
      writer.put(130 as UInt8)
      try writer.put(path)
      writer.put(code)
      try writer.put(text)
      writer.put(sinceNanoseconds)
    case .recovered(let path, let droppedLines, let droppedBytes):
      writer.put(131 as UInt8)
      try writer.put(path)
      writer.put(droppedLines)
      writer.put(droppedBytes)
    case .lost(let reports):
      writer.put(132 as UInt8)
      writer.put(reports)
    case .usage(let streams, let isLast):
      guard streams.count <= LoggerCommand.mostStreamsPerPacket else { throw .tooLong }
      writer.put(133 as UInt8)
      writer.put(UInt8(isLast ? 1 : 0))
      writer.put(UInt16(streams.count))
      for usage in streams {
        for number in [usage.stream, usage.lines, usage.bytes, usage.droppedLines] {
          writer.put(number)
        }
      }
    case .adopted(let stream):
      writer.put(134 as UInt8)
      try writer.put(stream)
    case .adoptedAll:
      writer.put(135 as UInt8)
    }
    return writer.bytes
  }

  /// Reads one packet; whatever the bytes are, it ends in a message or in `malformed`.
  package init(decoding packet: Span<UInt8>) throws(LoggerMessageError) {
    var reader = try PacketReader(packet)
    self =
      switch try reader.number(UInt8.self) {
      case 129:
        .closed(
          stream: try reader.number(UInt64.self), lines: try reader.number(UInt64.self),
          bytes: try reader.number(UInt64.self), droppedLines: try reader.number(UInt64.self))
      case 130:
        .fault(
          path: try reader.text(), code: try reader.number(Int32.self), text: try reader.text(),
          sinceNanoseconds: try reader.number(Int64.self))
      case 131:
        .recovered(
          path: try reader.text(), droppedLines: try reader.number(UInt64.self),
          droppedBytes: try reader.number(UInt64.self))
      case 132: .lost(reports: try reader.number(UInt64.self))
      case 133: try reader.usageReport()
      case 134: .adopted(try reader.stream())
      case 135: .adoptedAll
      default: throw .malformed
      }
    try reader.end()
  }
}

private struct PacketWriter {
  private(set) var bytes: [UInt8] = [LoggerCoding.version]

  mutating func put<Number: FixedWidthInteger>(_ number: Number) {
    for shift in stride(from: 0, to: Number.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }

  mutating func put(_ text: String) throws(LoggerMessageError) {
    let utf8 = text.utf8
    guard utf8.count <= LoggerCoding.longestTextBytes else { throw .tooLong }
    put(UInt16(utf8.count))
    bytes.append(contentsOf: utf8)
  }

  mutating func put(_ stream: LogStream) throws(LoggerMessageError) {
    put(stream.id)
    put(stream.kind.rawValue)
    try put(stream.origin)
    try put(stream.file)
  }

  mutating func put(_ origin: LogOrigin) throws(LoggerMessageError) {
    try put(origin.name)
    try put(origin.agent)
    put(Int64(origin.instance))
    put(origin.incarnation)
    put(origin.processID)
  }

  mutating func put(_ file: LogFileSettings) throws(LoggerMessageError) {
    try put(file.path)
    put(file.format.rawValue | (file.systemLogName == nil ? 0 : hasNameFlag))
    put(file.maximumBytes)
    put(Int64(file.maximumFiles))
    if let name = file.systemLogName { try put(name) }
  }
}

/// Beside a format: the name for the log of the system follows. Loggers of before that know
/// everything else.
private let hasNameFlag: UInt8 = 0x80

private struct PacketReader {
  private let packet: [UInt8]
  private var index = 1

  init(_ packet: Span<UInt8>) throws(LoggerMessageError) {
    guard packet.count > 1, packet[0] == LoggerCoding.version else { throw .malformed }
    self.packet = packet.indices.map { packet[$0] }
  }

  mutating func number<Number: FixedWidthInteger>(
    _: Number.Type
  ) throws(LoggerMessageError) -> Number {
    let size = Number.bitWidth / 8
    guard packet.count - index >= size else { throw .malformed }
    var value: Number = 0
    for offset in (0..<size).reversed() {
      value = size > 1 ? value << 8 : 0
      value |= Number(truncatingIfNeeded: packet[index + offset])
    }
    index += size
    return value
  }

  mutating func flag() throws(LoggerMessageError) -> Bool {
    switch try number(UInt8.self) {
    case 0: false
    case 1: true
    default: throw .malformed
    }
  }

  mutating func optionalText() throws(LoggerMessageError) -> String? {
    let count = Int(try number(UInt16.self))
    guard count <= LoggerCoding.longestTextBytes, packet.count - index >= count else {
      throw .malformed
    }
    let start = index
    index += count
    let bytes = packet[start..<index]
    // A NUL would end a path early: then it names another file than the one that was checked.
    guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
      throw .malformed
    }
    return text.isEmpty ? nil : text
  }

  /// A text that must not be empty.
  mutating func text() throws(LoggerMessageError) -> String {
    guard let text = try optionalText() else { throw .malformed }
    return text
  }

  mutating func stream() throws(LoggerMessageError) -> LogStream {
    let id = try number(UInt64.self)
    guard let kind = LogStreamKind(rawValue: try number(UInt8.self)) else { throw .malformed }
    let origin = LogOrigin(
      name: try text(), agent: try text(), instance: Int(try number(Int64.self)),
      incarnation: try number(UInt64.self), processID: try number(Int32.self))
    return LogStream(id: id, kind: kind, origin: origin, file: try file())
  }

  mutating func usageReport() throws(LoggerMessageError) -> LoggerReport {
    let isLast = try flag()
    return .usage(try usages(), isLast: isLast)
  }

  mutating func processes() throws(LoggerMessageError) -> [StreamProcess] {
    var found: [StreamProcess] = []
    for _ in 0..<(try streamCount()) {
      found.append(
        StreamProcess(
          stream: try number(UInt64.self), processID: try number(Int32.self)))
    }
    return found
  }

  private mutating func streamCount() throws(LoggerMessageError) -> Int {
    let count = Int(try number(UInt16.self))
    guard count <= LoggerCommand.mostStreamsPerPacket else { throw .malformed }
    return count
  }

  private mutating func usages() throws(LoggerMessageError) -> [StreamUsage] {
    var found: [StreamUsage] = []
    for _ in 0..<(try streamCount()) {
      found.append(
        StreamUsage(
          stream: try number(UInt64.self), lines: try number(UInt64.self),
          bytes: try number(UInt64.self), droppedLines: try number(UInt64.self)))
    }
    return found
  }

  mutating func file() throws(LoggerMessageError) -> LogFileSettings {
    let path = try text()
    let mark = try number(UInt8.self)
    guard let format = LogFormat(rawValue: mark & ~hasNameFlag) else { throw .malformed }
    let maximumBytes = try number(Int64.self)
    let maximumFiles = try number(Int64.self)
    guard (0...Int64(Int32.max)).contains(maximumFiles) else { throw .malformed }
    let name = mark & hasNameFlag == 0 ? nil : try text()
    return LogFileSettings(
      path: path, format: format, maximumBytes: maximumBytes, maximumFiles: Int(maximumFiles),
      systemLogName: name)
  }

  func end() throws(LoggerMessageError) {
    guard index == packet.count else { throw .malformed }
  }
}
