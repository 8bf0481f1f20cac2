import SupervAgent
import Testing

@Suite(.timeLimit(.minutes(2))) struct ReconnectTests {
  @Test("a call in flight ends as unavailable, and the next connection is ready as before")
  func inFlight() async throws {
    try await withAgent { agent, superv, connection in
      async let ready: Void = agent.ready()
      connection.answer(try await connection.next("ready"), "{}")
      await ready
      async let error = failure { () throws(SupervError) in try await agent.call("a", method: "m") }
      _ = try await connection.next("call")
      connection.close()
      #expect(await error?.kind == .unavailable)
      #expect(await connection.isClosed())
      let second = try await superv.connection()
      let hello = try await second.next("hello")
      #expect(hello["params"]?["ready"] == true)
      second.answer(hello, #"{"protocol":1,"name":"writer","message_max":1048576}"#)
      second.send(#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#)
      #expect(try await second.next()["id"] == "p1")
      #expect(await agent.connected)
    }
  }

  @Test("an agent that became ready while superv was away says so in its hello")
  func readyMeanwhile() async throws {
    try await withAgent { agent, superv, connection in
      connection.close()
      #expect(await connection.isClosed())
      await agent.notReady("warming up")
      let second = try await superv.connection()
      let hello = try await second.next("hello")
      #expect(hello["params"]?["ready"] == false)
      await agent.ready()
      second.answer(hello, #"{"protocol":1,"name":"writer","message_max":1048576}"#)
      _ = try await second.next("ready")
    }
  }

  @Test("what was handled goes on, and its answer is dropped")
  func handling() async throws {
    let (gate, opener) = AsyncStream.makeStream(of: Never.self)
    try await withAgent { agent, superv, connection in
      await agent.handle("slow") { (_: JSONValue, _) in
        await agent.status("begun")
        for await _ in gate {}
        await agent.status("\(Task.isCancelled)")
        return "late"
      }
      connection.handle("slow", id: "h7")
      _ = try await connection.next("status")
      connection.close()
      let second = try await superv.greeted()
      second.send(#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#)
      #expect(try await second.next()["id"] == "p1")
      opener.finish()
      #expect(try await second.next("status")["params"]?["text"] == "false")
      second.send(#"{"jsonrpc":"2.0","id":"p2","method":"ping"}"#)
      #expect(try await second.next()["id"] == "p2")
    }
  }

  @Test("a retried call finds the new superv")
  func retried() async throws {
    try await withAgent { agent, superv, connection in
      async let result: JSONValue = agent.call(
        "a", method: "m", timeout: .seconds(60), attempts: 100)
      _ = try await connection.next("call")
      connection.close()
      let second = try await superv.greeted()
      second.answer(try await second.next("call"), "1")
      #expect(try await result == 1)
    }
  }

  @Test("a hello that is refused for now is said again")
  func helloRefusedForNow() async throws {
    try await withAgent { agent, superv, connection in
      connection.close()
      let second = try await superv.connection()
      second.refuse(
        try await second.next("hello"),
        #"{"code":-32004,"message":"","data":{"kind":"overloaded","retryable":true}}"#)
      _ = try await superv.greeted()
      #expect(await agent.running)
    }
  }

  @Test("a monitor fires once, and its stream ends")
  func monitor() async throws {
    try await withAgent { agent, _, superv in
      async let made = agent.monitor("mayfly")
      let request = try await superv.next("monitor")
      #expect(request["params"] == ["agent": "mayfly"])
      superv.answer(request, #"{"monitor":7}"#)
      superv.send(down(7, "mayfly"))
      superv.send(down(7, "mayfly"))
      superv.send(down(8, "mayfly"))
      var downs: [Down] = []
      for await down in try await made { downs.append(down) }
      #expect(downs.map(\.agent) == ["mayfly"])
      #expect(downs.first?.incarnation == 3)
      #expect(downs.first?.reason == "killed")
    }
  }

  @Test("monitors are made again, and each instance is told once")
  func monitorsAgain() async throws {
    try await withAgent { agent, superv, connection in
      async let made = agent.monitor("writer")
      connection.answer(try await connection.next("monitor"), #"{"monitor":1}"#)
      var downs = try await made.makeAsyncIterator()
      connection.send(down(1, "writer:0"))
      #expect(await downs.next()?.agent == "writer:0")
      connection.close()
      let second = try await superv.greeted()
      let again = try await second.next("monitor")
      #expect(again["params"] == ["agent": "writer"])
      second.answer(again, #"{"monitor":4}"#)
      second.send(down(4, "writer:0"))
      second.send(down(4, "writer:1"))
      #expect(await downs.next()?.agent == "writer:1")
    }
  }

  @Test("letting go of the stream ends the monitor, a refused one throws")
  func demonitor() async throws {
    try await withAgent { agent, _, superv in
      func watch() async throws {
        async let made = agent.monitor("writer")
        superv.answer(try await superv.next("monitor"), #"{"monitor":5}"#)
        _ = try await made
      }
      try await watch()
      #expect(try await superv.next("demonitor")["params"] == ["monitor": 5])
      async let error = failure { () throws(SupervError) in try await agent.monitor("vault") }
      superv.refuse(
        try await superv.next("monitor"),
        #"{"code":-32006,"message":"","data":{"kind":"denied","retryable":false}}"#)
      #expect(await error?.kind == .denied)
    }
  }
}

private func down(_ monitor: Int, _ agent: String) -> String {
  #"{"jsonrpc":"2.0","method":"down","params":{"monitor":\#(monitor),"agent":"\#(agent)","#
    + #""incarnation":3,"reason":"killed"}}"#
}
