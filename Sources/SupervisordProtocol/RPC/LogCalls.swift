// Calls that read and empty logs.

/// A log to be read for a call, and how the answer is to look.
struct SupervisordLogQuestion: Sendable {
  enum Form: Sendable {
    /// The text alone.
    case text
    /// The text with the length of the log, for the offset that the caller has got to.
    case tail(offset: Int, length: Int)
    /// A fault that is due only when the log can be read.
    case badArguments
  }

  /// Nil when the output is not kept.
  var path: String?
  var log: SupervisordLog
  var part: SupervisordLogPart
  var form: Form

  func answer(
    from world: inout some SupervisordWorld
  ) -> Result<XMLRPCValue, SupervisordFault>? {
    let reading = path == nil ? .missing : world.read(log, part)
    switch (form, reading) {
    case (_, .pending): return nil
    case (.tail, .missing): return .success(Self.tail("", size: 0, overflows: false))
    case (.tail(let offset, _), .failed):
      return .success(Self.tail("", size: offset, overflows: false))
    case (_, .missing): return .failure(SupervisordFault(.noFile, path))
    case (_, .failed): return .failure(SupervisordFault(.failed))
    case (.badArguments, .bytes): return .failure(SupervisordFault(.badArguments))
    case (.text, .bytes(let bytes, _)): return .success(.string(Self.text(bytes)))
    case (.tail(let offset, let length), .bytes(let bytes, let size)):
      let (end, isHuge) = offset.addingReportingOverflow(length)
      let overflows = isHuge ? offset < 0 : size > end
      let isBehindEnd = !overflows && end != size && offset >= size
      return .success(
        Self.tail(isBehindEnd ? "" : Self.text(bytes), size: size, overflows: overflows))
    }
  }

  private static func tail(_ text: String, size: Int, overflows: Bool) -> XMLRPCValue {
    .array([.string(text), .cappedInt(size), .boolean(overflows)])
  }

  /// A log need not be UTF-8, and may be cut within a character; what is not is replaced.
  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}

extension SupervisordRPC {
  /// One of the two outputs of a process.
  enum Channel {
    case stdout
    case stderr
  }

  static func readMainLog(
    _ arguments: SupervisordArguments, in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    reading(.main, at: world.mainLogPath, try arguments.int(0), try arguments.int(1))
  }

  static func readLog(
    _ channel: Channel, _ arguments: SupervisordArguments,
    in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    let (log, path) = try log(channel, of: arguments.text(0), in: world)
    return reading(log, at: path, try arguments.int(1), try arguments.int(2))
  }

  static func tailLog(
    _ channel: Channel, _ arguments: SupervisordArguments,
    in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    let (log, path) = try log(channel, of: arguments.text(0), in: world)
    let (offset, length) = (try arguments.int(1), try arguments.int(2))
    return SupervisordOperation(
      .reading(
        SupervisordLogQuestion(
          path: path, log: log, part: .last(max(0, length)),
          form: .tail(offset: offset, length: length))))
  }

  private static func log(
    _ channel: Channel, of name: String, in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> (SupervisordLog, path: String?) {
    let (id, process) = try find(name, in: world)
    return switch channel {
    case .stdout: (.stdout(id), process.stdoutLogPath)
    case .stderr: (.stderr(id), process.stderrLogPath)
    }
  }

  /// An offset below zero counts from the end, and goes with no length.
  private static func reading(
    _ log: SupervisordLog, at path: String?, _ offset: Int, _ length: Int
  ) -> SupervisordOperation {
    let isFromEnd = offset < 0
    let isRight = isFromEnd ? length == 0 : length >= 0
    let count: Int? = length == 0 ? nil : length
    let part: SupervisordLogPart =
      if !isRight { .last(0) } else if isFromEnd {
        .last(offset == .min ? .max : -offset)
      } else { .from(offset, count: count) }
    return SupervisordOperation(
      .reading(
        SupervisordLogQuestion(
          path: path, log: log, part: part, form: isRight ? .text : .badArguments)))
  }

  static func clearMainLog(
    in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    guard world.mainLogPath != nil else { throw SupervisordFault(.noFile) }
    switch world.clearMainLog() {
    case .cleared: return .success
    case .missing: throw SupervisordFault(.noFile)
    case .failed: throw SupervisordFault(.failed)
    }
  }

  /// A log that is not there is as good as empty.
  static func clearLogs(
    _ name: String, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    let (id, _) = try find(name, in: world)
    switch world.clearLogs(of: id) {
    case .cleared, .missing: return .success
    case .failed: throw SupervisordFault(.failed, name)
    }
  }
}
