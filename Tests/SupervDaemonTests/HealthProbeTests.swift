import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What is asked of agents, when, and what follows.
@Suite struct HealthProbeTests {
  private static let check = ProbeKind.command(["check"])
  private static let door = ProbeKind.tcp(host: "127.0.0.1", port: 80)

  // MARK: ping

  private static func pinged() throws -> (World, AgentClient) {
    let world = try World.watched { $0.liveness = .every(.seconds(10), .ping) }
    return (world, try world.serve("a"))
  }

  @Test func answeredPingsKeepItAlive() throws {
    let (world, client) = try Self.pinged()
    var count = 0
    for _ in 0..<60 {
      world.advance(.seconds(5))
      for id in client.takePings() {
        count += 1
        client.pong(id)
      }
    }
    #expect(count == 30 || count == 29)
    #expect(world.stopCount == 0)
    #expect(try world.probe(.liveness).state == .passing)
  }

  @Test func hungAgentIsRestarted() throws {
    let (world, client) = try Self.pinged()
    _ = world.time { !client.heard.isEmpty }
    #expect(world.time { world.stopCount > 0 } == .seconds(25))
    #expect(world.stops(from: 0) == [.signal("a", 15)])
    let agent = try world.agent("a")
    #expect(agent.incarnation == 2 && agent.exit?.classification == "abnormal")
    #expect(agent.reason?.contains("liveness failed 3 times: no answer within 5s") == true)
    #expect(client.takePings() == [#""p1""#, #""p2""#, #""p3""#])
    #expect(world.kernel.violations == [])
  }

  @Test func whoNeverSaidHelloIsNeverKilled() throws {
    let world = try World.watched {
      $0.startup = nil
      $0.liveness = .every(.seconds(10), .ping)
    }
    let client = try world.connect(agent: "a")
    client.request("heartbeat", #"{"progress":1}"#)
    world.advance(.seconds(3600))
    #expect(world.stopCount == 0 && client.takePings() == [])
    #expect(try world.agent("a").ready)
    #expect(world.kernel.alarm == nil)
  }

  @Test func lostConnectionIsAFailure() throws {
    let (world, client) = try Self.pinged()
    client.hangUp()
    #expect(try #require(world.time { world.stopCount > 0 }) <= .seconds(35.25))
    #expect(try world.agent("a").reason?.contains("it has no connection") == true)
  }

  @Test func reconnectedAgentIsAskedAgain() throws {
    let (world, client) = try Self.pinged()
    _ = world.time { !client.heard.isEmpty }
    client.hangUp()
    let second = try world.serve("a")
    let pings = second.takePings()
    #expect(pings == [#""p1""#])
    second.pong(pings[0])
    #expect(try world.probe(.liveness).state == .passing)
    // The same answer twice, and one that nobody asked for, are nothing.
    second.pong(pings[0])
    second.pong(#""p77""#)
    second.pong(#""p""#)
    second.pong(#""pp1""#)
    #expect(second.faults == [])
  }

  @Test func anyAnswerInTimeIsAnAnswer() throws {
    let (world, client) = try Self.pinged()
    _ = world.time { !client.heard.isEmpty }
    client.send(
      #"{"jsonrpc":"2.0","id":"p1","error":{"code":-32601,"message":"what?"}}"# + "\n")
    #expect(try world.probe(.liveness).state == .passing)
    _ = world.time { client.heard.count > 1 }
    world.advance(.seconds(5))
    #expect(try world.probe(.liveness).failures == 1)
    client.pong(#""p2""#)
    #expect(try world.probe(.liveness).failures == 1)
  }

  // MARK: startup

  @Test func startupGatesTheOthers() throws {
    var isUp = false
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in isUp ? .passed : .failed("not there") } },
      {
        $0.startup = .every(.seconds(2), Self.door, failures: 10)
        $0.liveness = .every(.seconds(10), Self.check)
        $0.readiness = .every(.seconds(10), Self.check)
      })
    world.advance(.seconds(7))
    #expect(world.kernel.startedProbes.map(\.kind) == Array(repeating: Self.door, count: 4))
    #expect(world.kernel.startedProbes.map(\.at) == [moment(1), moment(3), moment(5), moment(7)])
    #expect(try !world.agent("a").ready)
    isUp = true
    world.advance(.seconds(1))
    #expect(try world.agent("a").ready)
    #expect(try world.reasons(of: "agent.ready") == ["its readiness probe passed"])
    world.advance(.seconds(60))
    #expect(world.kernel.startedProbes.count { $0.kind == Self.door } == 5)
    #expect(world.kernel.startedProbes.count { $0.kind == Self.check } >= 12)
    #expect(world.stopCount == 0 && world.kernel.violations == [])
  }

  @Test func failedStartupIsADeath() throws {
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in .failed("refused") } },
      {
        $0.startup = .every(.seconds(2), Self.door)
        $0.startup?.initialDelay = .seconds(3)
      })
    #expect(world.time { world.stopCount > 0 } == .seconds(7))
    #expect(try world.agent("a").reason?.contains("startup failed 3 times: refused") == true)
  }

  @Test func startupThatHangsTakesItsTimeoutLonger() throws {
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in nil } },
      { $0.startup = .every(.seconds(6), Self.check) })
    #expect(world.time { world.stopCount > 0 } == .seconds(17))
    #expect(world.kernel.probes.isEmpty)
    #expect(world.kernel.violations == [])
  }

  @Test func longerStartIsAskedFor() throws {
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in .failed("refused") } },
      { $0.startup = .every(.seconds(10), Self.door) })
    world.notify("EXTEND_TIMEOUT_USEC=60000000")
    #expect(world.time { world.stopCount > 0 } == .seconds(60))
  }

  // MARK: readiness

  @Test func failedReadinessNeverKills() throws {
    var isUp = true
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in isUp ? .passed : .failed("busy") } },
      { $0.readiness = .every(.seconds(10), Self.check) })
    world.advance(.zero)
    // Time has to pass as well: nobody has said anything.
    #expect(try !world.agent("a").ready)
    world.advance(.seconds(1))
    #expect(try world.agent("a").ready)
    #expect(try world.agent("a").readyAt == "2026-11-21T07:20:02.000000Z")
    isUp = false
    world.advance(.seconds(60))
    let agent = try world.agent("a")
    #expect(!agent.ready && agent.readyAt == nil && agent.phase == "running")
    #expect(
      try world.reasons(of: "agent.not_ready") == ["readiness failed 3 times: busy"])
    isUp = true
    world.advance(.seconds(11))
    #expect(try world.agent("a").ready && world.stopCount == 0)
  }

  @Test(arguments: ReadinessSource.allCases) func readyIsBoth(source: ReadinessSource) throws {
    var isUp = true
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in isUp ? .passed : .failed("busy") } },
      {
        $0.readySource = source
        $0.readiness = .every(.seconds(10), Self.check, failures: 1)
      })
    let client = try world.connect(agent: "a")
    client.request("hello", #"{"protocol":1}"#)
    world.advance(.seconds(5))
    #expect(try world.agent("a").ready == (source == .startSeconds))
    client.request("ready")
    #expect(try world.agent("a").ready)
    client.request("not_ready", #"{"reason":"reloading"}"#)
    #expect(try !world.agent("a").ready)
    isUp = false
    world.advance(.seconds(20))
    client.request("ready")
    #expect(try !world.agent("a").ready)
    isUp = true
    world.advance(.seconds(11))
    #expect(try world.agent("a").ready)
  }

  // MARK: How they are made

  @Test func oneProbeAtATime() throws {
    let world = try World.watched(
      prepare: { $0.probeOutcome = { _ in nil } },
      {
        $0.liveness = .every(.seconds(1), Self.check, failures: 1000)
        $0.readiness = .every(.seconds(1), Self.door, failures: 1000)
        $0.liveness?.timeout = .seconds(3)
        $0.readiness?.timeout = .seconds(2)
      })
    world.advance(.seconds(60))
    #expect(world.kernel.violations == [])
    #expect(world.kernel.startedProbes.count { $0.kind == Self.check } >= 10)
    #expect(world.kernel.startedProbes.count { $0.kind == Self.door } >= 10)
    world.end("a")
    #expect(world.kernel.probes.allSatisfy { $0.value.launch.key.incarnation == 2 })
  }

  @Test func commandGetsTheAgentsEnvironment() throws {
    let world = try World.watched("[agent:a]\ncommand = a\nenvironment = KEY=value") {
      $0.readiness = .every(.seconds(10), Self.check)
    }
    world.advance(.seconds(1))
    let launch = try #require(world.kernel.startedProbes.first?.launch)
    #expect(launch.environment.contains("KEY=value"))
    #expect(launch.environment.contains("SUPERV_INCARNATION=1"))
  }

  @Test func unreadableEnvironmentIsAFailedProbe() throws {
    let world = try World.watched(
      "[agent:a]\ncommand = a\nenv_file = /etc/a.env", prepare: { $0.files["/etc/a.env"] = [] },
      { $0.readiness = .every(.seconds(10), Self.check) })
    world.kernel.files = [:]
    world.advance(.seconds(1))
    #expect(
      try world.probe(.readiness).last == "env_file /etc/a.env: No such file or directory")
    #expect(world.kernel.startedProbes.isEmpty)
  }

  @Test func nothingIsAskedOfOneThatStops() throws {
    let world = try World.watched(
      "[agent:a]\ncommand = a\nstopwaitsecs = 100s", prepare: { $0.stubborn = ["a"] },
      { $0.liveness = .every(.seconds(10), Self.check) })
    world.advance(.seconds(30))
    let client = world.connect()
    client.request("down", #"{"names":["a"]}"#)
    let count = world.kernel.startedProbes.count
    world.advance(.seconds(90))
    #expect(world.kernel.startedProbes.count == count)
  }

  @Test func nothingConfiguredCostsNothing() throws {
    let world = try World("[agent:a]\ncommand = a")
    world.advance(.seconds(1))
    #expect(try world.agent("a").ready && world.agent("a").probes == [])
    #expect(world.kernel.alarm == nil)
    // What is only said costs nothing either.
    let client = try world.serve("a")
    client.request("heartbeat", #"{"progress":1}"#)
    client.request("op.begin", #"{"op":"1"}"#)
    #expect(world.kernel.alarm == nil)
  }

  /// 1,000 agents, started together and asked every 10 s.
  @Test func wakeUpsAreShared() throws {
    let world = try World.watched("[agent:a]\ncommand = a\nnumprocs = 1000") {
      $0.liveness = .every(.seconds(10), Self.door)
    }
    world.advance(.seconds(20))
    let before = world.kernel.startedProbes.count
    var wakeUps = 0
    let end = world.kernel.now + .seconds(10)
    while let alarm = world.kernel.alarm, alarm <= end {
      world.kernel.now = alarm
      world.kernel.arrivals.append(.alarm)
      world.settle()
      wakeUps += 1
    }
    #expect(world.kernel.startedProbes.count - before == 1000)
    #expect(wakeUps <= 41)
  }
}
