import SupervSystem
import Testing

/// Who may call whom, and what is refused at once and remembered.
@Suite(.aside) struct CallRuleTests {
  private static let tree = """
    [supervisor:newsroom]
    children = planner, writer

    \(puppet("planner"))
    \(puppet("writer"))
    \(puppet("vault", keys: "accept_calls_from = writer"))
    \(puppet("stranger"))
    """

  private func withTree(_ body: (Superv, [String: Puppet]) throws -> Void) throws {
    try withSuperv(Self.tree) { superv in
      let stage = try PuppetStage(superv)
      try superv.start()
      var puppets: [String: Puppet] = [:]
      for name in ["planner", "writer", "vault", "stranger"] {
        puppets[name] = try stage.next(name)
        try puppets[name]?.serve()
      }
      try body(superv, puppets)
    }
  }

  @Test func aCircleIsRefusedAtOnce() throws {
    try withTree { _, puppets in
      let planner = try #require(puppets["planner"])
      let writer = try #require(puppets["writer"])
      let call = try planner.call("writer", timeoutMilliseconds: 86_400_000)
      let handle = try writer.message()
      let trace = try #require(handle.params["trace"] as? String)
      let back = try writer.call(
        "planner", timeoutMilliseconds: 86_400_000, more: #","trace":"\#(trace)""#)
      let refusal = try writer.message()
      #expect(refusal.id == "\(back)")
      #expect(refusal.kind == "cycle")
      // The outer call is none the worse for it.
      try writer.answer(handle)
      let answer = try planner.message()
      #expect(answer.id == "\(call)")
      #expect(answer.result as? String == "done")
    }
  }

  @Test func onlyThoseWhoMayCall() throws {
    try withTree { superv, puppets in
      let vault = try #require(puppets["vault"])
      for (name, mayCall) in [("writer", true), ("planner", false), ("stranger", false)] {
        let caller = try #require(puppets[name])
        // Whatever it says of itself.
        let id = try caller.ask(
          "call",
          #"{"to":"vault","method":"open","timeout_ms":60000,"from":"writer","agent":"writer"}"#)
        if mayCall {
          let handle = try vault.message()
          #expect(handle.params["from"] as? String == name)
          try vault.answer(handle)
        }
        let answer = try caller.message()
        #expect(answer.id == "\(id)")
        #expect(answer.kind == (mayCall ? nil : "denied"), "\(name)")
      }
      let denied = try superv.events.filter { $0.event == "call.denied" }
      #expect(Set(denied.map(\.name)) == ["planner", "stranger"])
      #expect(denied.allSatisfy { $0.reason?.contains("vault") == true })
    }
  }

  @Test func operatorsMayCallEverybodyAndAreAudited() throws {
    try withTree { superv, puppets in
      let vault = try #require(puppets["vault"])
      let command = try superv.launch(["call", "vault", "open", #"{"door":[1,2.50]}"#])
      let handle = try vault.message()
      #expect(handle.params["from"] as? String == "@operator")
      #expect(handle.line.contains(#""params":{"door":[1,2.50]}"#), "byte for byte")
      try vault.answer(handle, #"{"open":true}"#)
      let answer = try command.end()
      #expect(answer.code == 0)
      #expect(answer.output.contains(#""open""#))
      #expect(try superv.events.contains { $0.event == "control.call" })
    }
  }
}
