import SupervAgent

/// What the other agents of the conformance tree may call.
func registerHandlers(on agent: Agent) async {
  let cancelled = Counter()
  await agent.handle("echo") { (params: JSONValue, _) in params }
  await agent.handle("whoami") { (_: JSONValue, call) in
    [
      "from": .string(call.from), "task": call.task.map { .string($0) } ?? .null,
      "trace": call.trace.map { .string($0) } ?? .null,
      "remaining_ms": call.remaining().map { .number($0 / .milliseconds(1)) } ?? .null,
    ] as JSONValue
  }
  await agent.handle("fail") { (params: JSONValue, _) in
    throw SupervError(
      code: Int(params["code"]?.integer ?? 0), message: params["message"]?.string ?? "",
      data: params["data"])
  }
  await agent.handle("crash") { (params: JSONValue, _) in
    throw Crash(description: params["message"]?.string ?? "")
  }
  await agent.handle("slow") { (params: JSONValue, _) in
    try await cancelled.counting {
      try await Task.sleep(for: .milliseconds(params["ms"]?.integer ?? 0))
      return "slow"
    }
  }
  await agent.handle("relay") { (params: JSONValue, _) in
    await cancelled.counting { await relay(params, through: agent) }
  }
  await agent.handle("cancelled") { (_: JSONValue, _) in await cancelled.count }
  await agent.handle("big") { (params: JSONValue, _) in
    String(repeating: "x", count: Int(params["bytes"]?.integer ?? 0))
  }
}

private func relay(_ params: JSONValue, through agent: Agent) async -> JSONValue {
  do {
    return try await agent.call(
      params["to"]?.string ?? "", method: params["method"]?.string ?? "",
      params: params["params"] ?? .null,
      timeout: .milliseconds(params["timeout_ms"]?.integer ?? 30_000))
  } catch {
    return ["kind": error.kind == .remote ? .null : .string(error.kind.rawValue)]
  }
}

/// How many handlers saw that their caller gave up.
private actor Counter {
  private(set) var count = 0

  nonisolated(nonsending) func counting<Result, Failure: Error>(
    _ body: nonisolated(nonsending) () async throws(Failure) -> Result
  ) async throws(Failure) -> Result {
    do {
      let result = try await body()
      if Task.isCancelled { await add() }
      return result
    } catch {
      if Task.isCancelled { await add() }
      throw error
    }
  }

  private func add() { count += 1 }
}

private struct Crash: Error, CustomStringConvertible {
  var description: String
}
