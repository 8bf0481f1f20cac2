import SupervDaemon
import SupervProtocol
import Testing

/// The other end of a control connection.
final class Client {
  enum Answer: Hashable {
    case result([UInt8])
    case failure(RPCError)
  }

  let id: ConnectionID
  private unowned let world: World
  private var input = LineBuffer(maximumLineBytes: 64 << 20)
  private(set) var answers: [Int64: Answer] = [:]
  /// Answers to ids that already had one: a broken promise.
  private(set) var doubleAnswers: [Int64] = []
  /// Errors about messages without a readable id.
  private(set) var faults: [RPCError] = []
  /// The params of notifications of method `event`, read when somebody looks at them.
  private var followedBytes: [[UInt8]] = []
  private var nextID: Int64 = 1

  init(_ world: World, _ id: ConnectionID) {
    self.world = world
    self.id = id
  }

  /// What came as notifications of method `event`.
  var followed: [EventRecord] {
    get throws { try followedBytes.map { try JSON.decode(EventRecord.self, from: $0.span) } }
  }

  /// Of the latest request.
  var lastID: Int64 { nextID - 1 }

  /// The ids that were asked, without those whose answer has come.
  var unanswered: [Int64] { (1..<nextID).filter { answers[$0] == nil } }

  /// Bytes on the wire, in a turn of their own.
  func send(_ text: String) { send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) {
    world.kernel.arrivals.append(.received(id, bytes))
    world.turn()
  }

  /// One request, in a turn of its own.
  ///
  /// - Returns: its id.
  @discardableResult
  func request(_ method: String, _ params: String = "{}") -> Int64 {
    let id = nextID
    send(line(method, params))
    return id
  }

  /// The line of a request with the next id.
  func line(_ method: String, _ params: String = "{}") -> String {
    defer { nextID += 1 }
    return #"{"jsonrpc":"2.0","id":\#(nextID),"method":"\#(method)","params":\#(params)}"# + "\n"
  }

  func result<Result: Decodable>(
    of id: Int64, as type: Result.Type = Result.self,
    location: SourceLocation = #_sourceLocation
  ) throws -> Result {
    let answer = try #require(answers[id], "no answer", sourceLocation: location)
    switch answer {
    case .result(let bytes): return try JSON.decode(type, from: bytes.span)
    case .failure(let error): throw error
    }
  }

  func failure(of id: Int64) -> RPCError? {
    if case .failure(let error) = answers[id] { error } else { nil }
  }

  /// `name phase` of every result of an action, with `!` before those that are not ok.
  func outcome(of id: Int64, location: SourceLocation = #_sourceLocation) throws -> [String] {
    let report: ActionReport = try result(of: id, location: location)
    return report.results.map { result in
      (result.ok ? "" : "!") + result.name + (result.phase.map { " \($0)" } ?? "")
    }
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
      switch message.kind {
      case .request: Issue.record("superv asks for something")
      case .notification:
        #expect(message.methodName(in: line) == "event")
        followedBytes.append(message.params.map { range in range.map { line[$0] } } ?? [])
      case .result:
        let result = message.result.map { range in range.map { line[$0] } } ?? []
        note(message.integerID(in: line), .result(result))
      case .error:
        let error = try JSON.decode(
          RPCError.self, from: line.extracting(message.error ?? 0..<0))
        note(message.integerID(in: line), .failure(error))
      }
    } catch {
      Issue.record("superv says something that is no message: \(error)")
    }
  }

  private func note(_ id: Int64?, _ answer: Answer) {
    guard let id else {
      if case .failure(let error) = answer { faults.append(error) }
      return
    }
    if answers.updateValue(answer, forKey: id) != nil { doubleAnswers.append(id) }
  }
}
