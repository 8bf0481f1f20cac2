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

  init(_ socket: consuming Descriptor) throws {
    let (messages, message) = AsyncStream.makeStream(of: JSONValue.self)
    self.messages = messages
    self.socket = socket
    try self.socket.setNonblocking(false)
    try Threads.start { [self] in
      try? read(message)
      message.finish()
    }
  }

  private func read(_ message: AsyncStream<JSONValue>.Continuation) throws {
    var line = Data()
    while true {
      var buffer = [UInt8](repeating: 0, count: 64 << 10)
      var space = buffer.mutableSpan
      guard let count = try socket.read(into: &space), count > 0 else { return }
      var rest = buffer[..<count]
      while let newline = rest.firstIndex(of: UInt8(ascii: "\n")) {
        message.yield(try JSONDecoder().decode(JSONValue.self, from: line + rest[..<newline]))
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

  func send(_ text: String) {
    // The reader may be gone; the test then fails by what does not come.
    try? socket.writeAll("\(text)\n")
  }

  func answer(_ request: JSONValue, _ result: String) {
    send(#"{"jsonrpc":"2.0","id":\#(request["id"]?.integer ?? -1),"result":\#(result)}"#)
  }

  func refuse(_ request: JSONValue, _ error: String) {
    send(#"{"jsonrpc":"2.0","id":\#(request["id"]?.integer ?? -1),"error":\#(error)}"#)
  }

  func handle(_ method: String, id: String? = "h1", _ members: String = #""from":"planner""#) {
    let idMember = id.map { #""id":"\#($0)","# } ?? ""
    send(
      #"{"jsonrpc":"2.0",\#(idMember)"method":"handle","params":{"method":"\#(method)",\#(members)}}"#
    )
  }

  /// Ends the connection, as far as the agent can see.
  func close() { try? socket.finishWriting() }
}

/// Runs a test with an agent that is connected to a fake superv.
func withAgent(
  maximumMessageBytes: Int = 1 << 20, _ configure: (inout Agent.Options) -> Void = { _ in },
  _ body: (Agent, FakeSuperv, FakeConnection) async throws -> Void
) async throws {
  let superv = try FakeSuperv()
  defer { superv.end() }
  var options = Agent.Options()
  options.socketPath = superv.path
  configure(&options)
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
