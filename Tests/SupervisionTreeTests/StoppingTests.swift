import SupervisionTree
import Testing

/// The ladder, the order, and the end of the tree.
@Suite struct StoppingTests {
  private static let ladder = [
    StopRung(.signal(2), grace: .seconds(1)), StopRung(.signal(15), grace: .seconds(2)),
    StopRung(.kill, grace: nil),
  ]

  private static func effects(_ tree: inout SupervisionTree, _ event: Event, at seconds: Int64)
    -> [Effect]
  {
    tree.handle(event, now: MonotonicTime(nanoseconds: seconds * 1_000_000_000)).filter { effect in
      if case .note = effect { false } else { true }
    }
  }

  @Test func everyRungHasItsTime() {
    let a = NodeID(index: 1)
    var pure = SupervisionTree(
      tree(agent("a") { $0.stopLadder = Self.ladder }), jitterSeed: 1)
    #expect(Self.effects(&pure, .begin, at: 0) == [.spawn(a, incarnation: 1)])
    #expect(Self.effects(&pure, .spawned(a, incarnation: 1), at: 0) == [])
    #expect(
      Self.effects(&pure, .request(.down, a), at: 10) == [
        .signal(a, incarnation: 1, 2), .setTimer(a, MonotonicTime(nanoseconds: 11_000_000_000)),
      ])
    #expect(
      Self.effects(&pure, .timer(a), at: 11) == [
        .signal(a, incarnation: 1, 15), .setTimer(a, MonotonicTime(nanoseconds: 13_000_000_000)),
      ])
    #expect(
      Self.effects(&pure, .timer(a), at: 13) == [.kill(a, incarnation: 1), .cancelTimer(a)])
    let gone = Event.exited(a, incarnation: 1, .signalled(9, coreDumped: false))
    #expect(Self.effects(&pure, gone, at: 14) == [.cancelTimer(a)])
    #expect(pure.status(of: a).lastExit?.exitClass == .requested)
    #expect(pure.publicPhase(of: a) == .stopped)
  }

  @Test func hurryGoesToTheLastRung() {
    var world = World.begun(
      tree(agent("a") { $0.stopLadder = Self.ladder }, agent("b"), sideBySide: false))
    world.answer()
    world.play(.shutdown)
    world.play(.hurry)
    #expect(world.living[world["b"]]?.isKilled == true)
    world.play(.stops(world["b"]))
    #expect(world.living[world["a"]]?.isKilled == true)
    world.drain()
    #expect(world.ends == [.asked])
    #expect(world.violations == [])
  }

  @Test func sideBySideOrOneByOne() {
    for isSideBySide in [true, false] {
      var world = World.begun(tree(agent("a"), agent("b"), sideBySide: isSideBySide))
      world.answer()
      world.play(.shutdown)
      #expect(world.living.values.count { $0.isTold } == (isSideBySide ? 2 : 1))
    }
  }

  @Test func stopWhileItsProcessIsMade() {
    var world = World.begun(tree(agent("a")))
    world.ask(.down, "a")
    #expect(world.phase("a") == .stopping)
    world.play(.spawned(world["a"]))
    #expect(world.living[world["a"]]?.isTold == true)
    world.play(.stops(world["a"]))
    #expect(world.phase("a") == .stopped)
    world.ask(.up, "a")
    world.ask(.down, "a")
    world.play(.spawnFails(world["a"]))
    #expect(world.phase("a") == .stopped)
    #expect(world.violations == [])
  }

  @Test func stopBeforeTheExecIsTold() {
    var driver = TreeDriver(tree(agent("a")))
    driver.whileStarting = { driver, _, _ in driver.post(.shutdown) }
    driver.feed(.begin)
    #expect(driver.notes.contains { $0.kind == .agentStopping && $0.reason == .shutdown })
  }

  @Test func shutdownBeforeTheBeginning() {
    var driver = TreeDriver(tree(agent("a")))
    driver.feed(.shutdown)
    #expect(driver.end == .asked)
    driver.feed(.begin)
    #expect(driver.alive == [])
    #expect(driver.tree.staleEventCount == 1)
  }

  @Test func shutdownOfAnEmptyTree() {
    var driver = TreeDriver.begun(TreeSpecification())
    #expect(driver.tree.isUp)
    driver.feed(.shutdown)
    #expect(driver.end == .asked)
  }

  @Test func shutdownTwiceEndsOnce() {
    var world = World.begun(tree(agent("a")))
    world.answer()
    world.play(.shutdown)
    world.play(.shutdown)
    world.drain()
    #expect(world.ends.count == 1)
    #expect(world.violations == [])
  }

  @Test func shutdownCutsAGroupRestartShort() {
    var world = World.begun(
      tree(supervisor("s", .oneForAll, limit: 5, .permanent, [agent("a"), agent("b")])))
    world.answer()
    world.crash("a")
    world.play(.shutdown)
    let spawns = world.spawnCount
    world.drain()
    #expect(world.spawnCount == spawns)
    #expect(world.violations == [])
  }

  /// Wrong incarnations, timers nobody set, and nodes that do not exist change nothing.
  @Test func staleEventsAreCounted() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForAll, limit: 5, .permanent, [agent("a")])))
    let a = driver.tree.id(named: "a") ?? .root
    let s = driver.tree.id(named: "s") ?? .root
    let before = driver.tree.status(of: a)
    let stale: [Event] = [
      .begin, .spawned(a, incarnation: 1), .spawned(a, incarnation: 2),
      .spawnFailed(a, incarnation: 0, why: "x"),
      .exited(a, incarnation: 2, .exited(code: 1)), .exited(s, incarnation: 7, .unknown),
      .timer(a), .timer(s), .timer(.root), .timer(NodeID(index: 99)),
      .spawned(NodeID(index: 99), incarnation: 1), .request(.down, NodeID(index: 99)),
      .request(.down, .root),
    ]
    for (count, event) in stale.enumerated() {
      #expect(driver.tree.staleEventCount == count, "\(event)")
      #expect(driver.tree.handle(event, now: driver.now) == [], "\(event)")
      #expect(driver.tree.status(of: a) == before)
    }
    #expect(driver.tree.staleEventCount == stale.count)
  }
}
