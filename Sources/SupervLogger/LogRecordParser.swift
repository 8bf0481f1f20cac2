/// Reads one line of a log file, whichever format it has: a log may change its format, so each line
/// is looked at for itself.
package enum LogRecordParser {
  /// Reads a line without its line feed.
  ///
  /// - Parameter time: For lines that have none, in nanoseconds since 1970.
  package static func parse(_ line: ArraySlice<UInt8>, source: Int, time: Int64) -> LogRecord {
    text(line, source) ?? json(line, source)
      ?? LogRecord(
        timeNanoseconds: time, source: source, stream: .unknown, message: Array(line))
  }

  /// `TIME TAG message`, where the tag is `out`, `err`, `out+`, `err+`, `log` or `--`. Behind
  /// `log` stands the level.
  private static func text(_ line: ArraySlice<UInt8>, _ source: Int) -> LogRecord? {
    let start = line.startIndex + Timestamp.byteCount
    guard line.count > Timestamp.byteCount + 2, line[start] == space else { return nil }
    let stamp = line[..<start]
    guard let time = Timestamp.parse(stamp.span) else { return nil }
    let rest = line[(start + 1)...]
    guard let end = rest.prefix(5).firstIndex(of: space) else { return nil }
    let message = rest[(end + 1)...]
    var record = LogRecord(
      timeNanoseconds: time, source: source, stream: .unknown, message: Array(message))
    switch String(decoding: rest[..<end], as: UTF8.self) {
    case "out": record.stream = .stdout
    case "err": record.stream = .stderr
    case "out+": (record.stream, record.isPartial) = (.stdout, true)
    case "err+": (record.stream, record.isPartial) = (.stderr, true)
    case "log":
      guard let levelEnd = message.firstIndex(of: space) else { return nil }
      record.stream = .log
      record.level = String(decoding: message[..<levelEnd], as: UTF8.self)
      record.message = Array(message[(levelEnd + 1)...])
    case "--":
      record.stream = .superv
      record.droppedLines = droppedLines(message)
    default: return nil
    }
    return record
  }

  /// The number in `superv: 12 lines (…) dropped: …`.
  private static func droppedLines(_ message: ArraySlice<UInt8>) -> UInt64? {
    let words = message.split(separator: space, maxSplits: 2)
    return words.count > 1 ? UInt64(String(decoding: words[1], as: UTF8.self)) : nil
  }

  private static func json(_ line: ArraySlice<UInt8>, _ source: Int) -> LogRecord? {
    guard var object = FlatJSON(line) else { return nil }
    var record = LogRecord(timeNanoseconds: 0, source: source, stream: .unknown, message: [])
    var time: Int64?
    while let (key, value) = object.next() {
      switch (key, value) {
      case ("time", .text(let text)): time = Timestamp.parse(text.span)
      case ("stream", .text(let text)):
        record.stream =
          LogRecord.Stream(rawValue: String(decoding: text, as: UTF8.self)) ?? .unknown
      case ("message", .text(let text)): record.message = text
      case ("level", .text(let text)): record.level = String(decoding: text, as: UTF8.self)
      case ("task", .text(let text)): record.task = String(decoding: text, as: UTF8.self)
      case ("fields", .object(let text)): record.fields = text
      case ("incarnation", .other(let text)): record.incarnation = UInt64(text)
      case ("pid", .other(let text)): record.processID = Int32(text)
      case ("dropped", .other(let text)): record.droppedLines = UInt64(text)
      case ("partial", .other(let text)): record.isPartial = text == "true"
      case (_, .object): return nil
      default: continue
      }
    }
    guard object.isWhole, let time else { return nil }
    record.timeNanoseconds = time
    return record
  }

  private static let space = UInt8(ascii: " ")
}

/// The members of one JSON object whose values are strings, numbers, true, false or null, or an
/// object that is not looked into: what the logger and the daemon write. Anything else is not
/// `isWhole`.
private struct FlatJSON {
  enum Value {
    case text([UInt8])
    /// As it stands there.
    case object([UInt8])
    case other(String)
  }

  /// Whether the object has ended, at the end of the line.
  private(set) var isWhole = false
  private var rest: ArraySlice<UInt8>

  init?(_ line: ArraySlice<UInt8>) {
    guard line.first == UInt8(ascii: "{") else { return nil }
    rest = line.dropFirst()
  }

  /// The next member; nil at the end, and where it is not such an object.
  mutating func next() -> (key: String, value: Value)? {
    guard let key = string(), take(UInt8(ascii: ":")), let value = value() else { return nil }
    if !take(UInt8(ascii: ",")) { isWhole = take(UInt8(ascii: "}")) && rest.isEmpty }
    return (String(decoding: key, as: UTF8.self), value)
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    guard rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  private mutating func value() -> Value? {
    if rest.first == UInt8(ascii: "\"") { return string().map(Value.text) }
    if rest.first == UInt8(ascii: "{") { return object().map(Value.object) }
    let ends = [UInt8(ascii: ","), UInt8(ascii: "}")]
    guard let end = rest.firstIndex(where: ends.contains), end > rest.startIndex else { return nil }
    defer { rest = rest[end...] }
    return .other(String(decoding: rest[..<end], as: UTF8.self))
  }

  /// Up to the brace that closes it; those in strings do not count.
  private mutating func object() -> [UInt8]? {
    var depth = 0
    var isInString = false
    var isEscaped = false
    for (index, byte) in zip(rest.indices, rest) {
      if isInString {
        if byte == quote && !isEscaped { isInString = false }
        isEscaped = byte == backslash && !isEscaped
      } else if byte == quote {
        isInString = true
      } else if byte == UInt8(ascii: "{") {
        depth += 1
      } else if byte == UInt8(ascii: "}") {
        depth -= 1
        guard depth == 0 else { continue }
        defer { rest = rest[(index + 1)...] }
        return Array(rest[...index])
      }
    }
    return nil
  }

  private mutating func string() -> [UInt8]? {
    guard take(UInt8(ascii: "\"")) else { return nil }
    var text: [UInt8] = []
    while let special = rest.firstIndex(where: { $0 == quote || $0 == backslash }) {
      text.append(contentsOf: rest[..<special])
      let isEnd = rest[special] == quote
      rest = rest[(special + 1)...]
      if isEnd { return text }
      guard let scalar = escape() else { return nil }
      text.append(contentsOf: Character(scalar).utf8)
    }
    return nil
  }

  /// What stands behind a backslash (RFC 8259, section 7).
  private mutating func escape() -> Unicode.Scalar? {
    guard let letter = rest.popFirst() else { return nil }
    switch letter {
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case quote, backslash, UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "u"):
      guard let unit = hexadecimal() else { return nil }
      guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) ?? "\u{FFFD}" }
      guard take(backslash), take(UInt8(ascii: "u")), let second = hexadecimal(),
        UTF16.isTrailSurrogate(second)
      else { return nil }
      return Unicode.Scalar(0x10000 + UInt32(unit - 0xD800) << 10 + UInt32(second - 0xDC00))
    default: return nil
    }
  }

  private mutating func hexadecimal() -> UInt16? {
    guard rest.count >= 4 else { return nil }
    defer { rest = rest.dropFirst(4) }
    var value: UInt16 = 0
    for byte in rest.prefix(4) {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        return nil
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }

  private let quote = UInt8(ascii: "\"")
  private let backslash = UInt8(ascii: "\\")
}
