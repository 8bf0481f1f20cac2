import SupervisionTree
import Testing

/// Who restarts with whom, and who gives up when.
@Suite struct StrategyTests {
  private static func three(_ strategy: Strategy, limit: Int = 5) -> TreeDriver {
    .begun(
      tree(
        supervisor("s", strategy, limit: limit, .permanent, [agent("a"), agent("b"), agent("c")])))
  }

  @Test func oneForOneRestartsOne() {
    var driver = Self.three(.oneForOne)
    #expect(driver.crash("b") == ["exit b", "start b"])
    #expect(driver.status("b")?.restarts == 1)
    #expect(driver.status("a")?.restarts == 0)
  }

  @Test func oneForAllStopsInReverseAndStartsInOrder() {
    var driver = Self.three(.oneForAll)
    #expect(
      driver.crash("b") == ["exit b", "stop c", "stop a", "start a", "start b", "start c"])
    #expect(driver.status("a")?.restarts == 1)
  }

  @Test func restForOneTakesThoseBehind() {
    var driver = Self.three(.restForOne)
    #expect(driver.crash("b") == ["exit b", "stop c", "start b", "start c"])
    #expect(driver.crash("c") == ["exit c", "start c"])
    #expect(driver.crash("a") == ["exit a", "stop c", "stop b", "start a", "start b", "start c"])
  }

  /// A supervisor above with limit L and one below with limit l stand (L+1)·(l+1) − 1 deaths.
  @Test(arguments: 0...3, 0...3) func limitsMultiply(outer: Int, inner: Int) {
    let lower = supervisor("t", .oneForOne, limit: inner, .permanent, [agent("a")])
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForOne, limit: outer, .permanent, [lower])))
    // The implicit supervisor of `s` at the root has 5 restarts of its own.
    let deaths = (outer + 1) * (inner + 1) * 6
    for _ in 1..<deaths { driver.crash("a") }
    #expect(driver.phase("a") == .running)
    driver.crash("a")
    #expect(driver.alive == [])
    #expect(driver.phase("s") == .failed)
    #expect(driver.spawnCount == deaths)
  }

  @Test func rootNeverGivesUpAndOthersDoNotNotice() {
    var driver = TreeDriver.begun(tree(agent("a"), agent("b")))
    for _ in 1...5 { driver.crash("a") }
    #expect(driver.crash("a") == ["exit a"])
    #expect(driver.phase("a") == .failed)
    #expect(driver.tree.phase == .running)
    #expect(driver.status("b")?.restarts == 0)
    // Its budget is its own.
    #expect(driver.crash("b") == ["exit b", "start b"])
    // An operator starts it with an empty window.
    driver.request(.up, "a")
    for _ in 1...5 { driver.crash("a") }
    #expect(driver.phase("a") == .running)
  }

  @Test func criticalFailureStopsTheTree() {
    var driver = TreeDriver.begun(
      tree(agent("a") { $0.policy.critical = true }, agent("b"), agent("c")))
    for _ in 1...5 { driver.crash("a") }
    #expect(driver.crash("a") == ["exit a", "stop c", "stop b"])
    guard case .criticalFailed("a", let why) = driver.end else {
      Issue.record("\(String(describing: driver.end))")
      return
    }
    #expect(why.hasPrefix("gave up on a: more than 5 restarts in 60s"))
  }

  @Test func criticalBelowTheRootIsNothingSpecial() {
    let inner = agent("a", .temporary) { $0.policy.critical = true }
    var driver = TreeDriver.begun(tree(supervisor("s", .oneForOne, limit: 0, .permanent, [inner])))
    driver.crash("a")
    #expect(driver.end == nil)
  }

  @Test func temporaryIsNeverRestartedAndDroppedByItsGroup() {
    var driver = TreeDriver.begun(
      tree(
        supervisor(
          "s", .oneForAll, limit: 5, .permanent,
          [agent("a"), agent("t", .temporary), agent("u", .temporary)])))
    #expect(driver.crash("t") == ["exit t"])
    #expect(driver.crash("a") == ["exit a", "stop u", "start a"])
    #expect(driver.status("u")?.reason == .temporaryDropped(sibling: "a"))
    #expect(driver.request(.up, "u") == ["start u"])
  }

  @Test func transientIsRestartedAfterAbnormalEndsOnly() {
    var driver = TreeDriver.begun(tree(agent("a", .transient)))
    #expect(driver.crash("a") == ["exit a", "start a"])
    #expect(driver.exit("a", code: 0) == ["exit a"])
    #expect(driver.phase("a") == .exited)
  }

  @Test func configurationErrorStaysFailedOverAGroupRestart() {
    var driver = Self.three(.oneForAll)
    #expect(driver.exit("b", code: 78) == ["exit b"])
    #expect(driver.crash("a") == ["exit a", "stop c", "start a", "start c"])
    #expect(driver.phase("b") == .failed)
    #expect(driver.request(.up, "b") == ["start b"])
  }

  @Test func temporaryConfigurationErrorOutlivesItsGroupAndItsSupervisor() {
    var driver = TreeDriver.begun(
      tree(
        supervisor(
          "s", .oneForAll, limit: 1, .permanent, [agent("a"), agent("t", .temporary)])))
    driver.exit("t", code: 78)
    driver.crash("a")
    #expect(driver.crash("a") == ["exit a", "give_up s a", "sup_exit s", "sup_start s", "start a"])
    #expect(driver.phase("t") == .failed)
  }

  @Test func operatorsWordEndsAConfigurationErrorWhileItsSupervisorIsDown() {
    var driver = Self.three(.oneForOne)
    driver.exit("b", code: 78)
    driver.request(.down, "s")
    driver.request(.up, "b")
    #expect(driver.request(.up, "s").contains("start b"))
  }

  @Test func temporaryFailureWaitsEvenAtFirst() {
    var specification = tree(agent("a"))
    specification.backoff = BackoffPolicy()
    var driver = TreeDriver.begun(specification)
    #expect(driver.exit("a", code: 75) == ["exit a"])
    #expect(driver.phase("a") == .backoff)
    #expect(driver.fireTimer() == ["start a"])
  }

  @Test func firstRestartIsImmediateTheNextWaits() {
    var specification = tree(agent("a"))
    specification.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(30))
    var driver = TreeDriver.begun(specification)
    #expect(driver.crash("a") == ["exit a", "start a"])
    #expect(driver.crash("a") == ["exit a"])
    #expect(driver.phase("a") == .backoff)
    let note = driver.notes.last { $0.kind == .agentBackoff }
    #expect(note?.due == driver.timers.values.first)
    // An operator does not want to wait.
    #expect(driver.request(.up, "a") == ["start a"])
    #expect(driver.timers.isEmpty)
  }

  @Test func groupBacksOffOnOneTimer() {
    var driver = TreeDriver.begun(
      tree(
        supervisor("s", .oneForAll, limit: 5, .permanent, [agent("a"), agent("b")]) {
          $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(30))
        }))
    driver.crash("a")
    #expect(driver.crash("b") == ["exit b", "stop a"])
    #expect(driver.phase("a") == .backoff)
    #expect(driver.phase("b") == .backoff)
    #expect(driver.timers.keys.map { driver.tree.name(of: $0) } == ["s"])
    #expect(driver.fireTimer() == ["start a", "start b"])
  }

  /// The end of a backoff that waits in the mailbox does not cut the next backoff short.
  @Test func backoffOfAnEarlierGroupRestartIsForgotten() {
    var world = World.begun(
      tree(
        supervisor(
          "s", .restForOne, limit: 9, .permanent,
          [agent("w") { $0.policy.autostart = false }, agent("y"), agent("b")]
        ) { $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(1)) }))
    for _ in 1...2 {
      world.answer()
      world.crash("b")
    }
    world.ask(.up, "w")
    world.crash("y")
    world.play(.timer(world["s"]))
    world.play(.spawned(world["w"]))
    #expect(world.making.isEmpty)
    #expect(world.phase("y") == .backoff)
    #expect(world.phase("b") == .backoff)
    world.drain()
    #expect(world.violations == [])
  }

  @Test(arguments: AutoShutdown.allCases) func significantChildren(kind: AutoShutdown) {
    func significant(_ name: String) -> ChildSpecification {
      agent(name, .transient) { $0.policy.significant = true }
    }
    var driver = TreeDriver.begun(
      tree(
        supervisor(
          "s", .oneForOne, limit: 5, .transient, [significant("a"), significant("b"), agent("c")]
        ) { $0.autoShutdown = kind }))
    let first = driver.exit("a", code: 0)
    let second = driver.exit("b", code: 0)
    let end = ["auto_shutdown s", "stop c", "sup_exit s"]
    switch kind {
    case .never:
      #expect(first == ["exit a"])
      #expect(second == ["exit b"])
    case .anySignificant:
      #expect(first == ["exit a", "auto_shutdown s", "stop c", "stop b", "sup_exit s"])
      #expect(second == [])
    case .allSignificant:
      #expect(first == ["exit a"])
      #expect(second == ["exit b"] + end)
    }
    #expect(driver.phase("s") == (kind == .never ? .running : .exited))
  }
}
