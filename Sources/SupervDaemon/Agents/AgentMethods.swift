import SupervConfig
import SupervProtocol
import SupervisionTree

/// What agents may ask for or tell (docs/protocol.md).
enum AgentMethod: String, CaseIterable {
  case hello, ready, status, heartbeat, log, call, cast, cancel, monitor, demonitor
  case notReady = "not_ready"
  case operationBegin = "op.begin"
  case operationEnd = "op.end"

  /// - Throws: `RPCError` with the nearest name.
  init(named range: Range<Int>, in line: Span<UInt8>) throws(RPCError) {
    // Most messages are calls; the others may cost a String.
    if range.count == 4, line[range.lowerBound] == UInt8(ascii: "c"),
      line[range.lowerBound + 2] == UInt8(ascii: "l"),
      line[range.lowerBound + 1] == UInt8(ascii: "a")
    {
      self = .call
      return
    }
    let name = text(of: range, in: line)
    guard let method = Self(rawValue: name) else {
      let nearest = nearestName(to: name, among: Self.allCases.map(\.rawValue))
      throw .methodNotFound(
        "there is no method '\(name)'" + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }
    self = method
  }
}

// MARK: - Messages in and out

extension Daemon {
  func receiveFromAgent(_ bytes: [UInt8], on id: ConnectionID) {
    guard let session = sessions[id] else { return }
    // Taken out while its lines are handled: borrowed from the session, it would be one more access
    // to look through at every access to anything below.
    var input = LineBuffer(maximumLineBytes: session.input.maximumLineBytes)
    swap(&input, &session.input)
    defer { swap(&input, &session.input) }
    input.append(bytes)
    var message = Message()
    while !session.isClosed, let event = input.next() {
      switch event {
      case .line(let range):
        input.withBytes(of: range) { line in handle(line, &message, from: session) }
      case .oversized:
        let limit = input.maximumLineBytes
        let reason = "a message may have \(limit) bytes at most"
        tellRefusal("message.refused", of: session.process, because: reason)
        reply(in: session, nil, failure: RPCError(.tooLarge, reason))
      }
    }
  }

  /// - Parameter message: scratch space, for the next line as well.
  private func handle(
    _ line: Span<UInt8>, _ message: inout Message, from session: Session
  ) {
    do {
      try MessageScanner.scan(line, into: &message)
    } catch {
      let id = error.id.map { range in range.map { line[$0] } }
      return reply(in: session, id, failure: error.error)
    }
    if chaos.isDisturbing, message.kind == .result || message.kind == .error,
      !isUndisturbed(line, from: session)
    {
      return
    }
    take(&message, in: line, from: session)
  }

  /// - Parameter message: scanned from the line.
  func take(_ message: inout Message, in line: Span<UInt8>, from session: Session) {
    switch message.kind {
    case .result: takeAnswer(to: message.id, .ok, message.result, in: line, from: session)
    case .error: takeAnswer(to: message.id, .error, message.error, in: line, from: session)
    case .request, .notification:
      do {
        try perform(&message, in: line, from: session)
      } catch {
        guard let range = message.id else { return }
        reply(in: session, range.map { line[$0] }, failure: error)
      }
    }
  }

  private func perform(
    _ message: inout Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {
    guard let name = message.method else { return }
    switch try AgentMethod(named: name, in: line) {
    case .call: return try call(&message, in: line, from: session)
    case .cast: try cast(&message, in: line, from: session)
    case .cancel: try cancel(message, in: line, from: session)
    case .monitor: return try monitor(message, in: line, from: session)
    case .demonitor: try demonitor(message, in: line, from: session)
    case .hello: return try hello(message, in: line, from: session)
    case .ready: say(.ready, of: session.process)
    case .notReady:
      let params = try JSON.decodeParams(NotReadyParams.self, of: message, in: line)
      say(.notReady(try limited(params.reason ?? "", "reason", 512)), of: session.process)
    case .status:
      let params = try JSON.decodeParams(StatusTextParams.self, of: message, in: line)
      setStatus(try limited(params.text, "text", 512), of: session.process)
    case .heartbeat: try heartbeat(message, in: line, of: session.process)
    case .operationBegin: try beginOperation(message, in: line, of: session.process)
    case .operationEnd: try endOperation(message, in: line, of: session.process)
    case .log: try log(message, in: line, of: session.process)
    }
    confirm(message, in: line, from: session)
  }

  /// - Throws: `RPCError` when a text is longer than it may be.
  func limited(
    _ text: String, _ member: String, _ maximumBytes: Int
  ) throws(RPCError) -> String {
    guard text.utf8.count <= maximumBytes else {
      throw .invalidParameters("'\(member)' may have \(maximumBytes) bytes at most")
    }
    return text
  }

  /// Answers a request; a notification is not answered.
  func reply(
    in session: Session, _ message: Message, in line: Span<UInt8>, _ result: some Encodable
  ) {
    guard let id = message.id else { return }
    var bytes: [UInt8] = []
    MessageWriter.appendResult(id: line.extracting(id), result: result, to: &bytes)
    deliver(bytes, to: session)
  }

  /// Answers a request whose result says no more than that it is done.
  private func confirm(_ message: Message, in line: Span<UInt8>, from session: Session) {
    guard let id = message.id else { return }
    var bytes: [UInt8] = []
    let done: [2 of UInt8] = [UInt8(ascii: "{"), UInt8(ascii: "}")]
    MessageWriter.appendResult(id: line.extracting(id), encodedResult: done.span, to: &bytes)
    deliver(bytes, to: session)
  }

  func reply(in session: Session, _ requestID: [UInt8]?, failure: RPCError) {
    var bytes: [UInt8] = []
    if let requestID {
      MessageWriter.appendError(failure, id: requestID.span, to: &bytes)
    } else {
      MessageWriter.appendError(failure, id: nil, to: &bytes)
    }
    deliver(bytes, to: session)
  }

  /// What an agent does not take of its own answers costs it the connection.
  func deliver(_ bytes: [UInt8], to session: Session) {
    if !kernel.send(bytes, to: session.id) {
      dropSession(session, because: "it does not read its answers")
    }
  }
}

// MARK: - hello

private struct HelloParams: Decodable {
  var `protocol`: Int
  var client: String?
  var serves: Bool?
  var ready: Bool?
}

private struct HelloResult: Encodable {
  var `protocol` = 1
  var superv = supervVersion
  var agent: String
  var name: String
  var instance: Int
  var incarnation: UInt64
  var messageMaximumBytes: Int

  enum CodingKeys: String, CodingKey {
    case `protocol`, superv, agent, name, instance, incarnation
    case messageMaximumBytes = "message_max"
  }
}

private struct NotReadyParams: Decodable {
  var reason: String?
}

private struct StatusTextParams: Decodable {
  var text: String
}

extension Daemon {
  private func hello(
    _ message: Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {
    let params = try JSON.decodeParams(HelloParams.self, of: message, in: line)
    guard params.protocol == 1 else {
      throw .invalidParameters("'protocol' is \(params.protocol); superv speaks 1")
    }
    _ = try limited(params.client ?? "", "client", 128)
    let node = session.process.node
    guard let slot = agents.indices.contains(node.index) ? agents[node.index] : nil else { return }
    // A program that outlives its agent for a moment serves nobody.
    let serves = (params.serves ?? true) && isCurrent(session.process)
    // What the connection that served before has in its hands it may still answer.
    if serves { try sessions.serve(session) }
    reply(
      in: session, message, in: line,
      HelloResult(
        agent: slot.definition.agent, name: slot.definition.specification.name,
        instance: slot.definition.instance, incarnation: session.process.incarnation,
        messageMaximumBytes: configuration.settings.maximumMessageBytes))
    if serves { repeatStop(to: session.process) }
    // A `ping` may follow from it, and comes after the answer.
    if serves { declareReadiness(of: session.process) }
    switch params.ready {
    case true?: say(.ready, of: session.process)
    case false?: say(.notReady(""), of: session.process)
    case nil: break
    }
  }
}

// MARK: - Requests to the agent

private struct StopParams: Encodable {
  var reason: String
  var deadlineMilliseconds: Int64

  enum CodingKeys: String, CodingKey {
    case reason
    case deadlineMilliseconds = "deadline_ms"
  }
}

extension Daemon {
  /// An earlier daemon may have died before it could tell it to stop, and the earlier connection
  /// with it.
  private func repeatStop(to process: ProcessKey) {
    guard case .askToStop(_, _, _, let why)? = tree.stopEffect(on: process.node),
      let deadline = timers.deadline(of: process.node.index)
    else { return }
    _ = askToStop(process, grace: max(.zero, deadline - kernel.now), why: why)
  }

  /// - Returns: whether there is somebody to tell.
  func askToStop(_ process: ProcessKey, grace: Duration, why: Reason) -> Bool {
    guard let session = sessions.serving(process) else { return false }
    var bytes: [UInt8] = []
    let params = StopParams(
      reason: why.description, deadlineMilliseconds: grace.wholeNanoseconds / 1_000_000)
    MessageWriter.appendNotification(method: "stop", params: params, to: &bytes)
    return kernel.send(bytes, to: session.id)
  }
}
