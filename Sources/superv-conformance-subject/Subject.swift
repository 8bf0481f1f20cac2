import FoundationEssentials
import SupervAgent
import SupervSystem

/// Carries out the commands of the script, side by side.
actor Subject {
  let agent: Agent
  private let link: CommandLink
  private var lastToken = 0
  private var calls: [Int: Task<JSONValue, any Error>] = [:]
  private var operations: [Int: AsyncStream<Never>.Continuation] = [:]
  private var downs: [JSONValue] = []

  init(_ agent: Agent, _ link: CommandLink) {
    self.agent = agent
    self.link = link
  }

  func obey() async {
    for await command in link.commands {
      Task {
        var answer: [String: JSONValue] = ["n": command["n"] ?? .null]
        do {
          answer["ok"] = try await perform(command)
        } catch {
          answer["error"] = described(error)
        }
        try? link.send(.object(answer))
      }
    }
  }

  private func perform(_ command: JSONValue) async throws -> JSONValue {
    switch command["do"]?.string {
    case "ready": await agent.ready()
    case "not_ready": await agent.notReady(command["reason"]?.string ?? "")
    case "status": await agent.status(command["text"]?.string ?? "")
    case "heartbeat": await heartbeat(command["progress"])
    case "log": try await log(command)
    case "op_begin": return try await beginOperation(command)
    case "op_end": try take(&operations, command).finish()
    case "call": return try await call(command)
    case "start_call": return startCall(command)
    case "cancel_call": calls[try token(of: command)]?.cancel()
    case "await_call": return try await take(&calls, command).value
    case "cast":
      try await agent.cast(
        command["to"]?.string ?? "", method: command["method"]?.string ?? "",
        params: command["params"] ?? .null)
    case "monitor": return try await monitor(command["agent"]?.string ?? "")
    case "downs": return .array(downs)
    case "state":
      return [
        "stopping": .boolean(await agent.stopping), "supervised": .boolean(agent.supervised),
        "connected": .boolean(await agent.connected),
      ]
    case "block": try await blockPool(milliseconds: command["ms"]?.integer ?? 0)
    case "exit": Surroundings.exit(Int32(command["code"]?.integer ?? 0))
    case let name: throw UnknownCommand(name: name ?? "none")
    }
    return .null
  }

  private func heartbeat(_ progress: JSONValue?) async {
    switch progress {
    case .integer(let number)?: await agent.heartbeat(progress: Int(number))
    default: await agent.heartbeat(progress: progress?.string)
    }
  }

  private func log(_ command: JSONValue) async throws {
    var fields: [String: JSONValue] = [:]
    if case .object(let members)? = command["fields"] { fields = members }
    try await agent.log(
      Agent.LogLevel(rawValue: command["level"]?.string ?? "") ?? .info,
      command["message"]?.string ?? "", fields, task: command["task"]?.string)
  }

  /// The operation lasts until the script ends it.
  private func beginOperation(_ command: JSONValue) async throws -> JSONValue {
    let (end, continuation) = AsyncStream.makeStream(of: Never.self)
    let (begun, hasBegun) = AsyncStream.makeStream(of: Never.self)
    let expected = command["expected_ms"]?.integer.map { Duration.milliseconds($0) }
    let agent = agent
    Task {
      await agent.op(command["kind"]?.string ?? "", expected: expected) {
        hasBegun.finish()
        for await _ in end {}
      }
    }
    for await _ in begun {}
    let token = makeToken()
    operations[token] = continuation
    return .integer(Int64(token))
  }

  private func call(_ command: JSONValue) async throws -> JSONValue {
    try await agent.call(
      command["to"]?.string ?? "", method: command["method"]?.string ?? "",
      params: command["params"] ?? .null,
      timeout: .milliseconds(command["timeout_ms"]?.integer ?? 30_000),
      task: command["task"]?.string, attempts: Int(command["attempts"]?.integer ?? 1))
  }

  private func startCall(_ command: JSONValue) -> JSONValue {
    let token = makeToken()
    calls[token] = Task { try await call(command) }
    return .integer(Int64(token))
  }

  private func monitor(_ name: String) async throws -> JSONValue {
    let stream = try await agent.monitor(name)
    Task {
      for await down in stream {
        downs.append([
          "agent": .string(down.agent), "reason": .string(down.reason),
          "incarnation": down.incarnation.map { .integer(Int64($0)) } ?? .null,
        ])
      }
    }
    return .integer(Int64(makeToken()))
  }

  private func makeToken() -> Int {
    lastToken += 1
    return lastToken
  }

  private func token(of command: JSONValue) throws -> Int {
    guard let token = command["token"]?.integer else { throw UnknownCommand(name: "no token") }
    return Int(token)
  }

  private func take<Value>(
    _ table: inout [Int: Value], _ command: JSONValue
  ) throws -> Value {
    guard let value = table.removeValue(forKey: try token(of: command)) else {
      throw UnknownCommand(name: "unknown token")
    }
    return value
  }
}

struct UnknownCommand: Error {
  var name: String
}

/// Holds every thread of the cooperative pool, which has one for each processor.
private func blockPool(milliseconds: Int64) async throws {
  try await withThrowingTaskGroup { group in
    for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
      group.addTask {
        let ends = try UnixSocket.pair()
        _ = try ends.first.wait(timeoutMilliseconds: milliseconds)
      }
    }
    try await group.waitForAll()
  }
}

/// An error as the script reads it.
private func described(_ error: any Error) -> JSONValue {
  guard let error = error as? SupervError else {
    return ["message": .string("\(error)"), "type": .string("\(type(of: error))")]
  }
  let isRemote = error.kind == .remote
  return [
    "kind": isRemote ? .null : .string(error.kind.rawValue), "code": .integer(Int64(error.code)),
    "message": .string(error.message), "retryable": .boolean(error.retryable),
    "data": error.data ?? .null, "type": isRemote ? "RemoteError" : .string(error.kind.rawValue),
  ]
}
