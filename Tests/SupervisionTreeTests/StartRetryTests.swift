import SupervisionTree
import Testing

/// supervisord's rules for a start.
@Suite struct StartRetryTests {
  private static func retried(
    _ name: String, _ restart: RestartType = .transient, limit: Int = 3,
    span: Duration = .seconds(1)
  ) -> ChildSpecification {
    agent(name, restart) {
      $0.startRetries = StartRetries(limit: limit)
      $0.readyAfter = span
    }
  }

  @Test(arguments: RestartType.allCases, [0, 1, 75, 78])
  func whatEndsTooSoonIsTriedAgainWhateverItSays(restart: RestartType, code: Int32) {
    var driver = TreeDriver.begun(tree(Self.retried("a", restart), agent("b")))
    var waits: [Duration] = []
    while driver.phase("a") == .running {
      driver.exit("a", code: code)
      guard driver.phase("a") == .backoff else { break }
      let before = driver.now
      driver.fireTimer()
      waits.append(driver.now - before)
    }
    #expect(waits == [.seconds(1), .seconds(2), .seconds(3)])
    #expect(driver.phase("a") == .failed)
    #expect(driver.phase("b") == .running)
    let reason = driver.status("a")?.reason
    guard case .startRetriesSpent(limit: 3, after: _) = reason else {
      Issue.record("\(String(describing: reason))")
      return
    }
  }

  @Test func whatCannotBeExecutedIsTriedAgainToo() {
    var driver = TreeDriver(tree(Self.retried("a", .temporary, limit: 1)))
    driver.plannedFailures = ["a": 1]
    driver.feed(.begin)
    #expect(driver.phase("a") == .backoff)
    driver.fireTimer()
    #expect(driver.phase("a") == .running)
    driver.plannedFailures = ["a": 2]
    driver.request(.down, "a")
    driver.request(.up, "a")
    #expect(driver.phase("a") == .backoff)
    driver.fireTimer()
    #expect(driver.phase("a") == .failed)
  }

  @Test func aStartThatLastsForgetsTheFailuresBefore() {
    var driver = TreeDriver.begun(tree(Self.retried("a", .permanent, limit: 1)))
    for _ in 1...10 {
      driver.crash("a")
      #expect(driver.phase("a") == .backoff)
      driver.fireTimer()
      driver.fireTimer()
      #expect(driver.status("a")?.isReady == true)
      driver.exit("a", code: 0)
      #expect(driver.phase("a") == .running)
    }
  }

  @Test func onlyItsCrashesAreForTheBudget() {
    var driver = TreeDriver.begun(tree(Self.retried("a", .permanent)))
    for _ in 1...20 {
      driver.fireTimer()
      driver.exit("a", code: 0)
    }
    #expect(driver.phase("a") == .running)
    for _ in 1...6 {
      #expect(driver.phase("a") == .running)
      driver.fireTimer()
      driver.crash("a")
    }
    #expect(driver.phase("a") == .failed)
    guard case .intensityExceeded = driver.status("a")?.reason else {
      Issue.record("\(String(describing: driver.status("a")?.reason))")
      return
    }
  }

  @Test func whatIsStartedAtOnceSpendsWithEveryEnd() {
    var driver = TreeDriver.begun(tree(Self.retried("a", .permanent, span: .zero)))
    for _ in 1...6 { driver.exit("a", code: 0) }
    #expect(driver.phase("a") == .failed)
  }

  @Test func higherPrioritiesAreGoneBeforeLowerOnesAreTold() {
    func ranked(_ name: String, _ priority: Int?) -> ChildSpecification {
      agent(name) { $0.policy.priority = priority }
    }
    var world = World.begun(
      tree(ranked("a", nil), ranked("b", 1), ranked("c", 999), ranked("d", 999)))
    world.answer()
    world.play(.shutdown)
    var order: [Set<String>] = []
    while true {
      let told = world.living.filter(\.value.isTold).keys
      guard !told.isEmpty else { break }
      order.append(Set(told.map { world.tree.name(of: $0) }))
      for id in Array(told) { world.play(.stops(id)) }
    }
    #expect(order == [["c", "d"], ["b"], ["a"]])
    #expect(world.ends == [.asked])
  }
}
