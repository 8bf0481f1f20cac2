import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

/// What the daemon does about limits of whole process trees, and about what agents leave behind.
@Suite struct TreeOwnershipTests {
  private static let limited = """
    [agent:a]
    command = a
    startsecs = 0
    memory_high = 64MB
    memory_max = 128MB
    pids_max = 7
    """

  private static func bring(_ news: LimitNews, of name: String, _ world: World) throws {
    let key = try #require(world.kernel.process(of: name)).key
    world.kernel.arrivals.append(.limit(key, news))
    world.settle()
  }

  @Test func oneThatSpeaksIsTold() throws {
    let world = try World(Self.limited)
    try Self.bring(.memoryHigh(bytes: 70 << 20), of: "a", world)
    let client = try world.serve("a")
    try Self.bring(.memoryHigh(bytes: 80 << 20), of: "a", world)
    let told = client.take().filter { $0.method == "memory" }
    #expect(told.count == 1 && told[0].id == nil)
    #expect(
      told.map { [$0.member("bytes"), $0.member("high"), $0.member("max")] }
        == [["83886080", "67108864", "134217728"]])
    let reasons = try world.events().filter { $0.event == "agent.memory_high" }.map(\.reason)
    #expect(
      reasons == [
        "it uses 73400320 bytes, more than memory_high (64MB); it has no connection to be told on",
        "it uses 83886080 bytes, more than memory_high (64MB); it was told",
      ])
    #expect(world.starts == ["a"])
  }

  @Test(
    arguments: [
      (.memoryExceeded(bytes: 129 << 20), "memory: it uses 129MB of 128MB (memory_max)"),
      (.memoryExceeded(bytes: 257 << 19), "memory: it uses 128.5MB of 128MB (memory_max)"),
      (.tasksExceeded(count: 8), "processes: it has 8 of 7 (pids_max)"),
    ] as [(LimitNews, String)])
  func oneThatTakesTooMuchIsKilledAndRestarted(news: LimitNews, reason: String) throws {
    let world = try World(Self.limited)
    let first = world.kernel.acts.count
    try Self.bring(news, of: "a", world)
    // It gets no time.
    #expect(world.stops(from: first) == [.kill("a")])
    let agent = try world.agent("a")
    #expect(agent.incarnation == 2 && agent.phase == "running" && agent.restarts == 1)
    #expect(agent.reason?.contains(reason) == true, "\(agent.reason ?? "")")
    #expect(agent.exit?.classification == "abnormal")
    let stopping = try world.events().filter { $0.event == "agent.stopping" }
    #expect(stopping.map(\.reason) == [reason])
    // What comes late is about one that has ended.
    let late = ProcessKey(
      node: try #require(world.kernel.process(of: "a")).key.node, incarnation: 1)
    world.kernel.arrivals.append(.limit(late, news))
    world.settle()
    #expect(try world.agent("a").incarnation == 2)
  }

  @Test func outOfMemoryIsInTheRecord() throws {
    let world = try World(Self.limited)
    world.end("a", .outOfMemory)
    let agent = try world.agent("a")
    #expect(agent.exit == ExitReport(signal: 9, classification: "abnormal", oom: true))
    #expect(agent.incarnation == 2)
    let exited = try #require(try world.events().first { $0.event == "agent.exited" })
    #expect(exited.reason == "SIGKILL (out of memory) (abnormal)" && exited.exit?.oom == true)
    world.end("a", .signalled(9, coreDumped: false))
    #expect(try world.agent("a").exit?.oom == false)
  }

  @Test func whatWasKilledIsTold() throws {
    let world = try World(Self.limited)
    let key = try #require(world.kernel.process(of: "a")).key
    world.kernel.arrivals.append(.leftBehind(key, 1))
    world.kernel.arrivals.append(.leftBehind(key, 12))
    world.end("a")
    let cleared = try world.events().filter { $0.event == "agent.cleared" }
    #expect(
      cleared.map(\.reason) == [
        "a process that it had left behind: killed",
        "12 processes that it had left behind: killed",
      ])
    #expect(cleared.allSatisfy { $0.agent == "a" && $0.incarnation == 1 })
  }

  @Test func orphansAndLimitsAreInStatus() throws {
    let world = try World(Self.limited)
    let key = try #require(world.kernel.process(of: "a")).key
    world.kernel.orphanProcesses = [
      key: [30, 12], ProcessKey(node: key.node, incarnation: 0): [5],
    ]
    world.kernel.unkept = [.memoryMax: "no controller"]
    let agent = try world.agent("a")
    #expect(agent.orphans == [5, 12, 30])
    #expect(
      agent.limits == [
        LimitStatus(name: "memory_high", value: "64MB", kept: .kernel),
        LimitStatus(name: "memory_max", value: "128MB", kept: .superv, problem: "no controller"),
        LimitStatus(name: "pids_max", value: "7", kept: .kernel),
      ])
    #expect(try world.status().daemon.cgroups == ControlGroupsStatus())
  }
}
