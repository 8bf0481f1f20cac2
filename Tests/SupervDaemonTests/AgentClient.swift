import SupervDaemon
import SupervProtocol
import Testing

/// A process of an agent at the other end of its connection. What it is sent is kept as text, since
/// what superv passes on has to come byte for byte.
final class AgentClient {
  /// A `handle`, or another request or notification of superv's.
  struct Heard {
    /// With its quotes; nil for a notification.
    var id: String?
    var method: String
    var params: String

    func member(_ name: String) -> String? {
      let bytes = Array(params.utf8)
      return JSON.member(name, of: 0..<bytes.count, in: bytes.span).map {
        String(decoding: bytes[$0], as: UTF8.self)
      }
    }

    /// The traceparent, without its quotes.
    var trace: String { String((member("trace") ?? "").dropFirst().dropLast()) }
  }

  enum Answer: Equatable {
    case result(String)
    case failure(RPCError)
  }

  let id: ConnectionID
  let world: World
  private var input = LineBuffer(maximumLineBytes: 64 << 20)
  private(set) var heard: [Heard] = []
  /// By the text of the id.
  private(set) var answers: [String: [Answer]] = [:]
  private(set) var faults: [RPCError] = []
  private var nextID = 1

  init(_ world: World, _ id: ConnectionID) {
    self.world = world
    self.id = id
    world.agentClients[id] = self
  }

  /// Bytes on the wire, in a turn of their own.
  func send(_ text: String) {
    world.kernel.arrivals.append(.received(id, Array(text.utf8)))
    world.turn()
  }

  /// - Returns: the id of the request.
  @discardableResult
  func request(_ method: String, _ params: String = "{}") -> String {
    let line = line(method, params)
    send(line.text)
    return line.id
  }

  /// A request with an id of its own.
  func line(_ method: String, _ params: String = "{}") -> (id: String, text: String) {
    let id = String(nextID)
    nextID += 1
    return (
      id, #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"# + "\n"
    )
  }

  /// - Returns: the id of the call.
  @discardableResult
  func call(
    _ to: String, _ method: String = "work", timeout: Int = 1000, params: String = "[]",
    trace: String? = nil
  ) -> String {
    request("call", Self.params(to, method, timeout: timeout, params: params, trace: trace))
  }

  static func params(
    _ to: String, _ method: String = "work", timeout: Int, params: String = "[]",
    trace: String? = nil
  ) -> String {
    #"{"to":"\#(to)","method":"\#(method)","params":\#(params),"timeout_ms":\#(timeout)"#
      + (trace.map { #","trace":"\#($0)""# } ?? "") + "}"
  }

  func answer(_ heard: Heard, _ result: String = "{}") {
    send(#"{"jsonrpc":"2.0","id":\#(heard.id ?? "null"),"result":\#(result)}"# + "\n")
  }

  /// The calls in its hands and everything else that superv has asked or told, since the last time.
  func take() -> [Heard] {
    defer { heard = [] }
    return heard
  }

  /// The one `handle` since the last time.
  func takeHandle(location: SourceLocation = #_sourceLocation) throws -> Heard {
    let handles = take().filter { $0.method == "handle" }
    #expect(handles.count == 1, sourceLocation: location)
    return try #require(handles.first, sourceLocation: location)
  }

  func failure(of id: String) -> RPCError? {
    if case .failure(let error)? = answers[id]?.first { error } else { nil }
  }

  func result(of id: String) -> String? {
    if case .result(let text)? = answers[id]?.first { text } else { nil }
  }

  /// The connection ends, from this side.
  func hangUp() {
    world.kernel.hangUp(id)
    world.settle()
  }

  func receive(_ bytes: [UInt8]) {
    input.append(bytes.span)
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      input.withBytes(of: range) { take($0) }
    }
  }

  private func take(_ line: Span<UInt8>) {
    do {
      let message = try MessageScanner.scan(line)
      func part(_ range: Range<Int>?) -> String? { range.map { text(of: $0, in: line) } }
      switch message.kind {
      case .request, .notification:
        heard.append(
          Heard(
            id: part(message.id), method: part(message.method) ?? "",
            params: part(message.params) ?? "{}"))
      case .result:
        answers[part(message.id) ?? "", default: []].append(.result(part(message.result) ?? ""))
      case .error:
        let error = try JSON.decode(
          RPCError.self, from: line.extracting(message.error ?? 0..<0))
        guard let id = part(message.id) else { return faults.append(error) }
        answers[id, default: []].append(.failure(error))
      }
    } catch {
      Issue.record("superv says something that is no message: \(error)")
    }
  }
}

extension World {
  /// A connection of a living process.
  ///
  /// - Parameter process: another pid than that of the agent itself, for a helper of it.
  func connect(
    agent name: String, process: Int32? = nil, location: SourceLocation = #_sourceLocation
  ) throws -> AgentClient {
    let living = try #require(
      kernel.process(of: name), "\(name) runs", sourceLocation: location)
    let id = kernel.connect(as: living.key, process: process ?? living.value.pid)
    let client = AgentClient(self, id)
    turn()
    return client
  }

  /// A connection that has said hello, of an agent that is ready.
  func serve(
    _ name: String, location: SourceLocation = #_sourceLocation
  ) throws -> AgentClient {
    let client = try connect(agent: name, location: location)
    let id = client.request("hello", #"{"protocol":1,"ready":true}"#)
    #expect(client.result(of: id) != nil, sourceLocation: location)
    return client
  }
}
