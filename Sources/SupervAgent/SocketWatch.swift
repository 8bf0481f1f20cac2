import SupervSystem

/// The one thread of a connection: it waits for the socket, so that no thread of the cooperative
/// pool has to, and says when there is something to look at. It reads and writes nothing itself.
final class SocketWatch: Sendable {
  /// Comes whenever bytes have come, there is room for more, or the peer is gone. Wake-ups that
  /// nobody has taken yet are one: they say "look", not how much.
  let wakeUps: AsyncStream<Void>

  private let poll: EventPoll
  private let end: EventCounter

  private enum Token {
    static let socket: UInt64 = 0
    static let end: UInt64 = 1
  }

  /// Edges are reported, not states: after a wake-up the socket has to be read and written until
  /// it would block.
  init(_ socket: borrowing Descriptor) throws(SystemError) {
    let (wakeUps, wakeUp) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.wakeUps = wakeUps
    poll = try EventPoll()
    end = try EventCounter()
    try poll.add(
      socket, token: Token.socket, for: [.readable, .writable, .peerClosed, .edgeTriggered])
    try poll.add(end.descriptor, token: Token.end, for: .readable)
    try Threads.start { [self] in
      watch(wakeUp)
      wakeUp.finish()
    }
  }

  /// Ends the thread and the stream.
  func stop() { try? end.raise() }

  private func watch(_ wakeUp: AsyncStream<Void>.Continuation) {
    var events: [EventPoll.Event] = []
    while (try? poll.wait(&events)) != nil {
      if events.contains(where: { $0.token == Token.end }) { return }
      if !events.isEmpty { wakeUp.yield() }
    }
  }
}
