import SupervSystem

/// The logger's end of the link: commands come in, reports go out.
///
/// A daemon that does not read costs reports, never lines: what the socket does not take waits, and
/// what is more than may wait is counted and reported as `lost`.
final class ReportOutbox {
  enum Reception {
    case command(LoggerCommand)
    /// Its pipe is there for `takePipe`.
    case open(LogStream)
    case wouldBlock
    case malformed
    /// The daemon is gone.
    case ended
  }

  /// What waits to be said.
  private enum Entry {
    case report(LoggerReport)
    /// That a stream is open, if it still is when this is sent: until then it holds no descriptor.
    case adopted(LoggerInput)
  }

  private var link: Descriptor?
  /// What the daemon says here it has said before the next command on the link.
  private var aside: Descriptor?
  private var pipe: Descriptor?
  private var waiting: [Entry] = []
  private var lost: UInt64 = 0
  private var isWatchedForWriting = false
  private let limit: Int
  private var packet = [UInt8](repeating: 0, count: LoggerLink.longestPacketBytes)

  init(link: consuming Descriptor?, limit: Int) throws(SystemError) {
    self.link = link
    self.limit = limit
    try self.link?.setNonblocking(true)
  }

  var isConnected: Bool { link != nil }

  /// Begins to serve another daemon.
  ///
  /// - Parameter streams: All that are open: it is told of them first.
  func connect(
    _ link: consuming Descriptor, _ streams: [LoggerInput], _ poll: borrowing EventPoll,
    token: UInt64
  ) throws(SystemError) {
    disconnect(poll)
    self.link = Optional(link)
    try register(poll, token: token)
    waiting = streams.map { .adopted($0) } + [.report(.adoptedAll)]
  }

  func register(_ poll: borrowing EventPoll, token: UInt64) throws(SystemError) {
    switch link {
    case .some(let link): try poll.add(link, token: token, for: .readable)
    case .none: break
    }
  }

  /// Waits for writability while reports wait, and only then.
  func updateInterest(_ poll: borrowing EventPoll, token: UInt64) throws(SystemError) {
    guard isWatchedForWriting == waiting.isEmpty else { return }
    switch link {
    case .some(let link):
      try poll.change(
        link, token: token, for: waiting.isEmpty ? .readable : [.readable, .writable])
      isWatchedForWriting.toggle()
    case .none: break
    }
  }

  func disconnect(_ poll: borrowing EventPoll) {
    switch link {
    case .some(let link): try? poll.remove(link)
    case .none: break
    }
    link = nil
    aside = nil
    waiting = []
    lost = 0
    isWatchedForWriting = false
  }

  // MARK: Commands

  /// - Parameter open: is given streams that were handed over aside, before what is returned.
  func receive(openingAside open: (LogStream, consuming Descriptor) -> Void) -> Reception {
    let reception: Reception
    switch link {
    case .some(let link): reception = receive(from: link)
    case .none: reception = .wouldBlock
    }
    var companion = pipe.take()
    // Bounded by what a socket holds.
    while case .open(let stream) = receiveAside(), let pipe = pipe.take() { open(stream, pipe) }
    if case .command(.configure) = reception, let socket = companion.take() {
      aside = Optional(socket)
    }
    pipe = companion
    return reception
  }

  private func receiveAside() -> Reception {
    switch aside {
    case .some(let aside): receive(from: aside)
    case .none: .wouldBlock
    }
  }

  private func receive(from socket: borrowing Descriptor) -> Reception {
    var packet: [UInt8] = []
    swap(&packet, &self.packet)
    defer { swap(&packet, &self.packet) }
    do {
      var span = packet.mutableSpan
      guard var message = try socket.receivePacket(into: &span) else { return .wouldBlock }
      if message.byteCount == 0 { return .ended }
      pipe = message.takeDescriptor()
      if message.isTruncated { return .malformed }
      let command = try? LoggerCommand(
        decoding: packet.span.extracting(..<message.byteCount))
      switch (command, pipe == nil) {
      case (nil, _), (.open, true): return .malformed
      case (.open(let stream), false): return .open(stream)
      case (.some(let command), _): return .command(command)
      }
    } catch {
      return .ended
    }
  }

  /// The pipe of the stream that `receive` brought last.
  func takePipe() -> Descriptor? { pipe.take() }

  // MARK: Reports

  func append(_ report: LoggerReport) {
    guard isConnected else { return }
    guard waiting.count < limit else {
      lost += 1
      return
    }
    waiting.append(.report(report))
  }

  /// Sends what the socket takes now. That the daemon is gone is seen by `receive`.
  func flush() {
    var sent = 0
    while sent < waiting.count, send(waiting[sent]) { sent += 1 }
    waiting.removeFirst(sent)
    if waiting.isEmpty, lost > 0, send(.lost(reports: lost)) { lost = 0 }
  }

  /// Waits at most so long for the daemon to take the rest.
  func drain(forMilliseconds limit: Int64) {
    flush()
    let deadline = Clock.monotonicNanoseconds + limit * 1_000_000
    while !waiting.isEmpty {
      let left = (deadline - Clock.monotonicNanoseconds) / 1_000_000
      guard left > 0,
        (try? link?.wait(forWriting: true, timeoutMilliseconds: left)) == true
      else { return }
      let before = waiting.count
      flush()
      if waiting.count == before { return }
    }
  }

  private func send(_ entry: Entry) -> Bool {
    switch entry {
    case .report(let report): return send(report)
    case .adopted(let input):
      return input.hasEnded || send(.adopted(input.stream), passing: [input.pipe.number])
    }
  }

  private func send(_ report: LoggerReport, passing numbers: [Int32] = []) -> Bool {
    // Too long to be said: nothing is gained by trying again.
    guard let packet = try? report.encoded() else { return true }
    return (try? link?.sendMessage(packet.span, passing: numbers)) != nil
  }
}
