import SupervSystem

/// A pipe to the logger. The daemon keeps the end to read from for as long as a logger may need it.
package final class LogPipe {
  let reader: Descriptor
  private var openWriter: Descriptor?
  /// The number by which the kernel knows the pipe, whichever end; 0 when it does not say.
  package let inode: UInt64

  private init(reader: consuming Descriptor, writer: consuming Descriptor) {
    inode = Self.inode(of: reader)
    self.reader = reader
    openWriter = Optional(writer)
  }

  /// One that somebody else writes to.
  init(reader: consuming Descriptor) {
    inode = Self.inode(of: reader)
    self.reader = reader
    openWriter = nil
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

  /// A new end to read from, of a pipe that a process writes its output to; nil when neither of
  /// its outputs goes there any more.
  ///
  /// - Throws: `SystemError`; `EACCES` when the process is not ours to look into (proc(5),
  ///   `/proc/PID/fd`).
  static func reopened(inode: UInt64, of pid: Int32) throws(SystemError) -> LogPipe? {
    for number in 1...2 {
      let path = "/proc/\(pid)/fd/\(number)"
      guard try isPipe(path, inode) else { continue }
      let reader = try Files.open(path, [.readOnly, .nonblocking])
      // It may have put something else there meanwhile.
      if try reader.status().inode == inode { return LogPipe(reader: reader) }
    }
    return nil
  }

  private static func isPipe(_ path: String, _ inode: UInt64) throws(SystemError) -> Bool {
    guard let status = try Files.status(of: path) else { return false }
    return status.kind == .fifo && status.inode == inode
  }

  private static func inode(of end: borrowing Descriptor) -> UInt64 {
    (try? end.status())?.inode ?? 0
  }

  /// The number of the end to write to; -1 when it is closed.
  package var writerNumber: Int32 { openWriter?.number ?? -1 }

  /// - Returns: nil when it takes nothing now.
  func write(_ bytes: Span<UInt8>) throws(SystemError) -> Int? {
    guard openWriter != nil else { return nil }
    return try openWriter!.write(bytes)
  }

  /// - Returns: whether it takes something.
  func waitForRoom(milliseconds: Int64) -> Bool {
    guard openWriter != nil else { return false }
    return (try? openWriter!.wait(forWriting: true, timeoutMilliseconds: milliseconds)) == true
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
package struct LogPipes {
  package let output: LogPipe
  package let errors: LogPipe

  package init() throws(LaunchError) {
    do {
      output = try .forAgent()
      errors = try .forAgent()
    } catch {
      throw LaunchError("\(error)")
    }
  }
}
