import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// A new configuration for a tree that runs.
@Suite struct ReloadTests {
  private static let old = """
    [superv]
    runtime_dir = /run/superv
    state_dir = /var/superv
    [supervisor:s]
    children = a, b
    [agent:a]
    command = a --old
    [agent:b]
    command = b
    [agent:gone]
    command = gone
    """
  private static let new = """
    [superv]
    runtime_dir = /run/superv
    state_dir = /var/superv
    [supervisor:s]
    children = a, b
    [agent:a]
    command = a --new
    [agent:b]
    command = b
    restart = transient
    [agent:added]
    command = added
    """

  @Test func badFileChangesNothingAndIsTold() throws {
    let world = try World(Self.old)
    let before = try world.status().agents.map(\.pid)
    let acts = world.kernel.acts.count
    world.text.replace("[agent:a]\ncommand = a\ncomand = b\n")
    world.signal(.hangUp)
    let refusal = try #require(world.events().last)
    #expect(refusal.event == "daemon.reload_refused")
    #expect(refusal.reason?.contains("/etc/superv/main.conf:3") == true)
    let report: ReloadReport = try world.ask("reload", #"{"plan":false}"#)
    #expect(!report.applied)
    #expect(report.diagnostics.contains { $0.severity == .error && $0.line == 3 })
    #expect(world.kernel.acts.count == acts)
    #expect(try world.status().agents.map(\.pid) == before)
  }

  @Test func planSaysWhatAReloadThenDoes() throws {
    let world = try World(Self.old)
    let pid = world.pid(of: "b")
    world.text.replace(Self.new)
    let acts = world.kernel.acts.count
    let plan: ReloadReport = try world.ask("reload", #"{"plan":true}"#)
    #expect(!plan.applied)
    #expect(world.kernel.acts.count == acts)
    #expect(plan.start == ["added"] && plan.stop == ["gone"])
    #expect(plan.restart == ["a"] && plan.update == ["b"] && plan.unchanged == 1)

    var report: ReloadReport = try world.ask("reload", #"{"plan":false}"#)
    #expect(report.applied)
    report.applied = false
    #expect(report == plan)
    #expect(try world.story.contains("daemon.reloaded"))
    #expect(try world.status().agents.map(\.name) == ["a", "b", "added"])
    #expect(world.pid(of: "b") == pid)
    #expect(world.pid(of: "gone") == nil)
    let again: ReloadReport = try world.ask("reload", #"{"plan":true}"#)
    #expect(again.start + again.stop + again.restart + again.update == [])
  }

  @Test func newStartIsByTheNewDefinition() throws {
    let world = try World(Self.old) { $0.undying = ["a"] }
    world.text.replace(Self.new)
    world.signal(.hangUp)
    #expect(world.starts.count { $0 == "a" } == 1)
    world.kernel.undying = []
    world.end("a", .exited(code: 0))
    let commands = world.kernel.launches.filter { $0.agent.agent == "a" }.map(\.agent.command)
    #expect(commands == [["a", "--old"], ["a", "--new"]])
    #expect(try world.agent("a").incarnation == 2)
  }

  /// A new rule alone does not touch the process, and a death is judged by it.
  @Test func newRulesHoldForTheProcessThatRuns() throws {
    let world = try World(Self.old)
    world.text.replace(Self.new)
    world.signal(.hangUp)
    world.settle()
    world.end("b", .exited(code: 0))
    #expect(try world.agent("b").phase == "exited")
  }

  @Test func settingsThatNeedANewStartAreWarnedOf() throws {
    let world = try World(Self.old)
    world.text.replace(
      """
      [superv]
      runtime_dir = /run/other
      state_dir = /var/other
      log_dir = /var/log/other
      http = 127.0.0.1:9320
      log_total_max = 2GB
      log_files = 9
      shutdown_timeout = 3s
      [agent:a]
      command = a --old
      stopwaitsecs = 1h
      """)
    let report: ReloadReport = try world.ask("reload", #"{"plan":false}"#)
    #expect(report.applied)
    let warned = report.diagnostics.map(\.message).filter { $0.contains("next start") }
    for key in ["runtime_dir", "state_dir", "log_dir", "http", "log_total_max", "log_files"] {
      #expect(warned.contains { $0.contains("`\(key)`") }, "\(key)")
    }
    #expect(warned.count == 6, "\(warned)")
    let logs: LogsReport = try world.ask("logs")
    #expect(logs.directory == "/var/superv/logs")
    #expect(logs.files.map(\.path) == ["/var/superv/logs/a.log"])
    // Others hold at once.
    world.settle()
    world.kernel.stubborn = ["a"]
    world.signal(.terminate)
    world.advance(.seconds(3))
    #expect(world.daemon.end == .asked)
  }

  @Test func logSettingsOfARunningAgentAreHandedOn() throws {
    let world = try World("[agent:a]\ncommand = a")
    world.text.replace("[agent:a]\ncommand = a\nlog_max_size = 1MB")
    world.signal(.hangUp)
    #expect(world.kernel.updatedLogs.map(\.maximumBytes) == [1 << 20])
    #expect(world.starts == ["a"])
  }

  @Test func removedAgentThatComesBackGoesOnCounting() throws {
    let world = try World(Self.old)
    world.text.replace(Self.new)
    world.signal(.hangUp)
    world.settle()
    world.text.replace(Self.old)
    world.signal(.hangUp)
    world.settle()
    #expect(try world.agent("gone").incarnation == 2)
    #expect(world.kernel.violations == [])
  }

  @Test func agentThatMovesIsNeverThereTwice() throws {
    let world = try World(Self.old) { $0.undying = ["a"] }
    world.text.replace(
      """
      [superv]
      runtime_dir = /run/superv
      state_dir = /var/superv
      [supervisor:s]
      children = b
      [supervisor:t]
      children = a
      [agent:a]
      command = a --old
      [agent:b]
      command = b
      """)
    let client = world.connect()
    client.request("restart", #"{"names":["a"]}"#)
    client.request("reload", #"{"plan":false}"#)
    // The one that was asked about is going for good.
    #expect(client.answers[1] == nil)
    world.kernel.undying = []
    world.end("a", .exited(code: 0))
    world.advance(.seconds(5))
    #expect(try client.outcome(of: 1).count == 1)
    #expect(world.kernel.violations == [])
    let agent = try world.agent("a")
    #expect(agent.supervisor == "t" && agent.incarnation == 2 && agent.alive)
    #expect(try world.status().agents.count { $0.name == "a" } == 1)
  }

  @Test func requestAboutAnAgentThatMovesWithItsSupervisorIsAnswered() throws {
    let inner = "[supervisor:inner]\nchildren = a\n[agent:a]\ncommand = a\n"
    let world = try World("[supervisor:outer]\nchildren = inner\n" + inner) {
      $0.undying = ["a"]
    }
    let client = world.connect()
    client.request("restart", #"{"names":["a"]}"#)
    world.text.replace(inner)
    world.signal(.hangUp)
    #expect(client.answers.isEmpty)
    world.kernel.undying = []
    world.end("a", .exited(code: 0))
    #expect(try client.outcome(of: 1) == ["!a stopped"])
    #expect(try world.agent("a").incarnation == 2)
  }
}
