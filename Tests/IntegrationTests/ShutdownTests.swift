import SupervSystem
import Testing

/// How everything ends.
@Suite(.aside) struct ShutdownTests {
  @Test func aTreeInWhichNothingRunsAnswersBeforeItEnds() throws {
    try withSuperv("[agent:a]\ncommand = sleep 1000\nautostart = no") { superv in
      try superv.start()
      let pid = try superv.status().daemon.pid
      let answer = try superv("shutdown")
      #expect(answer.code == 0, "\(answer.errors)")
      #expect(answer.output == "The daemon (pid \(pid)) has stopped.\n")
    }
  }

  @Test func whoFollowsTheEventsHearsTheLastOne() throws {
    try withSuperv(sleepers("a", "b")) { superv in
      try superv.start()
      let seq = try superv.lastEvent()
      try superv.shutdown()
      let story = try superv.story(after: seq)
      #expect(story.prefix(3) == ["daemon.stopping", "agent.stopping b 1", "agent.stopping a 1"])
      // They stop side by side.
      #expect(story.dropFirst(3).sorted() == ["agent.exited a 1", "agent.exited b 1"])
    }
  }

  @Test(arguments: [Signal.terminate, .interrupt])
  func aSignalStopsTheTreeInOrder(signal: Signal) throws {
    try withSuperv(
      "[supervisor:team]\nstrategy = rest_for_one\nchildren = a, b, c\n" + sleepers("a", "b", "c")
    ) { superv in
      try superv.start()
      let seq = try superv.lastEvent()
      let daemon = try superv.status().daemon.pid
      try superv.sendToDaemon(signal)
      try superv.waitForEnd()
      let story = try superv.story(after: seq)
      #expect(
        story == [
          "daemon.stopping", "supervisor.stopping team", "agent.stopping c 1", "agent.exited c 1",
          "agent.stopping b 1", "agent.exited b 1", "agent.stopping a 1", "agent.exited a 1",
          "supervisor.stopped team",
        ])
      #expect(try superv.events.last { $0.event == "daemon.stopping" }?.reason == "\(signal)")
      #expect(try superv.processesInFolder().isEmpty)
      #expect(ProcessRecord.of(daemon).map { $0.state == "Z" } != false)
      #expect(try superv("status").code == 3)
    }
  }

  @Test func aSecondSignalHurries() throws {
    try withSuperv(
      "[superv]\nshutdown_timeout = 1d\n"
        + stubborn("a", keys: "stopwaitsecs = 1d")
    ) { superv in
      try superv.start()
      try eventually("the trap is set") { superv.read("a.ready") != "" }
      try superv.sendToDaemon(.terminate)
      try superv.waitForEvent("a is told to stop") { $0.description == "agent.stopping a 1" }
      #expect(try superv.status().daemon.state == "stopping")
      try superv.sendToDaemon(.terminate)
      try superv.waitForEnd()
      #expect(try superv.events.last { $0.event == "agent.exited" }?.exit?.signal == 9)
    }
  }

  @Test func theShutdownTimeoutKillsWhatIsLeft() throws {
    try withSuperv(
      "[superv]\nshutdown_timeout = 100ms\n" + stubborn("a", keys: "stopwaitsecs = 1d")
    ) { superv in
      try superv.start()
      try eventually("the trap is set") { superv.read("a.ready") != "" }
      try superv.shutdown()
      let end = try superv.events.last { $0.event == "agent.exited" }
      #expect(end?.exit == .init(signal: 9, class: "requested"))
    }
  }

  @Test func whoIgnoresTheStopSignalIsKilledWhenItsTimeIsOver() throws {
    try withSuperv(stubborn("a", keys: "stopwaitsecs = 50ms") + sleepers("b")) { superv in
      try superv.start()
      try eventually("the trap is set") { superv.read("a.ready") != "" }
      let seq = try superv.lastEvent()
      #expect(try superv("down", "a").code == 0)
      let status = try superv.status()
      #expect(status[agent: "a"]?.phase == "stopped")
      #expect(status[agent: "a"]?.exit == .init(signal: 9, class: "requested"))
      let events = try superv.events.filter { $0.seq > seq && $0.event != "agent.ready" }
      #expect(
        events.map(\.description) == [
          "control.down a 1", "agent.stopping a 1", "agent.stopping a 1", "agent.exited a 1",
        ])
      #expect(events[2].reason == "still there after 50ms")
      #expect(status[agent: "b"]?.incarnation == 1)
    }
  }

  @Test func whatAnAgentStartedGoesWithIt() throws {
    try withSuperv(
      """
      [agent:parent]
      command = sh -c 'sleep 1001 & sh -c "sleep 1002 & sleep 1003" & echo > ready; wait'

      """ + sleepers("b")
    ) { superv in
      try superv.start()
      func children() throws -> Int {
        try superv.processesInFolder().count { record in
          let line = (try? Files.readText("/proc/\(record.pid)/cmdline")) ?? ""
          return line.hasPrefix("sleep\0100") && !line.hasPrefix("sleep\01000")
        }
      }
      try eventually("all run") { try children() == 3 }
      #expect(try superv("down", "parent").code == 0)
      #expect(try children() == 0)
      // The same when the agent itself is killed and restarted.
      #expect(try superv("up", "parent").code == 0)
      try eventually("all run") { try children() == 3 }
      try superv.send(.kill, to: "parent")
      try superv.wait(for: "parent", incarnation: 3)
      try eventually("all run, none twice") { try children() == 3 }
      try superv.shutdown()
      #expect(try superv.processesInFolder().isEmpty)
    }
  }
}

/// An agent that ignores SIGTERM, as its file `NAME.ready` says once it does.
private func stubborn(_ name: String, keys: String) -> String {
  """
  [agent:\(name)]
  command = sh -c 'trap "" TERM; echo yes > \(name).ready; while :; do sleep 1000; done'
  startsecs = 0
  \(keys)

  """
}
