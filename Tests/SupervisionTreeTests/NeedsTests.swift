import SupervisionTree
import Testing

/// Who waits for whom, when starting, when stopping, and for how long.
@Suite struct NeedsTests {
  private static func needing(_ name: String, _ needs: Need...) -> ChildSpecification {
    agent(name) { $0.policy.needs = needs }
  }

  private static func slow(_ name: String) -> ChildSpecification {
    agent(name, .transient) { $0.readyAfter = .seconds(1) }
  }

  @Test func startedReadyAndDone() {
    var driver = TreeDriver.begun(
      tree(
        Self.slow("a"), Self.needing("s", Need("a", .started)), Self.needing("r", Need("a")),
        Self.needing("d", Need("a", .done))))
    #expect(driver.alive == ["a", "s"])
    #expect(driver.status("r")?.reason == .waitsFor([Need("a")]))
    #expect(driver.fireTimer() == ["start r"])
    #expect(driver.exit("a", code: 0) == ["exit a", "start d"])
  }

  @Test func abnormalEndIsNotDone() {
    let a = agent("a", .temporary)
    var driver = TreeDriver.begun(tree(a, Self.needing("d", Need("a", .done))))
    driver.crash("a")
    #expect(driver.phase("d") == .waiting)
  }

  @Test func baseNameMeansEveryInstance() {
    var driver = TreeDriver.begun(
      tree(Self.slow("w:0"), Self.slow("w:1"), Self.needing("n", Need("w"))))
    #expect(driver.fireTimer() == [])
    #expect(driver.fireTimer() == ["start n"])
  }

  @Test func supervisorIsReadyWithItsChildren() {
    let inner = supervisor("t", .oneForOne, limit: 5, .permanent, [Self.slow("a"), agent("b")])
    var driver = TreeDriver.begun(
      tree(
        supervisor("s", .oneForOne, limit: 5, .permanent, [inner]), Self.needing("n", Need("s")),
        Self.needing("m", Need("s", .started))))
    #expect(driver.alive == ["a", "b", "m"])
    #expect(driver.fireTimer() == ["start n"])
    #expect(driver.status("s")?.isReady == true)
    #expect(driver.request(.down, "b") == ["stop b"])
    #expect(driver.status("s")?.isReady == true)
  }

  @Test func readinessOfARestartedSupervisorReachesThoseAbove() {
    let inner = supervisor("t", .oneForOne, limit: 0, .permanent, [agent("a")])
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForOne, limit: 5, .permanent, [inner]), agent("b")))
    driver.crash("a")
    #expect(driver.status("t")?.isReady == true)
    #expect(driver.status("s")?.isReady == true)
  }

  @Test func restForOneWaitsForTheOneBefore() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .restForOne, limit: 5, .permanent, [Self.slow("a"), agent("b")])))
    #expect(driver.alive == ["a"])
    #expect(driver.fireTimer() == ["start b"])
    // One that an operator stopped is skipped.
    driver.request(.down, "a")
    #expect(driver.crash("b") == ["exit b", "start b"])
  }

  @Test func deathBeforeReadinessCancelsTheTimer() {
    var driver = TreeDriver.begun(tree(Self.slow("a")))
    let a = driver.tree.id(named: "a")
    #expect(driver.timers.keys.map(\.self) == [a])
    driver.now = driver.now + .milliseconds(500)
    driver.crash("a")
    // The next incarnation gets its whole second.
    #expect(driver.timers.values.first?.nanoseconds == 1_500_000_000)
    driver.exit("a", code: 0)
    #expect(driver.timers.isEmpty)
  }

  @Test func stopsRunAgainstTheNeeds() {
    var driver = TreeDriver.begun(
      tree(agent("a"), agent("x"), Self.needing("b", Need("a")), Self.needing("c", Need("b"))))
    #expect(driver.step { $0.post(.shutdown) } == ["stop c", "stop x", "stop b", "stop a"])
  }

  @Test func needsOfSubtreesOrderTheirSupervisors() {
    var world = World.begun(
      tree(
        supervisor("s", .oneForOne, limit: 5, .permanent, [agent("a")]),
        supervisor("t", .oneForOne, limit: 5, .permanent, [Self.needing("b", Need("a"))])))
    world.answer()
    world.play(.shutdown)
    #expect(world.living[world["b"]]?.isTold == true)
    #expect(world.living[world["a"]]?.isTold == false)
    world.play(.stops(world["b"]))
    #expect(world.living[world["a"]]?.isTold == true)
  }

  @Test func treeIsUpWhenTheRestWaitsForWhatIsDown() {
    var driver = TreeDriver.begun(
      tree(
        agent("a") { $0.policy.autostart = false }, Self.needing("b", Need("a")),
        Self.needing("c", Need("b")), Self.needing("d", Need("c", .done))))
    // The chain ends at `a`, which only an operator starts.
    #expect(driver.tree.isUp)
    #expect(driver.request(.up, "a") == ["start a", "start b", "start c"])
    #expect(!driver.tree.isUp)
  }

  @Test func treeIsUpWhenASupervisorHasAFailedChild() {
    var driver = TreeDriver.begun(
      tree(
        supervisor("s", .oneForOne, limit: 5, .permanent, [agent("a"), Self.slow("b")]),
        Self.needing("n", Need("s"))))
    driver.exit("a", code: 78)
    #expect(!driver.tree.isUp)
    driver.fireTimer()
    #expect(driver.phase("n") == .waiting)
    #expect(driver.tree.isUp)
  }

  @Test func treeIsNotUpWhileAnotherInstanceIsStillAtIt() {
    var driver = TreeDriver.begun(
      tree(agent("w:0", .transient), agent("w:1", .transient), Self.needing("n", Need("w", .done))))
    driver.exit("w:0", code: 0)
    #expect(!driver.tree.isUp)
    #expect(driver.exit("w:1", code: 0) == ["exit w:1", "start n"])
    #expect(driver.tree.isUp)
  }
}
