import SupervAgent
import Testing

private let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

@Suite(.timeLimit(.minutes(2))) struct ServeTests {
  @Test("a handler gets params and call, and its result is the answer")
  func handle() async throws {
    struct Topic: Codable { var topic: String }
    try await withAgent { agent, _, superv in
      await agent.handle("draft") { (params: Topic, call) in
        [params.topic, call.from, call.method, call.task ?? "", call.trace ?? ""]
      }
      superv.handle(
        "draft",
        #""from":"planner","params":{"topic":"owls"},"deadline_ms":5000,"#
          + #""task":"t","trace":"\#(trace)""#)
      let answer = try await superv.next()
      #expect(answer["id"] == "h1")
      #expect(
        answer["result"] == ["owls", "planner", "draft", "t", .string(trace)])
    }
  }

  @Test("absent params are nil, or an empty object")
  func absentParams() async throws {
    struct Options: Codable { var depth: Int? }
    try await withAgent { agent, _, superv in
      await agent.handle("optional") { (params: [Int]?, _) in params == nil }
      await agent.handle("object") { (params: Options, _) in params.depth == nil }
      await agent.handle("text") { (_: String, _) in }
      superv.handle("optional")
      #expect(try await superv.next()["result"] == true)
      superv.handle("object")
      #expect(try await superv.next()["result"] == true)
      superv.handle("text")
      let error = try await superv.nextError()
      #expect(error.code == -32602)
    }
  }

  @Test("no handler, params that do not fit, and whatever a handler throws are answered")
  func errors() async throws {
    struct Broken: Error {}
    try await withAgent { agent, _, superv in
      await agent.handle("count") { (params: [String], _) in params.count }
      await agent.handle("own") { (_: JSONValue, _) in
        throw SupervError(code: 404, message: "no page", data: ["pages": 11])
      }
      await agent.handle("busy") { (_: JSONValue, _) in
        throw SupervError(.overloaded, "later", retryAfter: .seconds(2))
      }
      await agent.handle("broken") { (_: JSONValue, _) in throw Broken() }
      superv.handle("none")
      #expect(try await superv.nextError().code == -32601)
      superv.handle("count", #""params":{"a":1}"#)
      #expect(try await superv.nextError().code == -32602)
      superv.handle("own")
      #expect(
        try await superv.nextError().whole
          == ["code": 404, "message": "no page", "data": ["pages": 11]])
      superv.handle("busy")
      #expect(
        try await superv.nextError().data
          == ["kind": "overloaded", "retryable": true, "retry_after_ms": 2000])
      superv.handle("broken")
      let error = try await superv.next()["error"]
      #expect(error?["code"] == -32603)
      #expect(error?["message"]?.string?.contains("Broken") == true)
    }
  }

  @Test("a nested call carries the trace and asks for no more time than is left")
  func nested() async throws {
    try await withAgent { agent, _, superv in
      await agent.handle("relay") { (_: JSONValue, _) -> JSONValue in
        try await agent.call("a", method: "m", timeout: .seconds(600))
      }
      superv.handle("relay", #""deadline_ms":60000,"trace":"\#(trace)""#)
      let call = try await superv.next("call")
      #expect(call["params"]?["trace"] == .string(trace))
      let timeout = try #require(call["params"]?["timeout_ms"]?.integer)
      #expect((1...60_000).contains(timeout))
      superv.answer(call, "7")
      #expect(try await superv.next()["result"] == 7)
    }
  }

  @Test("a nested call for which no time is left is not made")
  func noTimeLeft() async throws {
    try await withAgent { agent, _, superv in
      await agent.handle("relay") { (_: JSONValue, _) in try await agent.call("a", method: "m") }
      superv.handle("relay", #""deadline_ms":0"#)
      let error = try await superv.nextError()
      #expect(error.data?["kind"] == "timeout")
    }
  }

  @Test("cancel reaches the handler")
  func cancel() async throws {
    try await withAgent { agent, _, superv in
      await agent.handle("slow") { (_: JSONValue, call) in
        await agent.status("begun")
        let (never, continuation) = AsyncStream.makeStream(of: Never.self)
        for await _ in never {}
        continuation.finish()
        return call.cancelled
      }
      superv.handle("slow")
      _ = try await superv.next("status")
      superv.send(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":"other"}}"#)
      superv.send(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":"h1"}}"#)
      #expect(try await superv.next()["result"] == true)
    }
  }

  @Test("a cast is handled and not answered")
  func cast() async throws {
    try await withAgent { agent, _, superv in
      await agent.handle("note") { (params: [String], call) in
        await agent.status("\(params) \(call.deadline == nil)")
      }
      superv.handle("note", id: nil, #""params":["owls"]"#)
      #expect(try await superv.next("status")["params"]?["text"] == #"["owls"] true"#)
      // What comes next is no answer.
      await agent.status("next")
      _ = try await superv.next("status")
    }
  }

  @Test("an answer longer than superv takes becomes an error")
  func tooLarge() async throws {
    try await withAgent(maximumMessageBytes: 2048) { agent, _, superv in
      await agent.handle("big") { (bytes: Int, _) in String(repeating: "x", count: bytes) }
      superv.handle("big", #""params":2048"#)
      let error = try await superv.nextError()
      #expect(error.data?["kind"] == "too_large")
    }
  }

  @Test("ping is answered, a request that nobody knows refused, garbage passed over")
  func pingAndGarbage() async throws {
    try await withAgent { _, _, superv in
      for text in [
        "", "not JSON", "[]", "{}", #"{"jsonrpc":"2.0"}"#, #"{"jsonrpc":"2.0","id":9,"result":1}"#,
        #"{"jsonrpc":"2.0","method":"later"}"#, #"{"jsonrpc":"2.0","method":"down","params":[]}"#,
        #"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
        #"{"jsonrpc":"2.0","id":9,"error":"none"}"#,
        #"{"jsonrpc":"2.0","method":"handle","params":{}}"#,
      ] {
        superv.send(text)
      }
      superv.send(#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#)
      #expect(try await superv.next() == ["jsonrpc": "2.0", "id": "p1", "result": [:]])
      superv.send(#"{"jsonrpc":"2.0","id":2,"method":"dance"}"#)
      let error = try await superv.nextError()
      #expect(error.code == -32601)
    }
  }

  @Test("ping waits for onPing")
  func onPing() async throws {
    let (gate, opener) = AsyncStream.makeStream(of: Never.self)
    let wait: @Sendable () async -> Void = { for await _ in gate {} }
    try await withAgent(onPing: wait) { _, _, superv in
      superv.send(#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#)
      superv.send(#"{"jsonrpc":"2.0","id":"x","method":"dance"}"#)
      let first = try await superv.next()
      #expect(first["id"] == "x")
      opener.finish()
      let second = try await superv.next()
      #expect(second["id"] == "p1")
    }
  }
}
