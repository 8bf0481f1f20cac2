import Foundation
import SupervAgent
import SupervSystem
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct LoadTests {
  @Test("a ping is not answered while every thread of the pool is blocked, and is afterwards")
  func blockedPool() async throws {
    try await withAgent { _, _, superv in
      let blockade = Blockade()
      let threads = ProcessInfo.processInfo.activeProcessorCount
      let (answered, answer) = AsyncStream.makeStream(of: Bool.self)
      // A thread, since no task runs meanwhile. The waits are bounded: a pool that is wider than
      // thought makes the test fail rather than hang.
      try Threads.start {
        for _ in 0..<10_000 where blockade.blocked.load(ordering: .acquiring) < threads { pause(1) }
        let before = superv.messageCount
        superv.send(#"{"jsonrpc":"2.0","id":"p1","method":"ping"}"#)
        pause(200)
        answer.yield(superv.messageCount != before)
        blockade.isOver.store(true, ordering: .releasing)
      }
      await withTaskGroup { group in
        for _ in 0..<threads {
          group.addTask {
            blockade.blocked.add(1, ordering: .releasing)
            for _ in 0..<20_000 where !blockade.isOver.load(ordering: .acquiring) { pause(1) }
          }
        }
      }
      for await wasAnswered in answered {
        #expect(!wasAnswered)
        break
      }
      let pong = try await superv.next()
      #expect(pong["id"] == "p1")
    }
  }

  @Test("the largest message goes out and comes back whole, one byte more does not go out")
  func largest() async throws {
    try await withAgent { agent, _, superv in
      let text = String(repeating: "é\\\"", count: 150_000)
      async let echoed: String = agent.call("a", method: "echo", params: text)
      let call = try await superv.next("call")
      #expect(call["params"]?["params"]?.string == text)
      let encoded = String(decoding: try JSONEncoder().encode(text), as: UTF8.self)
      superv.answer(call, encoded)
      #expect(try await echoed == text)
      // A log line without fields has so many bytes around its message.
      let around = #"{"jsonrpc":"2.0","method":"log","params":{"level":"info","message":""}}"#.count
      let room = (1 << 20) - around
      try await agent.log(.info, String(repeating: "x", count: room))
      #expect(try await superv.next("log")["params"]?["message"]?.string?.count == room)
      let error = await failure { () throws(SupervError) in
        try await agent.log(.info, String(repeating: "x", count: room + 1))
      }
      #expect(error?.kind == .tooLarge)
    }
  }

  @Test("a thousand calls side by side all get their own answers")
  func manyCalls() async throws {
    try await withAgent { agent, _, superv in
      let answering = Task {
        for _ in 0..<1000 {
          let call = try await superv.next("call")
          superv.answer(call, "\(call["params"]?["params"]?.integer ?? -1)")
        }
      }
      try await withThrowingTaskGroup { group in
        for number in 0..<1000 {
          group.addTask {
            let echoed: Int = try await agent.call("a", method: "echo", params: number)
            #expect(echoed == number)
          }
        }
        try await group.waitForAll()
      }
      try await answering.value
    }
  }

  @Test("when superv does not read, 8 MB wait, and then calls are overloaded")
  func notRead() async throws {
    try await withAgent { agent, _, superv in
      superv.isDeaf.store(true, ordering: .relaxed)
      let text = String(repeating: "x", count: 1_000_000)
      // What the socket itself holds comes on top.
      for _ in 0..<16 { try await agent.log(.info, text) }
      let error = await failure { () throws(SupervError) in
        try await agent.call("a", method: "m", params: text)
      }
      #expect(error?.kind == .overloaded)
      superv.isDeaf.store(false, ordering: .relaxed)
      for _ in 0..<8 { _ = try await superv.next("log") }
    }
  }

  @Test("any JSON comes back as it went")
  func jsonValues() throws {
    let values: [JSONValue] = [
      nil, true, 1, -9_223_372_036_854_775_808, 1.5, "", "\u{0} é \"", [], [1, [nil, "a"]],
      ["a": ["b": [1.25, false]]], 1e300,
    ]
    for value in values {
      let encoded = try JSONEncoder().encode(value)
      #expect(try JSONDecoder().decode(JSONValue.self, from: encoded) == value)
    }
  }
}

/// How many threads of the pool are blocked, and whether they may go on.
private final class Blockade: Sendable {
  let blocked = Atomic(0)
  let isOver = Atomic(false)
}
