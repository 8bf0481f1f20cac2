import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Starting, dying, stopping: the tree on a machine.
@Suite struct LifeTests {
  @Test func childrenStartInOrder() throws {
    let world = try World(
      """
      [supervisor:pipe]
      children = c, a
      [agent:b]
      command = b
      [agent:a]
      command = a
      [agent:c]
      command = c
      """)
    // Children of the root have nothing to do with each other: none waits for another.
    #expect(world.starts == ["c", "b", "a"])
    let status = try world.status()
    #expect(status.agents.map(\.name) == ["c", "a", "b"])
    #expect(status.agents.allSatisfy { $0.alive && $0.phase == "running" && !$0.ready })
    #expect(status.agents.map(\.pid) == [1001, 1003, 1002])
    #expect(status.daemon.pid == 42)
    world.advance(.seconds(1))
    #expect(try world.status().agents.allSatisfy(\.ready))
    #expect(try world.agent("a").startedAt == "2026-11-21T07:20:01.000000Z")
    #expect(try world.agent("a").uptimeSeconds == 1)
  }

  @Test func childThatNeedsAnotherWaitsForIt() throws {
    let world = try World(
      """
      [agent:front]
      command = front
      needs = back:ready
      [agent:back]
      command = back
      startsecs = 5s
      """)
    #expect(world.starts == ["back"])
    #expect(try world.agent("front").phase == "waiting")
    world.advance(.seconds(4))
    #expect(world.starts == ["back"])
    world.advance(.seconds(1))
    #expect(world.starts == ["back", "front"])
  }

  @Test func textOfAFailedStartIsShown() throws {
    let text = "exec /srv/a: No such file or directory"
    let world = try World("[superv]\nintensity = 2\n[agent:a]\ncommand = a") {
      $0.failingStarts["a"] = [0: text]
    }
    world.advance(.seconds(60))
    let agent = try world.agent("a")
    #expect(agent.phase == "failed")
    #expect(agent.pid == nil && !agent.alive)
    #expect(agent.reason?.contains(text) == true)
    let why: WhyReport = try world.ask("why", #"{"name":"a"}"#)
    #expect(why.reason?.contains(text) == true)
    #expect(why.history.contains { $0.event == "agent.start_failed" })
    #expect(world.kernel.acts == Array(repeating: .startFailure("a"), count: 3))
  }

  @Test func startThatFailsOnceIsTriedAgain() throws {
    let world = try World("[agent:a]\ncommand = a") { $0.failingStarts["a"] = [1: "no memory"] }
    world.advance(.seconds(60))
    #expect(world.kernel.acts == [.startFailure("a"), .start("a")])
    #expect(try world.agent("a").incarnation == 2)
  }

  @Test func restartAfterADeathKeepsTheSiblings() throws {
    let world = try World(
      """
      [supervisor:s]
      children = a, b, c
      [agent:a]
      command = a
      [agent:b]
      command = b
      [agent:c]
      command = c
      """)
    let before = ["a", "c"].map { world.pid(of: $0) }
    let old = world.pid(of: "b")
    world.end("b", .signalled(9, coreDumped: false))
    #expect(["a", "c"].map { world.pid(of: $0) } == before)
    #expect(world.pid(of: "b") != nil && world.pid(of: "b") != old)
    let agent = try world.agent("b")
    #expect(agent.incarnation == 2 && agent.restarts == 1)
    #expect(agent.exit == ExitReport(signal: 9, classification: "abnormal"))
  }

  @Test func groupRestartStopsInReverseAndStartsInOrder() throws {
    let world = try World(
      """
      [supervisor:s]
      strategy = one_for_all
      backoff_base = 0
      children = a, b, c
      [agent:a]
      command = a
      [agent:b]
      command = b
      [agent:c]
      command = c
      """)
    let first = world.kernel.acts.count
    world.end("b")
    #expect(world.stops(from: first) == [.signal("c", 15), .signal("a", 15)])
    #expect(world.starts == ["a", "b", "c", "a", "b", "c"])
  }

  @Test func budgetThatIsSpentEndsInFailure() throws {
    let world = try World(
      """
      [superv]
      intensity = 2
      backoff_base = 0
      [agent:a]
      command = a
      [agent:b]
      command = b
      """)
    for _ in 1...3 { world.end("a") }
    #expect(try world.agent("a").phase == "failed")
    #expect(try world.agent("b").phase == "running")
    #expect(try world.story.contains("agent.failed a"))
  }

  @Test func agentThatStaysIsKilled() throws {
    let world = try World("[agent:a]\ncommand = a\nstopwaitsecs = 3s\nstopsignal = INT") {
      $0.stubborn = ["a"]
    }
    let client = world.connect()
    let id = client.request("down", #"{"names":["a"]}"#)
    #expect(world.stops(from: 0) == [.signal("a", 2)])
    // One that was stopped with SIGSTOP must see it.
    #expect(world.kernel.acts.last == .signal("a", Signal.resume.number))
    world.advance(.milliseconds(2999))
    #expect(client.answers.isEmpty)
    world.advance(.milliseconds(1))
    #expect(world.stops(from: 0) == [.signal("a", 2), .kill("a")])
    #expect(try client.outcome(of: id) == ["a stopped"])
    let stopping = try world.events().filter { $0.event == "agent.stopping" }
    #expect(stopping.map(\.reason) == ["an operator stopped it", "still there after 3s"])
  }

  @Test func everythingAtOnceIsOneTurn() throws {
    // Signs of life, requests and timers that arrive together are handled in their order.
    let world = try World("[agent:a]\ncommand = a\nstartsecs = 2s\n[agent:b]\ncommand = b")
    let client = world.connect()
    world.kernel.now = world.kernel.now + .seconds(2)
    if let process = world.kernel.process(of: "a") {
      world.kernel.end(process.key, .exited(code: 3))
    }
    world.kernel.arrivals.append(.received(client.id, Array(client.line("status").utf8)))
    world.kernel.arrivals.append(.alarm)
    world.turn()
    let status: StatusReport = try client.result(of: 1)
    #expect(status.agents.map(\.incarnation) == [2, 1])
    // The timer of the dead incarnation made nobody ready.
    #expect(try !world.agent("a").ready)
    #expect(try world.agent("b").ready)
    world.advance(.seconds(2))
    #expect(try world.agent("a").ready)
  }

  @Test func runServesUntilItIsStopped() throws {
    let world = try World(idle: "[agent:a]\ncommand = a\nrestart = temporary\ncritical = yes")
    world.kernel.undying = ["a"]
    world.kernel.arrivals.append(.signal(.terminate))
    #expect(world.kernel.living.isEmpty)
    world.kernel.undying = []
    #expect(world.daemon.run() == .asked)
    #expect(world.kernel.living.isEmpty)
    #expect(try world.story.last?.hasPrefix("agent.") == true)
  }

  @Test func failureOfACriticalChildStopsEverything() throws {
    let world = try World(
      """
      [superv]
      shutdown_timeout = 5s
      [agent:core]
      command = core
      critical = yes
      restart = temporary
      [agent:other]
      command = other
      stopwaitsecs = 1h
      """
    ) { $0.stubborn = ["other"] }
    world.end("core", .exited(code: 1))
    #expect(try world.status().daemon.state == .stopping)
    #expect(try world.story.contains("daemon.stopping"))
    #expect(world.daemon.end == nil)
    world.advance(.seconds(5))
    #expect(world.stops(from: 0) == [.signal("other", 15), .kill("other")])
    guard case .criticalFailed("core", _) = world.daemon.end else {
      Issue.record("ended with \(String(describing: world.daemon.end))")
      return
    }
  }
}
