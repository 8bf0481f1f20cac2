import SupervisionTree
import Testing

/// What the verdicts on an agent's health do to it and to those around it.
@Suite struct HealthTests {
  private static func three(
    _ strategy: Strategy, limit: Int = 5, _ type: RestartType = .permanent
  ) -> TreeDriver {
    .begun(
      tree(
        supervisor(
          "s", strategy, limit: limit, .permanent, [agent("a"), agent("b", type), agent("c")])))
  }

  // MARK: Unhealthy is a death

  @Test(arguments: [
    (Strategy.oneForOne, ["stop b", "start b"]),
    (.oneForAll, ["stop b", "stop c", "stop a", "start a", "start b", "start c"]),
    (.restForOne, ["stop b", "stop c", "start b", "start c"]),
  ])
  func strategyDecidesWhoRestarts(strategy: Strategy, trace: [String]) {
    var driver = Self.three(strategy)
    #expect(driver.unhealthy("b") == trace)
    #expect(driver.status("b")?.lastExit?.exitClass == .abnormal)
    #expect(
      driver.status("b")?.reason
        == .restart(
          number: 1, limit: 5, period: .seconds(1000), after: World.sick.description))
  }

  @Test(arguments: Strategy.allCases) func itSpendsBudgetLikeADeath(strategy: Strategy) {
    var driver = Self.three(strategy, limit: 1)
    driver.crash("b")
    #expect(driver.unhealthy("b").contains("give_up s b"))
    // The root starts the supervisor again, with an empty window.
    driver.unhealthy("b")
    #expect(driver.crash("b").contains("give_up s b"))
  }

  @Test(arguments: RestartType.allCases) func restartTypeDecides(type: RestartType) {
    var driver = Self.three(.oneForOne, type)
    driver.unhealthy("b")
    #expect(driver.status("b")?.lastExit?.exitClass == .abnormal)
    guard type == .temporary else {
      #expect(driver.phase("b") == .running)
      return
    }
    #expect(driver.phase("b") == .exited)
    #expect(
      driver.status("b")?.reason.description
        == "liveness failed 3 times: no answer; temporary, so it is not restarted")
  }

  @Test func criticalOneTakesTheTreeAlong() {
    var driver = TreeDriver.begun(
      tree(agent("a", .temporary) { $0.policy.critical = true }, agent("b")))
    driver.unhealthy("a")
    guard case .criticalFailed("a", _) = driver.end else {
      Issue.record("ended with \(String(describing: driver.end))")
      return
    }
  }

  /// It does not listen, so it is not asked politely; the rest of the ladder holds.
  @Test func ladderBeginsBehindTheMessage() {
    var world = World.begun(
      tree(
        agent("a") {
          $0.stopLadder = [
            StopRung(.message, grace: .seconds(5)), StopRung(.signal(15), grace: .seconds(1)),
            StopRung(.kill, grace: nil),
          ]
        }))
    world.answer()
    world.play(.unhealthy(world["a"]))
    #expect(world.living[world["a"]]?.isTold == true)
    #expect(world.timers[world["a"]] == MonotonicTime(nanoseconds: 1_000_000_000))
    world.play(.timer(world["a"]))
    #expect(world.living[world["a"]]?.isKilled == true)
    world.play(.stops(world["a"]))
    #expect(world.status("a").lastExit?.exitClass == .abnormal)
    #expect(world.phase("a") == .starting)
    #expect(world.violations == [])
  }

  // MARK: What else happens until it is gone

  /// An unhealthy agent that was told to end and is not gone.
  private static func ending(_ strategy: Strategy) -> World {
    var world = World.begun(
      tree(supervisor("s", strategy, limit: 1, .permanent, [agent("a"), agent("b")])))
    world.answer()
    world.play(.unhealthy(world["a"]))
    return world
  }

  @Test(arguments: Strategy.allCases) func downWins(strategy: Strategy) {
    var world = Self.ending(strategy)
    world.ask(.down, "a")
    world.answer()
    #expect(world.phase("a") == .stopped)
    #expect(world.status("a").lastExit?.exitClass == .requested)
    #expect(world.status("a").reason == .operatorDown)
    #expect(world.phase("b") == .running)
    world.drain()
    #expect(world.violations == [])
  }

  @Test(arguments: Strategy.allCases) func restartWinsAndSpendsNothing(strategy: Strategy) {
    var world = Self.ending(strategy)
    world.ask(.restart, "a")
    world.answer()
    #expect(world.phase("a") == .running)
    #expect(world.status("a").reason == .operatorRestart)
    #expect(world.tree.supervisorStatus(of: world["s"], now: world.now).restartsInPeriod == 0)
    #expect(world.violations == [])
  }

  @Test(arguments: [Strategy.oneForAll, .restForOne])
  func groupRestartTakesItAlong(strategy: Strategy) {
    var world = World.begun(
      tree(supervisor("s", strategy, limit: 1, .permanent, [agent("a"), agent("b")])))
    world.answer()
    world.play(.unhealthy(world["b"]))
    world.crash("a")
    world.answer()
    #expect(world.phase("a") == .running && world.phase("b") == .running)
    #expect(world.status("b").lastExit?.exitClass == .requested)
    #expect(world.tree.supervisorStatus(of: world["s"], now: world.now).restartsInPeriod == 1)
    #expect(world.violations == [])
  }

  @Test(arguments: Strategy.allCases) func shutdownWins(strategy: Strategy) {
    var world = Self.ending(strategy)
    world.play(.shutdown)
    let spawnCount = world.spawnCount
    world.drain()
    #expect(world.ends == [.asked] && world.spawnCount == spawnCount)
    #expect(world.violations == [])
  }

  @Test func secondVerdictChangesNothing() {
    var world = Self.ending(.oneForOne)
    let status = world.status("a")
    world.play(.unhealthy(world["a"]))
    #expect(world.status("a") == status)
    world.play(.stops(world["a"]))
    world.answer()
    #expect(world.status("a").restarts == 1)
    #expect(world.violations == [])
  }

  // MARK: More time to stop

  @Test func stopIsExtended() {
    var world = World.begun(tree(agent("a")))
    world.answer()
    let extend = Event.extendStop(world["a"], incarnation: 1, by: .seconds(60))
    #expect(world.tree.handle(extend, now: world.now) == [])
    world.ask(.down, "a")
    let later = MonotonicTime(nanoseconds: 60_000_000_000)
    #expect(world.tree.handle(extend, now: world.now) == [.setTimer(world["a"], later)])
    world.play(.hurry)
    #expect(world.tree.handle(extend, now: world.now) == [])
  }

  @Test func unhealthyOneGetsNoMoreTime() {
    var world = Self.ending(.oneForOne)
    let extend = Event.extendStop(world["a"], incarnation: 1, by: .seconds(60))
    #expect(world.tree.handle(extend, now: world.now) == [])
  }

  // MARK: Readiness

  private static func slow(_ readyAfter: Duration?) -> World {
    var world = World.begun(
      tree(
        supervisor(
          "s", .oneForOne, limit: 5, .permanent, [agent("a") { $0.readyAfter = readyAfter }]),
        agent("b") { $0.policy.needs = [Need("s")] }))
    world.answer()
    return world
  }

  @Test func wordTakesThePlaceOfTime() {
    var world = Self.slow(.seconds(1))
    world.play(.declares(world["a"]))
    #expect(world.timers.isEmpty)
    #expect(!world.status("a").isReady && world.phase("b") == .waiting)
    world.play(.says(world["a"], isReady: true))
    #expect(world.status("a").isReady && world.status("s").isReady)
    #expect(world.phase("b") == .starting)
    world.play(.says(world["a"], isReady: false))
    #expect(!world.status("a").isReady && !world.status("s").isReady)
    #expect(world.phase("a") == .running)
    #expect(world.violations == [])
  }

  @Test func readyByTimeStaysReady() {
    var world = Self.slow(.seconds(1))
    world.play(.timer(world["a"]))
    world.play(.declares(world["a"]))
    #expect(world.status("a").isReady)
    world.drain()
    #expect(world.violations == [])
  }

  @Test func notReadyBeforeItsTime() {
    var world = Self.slow(.seconds(1))
    world.play(.says(world["a"], isReady: false))
    #expect(world.timers.isEmpty && !world.status("a").isReady)
    world.drain()
    #expect(world.phase("b") == .waiting && world.violations == [])
  }

  @Test func timeAloneDoesNotMakeItReady() {
    var world = Self.slow(nil)
    #expect(world.timers.isEmpty && !world.status("a").isReady)
    let ready = Event.ready(world["a"], incarnation: 1, why: .health(.probePassed(.startup)))
    let effects = world.tree.handle(ready, now: world.now)
    #expect(world.status("a").isReady)
    #expect(
      effects.contains {
        if case .note(let note) = $0 { note.kind == .agentReady } else { false }
      })
  }

  @Test func nextIncarnationStartsAnew() {
    var world = Self.slow(.seconds(1))
    world.play(.says(world["a"], isReady: true))
    world.crash("a")
    world.answer()
    #expect(!world.status("a").isReady && world.timers[world["a"]] != nil)
    // What its predecessor says late is nobody's word.
    let late = Event.ready(world["a"], incarnation: 1, why: .health(.saidReady))
    #expect(world.tree.handle(late, now: world.now) == [])
  }
}
