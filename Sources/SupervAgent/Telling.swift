// What an agent tells superv. None of it fails: without a connection it does nothing.
extension Agent {
  /// How important a line of the log is.
  public enum LogLevel: String, CaseIterable, Hashable, Sendable {
    case debug, info, warning, error
  }

  /// Says that the agent can serve, and keeps superv told through every reconnect.
  ///
  /// Returns when superv knows, so that calls get through from then on; at once when superv is
  /// away, and after 5 s when it does not answer.
  public func ready() async { await become(.ready) }

  /// Says that calls are to be kept away for now; the agent is not restarted for it.
  ///
  /// - Parameter reason: For people; cut at 512 bytes.
  public func notReady(_ reason: String) async {
    await become(.notReady(reason: reason.cut(toBytes: 512)))
  }

  func become(_ new: Readiness, within limit: Duration = .seconds(5)) async {
    readiness = new
    guard connected else { return }
    let (method, params) = message(of: new)
    _ = await ask(method, params, within: limit)
  }

  func tellReadiness() {
    guard let readiness else { return }
    let (method, params) = message(of: readiness)
    tell(method, params)
  }

  private func message(of readiness: Readiness) -> (method: String, params: ParamsWriter) {
    var params = ParamsWriter()
    switch readiness {
    case .ready: return ("ready", params)
    case .notReady(let reason):
      params.add("reason", reason)
      return ("not_ready", params)
    }
  }

  /// Sets the line that `superv status` shows.
  ///
  /// - Parameter text: Cut at 512 bytes.
  public func status(_ text: String) {
    var params = ParamsWriter()
    params.add("text", text.cut(toBytes: 512))
    tell("status", params)
  }

  /// A sign of life, and of progress: where `progress_timeout` is configured, the same `progress`
  /// for that long is a stuck agent.
  ///
  /// - Parameter progress: How far the agent is; cut at 512 bytes.
  public func heartbeat(progress: String? = nil) {
    var params = ParamsWriter()
    params.add("progress", progress?.cut(toBytes: 512))
    tell("heartbeat", params)
  }

  /// A sign of life, and of progress; see ``heartbeat(progress:)-(String?)``.
  public func heartbeat(progress: Int) {
    var params = ParamsWriter()
    params.add("progress", progress)
    tell("heartbeat", params)
  }

  /// Writes to the agent's log file, beside its output.
  ///
  /// ```swift
  /// try await agent.log(.info, "fetched", ["url": "http://127.0.0.1/a", "ms": 12])
  /// ```
  ///
  /// - Parameter task: What this was done for; cut at 128 bytes.
  /// - Throws: `SupervError` of kind `tooLarge` when it is longer than superv takes, or `invalid`
  ///   when a field has no JSON.
  public func log(
    _ level: LogLevel, _ message: String, _ fields: [String: JSONValue] = [:], task: String? = nil
  ) throws(SupervError) {
    var params = ParamsWriter()
    params.add("level", level.rawValue)
    params.add("message", message)
    if !fields.isEmpty { params.add("fields", encoded: try Outgoing.encode(fields)) }
    params.add("task", task?.cut(toBytes: 128))
    let line = Outgoing.notification("log", params)
    if let connection { try checkSize(of: line, on: connection) }
    tell(line)
  }

  /// Runs `body` as an operation: superv knows what the agent is busy with, does not hold a failed
  /// ping against it meanwhile, and sees when it takes far too long.
  ///
  /// ```swift
  /// let text = try await agent.op("summarise", expected: .seconds(30)) {
  ///   try await model.summarise(page)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - kind: What it is an example of; cut at 64 bytes.
  ///   - expected: How long it usually takes; ten times that is stuck. Without it superv goes by
  ///     the operations of this kind before.
  /// - Throws: What `body` throws.
  nonisolated(nonsending) public func op<Result, Failure: Error>(
    _ kind: String, expected: Duration? = nil,
    _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    let operation = await beginOperation(kind, expected)
    do {
      let result = try await body()
      await endOperation(operation)
      return result
    } catch {
      await endOperation(operation)
      throw error
    }
  }

  private func beginOperation(_ kind: String, _ expected: Duration?) -> String {
    let operation = String(makeID())
    var params = ParamsWriter()
    params.add("op", operation)
    params.add("kind", kind.cut(toBytes: 64))
    if let expected { params.add("expected_ms", max(1, expected.milliseconds)) }
    tell("op.begin", params)
    return operation
  }

  private func endOperation(_ operation: String) {
    var params = ParamsWriter()
    params.add("op", operation)
    tell("op.end", params)
  }

  func tell(_ method: String, _ params: ParamsWriter) {
    tell(Outgoing.notification(method, params))
  }

  private func tell(_ line: [UInt8]) {
    guard let connection, connection.isOpen else { return }
    _ = connection.send(line)
  }
}
