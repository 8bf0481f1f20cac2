import SupervProtocol

/// What an answer brings: the bytes of a result, or an error.
typealias Answer = Result<[UInt8], SupervError>

/// A line from superv, understood.
enum Incoming {
  struct Handle {
    /// As it came, for the answer; nil for a cast.
    var id: [UInt8]?
    var from: String
    var method: String
    /// One JSON value; nil when absent.
    var params: [UInt8]?
    var deadlineMilliseconds: Int64?
    var task: String?
    var trace: String?
  }

  case answer(id: Int64, Answer)
  case handle(Handle)
  case ping(id: [UInt8])
  case stop(reason: String, deadlineMilliseconds: Int64?)
  case cancel(id: [UInt8])
  case down(monitor: Int64, Down)
  /// superv could not read something, or refuses the connection.
  case refusal(SupervError)
  /// A request that nobody here knows.
  case unknown(id: [UInt8], method: String)
  /// Not a message, or one that is not for an agent: superv may be newer than this.
  case ignored

  init(_ line: Span<UInt8>) {
    guard let message = try? MessageScanner.scan(line) else {
      self = .ignored
      return
    }
    let id = message.id.map { bytes(of: $0, in: line) }
    switch message.kind {
    case .result, .error: self = Self.answer(message, in: line)
    case .request, .notification:
      let method = message.methodName(in: line) ?? ""
      let params = Members(object: message.params)
      switch (method, id) {
      case ("handle", _): self = Self.handle(id, params, in: line)
      case ("ping", let id?): self = .ping(id: id)
      case ("stop", _):
        self = .stop(
          reason: params.string("reason", in: line) ?? "",
          deadlineMilliseconds: params.integer("deadline_ms", in: line))
      case ("cancel", _): self = params.bytes("id", in: line).map { .cancel(id: $0) } ?? .ignored
      case ("down", _): self = Self.down(params, in: line)
      case (_, let id?): self = .unknown(id: id, method: method)
      case (_, nil): self = .ignored
      }
    }
  }

  private static func answer(_ message: Message, in line: Span<UInt8>) -> Self {
    if let result = message.result, let id = message.integerID(in: line) {
      return .answer(id: id, .success(bytes(of: result, in: line)))
    }
    guard let range = message.error else { return .ignored }
    let error: SupervError
    do {
      error = try JSON.decode(ErrorObject.self, from: line.extracting(range)).error
    } catch let problem {
      error = SupervError(.invalid, "an error that does not read as one: \(problem.message)")
    }
    guard message.id != nil else { return .refusal(error) }
    return message.integerID(in: line).map { .answer(id: $0, .failure(error)) } ?? .ignored
  }

  private static func handle(
    _ id: [UInt8]?, _ params: Members, in line: Span<UInt8>
  ) -> Self {
    guard let method = params.string("method", in: line) else { return .ignored }
    return .handle(
      Handle(
        id: id, from: params.string("from", in: line) ?? "", method: method,
        params: params.bytes("params", in: line),
        deadlineMilliseconds: params.integer("deadline_ms", in: line),
        task: params.string("task", in: line),
        trace: params.string("trace", in: line)))
  }

  private static func down(_ params: Members, in line: Span<UInt8>) -> Self {
    guard let monitor = params.integer("monitor", in: line),
      let agent = params.string("agent", in: line)
    else {
      return .ignored
    }
    return .down(
      monitor: monitor,
      Down(
        agent: agent, incarnation: params.integer("incarnation", in: line).map { Int($0) },
        reason: params.string("reason", in: line) ?? ""))
  }
}

/// The members of an object in a line that has passed the grammar.
private struct Members {
  var object: Range<Int>?

  private func range(_ name: String, _ line: Span<UInt8>) -> Range<Int>? {
    object.flatMap { JSON.member(name, of: $0, in: line) }
  }

  /// The value as it came.
  func bytes(_ name: String, in line: Span<UInt8>) -> [UInt8]? {
    range(name, line).map { SupervAgent.bytes(of: $0, in: line) }
  }

  func string(_ name: String, in line: Span<UInt8>) -> String? {
    range(name, line).flatMap { try? JSON.decode(String.self, from: line.extracting($0)) }
  }

  func integer(_ name: String, in line: Span<UInt8>) -> Int64? {
    range(name, line).flatMap { Int64(text(of: $0, in: line)) }
  }
}

private func bytes(of range: Range<Int>, in line: Span<UInt8>) -> [UInt8] {
  unsafe line.extracting(range).withUnsafeBufferPointer { unsafe Array($0) }
}
