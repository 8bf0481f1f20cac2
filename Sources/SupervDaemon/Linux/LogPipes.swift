import SupervSystem

/// A pipe to the logger. The daemon keeps the end to read from for as long as a logger may need it.
final class LogPipe {
  let reader: Descriptor
  private var openWriter: Descriptor?

  private init(reader: consuming Descriptor, writer: consuming Descriptor) {
    self.reader = reader
    openWriter = Optional(writer)
  }

  /// For an agent, which never gets SIGPIPE from it.
  static func forAgent() throws(SystemError) -> LogPipe {
    try Pipe.surviving().split { LogPipe(reader: $0, writer: $1) }
  }

  /// For the daemon itself, which never waits.
  ///
  /// - Parameter bytes: the capacity; nil: the kernel's default.
  static func forRecords(bytes: Int32? = nil) throws(SystemError) -> LogPipe {
    try Pipe.make(bytes: bytes, nonblocking: true).split { LogPipe(reader: $0, writer: $1) }
  }

  /// The number of the end to write to; -1 when it is closed.
  var writerNumber: Int32 { openWriter?.number ?? -1 }

  /// - Returns: nil when it takes nothing now.
  func write(_ bytes: Span<UInt8>) throws(SystemError) -> Int? {
    guard openWriter != nil else { return nil }
    return try openWriter!.write(bytes)
  }

  func watchWriter(_ isWanted: Bool, token: UInt64, _ poll: borrowing EventPoll) {
    guard openWriter != nil else { return }
    if isWanted {
      try? poll.add(openWriter!, token: token, for: .writable)
    } else {
      try? poll.remove(openWriter!)
    }
  }

  /// The last writer that closes ends the stream.
  func closeWriter() { openWriter = nil }
}

/// Both outputs of one incarnation.
struct LogPipes {
  let output: LogPipe
  let errors: LogPipe

  init() throws(LaunchError) {
    do {
      output = try .forAgent()
      errors = try .forAgent()
    } catch {
      throw LaunchError("\(error)")
    }
  }
}
