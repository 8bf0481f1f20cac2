import SupervSystem
import Testing

/// What a death leads to: OTP's restart strategies, budgets and escalation.
@Suite struct RestartTests {
  @Test func aKilledAgentIsBackAndItsSiblingsDoNotNotice() throws {
    try withSuperv(
      """
      [supervisor:team]
      children = a, b, c
      [agent:a]
      command = sleep 1000
      [agent:b]
      command = sleep 1000
      [agent:c]
      command = sleep 1000
      """
    ) { superv in
      try superv.start()
      let before = try superv.status()
      try superv.send(.kill, to: "b")
      let after = try superv.wait(for: "b is back") {
        $0[agent: "b"]?.incarnation == 2 && $0[agent: "b"]?.phase == "running"
      }
      #expect(after[agent: "b"]?.exit == .init(signal: 9, class: "abnormal"))
      #expect(after[agent: "b"]?.restarts == 1)
      #expect(after.pids["b"] != before.pids["b"])
      for name in ["a", "c"] {
        #expect(after.pids[name] == before.pids[name])
        #expect(after[agent: name]?.incarnation == 1)
      }
    }
  }
}
