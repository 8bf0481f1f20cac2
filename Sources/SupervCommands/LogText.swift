import FoundationEssentials
import SupervLogger
import SupervProtocol

/// A line of `superv logs --json`: the shape of the log files in JSON.
struct LogLineReport: Encodable, Hashable, Sendable {
  /// null where the line has none.
  @OrNull var time: String?
  /// The agent, without its instance.
  var agent: String
  var instance: Int
  @OrNull var incarnation: UInt64?
  @OrNull var pid: Int32?
  /// `stdout`, `stderr`, `log` for what the agent says for its log, `superv` for marks where lines
  /// are missing, or `unknown`.
  var stream: String
  /// With `log`: `debug`, `info`, `warning` or `error`.
  @OrNull var level: String?
  var message: String
  /// With `log`, where the file is JSON.
  @OrNull var task: String?
  @OrNull var fields: JSONTree?
  /// The line goes on in the next one of the stream.
  var partial: Bool
  /// How many lines are missing here.
  @OrNull var dropped: UInt64?

  init(_ record: LogRecord, instance name: String) {
    time = record.timeText
    let words = name.split(separator: ":", maxSplits: 1)
    agent = words.first.map(String.init) ?? name
    instance = words.count > 1 ? Int(words[1]) ?? 0 : 0
    incarnation = record.incarnation
    pid = record.processID
    stream = record.stream.rawValue
    level = record.level
    message = String(decoding: record.message, as: UTF8.self)
    task = record.task
    fields = record.fields.flatMap { try? JSON.decode(JSONTree.self, from: $0.span) }
    partial = record.isPartial
    dropped = record.droppedLines
  }
}

extension LogRecord {
  fileprivate var timeText: String? {
    hasTime ? String(decoding: Timestamp.bytes(timeNanoseconds), as: UTF8.self) : nil
  }
}

/// One line of `superv logs`: time, name where there are several, and what was written. What a
/// terminal might obey is taken out.
func logLine(_ record: LogRecord, name: String?, style: Style) -> String {
  let time = record.timeText.map { Cell(shortTime($0), .faint).rendered(style) }
  var words = [String(decoding: record.message, as: UTF8.self)]
  let mark: Cell
  switch record.stream {
  case .stdout: mark = Cell("out")
  case .stderr: mark = Cell("err", .red)
  case .log:
    mark = Cell("log", record.level == "error" ? .red : record.level == "warning" ? .yellow : nil)
    if let level = record.level { words.insert(level, at: 0) }
    if let task = record.task { words.append("task=\(task)") }
    if let fields = record.fields { words.append(String(decoding: fields, as: UTF8.self)) }
  case .superv: mark = Cell("---", .yellow)
  case .unknown: mark = Cell("???", .yellow)
  }
  let message = printable(words.joined(separator: " "))
  let head = [time, name, mark.rendered(style)].compactMap { $0 }
  return head.joined(separator: " ") + " \(message)\(record.isPartial ? "…" : "")\n"
}

/// Reads a time as people write it: how long ago (`10m`), or RFC 3339 with or without a fraction.
///
/// - Returns: Nanoseconds since 1970; nil when it is neither.
func parseTime(_ text: String, now: Int64) -> Int64? {
  if let age = parseDuration(text) { return now - age.wholeMilliseconds * 1_000_000 }
  for hasFraction in [true, false] {
    let format = Date.ISO8601FormatStyle(includingFractionalSeconds: hasFraction)
    if let date = try? Date(text, strategy: format) {
      let seconds = date.timeIntervalSince1970
      guard abs(seconds) < 9_000_000_000 else { return nil }
      // Microseconds are what the logs have; a Double holds no more of today's time anyway.
      return Int64((seconds * 1_000_000).rounded()) * 1_000
    }
  }
  return nil
}
