import SupervLogger
import SupervProtocol
import SupervSystem

/// Asks the daemon where the files are, and reads them itself.
@Sendable func runLogs(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let query = try invocation.logQuery()
  let deadline = try invocation.deadline()
  let client = try session.connect(invocation, by: deadline)
  let names = invocation.operands.isEmpty ? nil : invocation.operands
  let report = try client.call(.logs, LogsParams(names: names), by: deadline, as: LogsReport.self)
  let printer = LogPrinter(session.console, report.files, asJSON: invocation.has("json"))
  var question = query
  question.sources = report.files.map { LogSource($0) }
  do {
    // Each log keeps a file open. Where the limit cannot be raised, opening says so.
    _ = try? ProcessLimit.raiseOpenFiles()
    if invocation.has("follow") {
      try follow(question, printer, session.console)
    } else {
      try question.run { record in
        printer.show(record)
        return !session.console.isClosed
      }
    }
    return .ok
  } catch {
    throw .system(error)
  }
}

/// For ever, or until nobody reads any more.
private func follow(
  _ query: LogQuery, _ printer: LogPrinter, _ console: Console
) throws(SystemError) {
  let follower = try LogFollower(query)
  while !console.isClosed {
    if let record = try follower.next() {
      printer.show(record)
    } else {
      console.flush()
      if !console.isClosed { _ = try follower.wait() }
    }
  }
}

extension LogSource {
  init(_ file: LogsReport.File) {
    let stream: LogRecord.Stream = file.stream == "stderr" ? .stderr : .stdout
    self.init(
      path: file.path, name: file.agent, bareStream: file.format == .bytes ? stream : nil)
  }
}

extension Invocation {
  /// What of the logs is wanted; the sources are not known yet.
  fileprivate func logQuery() throws(CommandFailure) -> LogQuery {
    var filter = LogFilter()
    switch value("stream") {
    case "out": filter.streams = [.stdout]
    case "err": filter.streams = [.stderr]
    case "log": filter.streams = [.log]
    default: break
    }
    filter.from = try time("since")
    filter.to = try time("until")
    filter.containing = value("grep").map { Array($0.utf8) }
    return LogQuery(sources: [], filter: filter, tail: try lineCount())
  }

  private func time(_ option: String) throws(CommandFailure) -> Int64? {
    guard let text = value(option) else { return nil }
    guard let time = parseTime(text, now: Clock.realTimeNanoseconds) else {
      throw .usage(
        "--\(option): '\(text)' is not a time; write 10m for ten minutes ago, or "
          + "2026-11-21T07:20:00Z")
    }
    return time
  }

  private func lineCount() throws(CommandFailure) -> Int? {
    guard let text = value("lines") else { return has("follow") && !has("since") ? 10 : nil }
    guard let count = Int(text), count >= 0 else {
      throw .usage("--lines: '\(text)' is not a number of lines")
    }
    return count
  }
}

/// Shows records as they come.
private struct LogPrinter {
  let console: Console
  let files: [LogsReport.File]
  let asJSON: Bool
  /// The names stand in a column, unless there is only one.
  let nameWidth: Int?

  init(_ console: Console, _ files: [LogsReport.File], asJSON: Bool) {
    self.console = console
    self.files = files
    self.asJSON = asJSON
    nameWidth = Set(files.map(\.agent)).count > 1 ? files.map(\.agent.count).max() : nil
  }

  func show(_ record: LogRecord) {
    let name = files[record.source].agent
    if asJSON {
      console.write(json: LogLineReport(record, instance: name))
    } else {
      let shown = nameWidth.map { padded(name, $0) }
      console.write(logLine(record, name: shown, style: console.style))
    }
  }
}
