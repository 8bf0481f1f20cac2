internal import SupervProtocol

// Calls to other agents.
extension Agent {
  /// Calls another agent and waits for its result.
  ///
  /// ```swift
  /// struct Draft: Codable { var text: String }
  /// let draft: Draft = try await agent.call(
  ///   "writer", method: "draft", params: ["topic": "owls"], timeout: .seconds(5))
  /// ```
  ///
  /// Made within a handler, the call carries the trace of the call that is being served and asks
  /// for no more time than that one has left. Cancelling the task cancels the call.
  ///
  /// - Parameters:
  ///   - agent: An agent, `writer`, or one instance of it, `writer:1`.
  ///   - method: The callee's method; at most 128 bytes.
  ///   - params: Any value that has JSON; one that is null is left out.
  ///   - timeout: From 1 ms to 24 h, for all attempts together. superv's clock decides; a second
  ///     later the call ends all the same.
  ///   - task: What this is done for; at most 128 bytes, passed on.
  ///   - attempts: How often to try where an error is retryable: after `retryAfter`, or a random
  ///     time of up to 100 ms, doubled with each attempt.
  /// - Throws: `SupervError`: superv's, the callee's own (`remote`), or `invalid` when the result
  ///   is not a `Result`.
  public nonisolated func call<Result: Decodable>(
    _ agent: String, method: String, params: some Encodable & Sendable = JSONValue.null,
    timeout: Duration = .seconds(30), task: String? = nil, attempts: Int = 1
  ) async throws(SupervError) -> Result {
    let result = try await callEncoded(
      Target(agent: agent, method: method, params: try encodeParams(params), task: task),
      timeout: timeout, attempts: attempts)
    do {
      return try JSON.decode(Result.self, from: result.span)
    } catch {
      throw SupervError(
        .invalid, "the result of \(agent)'s \(method) is no \(Result.self): \(error.message)")
    }
  }

  /// Calls another agent for what it does rather than for its result, which may be anything;
  /// otherwise as the call with a result.
  public nonisolated func call(
    _ agent: String, method: String, params: some Encodable & Sendable = JSONValue.null,
    timeout: Duration = .seconds(30), task: String? = nil, attempts: Int = 1
  ) async throws(SupervError) {
    _ = try await callEncoded(
      Target(agent: agent, method: method, params: try encodeParams(params), task: task),
      timeout: timeout, attempts: attempts)
  }

  /// Sends a message to another agent, which does not answer.
  ///
  /// Returns when superv has put it into the callee's queue, no more.
  ///
  /// - Throws: `SupervError`, as a call that does not reach its callee does.
  public nonisolated func cast(
    _ agent: String, method: String, params: some Encodable & Sendable = JSONValue.null,
    task: String? = nil
  ) async throws(SupervError) {
    let target = Target(agent: agent, method: method, params: try encodeParams(params), task: task)
    _ = try await ask("cast", target.members(Agent.trace), within: .seconds(30)).get()
  }

  /// Whom to call, and with what.
  private struct Target {
    var agent: String
    var method: String
    /// One JSON value; nil leaves it out.
    var params: [UInt8]?
    var task: String?

    func members(_ trace: String?) -> ParamsWriter {
      var members = ParamsWriter()
      members.add("to", agent)
      members.add("method", method)
      members.add("params", encoded: params)
      members.add("task", task)
      members.add("trace", trace)
      return members
    }
  }

  private nonisolated func encodeParams(
    _ params: some Encodable
  ) throws(SupervError) -> [UInt8]? {
    let encoded = try Outgoing.encode(params)
    return encoded == Array("null".utf8) ? nil : encoded
  }

  private nonisolated func callEncoded(
    _ target: Target, timeout: Duration, attempts: Int
  ) async throws(SupervError) -> [UInt8] {
    let clock = SuspendingClock()
    let begin = clock.now
    let end = min(begin + timeout, Agent.deadline ?? begin + timeout)
    var left = begin.duration(to: end)
    var longestPause = Duration.milliseconds(100)
    var attemptsLeft = attempts
    while true {
      guard left > .zero else {
        throw SupervError(.timeout, "the time for \(target.agent)'s \(target.method) is over")
      }
      var members = target.members(Agent.trace)
      members.add("timeout_ms", left.milliseconds)
      let error: SupervError
      switch await ask("call", members, within: left + .seconds(1)) {
      case .success(let result): return result
      case .failure(let failure): error = failure
      }
      attemptsLeft -= 1
      let pause = error.retryAfter ?? longestPause * Double.random(in: 0...1)
      guard attemptsLeft > 0, error.retryable, clock.now + pause < end else { throw error }
      longestPause *= 2
      do { try await clock.sleep(for: pause) } catch { throw .cancelled }
      left = clock.now.duration(to: end)
    }
  }

  /// Sends a request and waits for its answer.
  ///
  /// - Parameter limit: When the wait is over at the latest, whatever superv does.
  func ask(_ method: String, _ params: ParamsWriter, within limit: Duration) async -> Answer {
    await ask(method, params, within: limit) { .call($0) }
  }

  func ask(
    _ method: String, _ params: ParamsWriter, within limit: Duration,
    as pendingKind: (AsyncStream<Answer>.Continuation) -> Pending
  ) async -> Answer {
    guard let connection, connection.isOpen else {
      return .failure(supervised ? .away : .notSupervised)
    }
    let id = makeID()
    let line = Outgoing.request(id: id, method, params)
    do { try checkSize(of: line, on: connection) } catch { return .failure(error) }
    guard connection.send(line) else {
      return .failure(SupervError(.overloaded, "superv does not read what this agent sends"))
    }
    let (answers, continuation) = AsyncStream.makeStream(of: Answer.self)
    pending[id] = pendingKind(continuation)
    let timer = Task {
      try await Task.sleep(for: limit, clock: .suspending)
      pending[id]?.end(.failure(SupervError(.timeout, "superv did not answer in time")))
    }
    defer {
      timer.cancel()
      // The number of a monitor is needed, if only to end it.
      if case .call = pending[id] { pending[id] = nil }
    }
    for await answer in answers { return answer }
    // No answer: this task was cancelled.
    if method == "call" {
      var params = ParamsWriter()
      params.add("id", id)
      tell("cancel", params)
    }
    return .failure(.cancelled)
  }

  func checkSize(of line: [UInt8], on connection: Connection) throws(SupervError) {
    // The limit does not count the LF.
    guard line.count - 1 > connection.maximumMessageBytes else { return }
    throw .tooLarge(bytes: line.count - 1, maximum: connection.maximumMessageBytes)
  }
}
