import Foundation
import SupervAgent
import SupervSystem
import Synchronization

/// The other end of the agent's socket: takes connections and lets the test read and write them.
/// What blocks is on threads of its own, so that the cooperative pool stays the agent's.
final class FakeSuperv: Sendable {
  let path: String
  private let connections: AsyncStream<FakeConnection>
  private let isOver = Atomic(false)

  init() throws {
    path = "/tmp/superv-sdk-\(Processes.ownPid)-\(UInt64.random(in: 0 ... .max)).sock"
    let (connections, connection) = AsyncStream.makeStream(of: FakeConnection.self)
    self.connections = connections
    let listener = try UnixSocket.listen(at: path)
    let number = listener.release()
    try Threads.start { [self] in
      try? takeConnections(of: Descriptor(owning: number), connection)
      connection.finish()
    }
  }

  private func takeConnections(
    of listener: consuming Descriptor, _ connection: AsyncStream<FakeConnection>.Continuation
  ) throws {
    while !isOver.load(ordering: .relaxed) {
      guard try listener.wait(timeoutMilliseconds: 50) else { continue }
      guard let number = try listener.accept()?.release() else { continue }
      connection.yield(try FakeConnection(Descriptor(owning: number)))
    }
  }

  /// The next connection that an agent makes.
  func connection() async throws -> FakeConnection {
    for await connection in connections { return connection }
    throw Ended(what: "superv")
  }

  /// The next connection, its hello answered.
  func greeted(maximumMessageBytes: Int = 1 << 20) async throws -> FakeConnection {
    let connection = try await connection()
    let hello = try await connection.next("hello")
    connection.answer(
      hello, #"{"protocol":1,"name":"writer","message_max":\#(maximumMessageBytes)}"#)
    return connection
  }

  func end() {
    isOver.store(true, ordering: .relaxed)
    try? Files.remove(path)
  }
}

struct Ended: Error {
  var what: String
}

final class FakeConnection: Sendable {
  private let messages: AsyncStream<JSONValue>
  private let socket: Descriptor
  private let received = Atomic(0)
  private let outbox = Mutex<[UInt8]>([])
  private let wakeUp: EventCounter
  private let isOver = Atomic(false)
  /// Whether it reads nothing for now.
  let isDeaf = Atomic(false)

  /// How many messages have come, taken or not; for threads that cannot await them.
  var messageCount: Int { received.load(ordering: .acquiring) }

  init(_ socket: consuming Descriptor) throws {
    let (messages, message) = AsyncStream.makeStream(of: JSONValue.self)
    self.messages = messages
    self.socket = socket
    wakeUp = try EventCounter()
    try self.socket.setNonblocking(false)
    try Threads.start { [self] in
      try? read(message)
      message.finish()
      close()
    }
    try Threads.start { [self] in try? write() }
  }

  private func read(_ message: AsyncStream<JSONValue>.Continuation) throws {
    var line = Data()
    while true {
      while isDeaf.load(ordering: .relaxed) { pause(5) }
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      var space = buffer.mutableSpan
      guard let count = try socket.read(into: &space), count > 0 else { return }
      var rest = buffer[..<count]
      while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
        message.yield(try JSONDecoder().decode(JSONValue.self, from: line + rest[..<newline]))
        received.add(1, ordering: .releasing)
        line = Data()
        rest = rest[(newline + 1)...]
      }
      line += rest
    }
  }

  /// The next message of the agent.
  func next() async throws -> JSONValue {
    for await message in messages { return message }
    throw Ended(what: "the connection")
  }

  /// The next message, which has to be of that method.
  func next(_ method: String) async throws -> JSONValue {
    let message = try await next()
    guard message["method"]?.string == method else {
      throw Ended(what: "\(method) was awaited, and \(message) came")
    }
    return message
  }

  /// The next message's error, when it has one.
  func nextError() async throws -> (code: Int64?, data: JSONValue?, whole: JSONValue?) {
    let error = try await next()["error"]
    return (error?["code"]?.integer, error?["data"], error)
  }

  /// Whether the agent has closed it.
  func isClosed() async -> Bool {
    for await _ in messages { return false }
    return true
  }

  /// Sends a line. A thread writes it: the agent reads on the cooperative pool, which must not wait
  /// for the agent.
  func send(_ text: String) {
    outbox.withLock { $0.append(contentsOf: Array("\(text)\n".utf8)) }
    try? wakeUp.raise()
  }

  private func write() throws {
    while try wakeUp.descriptor.wait(timeoutMilliseconds: nil) {
      _ = try wakeUp.take()
      // Before the bytes are taken: what was sent before the end is among them then.
      let isLast = isOver.load(ordering: .acquiring)
      let bytes = outbox.withLock { bytes in
        defer { bytes = [] }
        return bytes
      }
      var sent = 0
      while sent < bytes.count {
        // Not write(2): an agent that is gone must not end the tests with SIGPIPE.
        sent += try socket.sendMessage(bytes.span.extracting(droppingFirst: sent)) ?? 0
      }
      if isLast { return try socket.finishWriting() }
    }
  }

  func answer(_ request: JSONValue, _ result: String) {
    send(#"{"jsonrpc":"2.0","id":\#(request["id"]?.integer ?? -1),"result":\#(result)}"#)
  }

  func refuse(_ request: JSONValue, _ error: String) {
    send(#"{"jsonrpc":"2.0","id":\#(request["id"]?.integer ?? -1),"error":\#(error)}"#)
  }

  func handle(_ method: String, id: String? = "h1", _ members: String = #""from":"planner""#) {
    let idMember = id.map { #""id":"\#($0)","# } ?? ""
    let params = #"{"method":"\#(method)",\#(members)}"#
    send(#"{"jsonrpc":"2.0",\#(idMember)"method":"handle","params":\#(params)}"#)
  }

  /// Ends the connection, as far as the agent can see, after what was sent before.
  func close() {
    isOver.store(true, ordering: .releasing)
    try? wakeUp.raise()
  }
}

/// Blocks this thread, which is never one of the cooperative pool unless that is what is tested.
func pause(_ milliseconds: Int64) {
  guard let ends = try? UnixSocket.pair() else { return }
  _ = try? ends.first.wait(timeoutMilliseconds: milliseconds)
}

/// Runs a test with an agent that is connected to a fake superv.
func withAgent(
  maximumMessageBytes: Int = 1 << 20, onPing: (@Sendable () async -> Void)? = nil,
  _ body: (Agent, FakeSuperv, FakeConnection) async throws -> Void
) async throws {
  let superv = try FakeSuperv()
  defer { superv.end() }
  var options = Agent.Options()
  options.socketPath = superv.path
  options.onPing = onPing
  let agent = Agent(options)
  async let started: Void = agent.start()
  let connection = try await superv.greeted(maximumMessageBytes: maximumMessageBytes)
  try await started
  do {
    try await body(agent, superv, connection)
  } catch {
    await agent.close()
    throw error
  }
  await agent.close()
}

/// The error that `body` throws.
func failure<Result>(
  of body: () async throws(SupervError) -> Result
) async -> SupervError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error
  }
}
