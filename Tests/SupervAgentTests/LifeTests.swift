import SupervAgent
import SupervSystem
import Testing

@Suite(.timeLimit(.minutes(2))) struct LifeTests {
  @Test("hello says who and which protocol, and start is over when it is answered")
  func hello() async throws {
    let superv = try FakeSuperv()
    defer { superv.end() }
    var options = Agent.Options()
    options.socketPath = superv.path
    options.client = "test/1"
    options.serves = false
    let agent = Agent(options)
    async let started: Void = agent.start()
    let connection = try await superv.connection()
    let hello = try await connection.next("hello")
    #expect(hello["params"] == ["protocol": 1, "client": "test/1", "serves": false])
    #expect(await !agent.connected)
    connection.answer(hello, #"{"protocol":1,"name":"writer:1","message_max":9000}"#)
    try await started
    #expect(await agent.connected)
    #expect(await agent.name == "writer:1")
    #expect(agent.supervised)
    await agent.close()
    #expect(await connection.isClosed())
    #expect(await !agent.running)
  }

  @Test("a refused hello is thrown, a refusal without a hello too")
  func refused() async throws {
    for id in ["1", "null"] {
      let superv = try FakeSuperv()
      defer { superv.end() }
      var options = Agent.Options()
      options.socketPath = superv.path
      let agent = Agent(options)
      async let error = failure { () throws(SupervError) in try await agent.start() }
      let connection = try await superv.connection()
      let hello = try await connection.next("hello")
      let number = id == "null" ? id : "\(hello["id"]?.integer ?? 0)"
      connection.send(
        #"{"jsonrpc":"2.0","id":\#(number),"error":{"code":-32006,"message":"no","data":"#
          + #"{"kind":"denied","retryable":false,"retry_after_ms":null}}}"#)
      #expect(await error?.kind == .denied)
      #expect(await !agent.running)
    }
  }

  @Test("start does not wait for a superv that is away, and connects when it comes")
  func superviseLater() async throws {
    var options = Agent.Options()
    options.socketPath = "/tmp/superv-sdk-nobody-\(Processes.ownPid)"
    let agent = Agent(options)
    try await agent.start()
    #expect(await !agent.connected)
    #expect(await agent.running)
    let error = await failure { () throws(SupervError) in try await agent.call("a", method: "m") }
    #expect(error?.kind == .unavailable)
    #expect(error?.retryable == true)
    await agent.close()
  }

  @Test("ready, not ready, status, heartbeats, operations and the log are told")
  func telling() async throws {
    try await withAgent { agent, _, superv in
      async let ready: Void = agent.ready()
      superv.answer(try await superv.next("ready"), "{}")
      await ready
      async let notReady: Void = agent.notReady("reloading")
      let told = try await superv.next("not_ready")
      #expect(told["params"] == ["reason": "reloading"])
      superv.answer(told, "{}")
      await notReady
      await agent.status(String(repeating: "é", count: 300))
      #expect(try await superv.next("status")["params"]?["text"]?.string?.utf8.count == 512)
      await agent.heartbeat()
      #expect(try await superv.next("heartbeat")["params"] == nil)
      await agent.heartbeat(progress: "page 41")
      #expect(try await superv.next("heartbeat")["params"] == ["progress": "page 41"])
      await agent.heartbeat(progress: 41)
      #expect(try await superv.next("heartbeat")["params"] == ["progress": 41])
      try await agent.log(.warning, "slow\n", ["ms": 12, "url": "a/b"], task: "t")
      #expect(
        try await superv.next("log")["params"] == [
          "level": "warning", "message": "slow\n", "fields": ["ms": 12, "url": "a/b"], "task": "t",
        ])
    }
  }

  @Test("an operation ends with its body, thrown errors included")
  func operation() async throws {
    struct Broken: Error {}
    try await withAgent { agent, _, superv in
      let result = await agent.op("sum", expected: .milliseconds(1500)) { 1 + 1 }
      #expect(result == 2)
      let begin = try await superv.next("op.begin")
      #expect(begin["params"]?["kind"] == "sum")
      #expect(begin["params"]?["expected_ms"] == 1500)
      let end = try await superv.next("op.end")
      #expect(end["params"]?["op"] == begin["params"]?["op"])
      await #expect(throws: Broken.self) { try await agent.op("sum") { throw Broken() } }
      _ = try await superv.next("op.begin")
      _ = try await superv.next("op.end")
    }
  }

  @Test("stop ends running, run and stopped, and runs what was asked for")
  func stop() async throws {
    try await withAgent { agent, _, superv in
      let (stops, stop) = AsyncStream.makeStream(of: Stop.self)
      await agent.onStop { stop.yield($0) }
      async let run: Void = agent.run()
      async let stopped: Void = agent.stopped()
      superv.send(
        #"{"jsonrpc":"2.0","method":"stop","params":{"reason":"why not","deadline_ms":5000}}"#)
      await stopped
      superv.answer(try await superv.next("not_ready"), "{}")
      try await run
      #expect(await agent.stopping)
      #expect(await !agent.running)
      for await stop in stops {
        #expect(stop.reason == "why not")
        #expect(stop.deadline != nil)
        break
      }
      let (late, lateStop) = AsyncStream.makeStream(of: Stop.self)
      await agent.onStop { lateStop.yield($0) }
      for await _ in late { break }
    }
  }

  @Test("run lets the handlers that run finish")
  func drain() async throws {
    try await withAgent { agent, _, superv in
      let (gate, opener) = AsyncStream.makeStream(of: Never.self)
      await agent.handle("slow") { (_: JSONValue, _) in
        await agent.status("begun")
        for await _ in gate {}
        return "done"
      }
      let run = Task {
        try await agent.run()
        await agent.status("over")
      }
      superv.handle("slow")
      _ = try await superv.next("status")
      superv.send(#"{"jsonrpc":"2.0","method":"stop","params":{"reason":"","deadline_ms":60000}}"#)
      await agent.stopped()
      opener.finish()
      #expect(try await superv.next()["result"] == "done")
      superv.answer(try await superv.next("not_ready"), "{}")
      #expect(try await superv.next("status")["params"]?["text"] == "over")
      try await run.value
    }
  }

  @Test("waiting for the stop ends with the task that waits")
  func cancelledWait() async throws {
    try await withAgent { agent, _, _ in
      let waiter = Task { await agent.stopped() }
      waiter.cancel()
      await waiter.value
      #expect(await agent.running)
    }
  }

  @Test("outside superv telling does nothing, calls are unavailable, and the program goes on")
  func unsupervised() async throws {
    var options = Agent.Options()
    options.socketPath = nil
    let agent = try await Agent.start(options)
    #expect(!agent.supervised)
    await agent.status("alone")
    await agent.heartbeat()
    try await agent.log(.info, "alone")
    #expect(await agent.op("sum") { 2 } == 2)
    let error = await failure { () throws(SupervError) in try await agent.call("a", method: "m") }
    #expect(error?.kind == .unavailable)
    let monitor = await failure { () throws(SupervError) in try await agent.monitor("a") }
    #expect(monitor?.kind == .unavailable)
    #expect(await agent.running)
    await agent.close()
    #expect(await !agent.running)
  }
}
