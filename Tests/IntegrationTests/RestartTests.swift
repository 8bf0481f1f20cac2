import SupervSystem
import Testing

/// What a death leads to: OTP's restart strategies, budgets and escalation.
@Suite(.aside) struct RestartTests {
  @Test func aKilledAgentIsBackAndItsSiblingsDoNotNotice() throws {
    try withSuperv("[supervisor:team]\nchildren = a, b, c\n" + sleepers("a", "b", "c")) { superv in
      try superv.start()
      let before = try superv.status()
      try superv.send(.kill, to: "b")
      let after = try superv.wait(for: "b", incarnation: 2)
      #expect(after[agent: "b"]?.exit == .init(signal: 9, class: "abnormal"))
      #expect(after[agent: "b"]?.restarts == 1)
      #expect(after[supervisor: "team"]?.restartsInPeriod == 1)
      #expect(after.pids["b"] != before.pids["b"])
      for name in ["a", "c"] {
        #expect(after.pids[name] == before.pids[name])
        #expect(after[agent: name]?.incarnation == 1)
      }
    }
  }

  @Test func oneForAllStopsInReverseAndStartsInOrder() throws {
    try withSuperv(
      "[supervisor:team]\nstrategy = one_for_all\nchildren = a, b, c\n"
        + sleepers("a", "b", "c", "other")
    ) { superv in
      try superv.start()
      let before = try superv.status()
      let seq = try superv.lastEvent()
      try superv.send(.kill, to: "b")
      let after = try superv.wait(for: "c", incarnation: 2)
      #expect(
        try superv.story(after: seq) == [
          "agent.exited b 1", "supervisor.restarting team",
          "agent.stopping c 1", "agent.exited c 1", "agent.stopping a 1", "agent.exited a 1",
          "agent.starting a 2", "agent.started a 2", "agent.ready a 2",
          "agent.starting b 2", "agent.started b 2", "agent.ready b 2",
          "agent.starting c 2", "agent.started c 2", "agent.ready c 2",
        ])
      // What one event says, the command says too.
      let told = try superv("events", "--json", "--since", "\(seq)")
      #expect(try told.lines.map { try Event(json: $0) } == superv.events.filter { $0.seq > seq })
      #expect(after[agent: "a"]?.exit?.class == "requested")
      #expect(after[agent: "b"]?.exit?.class == "abnormal")
      #expect(after[supervisor: "team"]?.restartsInPeriod == 1)
      #expect(after.pids["other"] == before.pids["other"])
    }
  }

  @Test func restForOneTakesThoseAfterItAlong() throws {
    try withSuperv(
      "[supervisor:team]\nstrategy = rest_for_one\nchildren = a, b, c, d\n"
        + sleepers("a", "b", "c", "d")
    ) { superv in
      try superv.start()
      let before = try superv.status()
      let seq = try superv.lastEvent()
      try superv.send(.kill, to: "b")
      let after = try superv.wait(for: "d", incarnation: 2)
      #expect(
        try superv.story(after: seq) == [
          "agent.exited b 1", "supervisor.restarting team",
          "agent.stopping d 1", "agent.exited d 1", "agent.stopping c 1", "agent.exited c 1",
          "agent.starting b 2", "agent.started b 2", "agent.ready b 2",
          "agent.starting c 2", "agent.started c 2", "agent.ready c 2",
          "agent.starting d 2", "agent.started d 2", "agent.ready d 2",
        ])
      #expect(after.pids["a"] == before.pids["a"])
    }
  }

  @Test func aSpentBudgetEscalatesToTheParent() throws {
    try withSuperv(
      """
      [supervisor:outer]
      strategy = one_for_all
      intensity = 1
      children = a, inner
      [supervisor:inner]
      intensity = 1
      backoff_base = 0
      children = b, c

      """ + sleepers("a", "b", "c", "other")
    ) { superv in
      try superv.start()
      let before = try superv.status()
      try superv.send(.kill, to: "b")
      try superv.wait(for: "b", incarnation: 2)
      let seq = try superv.lastEvent()

      // One restart is what inner may make; then it ends, and outer starts all it has anew.
      try superv.send(.kill, to: "b")
      let restarted = try superv.wait(for: "c", incarnation: 2)
      let story = try superv.story(after: seq)
      let expected = [
        "agent.exited b 2", "agent.failed b 2", "supervisor.gave_up inner", "agent.stopping c 1",
        "agent.exited c 1", "supervisor.stopped inner", "supervisor.restarting outer",
        "agent.stopping a 1", "agent.exited a 1", "agent.starting a 2", "agent.started a 2",
        "agent.ready a 2", "supervisor.starting inner", "agent.starting b 3", "agent.started b 3",
        "agent.ready b 3", "agent.starting c 2", "agent.started c 2", "agent.ready c 2",
        "supervisor.started inner",
      ]
      #expect(story == expected)
      #expect(restarted[supervisor: "outer"]?.restartsInPeriod == 1)
      #expect(restarted[supervisor: "inner"]?.restartsInPeriod == 0, "it starts with a new window")

      // Then outer has spent its budget too, and the root's implicit supervisor restarts it.
      try superv.send(.kill, to: "b")
      try superv.wait(for: "b", incarnation: 4)
      try superv.send(.kill, to: "b")
      let after = try superv.wait(for: "a", incarnation: 3)
      #expect(try superv.events.contains { $0.description == "supervisor.gave_up outer" })
      #expect(after[agent: "other"] == before[agent: "other"])
    }
  }

  @Test func anAgentThatEndsAtOnceIsRestartedFiveTimesAndThenFails() throws {
    try withSuperv(
      """
      [superv]
      backoff_base = 1ms
      backoff_cap = 5ms
      [agent:broken]
      command = sh -c 'exit 1'

      """ + sleepers("other")
    ) { superv in
      let answer = try superv.start()
      let status = try superv.wait(for: "broken failed") {
        $0[agent: "broken"]?.phase == "failed"
      }
      let broken = try #require(status[agent: "broken"])
      let reason = "gave up on broken: more than 5 restarts in 60s; last: exit code 1 (abnormal)"
      #expect(broken.incarnation == 6)
      #expect(broken.restarts == 5)
      #expect(broken.reason == reason)
      #expect(broken.exit == .init(code: 1, class: "abnormal"))
      #expect(broken.pid == nil)
      let events = try superv.events.filter { $0.agent == "broken" }
      #expect(events.count { $0.event == "agent.starting" } == 6)
      #expect(events.last?.event == "agent.failed")
      #expect(events.last?.reason == reason)
      // The first restart does not wait; the others do, each no longer than the cap.
      let waits = events.filter { $0.event == "agent.backoff" }.compactMap(\.delayS)
      #expect(waits.count == 4)
      #expect(waits.allSatisfy { (0...0.005).contains($0) })
      #expect(try superv("why", "broken").output.contains(reason))
      #expect(status[agent: "other"]?.incarnation == 1)
      #expect(status[agent: "other"]?.phase == "running")
      #expect(answer.errors.contains("broken") || answer.output.contains("broken"))
    }
  }
}
