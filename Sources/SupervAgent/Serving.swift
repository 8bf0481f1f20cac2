internal import SupervProtocol
internal import SupervSystem

/// The call that a handler serves.
public struct IncomingCall: Sendable {
  /// The instance that calls, as superv knows it; `@operator` for `superv call`.
  public var from: String
  public var method: String
  /// What it is done for, where the caller said.
  public var task: String?
  /// The W3C traceparent that nested calls carry on.
  public var trace: String?
  /// When nobody waits for the answer any more; nil for a cast.
  public var deadline: SuspendingClock.Instant?

  /// How much time is left, never less than none; nil for a cast.
  public func remaining() -> Duration? {
    deadline.map { max(.zero, SuspendingClock.now.duration(to: $0)) }
  }

  /// Whether the caller has given up or its time is over: the task of the handler is cancelled.
  public var cancelled: Bool { Task.isCancelled }
}

/// What serves a method: params and result are one JSON value each, no params are nil.
typealias Handler = @Sendable ([UInt8]?, IncomingCall) async throws -> [UInt8]

/// A call whose handler runs.
struct Served {
  /// As it came; nil for a cast.
  var id: [UInt8]?
  var connection: Int
  var task: Task<Void, Never>
}

extension Agent {
  /// Serves a method: `handler` runs for every call and cast of it.
  ///
  /// ```swift
  /// struct Topic: Codable { var topic: String }
  /// await agent.handle("draft") { (params: Topic, call) in
  ///   try await draft(about: params.topic, until: call.deadline)
  /// }
  /// ```
  ///
  /// Handlers run side by side, each in a task of its own that is cancelled when the caller gives
  /// up. Calls made in it carry on the trace. A `SupervError` that it throws is the answer; any
  /// other error becomes one of code -32603 that names it, and is written to standard error.
  ///
  /// - Parameters:
  ///   - method: At most 128 bytes; an earlier handler of the same method is replaced.
  ///   - handler: Gets the params decoded; what does not fit is answered as `invalid`. Where there
  ///     are none, an optional is nil and anything else is read from an empty object.
  public func handle<Params: Decodable & SendableMetatype, Result: Encodable & SendableMetatype>(
    _ method: String, _ handler: @escaping @Sendable (Params, IncomingCall) async throws -> Result
  ) {
    handlers[method] = { params, call in
      try Outgoing.encode(try await handler(try decodeParams(params), call))
    }
  }

  /// Serves a method whose result says nothing: the answer is null.
  public func handle<Params: Decodable & SendableMetatype>(
    _ method: String, _ handler: @escaping @Sendable (Params, IncomingCall) async throws -> Void
  ) {
    handlers[method] = { params, call in
      try await handler(try decodeParams(params), call)
      return Array("null".utf8)
    }
  }

  func serve(_ request: Incoming.Handle, from connection: Connection) {
    guard let handler = handlers[request.method] else {
      let error = SupervError(.methodNotFound("there is no method '\(request.method)'"))
      return answer(.failure(error), to: request.id, from: connection.number)
    }
    let call = IncomingCall(
      from: request.from, method: request.method, task: request.task, trace: request.trace,
      deadline: request.deadlineMilliseconds.map { .now + .milliseconds($0) })
    let number = connection.number
    let key = makeID()
    let task = Task.detached {
      let answer = await Agent.$trace.withValue(call.trace) {
        await Agent.$deadline.withValue(call.deadline) {
          await outcome(of: handler, request.params, call)
        }
      }
      await self.finished(key, answer, to: request.id, from: number)
    }
    served[key] = Served(id: request.id, connection: number, task: task)
  }

  private func finished(_ key: Int64, _ answer: Answer, to id: [UInt8]?, from connection: Int) {
    served[key] = nil
    self.answer(answer, to: id, from: connection)
    if stop != nil { changed() }
  }

  /// Answers a request, on the connection that it came from or not at all.
  func answer(_ answer: Answer, to id: [UInt8]?, from number: Int) {
    guard let id, let connection, connection.number == number else { return }
    let line: [UInt8]
    switch answer {
    case .success(let result): line = Outgoing.result(result, id: id)
    case .failure(let error): line = Outgoing.error(error, id: id)
    }
    do {
      try checkSize(of: line, on: connection)
      _ = connection.send(line)
    } catch {
      _ = connection.send(Outgoing.error(error, id: id))
    }
  }

  func cancelServed(_ id: [UInt8], from connection: Int) {
    served.values.first { $0.id == id && $0.connection == connection }?.task.cancel()
  }
}

private func outcome(
  of handler: Handler, _ params: [UInt8]?, _ call: IncomingCall
) async -> Answer {
  do {
    return .success(try await handler(params, call))
  } catch let error as SupervError {
    return .failure(error)
  } catch is CancellationError {
    return .failure(.cancelled)
  } catch {
    let error = SupervError(unexpected: error)
    StandardError.write("the handler of '\(call.method)' failed: \(error.message)\n")
    return .failure(error)
  }
}

private func decodeParams<Params: Decodable>(_ params: [UInt8]?) throws(SupervError) -> Params {
  do {
    if let params { return try JSON.decode(Params.self, from: params.span) }
    if let none = try? JSON.decode(Params.self, from: Array("null".utf8).span) { return none }
    return try JSON.decode(Params.self, from: Array("{}".utf8).span)
  } catch {
    throw SupervError(error)
  }
}
