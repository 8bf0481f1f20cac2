import SupervisionTree
import Testing

/// What it means that a process could not be made.
@Suite struct StartFailureTests {
  private static func driver(
    _ specification: TreeSpecification, failing: [String: Int]
  ) -> TreeDriver {
    var driver = TreeDriver(specification)
    driver.plannedFailures = failing
    driver.feed(.begin)
    return driver
  }

  @Test func underTheRootItIsTriedAgainWithinTheBudget() {
    let few = Self.driver(tree(agent("a"), agent("b")), failing: ["a": 5])
    #expect(few.phase("a") == .running)
    #expect(few.trace.count { $0 == "start_failed a" } == 5)
    let many = Self.driver(tree(agent("a"), agent("b")), failing: ["a": 6])
    #expect(many.phase("a") == .failed)
    #expect(many.phase("b") == .running)
    #expect(many.tree.isUp)
  }

  @Test func underADeclaredSupervisorItRollsBack() {
    let group = supervisor(
      "s", .oneForOne, limit: 3, .permanent, [agent("a"), agent("b"), agent("c")])
    let driver = Self.driver(tree(group), failing: ["c": 1])
    #expect(
      driver.trace == [
        "sup_start s", "start a", "start b", "start_failed c", "stop b", "stop a", "sup_exit s",
        "sup_start s", "start a", "start b", "start c",
      ])
    let hopeless = Self.driver(tree(group), failing: ["c": 6])
    #expect(hopeless.phase("s") == .failed)
    #expect(hopeless.alive == [])
  }

  @Test func ofATemporaryChildItIsFinal() {
    let driver = Self.driver(tree(agent("a", .temporary)), failing: ["a": 1])
    #expect(driver.phase("a") == .failed)
    #expect(driver.spawnCount == 1)
  }

  @Test func forAnOperatorItIsTheAnswer() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForAll, limit: 1, .permanent, [agent("a"), agent("b")])))
    driver.plannedFailures = ["a": 1]
    #expect(driver.request(.restart, "a") == ["stop a", "start_failed a"])
    #expect(driver.phase("a") == .failed)
    #expect(driver.status("a")?.reason == .startFailed("planned"))
    let s = driver.tree.id(named: "s") ?? .root
    #expect(driver.tree.supervisorStatus(of: s, now: driver.now).restartsInPeriod == 0)
  }

  @Test func eachFailedRestartSpendsOne() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForOne, limit: 3, .permanent, [agent("a")])))
    driver.plannedFailures = ["a": 2]
    #expect(driver.crash("a") == ["exit a", "start_failed a", "start_failed a", "start a"])
    let s = driver.tree.id(named: "s") ?? .root
    #expect(driver.tree.supervisorStatus(of: s, now: driver.now).restartsInPeriod == 3)
  }

  /// Nobody stopped `c`: it does not stay down because the attempt it waits for is called off.
  @Test(arguments: [true, false]) func calledOffRetryLeavesNobodyBehind(isRemoved: Bool) {
    let all = [agent("a"), agent("b"), agent("c")]
    var world = World.begun(tree(supervisor("s", .restForOne, limit: 3, .permanent, all)))
    world.answer()
    world.crash("b")
    world.answer(while: { $0.making.isEmpty })
    #expect(world.phase("b") == .starting)
    if isRemoved {
      world.play(
        .reload(tree(supervisor("s", .restForOne, limit: 3, .permanent, [all[0], all[2]]))))
    } else {
      world.ask(.down, "b")
    }
    for id in world.making.keys { world.play(.spawnFails(id)) }
    world.drain()
    #expect(world.phase("c") == .running)
    #expect(world.violations == [])
  }

  @Test func mailOfARolledBackStartIsNotKept() {
    var world = World.begun(
      tree(
        supervisor("s", .oneForOne, limit: 0, .temporary, [agent("a"), agent("b"), agent("c")])))
    world.play(.spawned(world["a"]))
    world.play(.spawnFails(world["b"]))
    world.ask(.up, "c")
    world.drain()
    #expect(world.violations == [])
    #expect(world.phase("s") == .failed)
  }
}

extension World {
  /// Agents that were told to stop do so, as long as it holds.
  mutating func answer(while holds: (World) -> Bool) {
    while holds(self), let id = living.filter(\.value.isTold).keys.min() { play(.stops(id)) }
  }
}
