import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Status, health and what waits for them.
@Suite struct ReportTests {
  @Test func statusWaitsUntilEverythingIsUp() throws {
    let world = try World(
      """
      [agent:a]
      command = a
      startsecs = 5s
      [agent:b]
      command = b
      needs = a:ready
      startsecs = 5s
      """)
    let client = world.connect()
    let up = client.request("status", #"{"wait":"up"}"#)
    let ready = client.request("status", #"{"wait":"ready"}"#)
    #expect(client.answers.isEmpty)
    world.advance(.milliseconds(4999))
    #expect(client.answers.isEmpty)
    world.advance(.milliseconds(1))
    let atUp: StatusReport = try client.result(of: up)
    #expect(atUp.agents.map(\.phase) == ["running", "running"])
    #expect(client.answers[ready] == nil)
    world.advance(.seconds(5))
    let atReady: StatusReport = try client.result(of: ready)
    #expect(atReady.agents.map(\.ready) == [true, true])
    // What already holds is answered at once.
    #expect(try world.ask("status", #"{"wait":"ready"}"#, as: StatusReport.self).agents.count == 2)
  }

  @Test func failedAndStoppedAgentsAreNotWaitedFor() throws {
    let world = try World(
      """
      [superv]
      intensity = 0
      [agent:broken]
      command = broken
      [agent:idle]
      command = idle
      autostart = no
      [agent:fine]
      command = fine
      """
    ) { $0.failingStarts["broken"] = [0: "nothing there"] }
    let up: StatusReport = try world.ask("status", #"{"wait":"up"}"#)
    #expect(up.agents.map(\.phase) == ["failed", "stopped", "running"])
    #expect(up.agents.map(\.desired) == [.up, .down, .up])
    let client = world.connect()
    client.request("status", #"{"wait":"ready"}"#)
    #expect(client.answers.isEmpty)
    world.advance(.seconds(1))
    #expect(client.unanswered == [])
  }

  @Test func stopAnswersThoseThatWait() throws {
    let world = try World("[agent:a]\ncommand = a\nstartsecs = 1h")
    let client = world.connect()
    client.request("status", #"{"wait":"ready"}"#)
    world.signal(.terminate)
    let status: StatusReport = try client.result(of: 1)
    #expect(status.daemon.state == .stopping)
  }

  @Test func statusOfOneIsOfItAlone() throws {
    let world = try World(
      """
      [supervisor:s]
      children = w, t
      [supervisor:t]
      children = x
      [agent:w]
      command = w
      numprocs = 2
      [agent:x]
      command = x
      [agent:y]
      command = y
      """)
    func names(_ name: String) throws -> [String] {
      let report: StatusReport = try world.ask("status", #"{"agent":"\#(name)"}"#)
      return report.supervisors.map(\.name) + report.agents.map(\.name)
    }
    #expect(try names("w") == ["w:0", "w:1"])
    #expect(try names("w:1") == ["w:1"])
    #expect(try names("s") == ["s", "w:0", "w:1", "x"])
    #expect(try names("y") == ["y"])
    let all = try world.status()
    #expect(all.agents.map(\.supervisor) == ["s", "s", "t", "root"])
    #expect(all.agents.map(\.instance) == [0, 1, 0, 0])
    #expect(all.agents.map(\.agent) == ["w", "w", "x", "y"])
    #expect(all.supervisors.map(\.parent) == ["root", "s"])
    #expect(all.supervisors.map(\.children) == [["w:0", "w:1", "t"], ["x"]])
    let logs: LogsReport = try world.ask("logs", #"{"names":["s"]}"#)
    #expect(logs.files.map(\.agent) == ["w:0", "w:1", "x"])
    #expect(logs.files[0].path.hasSuffix("/w.0.log"))
  }

  @Test func healthWithoutCriticalAgents() throws {
    let world = try World(
      "[superv]\nintensity = 0\n[agent:a]\ncommand = a\n[agent:b]\ncommand = b")
    var health: HealthReport = try world.ask("health")
    #expect(health.live && health.ready && health.reasons.isEmpty)
    #expect(health.agents == .init(total: 2, ready: 0, failed: 0))
    world.advance(.seconds(1))
    world.end("a")
    health = try world.ask("health")
    // A failure is told, and does not take the whole out of service.
    #expect(health.ready)
    #expect(health.agents == .init(total: 2, ready: 1, failed: 1))
    #expect(health.reasons.count == 1 && health.reasons[0].hasPrefix("a failed: "))
    world.kernel.undying = ["b"]
    world.signal(.terminate)
    health = try world.ask("health")
    #expect(health.live && !health.ready && health.state == .stopping)
  }

  @Test func healthFollowsCriticalAgents() throws {
    let world = try World(
      "[agent:core]\ncommand = core\ncritical = yes\n[agent:b]\ncommand = b\nstartsecs = 1h")
    func isReady() throws -> Bool {
      let health: HealthReport = try world.ask("health")
      #expect(health.ready == health.reasons.isEmpty)
      return health.ready
    }
    #expect(try !isReady())
    world.advance(.seconds(1))
    #expect(try isReady())
    world.end("core")
    #expect(try !isReady())
    world.advance(.seconds(1))
    #expect(try isReady())
  }

  @Test func whyTellsTheLatestTwenty() throws {
    let world = try World(
      "[superv]\nintensity = 1000\nbackoff_base = 0\n[agent:a]\ncommand = a\n[agent:b]\ncommand = b"
    )
    for _ in 0..<30 { world.end("a") }
    let why: WhyReport = try world.ask("why", #"{"name":"a"}"#)
    #expect(why.history.count == 20)
    #expect(why.history.map(\.time) == why.history.map(\.time).sorted())
    #expect(why.history.last?.event == "agent.started")
    #expect(why.restarts == 30 && why.phase == "running" && why.desired == .up)
    #expect(why.exit == ExitReport(code: 1, classification: "abnormal"))
  }
}
