import Glibc

/// The daemon's end of the socket to its logger.
///
/// Nothing here waits: what the socket does not take now is queued, and what the queue does not
/// take is refused and counted. Wait for readability always and for writability while `hasQueued`.
package final class LoggerLink {
  /// What became of a command.
  package enum Outcome: Hashable, Sendable {
    case sent
    /// It goes out when the socket is writable; call `flush`.
    case queued
    /// The queue is full (or the message too long to be one): it is counted in `refused` and will
    /// not go out.
    case refused
  }

  /// What `receive` found.
  package enum Reception: Hashable, Sendable {
    case report(LoggerReport)
    /// Nothing now.
    case wouldBlock
    /// A message that is none; it is skipped.
    case malformed
    /// The logger is gone.
    case ended
  }

  /// The socket, for the loop to wait on.
  package let socket: Descriptor
  /// How many commands may wait, each perhaps with a descriptor: streams of 4 000 instances.
  package static let defaultQueueLimit = 8192
  /// Commands that were refused since the beginning.
  package private(set) var refused: UInt64 = 0

  private let queueLimit: Int
  private let queue = DescriptorQueue()
  private var pipe: Descriptor?
  /// A second socket, which the logger reads before each command but does not wait on.
  private var aside: Descriptor?

  /// Takes over a connected SOCK_SEQPACKET socket: one end of `UnixSocket.pair`, or a connection
  /// to the socket that a logger listens on.
  package init(
    socket: consuming Descriptor, queueLimit: Int = LoggerLink.defaultQueueLimit
  ) throws(SystemError) {
    try socket.setNonblocking(true)
    self.socket = socket
    self.queueLimit = queueLimit
  }

  /// Whether commands wait for the socket to become writable.
  package var hasQueued: Bool { queue.count > 0 }

  /// How many commands wait.
  package var queuedCount: Int { queue.count }

  /// Sends a command, after those that wait.
  ///
  /// - Throws: `SystemError`; `EPIPE` or `ECONNRESET` when the logger is gone.
  package func send(_ command: LoggerCommand) throws(SystemError) -> Outcome {
    if case .open = command { preconditionFailure("a stream is opened with its pipe") }
    return try send(command, passing: nil)
  }

  /// Sends the first command and, with it, the far end of a socket for `openAside`.
  ///
  /// - Throws: `SystemError`; `EMFILE` when there are no descriptors for it.
  package func begin(_ configure: LoggerCommand) throws(SystemError) -> Outcome {
    try UnixSocket.pair(nonblocking: true).split { (ours, theirs) throws(SystemError) in
      let outcome = try send(configure, passing: theirs.number)
      aside = Optional(ours)
      return outcome
    }
  }

  /// Hands a stream over as `open` does, but without waking the logger, which would take the
  /// processor from whoever is in a hurry: it sees the stream before the next command, or when
  /// this end of the link is closed. A command has to follow soon.
  package func openAside(
    _ stream: LogStream, pipe: borrowing Descriptor
  ) throws(SystemError) -> Outcome {
    if let packet = try? LoggerCommand.open(stream).encoded(),
      try aside?.sendMessage(packet.span, passing: [pipe.number]) != nil
    {
      return .sent
    }
    return try open(stream, pipe: pipe)
  }

  /// Hands a stream over: the logger gets its own copy of the pipe's read end. Keep the other one
  /// as long as a new logger may need it, until `closed` is reported.
  ///
  /// - Throws: `SystemError`; `EPIPE` or `ECONNRESET` when the logger is gone, `EMFILE` when the
  ///   command has to be queued and no copy of the descriptor can be made.
  package func open(
    _ stream: LogStream, pipe: borrowing Descriptor
  ) throws(SystemError) -> Outcome {
    try send(.open(stream), passing: pipe.number)
  }

  /// Sends what waits, as far as the socket takes it.
  ///
  /// - Returns: whether nothing waits any more.
  package func flush() throws(SystemError) -> Bool {
    while let next = queue.first {
      let passing = next.number < 0 ? [] : [next.number]
      guard try transmit(next.packet, passing: passing) else { return false }
      queue.removeFirst()
    }
    return true
  }

  /// Takes the next report.
  package func receive() throws(SystemError) -> Reception {
    var packet = [UInt8](repeating: 0, count: LoggerLink.longestPacketBytes)
    var span = packet.mutableSpan
    guard var received = try socket.receivePacket(into: &span) else { return .wouldBlock }
    if received.byteCount == 0 { return .ended }
    pipe = received.takeDescriptor()
    if received.isTruncated { return .malformed }
    do {
      return .report(try LoggerReport(decoding: packet.span.extracting(..<received.byteCount)))
    } catch {
      return .malformed
    }
  }

  /// The pipe of the stream that the last report, an `adopted`, is about.
  package func takePipe() -> Descriptor? { pipe.take() }

  /// Three texts of the longest kind and what is around them.
  package static let longestPacketBytes = 16 * 1024

  private func send(
    _ command: LoggerCommand, passing number: Int32?
  ) throws(SystemError) -> Outcome {
    guard let packet = try? command.encoded() else {
      refused += 1
      return .refused
    }
    if try flush(), try transmit(packet, passing: number.map { [$0] } ?? []) { return .sent }
    guard queue.count < queueLimit else {
      refused += 1
      return .refused
    }
    try queue.append(packet, duplicating: number)
    return .queued
  }

  private func transmit(_ packet: [UInt8], passing: [Int32]) throws(SystemError) -> Bool {
    do {
      return try socket.sendMessage(packet.span, passing: passing) != nil
    } catch let error where error.code == ETOOMANYREFS || error.code == ENOBUFS {
      // Too many descriptors are on their way: they arrive once the logger has read on.
      return false
    }
  }
}

/// Packets in order, each with a descriptor of its own or without one.
private final class DescriptorQueue {
  private var entries: [(packet: [UInt8], number: Int32)] = []
  private var head = 0

  deinit { for entry in entries[head...] where entry.number >= 0 { _ = close(entry.number) } }

  var count: Int { entries.count - head }

  /// The number is negative where no descriptor travels along.
  var first: (packet: [UInt8], number: Int32)? { count > 0 ? entries[head] : nil }

  func append(_ packet: [UInt8], duplicating number: Int32?) throws(SystemError) {
    var copy: Int32 = -1
    if let number {
      copy = try retrying("dup") { fcntl(number, F_DUPFD_CLOEXEC, 3) }
    }
    entries.append((packet, copy))
  }

  func removeFirst() {
    if entries[head].number >= 0 { _ = close(entries[head].number) }
    entries[head] = ([], -1)
    head += 1
    if head == entries.count {
      entries.removeAll()
      head = 0
    } else if head >= 1024 && head * 2 >= entries.count {
      entries.removeFirst(head)
      head = 0
    }
  }
}
