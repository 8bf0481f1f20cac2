/// One line of a log, as the reader gives it.
package struct LogRecord: Hashable, Sendable {
  package enum Stream: String, CaseIterable, Hashable, Sendable {
    case stdout, stderr
    /// What the agent says for its log over the child protocol.
    case log
    /// A mark that superv itself made, for lines that are missing.
    case superv
    /// A line that is no record: something else wrote it, or it was torn.
    case unknown
  }

  /// Nanoseconds since 1970. A line without a time has that of its neighbour in reading order, and
  /// in a log of bare lines that of the last change of its file.
  package var timeNanoseconds: Int64
  /// Whether the line itself has it.
  package var hasTime = true
  /// The index of its log in the query.
  package var source: Int
  package var stream: Stream
  /// The line goes on in the next record of the stream.
  package var isPartial = false
  /// Only in JSON logs.
  package var incarnation: UInt64?
  package var processID: Int32?
  /// How many lines are missing here; only with `.superv`.
  package var droppedLines: UInt64?
  /// `debug`, `info`, `warning` or `error`; only with `.log`.
  package var level: String?
  /// What it was done for; only with `.log`, and only in JSON logs: elsewhere the message has it.
  package var task: String?
  /// A JSON object; as `task`.
  package var fields: [UInt8]?
  /// Without the line feed. Of text logs, any bytes; of JSON logs, UTF-8.
  package var message: [UInt8]
}

extension LogRecord {
  /// A line that is nothing but what was written.
  init(bare line: ArraySlice<UInt8>, of stream: Stream, source: Int, fileTime: Int64) {
    self.init(
      timeNanoseconds: fileTime, hasTime: false, source: source, stream: stream,
      message: Array(line))
  }
}

/// The log of one instance.
package struct LogSource: Hashable, Sendable {
  /// Of the current file; rotated ones are found beside it.
  package var path: String
  /// The name of the instance.
  package var name: String
  /// What its lines are where they are bare, without a time and all else; nil: they are records.
  package var bareStream: LogRecord.Stream?

  package init(path: String, name: String, bareStream: LogRecord.Stream? = nil) {
    self.path = path
    self.name = name
    self.bareStream = bareStream
  }
}

/// Which records are wanted.
package struct LogFilter: Hashable, Sendable {
  /// nil: all, marks and foreign lines included.
  package var streams: Set<LogRecord.Stream>?
  /// Nanoseconds since 1970, both ends included.
  package var from: Int64?
  package var to: Int64?
  /// Bytes that the message must contain; nil or empty: any message.
  package var containing: [UInt8]?

  package init(
    streams: Set<LogRecord.Stream>? = nil, from: Int64? = nil, to: Int64? = nil,
    containing: [UInt8]? = nil
  ) {
    self.streams = streams
    self.from = from
    self.to = to
    self.containing = containing
  }

  /// Clocks are set back now and then: so much disorder in a file is reckoned with before reading
  /// stops at a record that is too old.
  static let disorderNanoseconds: Int64 = 60_000_000_000

  package func accepts(_ record: LogRecord) -> Bool {
    if let streams, !streams.contains(record.stream) { return false }
    if let from, record.timeNanoseconds < from { return false }
    if let to, record.timeNanoseconds > to { return false }
    guard let containing, !containing.isEmpty else { return true }
    return LogFilter.contains(record.message, containing)
  }

  /// Whether nothing older than this time is wanted.
  func isBefore(_ timeNanoseconds: Int64) -> Bool {
    guard let from else { return false }
    let (early, overflow) = from.subtractingReportingOverflow(LogFilter.disorderNanoseconds)
    return !overflow && timeNanoseconds < early
  }

  private static func contains(_ message: [UInt8], _ wanted: [UInt8]) -> Bool {
    var rest = message[...]
    while rest.count >= wanted.count, let index = rest.firstIndex(of: wanted[0]) {
      rest = rest[index...]
      if rest.starts(with: wanted) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
