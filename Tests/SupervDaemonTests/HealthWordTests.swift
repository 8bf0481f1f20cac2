import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What agents say of themselves, and what operators do about it.
@Suite struct HealthWordTests {
  // MARK: Readiness

  @Test func helloPutsItsWordInThePlaceOfTime() throws {
    let world = try World("[agent:a]\ncommand = a\nstartsecs = 2s")
    let client = try world.connect(agent: "a")
    client.request("hello", #"{"protocol":1}"#)
    world.advance(.seconds(60))
    #expect(try !world.agent("a").ready)
    client.request("ready")
    #expect(try world.agent("a").ready)
    client.request("not_ready", #"{"reason":"tired"}"#)
    #expect(
      try world.reasons(of: "agent.not_ready") == ["it says that it is not ready: tired"])
  }

  @Test func readyByTimeStaysSo() throws {
    let world = try World("[agent:a]\ncommand = a")
    world.advance(.seconds(1))
    let client = try world.connect(agent: "a")
    client.request("hello", #"{"protocol":1}"#)
    #expect(try world.agent("a").ready)
    #expect(try world.reasons(of: "agent.ready") == ["stayed up for 1s"])
  }

  @Test func startSecondsIsTimeAlone() throws {
    let world = try World.watched("[agent:a]\ncommand = a\nstartsecs = 5s") {
      $0.readySource = .startSeconds
    }
    let client = try world.serve("a")
    #expect(try !world.agent("a").ready)
    world.advance(.seconds(5))
    #expect(try world.agent("a").ready)
    client.request("not_ready")
    #expect(try !world.agent("a").ready)
    client.request("ready")
    #expect(try world.agent("a").ready)
  }

  @Test func takenBackBeforeItsTime() throws {
    let world = try World.watched("[agent:a]\ncommand = a\nstartsecs = 5s") {
      $0.readySource = .startSeconds
    }
    let client = try world.connect(agent: "a")
    client.request("not_ready")
    world.advance(.seconds(3))
    client.request("ready")
    #expect(try !world.agent("a").ready)
    world.advance(.seconds(2))
    #expect(try world.agent("a").ready)
  }

  @Test func newlineOnItsDescriptor() throws {
    let world = try World.watched { $0.notifyDescriptor = 3 }
    world.advance(.seconds(60))
    #expect(try !world.agent("a").ready)
    let process = try #require(world.kernel.process(of: "a"))
    world.kernel.arrivals.append(.notifyDescriptor(process.key))
    world.settle()
    #expect(try world.agent("a").ready)
  }

  // MARK: Operations

  /// A `ping` that is never answered.
  private static func busy(
    _ change: @escaping @Sendable (inout HealthSettings) -> Void = { _ in }
  ) throws -> (World, AgentClient) {
    let world = try World.watched {
      $0.liveness = .every(.seconds(10), .ping)
      change(&$0)
    }
    return (world, try world.serve("a"))
  }

  @Test func pingIsNotHeldAgainstOneThatWorks() throws {
    let (world, client) = try Self.busy()
    client.request("op.begin", #"{"op":"7","kind":"sum","expected_ms":60000}"#)
    world.advance(.seconds(590))
    #expect(world.stopCount == 0)
    let probe = try world.probe(.liveness)
    #expect(probe.failures == 0)
    #expect(probe.last == "no answer within 5s; not counted, an operation runs")
    // 600 s are its limit; then three pings in a row.
    let time = try #require(world.time { world.stopCount > 0 })
    #expect(time > .seconds(30) && time <= .seconds(45.25))
    #expect(try world.story.contains("agent.stuck a"))
  }

  @Test func stuckIsToldOnce() throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = try world.serve("a")
    client.request("op.begin", #"{"op":"7","kind":"sum","expected_ms":1000}"#)
    world.advance(.seconds(100))
    #expect(
      try world.reasons(of: "agent.stuck")
        == ["operation 7 (sum) has run for 10s; 1s was expected"])
    let agent = try world.agent("a")
    #expect(agent.operations == [OperationStatus(op: "7", kind: "sum", sinceSeconds: 100)])
    #expect(world.stopCount == 0)
    client.request("op.end", #"{"op":"7"}"#)
    #expect(
      try world.reasons(of: "agent.unstuck") == ["operation 7 (sum) has ended after 100s"])
    #expect(try world.agent("a").operations == [])
    let again = client.request("op.end", #"{"op":"7"}"#)
    #expect(client.failure(of: again)?.kind == .invalid)
  }

  @Test func stuckMayMeanARestart() throws {
    let world = try World.watched { $0.stuck = .restart }
    let client = try world.serve("a")
    client.request("op.begin", #"{"op":"7","expected_ms":1000}"#)
    let time = try #require(world.time { world.stopCount > 0 })
    #expect(time >= .seconds(10) && time <= .seconds(10.25))
    #expect(try world.agent("a").reason?.contains("stuck: operation 7 has run for") == true)
    #expect(try world.agent("a").incarnation == 2)
  }

  @Test func sameProgressIsStuckAndSilenceIsNot() throws {
    let world = try World.watched {
      $0.progressTimeout = .seconds(60)
      $0.stuck = .restart
    }
    let client = try world.serve("a")
    client.request("heartbeat", #"{"progress":"page 1"}"#)
    world.advance(.seconds(3600))
    #expect(world.stopCount == 0)
    #expect(try world.agent("a").progress == "page 1")
    client.request("heartbeat", #"{"progress":17}"#)
    for _ in 0..<5 {
      world.advance(.seconds(10))
      client.request("heartbeat", #"{"progress":17}"#)
      client.request("heartbeat")
    }
    #expect(world.stopCount == 0)
    world.advance(.seconds(10))
    client.request("heartbeat", #"{"progress":17}"#)
    #expect(world.stopCount == 1)
    #expect(
      try world.reasons(of: "agent.stuck") == ["its progress has been '17' for 60s"])
  }

  @Test(arguments: [
    ("heartbeat", #"{"progress":[1]}"#),
    ("heartbeat", #"{"progress":"\#(String(repeating: "x", count: 513))"}"#),
    ("op.begin", "{}"), ("op.begin", #"{"op":""}"#), ("op.begin", #"{"op":7}"#),
    ("op.begin", #"{"op":"\#(String(repeating: "x", count: 65))"}"#),
    ("op.begin", #"{"op":"1","kind":"\#(String(repeating: "x", count: 65))"}"#),
    ("op.begin", #"{"op":"1","expected_ms":0}"#),
    ("op.begin", #"{"op":"1","expected_ms":86400001}"#), ("op.end", #"{"op":"nobody"}"#),
  ])
  func whatDoesNotFitIsRefused(method: String, params: String) throws {
    let world = try World("[agent:a]\ncommand = a")
    let client = try world.serve("a")
    let id = client.request(method, params)
    #expect(client.failure(of: id)?.kind == .invalid)
    #expect(try world.agent("a").operations == [] && world.agent("a").progress == nil)
  }

  // MARK: sd_notify

  @Test func notificationsAreWords() throws {
    let world = try World("[agent:a]\ncommand = a\nstartsecs = 60s")
    world.notify("READY=1\nSTATUS=warm\nMAINPID=\(world.pid(of: "a") ?? 0)")
    var agent = try world.agent("a")
    #expect(agent.ready && agent.statusText == "warm" && agent.mainPID == agent.pid)
    world.notify("RELOADING=1")
    #expect(try !world.agent("a").ready)
    world.notify("READY=1")
    world.notify("STOPPING=1")
    agent = try world.agent("a")
    #expect(!agent.ready && agent.statusText == "warm")
    #expect(
      try world.reasons(of: "agent.not_ready") == [
        "it says that it is not ready: it reloads", "it says that it is not ready: it stops",
      ])
    world.end("a")
    #expect(try world.agent("a").statusText == nil)
  }

  @Test func strangersAreToldOfAndNotForLong() throws {
    let world = try World("[agent:a]\ncommand = a")
    for _ in 0..<50 {
      world.kernel.arrivals.append(.notified(nil, sender: 77, Array("READY=1".utf8)))
      world.settle()
    }
    #expect(try world.reasons(of: "notify.refused").count == 10)
    world.notify("MAINPID=1")
    #expect(try world.agent("a").mainPID == nil)
    #expect(try world.reasons(of: "notify.refused").last == "MAINPID=1 is no process of it")
  }

  @Test func watchdogBites() throws {
    let world = try World.watched { $0.liveness = ProbeSettings(.watchdog(.seconds(30))) }
    world.advance(.seconds(3600))
    #expect(world.stopCount == 0)
    for _ in 0..<10 {
      world.notify("WATCHDOG=1")
      world.advance(.seconds(29))
    }
    #expect(world.stopCount == 0)
    #expect(try world.probe(.liveness).state == .passing)
    world.notify("WATCHDOG=1")
    #expect(world.time { world.stopCount > 0 } == .seconds(30))
    #expect(try world.agent("a").reason?.contains("liveness failed: no WATCHDOG=1 for 30s") == true)
    world.notify("WATCHDOG=trigger")
    #expect(world.stopCount == 2)
  }

  @Test func stopMayTakeLonger() throws {
    let world = try World("[agent:a]\ncommand = a\nstopwaitsecs = 10s") { $0.stubborn = ["a"] }
    world.connect().request("down", #"{"names":["a"]}"#)
    world.notify("EXTEND_TIMEOUT_USEC=1000000")
    world.advance(.seconds(9))
    world.notify("EXTEND_TIMEOUT_USEC=30000000")
    world.advance(.seconds(29))
    #expect(world.stops(from: 0) == [.signal("a", 15)])
    // No more than an hour at a time.
    world.notify("EXTEND_TIMEOUT_USEC=360000000000")
    #expect(world.time { world.stopCount > 1 } == .seconds(3600))
    #expect(world.stops(from: 0) == [.signal("a", 15), .kill("a")])
  }

  // MARK: hold

  @Test func heldAgentIsLeftInPeace() throws {
    let (world, client) = try Self.busy { $0.stuck = .restart }
    _ = world.time { !client.heard.isEmpty }
    world.advance(.seconds(11))
    let hold = world.connect()
    let id = hold.request("hold", #"{"names":["a"],"on":true}"#)
    #expect(try hold.outcome(of: id) == ["a running"])
    client.request("op.begin", #"{"op":"7","expected_ms":1000}"#)
    _ = client.take()
    world.advance(.seconds(3000))
    #expect(world.stopCount == 0 && client.takePings() == [])
    #expect(try world.agent("a").held && world.kernel.alarm == nil)
    client.request("op.end", #"{"op":"7"}"#)
    // Released, everything is counted anew.
    hold.request("hold", #"{"names":["a"],"on":false}"#)
    #expect(try world.probe(.liveness).failures == 0)
    let time = try #require(world.time { world.stopCount > 0 })
    #expect(time >= .seconds(25) && time <= .seconds(35.25))
    #expect(try world.events().filter { $0.event == "agent.held" }.map(\.agent) == ["a"])
    #expect(try world.story.contains("agent.released a"))
  }

  @Test func operationsOfOneThatWasHeldGetTheirTime() throws {
    let world = try World.watched { $0.stuck = .restart }
    let client = try world.serve("a")
    client.request("op.begin", #"{"op":"7","expected_ms":1000}"#)
    let hold = world.connect()
    hold.request("hold", #"{"names":["a"],"on":true}"#)
    world.advance(.seconds(60))
    hold.request("hold", #"{"names":["a"],"on":false}"#)
    world.advance(.seconds(9.5))
    #expect(world.stopCount == 0)
    world.advance(.seconds(1))
    #expect(world.stopCount == 1)
  }

  @Test func holdOutlivesTheProcess() throws {
    let (world, _) = try Self.busy()
    let hold = world.connect()
    hold.request("hold", #"{"names":["a"],"on":true}"#)
    world.end("a")
    let client = try world.serve("a")
    world.advance(.seconds(600))
    #expect(world.stopCount == 0 && client.takePings() == [])
    let again = hold.request("hold", #"{"names":["a"],"on":true}"#)
    let report: ActionReport = try hold.result(of: again)
    #expect(report.results.map(\.reason) == ["it was held already"])
    let nobody = hold.request("hold", #"{"names":["b"],"on":true}"#)
    #expect(hold.failure(of: nobody)?.kind == .noSuchAgent)
  }

  // MARK: reload

  @Test func reloadChangesTheProbesOfOneThatRuns() throws {
    let plain = "[agent:a]\ncommand = a\n"
    let world = try World(plain)
    func reload(_ keys: String) {
      world.text.replace(plain + keys)
      world.signal(.hangUp)
    }
    world.advance(.seconds(1))
    world.kernel.probeOutcome = { _ in .failed("busy") }
    reload("readiness = exec:check")
    // What it was known for stands until the contrary is shown.
    #expect(try world.agent("a").ready && world.agent("a").incarnation == 1)
    world.advance(.seconds(31))
    #expect(try !world.agent("a").ready)
    reload("")
    #expect(try world.agent("a").probes == [])
    #expect(try world.agent("a").ready)
    let client = try world.serve("a")
    reload("liveness = ping")
    _ = world.time { !client.heard.isEmpty }
    #expect(client.takePings().count == 1)
    reload("liveness = ping\nstartsecs = 7s")
    #expect(try world.probe(.liveness).state == .waiting)
    #expect(world.stopCount == 0 && world.kernel.violations == [])
  }

  /// By the configuration's rule a probe takes the place of time.
  @Test func probeTakesThePlaceOfTime() throws {
    let world = try World("[agent:a]\ncommand = a\nstartup = tcp:80\nreadiness = unix:/run/a")
    world.advance(.zero)
    #expect(try world.agent("a").ready)
    #expect(try world.agent("a").probes.map(\.kind) == ["tcp", "unix"])
  }
}
