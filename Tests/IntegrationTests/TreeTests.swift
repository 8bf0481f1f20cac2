import SupervSystem
import Testing

/// What a configuration asks for is what runs.
@Suite(.aside) struct TreeTests {
  @Test func needsDecideTheOrder() throws {
    try withSuperv(
      """
      [agent:web]
      command = sleep 1000
      startsecs = 0
      needs = db:ready
      [agent:db]
      command = sleep 1000
      startsecs = 0
      needs = migrate:done
      [agent:migrate]
      command = sh -c 'exit 0'
      restart = transient
      """
    ) { superv in
      try superv.start("--wait", "ready")
      #expect(
        try superv.events.map(\.description).filter { !$0.hasPrefix("daemon") } == [
          "agent.waiting web 0", "agent.waiting db 0", "agent.starting migrate 1",
          "agent.started migrate 1", "agent.exited migrate 1", "agent.starting db 1",
          "agent.started db 1", "agent.ready db 1", "agent.starting web 1",
          "agent.started web 1", "agent.ready web 1",
        ])
      let seq = try superv.lastEvent()
      try superv.shutdown()
      #expect(
        try superv.story(after: seq).filter { !$0.hasPrefix("daemon") } == [
          "agent.stopping web 1", "agent.exited web 1", "agent.stopping db 1", "agent.exited db 1",
        ])
    }
  }

  @Test func instancesHaveNumbersAndOneNameForAll() throws {
    try withSuperv(
      """
      [agent:w]
      command = sh -c 'echo $SUPERV_AGENT $SUPERV_INSTANCE $SUPERV_INCARNATION $1 >> said; \
      exec sleep 1000' - %(instance)02d
      numprocs = 3
      startsecs = 0
      """.replacing("\\\n", with: "")
    ) { superv in
      try superv.start()
      let before = try superv.status()
      #expect(before.agents.map(\.name) == ["w:0", "w:1", "w:2"])
      try eventually("all have said it") { superv.read("said").split(separator: "\n").count == 3 }
      #expect(
        superv.read("said").split(separator: "\n").sorted() == [
          "w 0 1 00", "w 1 1 01", "w 2 1 02",
        ])
      #expect(try superv("restart", "w:1").code == 0)
      let after = try superv.status()
      #expect(after.agents.map(\.incarnation) == [1, 2, 1])
      #expect(after.pids["w:0"] == before.pids["w:0"])
      #expect(try superv("down", "w").code == 0)
      #expect(try superv.status().agents.map(\.phase) == ["stopped", "stopped", "stopped"])
      let wrong = try superv("down", "w:3")
      #expect(wrong.code == 1)
      #expect(wrong.errors.contains("w:"))
    }
  }

  @Test func withoutAutostartAnAgentWaitsForAnOperator() throws {
    try withSuperv(sleepers("late", keys: "autostart = no") + sleepers("b")) { superv in
      try superv.start()
      let before = try superv.status()
      #expect(before[agent: "late"]?.phase == "stopped")
      #expect(before[agent: "late"]?.desired == "down")
      #expect(before[agent: "late"]?.incarnation == 0)
      #expect(try superv("up", "late").code == 0)
      #expect(try superv.status()[agent: "late"]?.phase == "running")
    }
  }

  @Test func aCriticalAgentThatCannotStartStopsEverything() throws {
    try withSuperv(
      sleepers("b") + "[agent:c]\ncommand = /nonexistent/c\nrestart = temporary\ncritical = yes\n"
    ) { superv in
      let answer = try superv.launch(["start", superv.configuration]).end()
      #expect(answer.code == 1)
      #expect(answer.errors.contains("/nonexistent/c"), "\(answer.errors)")
      #expect(answer.errors.contains("No such file or directory"))
      try eventually("everything is gone") { try superv.processesInFolder().isEmpty }
      #expect(try superv("status").code == 3)
    }
  }

  @Test func aCriticalAgentThatFailsEndsTheForeground() throws {
    try withSuperv(
      "[superv]\nintensity = 0\n" + sleepers("b") + sleepers("c", keys: "critical = yes")
    ) { superv in
      let run = try superv.launch(["run", superv.configuration])
      try eventually("it serves") { (try? superv.connect()) != nil }
      try superv.wait(for: "c", incarnation: 1)
      try superv.send(.kill, to: "c")
      let answer = try run.end()
      #expect(answer.code == 1)
      #expect(answer.errors.contains("critical c failed"), "\(answer.errors)")
      #expect(try superv.processesInFolder().isEmpty)
    }
  }

  @Test func theForegroundShowsOutputWithNames() throws {
    try withSuperv(
      """
      [agent:a]
      command = sh -c 'echo from a; echo worse >&2; exec sleep 1000'
      [agent:longer]
      command = sh -c 'echo from longer; exec sleep 1000'
      """
    ) { superv in
      let run = try superv.launch(["run", superv.configuration])
      try eventually("all three lines are shown") { run.output.split(separator: "\n").count >= 3 }
      try run.send(.interrupt)
      let answer = try run.end()
      #expect(answer.code == 0)
      let lines = answer.lines.map { $0.split(separator: " ").joined(separator: " ") }
      for expected in ["a | from a", "a | worse", "longer | from longer"] {
        #expect(lines.contains(expected), "\(answer.output)")
      }
    }
  }

  @Test func aBudgetIsForgottenWithItsPeriod() throws {
    try withSuperv(
      "[superv]\nintensity = 1\nperiod = 1ms\nbackoff_base = 0\n" + sleepers("a")
        + "[supervisor:team]\nintensity = 1\nperiod = 1h\nrestart = temporary\nchildren = b\n"
        + sleepers("b")
    ) { superv in
      try superv.start()
      for incarnation in 2...6 {
        try superv.send(.kill, to: "a")
        try superv.wait(for: "a", incarnation: incarnation)
      }
      try superv.send(.kill, to: "b")
      try superv.wait(for: "b", incarnation: 2)
      try superv.send(.kill, to: "b")
      let status = try superv.wait(for: "team failed") {
        $0[supervisor: "team"]?.phase == "failed"
      }
      #expect(status[agent: "a"]?.restarts == 5)
      #expect(status[agent: "b"]?.incarnation == 2)
    }
  }
}
