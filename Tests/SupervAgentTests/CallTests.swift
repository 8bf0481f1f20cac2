import SupervAgent
import Testing

@Suite(.timeLimit(.minutes(2))) struct CallTests {
  @Test("a call carries what it is given, and its result is decoded")
  func call() async throws {
    struct Draft: Codable, Equatable { var text: String }
    try await withAgent { agent, _, superv in
      async let draft: Draft = agent.call(
        "planner:1", method: "draft", params: ["topic": "owls"], timeout: .seconds(600),
        task: "t-17")
      let request = try await superv.next("call")
      #expect(
        request["params"] == [
          "to": "planner:1", "method": "draft", "params": ["topic": "owls"], "timeout_ms": 600_000,
          "task": "t-17",
        ])
      superv.answer(request, #"{"text":"Owls are…"}"#)
      #expect(try await draft == Draft(text: "Owls are…"))
    }
  }

  @Test("answers find their calls, in whichever order they come")
  func sideBySide() async throws {
    try await withAgent { agent, _, superv in
      async let one: Int = agent.call("a", method: "m", params: 1)
      let first = try await superv.next("call")
      async let two: Int = agent.call("a", method: "m", params: 2)
      let second = try await superv.next("call")
      superv.answer(second, "20")
      superv.answer(first, "10")
      #expect(try await [one, two] == [10, 20])
    }
  }

  @Test("params that are null are left out")
  func noParams() async throws {
    try await withAgent { agent, _, superv in
      async let result: JSONValue = agent.call("a", method: "m", timeout: .seconds(60))
      let request = try await superv.next("call")
      #expect(request["params"] == ["to": "a", "method": "m", "timeout_ms": 60_000])
      superv.answer(request, "null")
      #expect(try await result == .null)
    }
  }

  @Test(
    "superv's errors keep kind, code, retryability and delay",
    arguments: [
      ("timeout", -32001, true), ("not_ready", -32002, true), ("agent_died", -32003, true),
      ("overloaded", -32004, true), ("circuit_open", -32005, true), ("denied", -32006, false),
      ("cycle", -32007, false), ("too_large", -32008, false), ("cancelled", -32009, false),
      ("unavailable", -32010, true), ("no_such_agent", -32602, false),
      ("not_invented_yet", -32099, true),
    ])
  func errors(kind: String, code: Int, retryable: Bool) async throws {
    try await withAgent { agent, _, superv in
      async let error = failure { () throws(SupervError) in try await agent.call("a", method: "m") }
      superv.refuse(
        try await superv.next("call"),
        #"{"code":\#(code),"message":"no","data":{"kind":"\#(kind)","retryable":\#(retryable),"#
          + #""retry_after_ms":250}}"#)
      let seen = try #require(await error)
      #expect(seen.kind == SupervError.Kind(rawValue: kind))
      #expect(seen.code == code)
      #expect(seen.retryable == retryable)
      #expect(seen.retryAfter == .milliseconds(250))
    }
  }

  @Test("an error without a kind is the callee's own, data included")
  func remoteError() async throws {
    try await withAgent { agent, _, superv in
      async let error = failure { () throws(SupervError) in try await agent.call("a", method: "m") }
      superv.refuse(
        try await superv.next("call"), #"{"code":404,"message":"no page","data":{"pages":11}}"#)
      #expect(
        await error == SupervError(code: 404, message: "no page", data: ["pages": 11]))
    }
  }

  @Test("a result of another type is invalid")
  func wrongType() async throws {
    try await withAgent { agent, _, superv in
      async let error = failure { () throws(SupervError) -> Int in
        try await agent.call("a", method: "m")
      }
      superv.answer(try await superv.next("call"), #""text""#)
      #expect(await error?.kind == .invalid)
    }
  }

  @Test("cancelling the task cancels the call")
  func cancelling() async throws {
    try await withAgent { agent, _, superv in
      let caller = Task {
        await failure { () throws(SupervError) in try await agent.call("a", method: "m") }
      }
      let request = try await superv.next("call")
      caller.cancel()
      #expect(await caller.value?.kind == .cancelled)
      let cancel = try await superv.next("cancel")
      #expect(cancel["params"] == ["id": request["id"] ?? .null])
      #expect(cancel["id"] == nil)
    }
  }

  @Test("the client ends a call that superv does not")
  func ownTimeout() async throws {
    try await withAgent { agent, _, superv in
      async let error = failure { () throws(SupervError) in
        try await agent.call("a", method: "m", timeout: .milliseconds(1))
      }
      _ = try await superv.next("call")
      #expect(await error?.kind == .timeout)
    }
  }

  @Test("a retryable error is tried again, within the one timeout")
  func attempts() async throws {
    try await withAgent { agent, _, superv in
      async let result: JSONValue = agent.call("a", method: "m", timeout: .seconds(60), attempts: 3)
      let retryable =
        #"{"code":-32002,"message":"","data":"#
        + #"{"kind":"not_ready","retryable":true,"retry_after_ms":1}}"#
      let first = try await superv.next("call")
      superv.refuse(first, retryable)
      let second = try await superv.next("call")
      superv.refuse(second, retryable)
      superv.answer(try await superv.next("call"), "1")
      #expect(try await result == 1)
      let firstTimeout = try #require(first["params"]?["timeout_ms"]?.integer)
      let secondTimeout = try #require(second["params"]?["timeout_ms"]?.integer)
      #expect(secondTimeout <= firstTimeout)
    }
  }

  @Test("what is not retryable, or comes after the last attempt, is the end")
  func lastAttempt() async throws {
    try await withAgent { agent, _, superv in
      let errors = [
        (3, #"{"code":-32006,"message":"","data":{"kind":"denied","retryable":false}}"#),
        (1, #"{"code":-32002,"message":"","data":{"kind":"not_ready","retryable":true}}"#),
        (
          // The time would be over before the next attempt.
          3,
          #"{"code":-32005,"message":"","data":"#
            + #"{"kind":"circuit_open","retryable":true,"retry_after_ms":90000}}"#
        ),
      ]
      for (attempts, error) in errors {
        async let seen = failure { () throws(SupervError) in
          try await agent.call("a", method: "m", attempts: attempts)
        }
        superv.refuse(try await superv.next("call"), error)
        #expect(await seen != nil)
      }
    }
  }

  @Test("a line longer than superv takes is not sent")
  func tooLarge() async throws {
    try await withAgent(maximumMessageBytes: 2048) { agent, _, superv in
      let text = String(repeating: "x", count: 2048)
      let call = await failure { () throws(SupervError) in
        try await agent.call("a", method: "m", params: text)
      }
      #expect(call?.kind == .tooLarge)
      let log = await failure { () throws(SupervError) in try await agent.log(.info, text) }
      #expect(log?.kind == .tooLarge)
      await agent.status("still there")
      _ = try await superv.next("status")
    }
  }

  @Test("what has no JSON is invalid")
  func notEncodable() async throws {
    try await withAgent { agent, _, _ in
      let error = await failure { () throws(SupervError) in
        try await agent.call("a", method: "m", params: Double.infinity)
      }
      #expect(error?.kind == .invalid)
    }
  }

  @Test("a cast waits for superv to take it")
  func cast() async throws {
    try await withAgent { agent, _, superv in
      async let done: Void = agent.cast("a", method: "note", params: ["owls"])
      let request = try await superv.next("cast")
      #expect(request["params"] == ["to": "a", "method": "note", "params": ["owls"]])
      superv.answer(request, "{}")
      try await done
    }
  }

  @Test("a trace set by the program is carried")
  func ownTrace() async throws {
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    try await withAgent { agent, _, superv in
      try await Agent.$trace.withValue(trace) {
        async let done: Void = agent.cast("a", method: "note")
        let request = try await superv.next("cast")
        #expect(request["params"]?["trace"] == .string(trace))
        superv.answer(request, "{}")
        try await done
      }
    }
  }
}
