import SupervProtocol
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
  static func forEvents(bytes: Int32) throws(SystemError) -> LogPipe {
    try Pipe.make(bytes: bytes, nonblocking: true).split { LogPipe(reader: $0, writer: $1) }
  }

  /// The number of the end to write to; -1 when it is closed.
  var writerNumber: Int32 { openWriter?.number ?? -1 }

  /// - Returns: nil when it takes nothing now.
  func write(_ bytes: Span<UInt8>) throws(SystemError) -> Int? {
    guard openWriter != nil else { return nil }
    return try openWriter!.write(bytes)
  }

  func watchWriter(_ isWanted: Bool, _ poll: borrowing EventPoll) {
    guard openWriter != nil else { return }
    if isWanted {
      try? poll.add(openWriter!, token: LinuxKernel.Source.eventPipe.token(), for: .writable)
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

/// The daemon's end of the event log: what the pipe does not take now waits in a bounded queue, and
/// what does not fit there is lost, counted and said.
final class EventPipe {
  private let pipe: LogPipe
  private var queue: OutBuffer
  private var lostCount = 0
  private var isWatched = false

  init(_ pipe: LogPipe, maximumQueuedBytes: Int) {
    self.pipe = pipe
    queue = OutBuffer(maximumBytes: maximumQueuedBytes)
  }

  /// One line, with its newline.
  func write(_ line: [UInt8], _ poll: borrowing EventPoll) {
    if lostCount > 0 {
      let mark = #"{"event":"log.lost","count":\#(lostCount)}"# + "\n"
      if queue.append(Array(mark.utf8)) { lostCount = 0 }
    }
    if lostCount > 0 || !queue.append(line) { lostCount += 1 }
    flush(poll)
  }

  func flush(_ poll: borrowing EventPoll) {
    while !queue.isEmpty {
      let count = queue.withWaitingBytes { bytes in
        // Nobody reads: the pipe is as good as full.
        (try? pipe.write(bytes)) ?? nil
      }
      guard let count else { break }
      queue.consume(count)
    }
    watch(poll)
  }

  private func watch(_ poll: borrowing EventPoll) {
    guard isWatched == queue.isEmpty else { return }
    isWatched.toggle()
    pipe.watchWriter(isWatched, poll)
  }

  /// Ends the event log once what waits is written, or the reader does not take it.
  func close(_ poll: borrowing EventPoll) {
    flush(poll)
    pipe.closeWriter()
  }
}
