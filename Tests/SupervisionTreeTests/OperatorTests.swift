import SupervisionTree
import Testing

/// Every request in every phase, and what is remembered of it.
@Suite struct OperatorTests {
  /// A child `x` brought into a phase, under a supervisor that runs.
  enum Situation: CaseIterable {
    case stopped, waiting, starting, running, notReady, backoff, stopping, exited, failed

    /// `x` is an agent, or a supervisor of one agent.
    func world(isSupervisor: Bool) -> World {
      var world = World.begun(specification(isSupervisor: isSupervisor))
      let inner = isSupervisor ? "i" : "x"
      if self == .starting || self == .notReady {
        world.play(.spawned(world["n"]))
      } else {
        world.answer()
      }
      switch self {
      case .waiting, .starting, .running: break
      case .notReady: world.play(.spawned(world[inner]))
      case .stopped:
        world.ask(.down, "x")
        world.answer()
      case .backoff: world.crash(inner, code: isSupervisor ? 1 : 75)
      case .stopping: world.ask(.down, "x")
      case .exited:
        if isSupervisor {
          world.play(.ends(world[inner], .exited(code: 0)))
        } else {
          world.crash("x", code: 0)
        }
      case .failed:
        if isSupervisor { world.crash(inner) } else { world.crash("x", code: 78) }
      }
      return world
    }

    private func specification(isSupervisor: Bool) -> TreeSpecification {
      var policy = ChildPolicy()
      policy.restart = self == .failed || self == .exited ? .transient : .permanent
      if self == .waiting { policy.needs = [Need("n")] }
      let x: ChildSpecification =
        if isSupervisor {
          supervisor(
            "x", .oneForOne, limit: 0, .permanent,
            [
              agent("i", self == .exited ? .transient : .permanent) {
                $0.readyAfter = self == .notReady ? .seconds(1) : .zero
                $0.policy.significant = self == .exited
              }
            ]
          ) {
            $0.policy = policy
            $0.autoShutdown = self == .exited ? .anySignificant : .never
          }
        } else {
          agent("x") {
            $0.policy = policy
            if self == .notReady { $0.readyAfter = .seconds(1) }
          }
        }
      let n = agent("n") { $0.policy.autostart = self != .waiting }
      return tree(
        supervisor("s", .oneForOne, limit: 1, .permanent, [n, x, agent("z")]) {
          $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(1))
        })
    }

    var phase: PublicPhase {
      switch self {
      case .stopped: .stopped
      case .waiting: .waiting
      case .starting: .starting
      case .running, .notReady: .running
      case .backoff: .backoff
      case .stopping: .stopping
      case .exited: .exited
      case .failed: .failed
      }
    }
  }

  @Test(arguments: Situation.allCases, [false, true])
  func everyRequestInEveryPhase(situation: Situation, isSupervisor: Bool) {
    for request in Request.allCases {
      var world = situation.world(isSupervisor: isSupervisor)
      // The first restart of a supervisor does not wait, so it has no backoff to be in here.
      if !(isSupervisor && situation == .backoff) {
        #expect(world.phase("x") == situation.phase, "\(situation)")
      }
      let agentName = isSupervisor ? "i" : "x"
      let incarnation = world.status(agentName).incarnation
      let z = world.status("z")
      world.ask(request, "x")
      #expect(world.status("x").wish == (request == .down ? .down : .up))
      world.drain()
      #expect(world.violations == [], "\(request) \(situation)")
      switch (request, situation) {
      case (.down, _): #expect(world.phase("x") == .stopped, "\(situation)")
      case (.up, .waiting), (.restart, .waiting): #expect(world.phase("x") == .waiting)
      case (.up, _), (.restart, _): #expect(world.phase("x") == .running, "\(situation)")
      }
      let after = world.status(agentName).incarnation
      switch (request, situation) {
      case (.restart, .running), (.restart, .notReady), (.restart, .stopped),
        (.restart, .stopping), (.up, .stopped), (.up, .stopping):
        #expect(after == incarnation + 1, "\(request) \(situation)")
      case (.up, .running), (.up, .starting), (.up, .notReady), (.up, .waiting):
        #expect(after == incarnation, "\(request) \(situation)")
      default: break
      }
      // Its siblings notice nothing of any of it.
      #expect(world.status("z").incarnation == max(z.incarnation, 1))
      #expect(world.status("z").restarts == 0)
    }
  }

  /// The same while the supervisor of `b` is in the middle of a group restart or its backoff.
  @Test(arguments: Request.allCases, ["a", "b", "c", "s"])
  func requestsDuringAGroupRestart(request: Request, name: String) {
    for strategy in [Strategy.oneForAll, .restForOne] {
      for crashes in 1...2 {
        var world = World.begun(
          tree(
            supervisor(
              "s", strategy, limit: 3, .permanent, [agent("a"), agent("b"), agent("c")]
            ) { $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(1)) }))
        for crash in 1...crashes {
          world.answer()
          world.crash(crash == 1 ? "a" : "b")
        }
        // The others still stop, or the group waits already.
        for isBackoff in [false, true] {
          var world = world
          if isBackoff { world.answer() }
          world.ask(request, name)
          world.drain()
          #expect(world.violations == [])
          for other in ["a", "b", "c"] {
            let isDown = request == .down && (name == other || name == "s")
            #expect(world.phase(other) == (isDown ? .stopped : .running), "\(other)")
          }
        }
      }
    }
  }

  @Test func nothingRestartsWhatAnOperatorStopped() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForAll, limit: 1, .permanent, [agent("a"), agent("b")])))
    driver.request(.down, "b")
    #expect(driver.crash("a") == ["exit a", "start a"])
    driver.crash("a")
    #expect(driver.phase("s") == .running)
    #expect(driver.phase("b") == .stopped)
    driver.request(.restart, "s")
    #expect(driver.phase("b") == .stopped)
    #expect(driver.request(.up, "b") == ["start b"])
  }

  /// The operator speaks while a supervisor that gave up still stops.
  @Test(arguments: Request.allCases) func requestsWhileASupervisorGivesUp(request: Request) {
    for type in RestartType.allCases {
      var world = World.begun(
        tree(supervisor("s", .oneForOne, limit: 0, type, [agent("a"), agent("b")])))
      world.answer()
      world.crash("a")
      #expect(world.phase("s") == .stopping)
      world.ask(request, "s")
      world.drain()
      #expect(world.violations == [])
      #expect(world.phase("s") == (request == .down ? .stopped : .running))
    }
  }

  /// A death, a retry or a request that still waits starts nothing that is meant to be down.
  @Test func wishWinsOverWhatWaitsInTheMailbox() {
    var world = World.begun(
      tree(supervisor("s", .oneForOne, limit: 3, .permanent, [agent("a"), agent("b")])))
    world.play(.spawned(world["a"]))
    // `b` is being made, so `s` has not got to the death of `a` when the operator speaks.
    world.crash("a")
    world.ask(.restart, "a")
    world.ask(.down, "a")
    world.drain()
    #expect(world.violations == [])
    #expect(world.status("a").incarnation == 1)
  }

  @Test func requestsToAStoppedSupervisorsChildrenAreKept() {
    var driver = TreeDriver.begun(
      tree(supervisor("s", .oneForOne, limit: 1, .permanent, [agent("a"), agent("b")])))
    driver.request(.down, "s")
    let b = driver.tree.id(named: "b") ?? .root
    #expect(
      driver.tree.refusal(of: .up, on: b)
        == "its supervisor s is stopped; `superv up s` starts both")
    #expect(driver.tree.refusal(of: .down, on: b) == nil)
    driver.request(.down, "b")
    #expect(driver.request(.up, "s") == ["sup_start s", "start a"])
    driver.feed(.shutdown)
    #expect(driver.tree.refusal(of: .up, on: b) == "superv is shutting down")
  }

  @Test func wishesAndIncarnationsOutliveSuperv() {
    let specification = tree(
      supervisor("s", .oneForAll, limit: 5, .permanent, [agent("a"), agent("b")]), agent("c"))
    var world = World(specification, incarnations: ["a": 41], stopped: ["b", "c", "gone"])
    world.play(.begin)
    world.drain()
    #expect(world.status("a").incarnation == 42)
    #expect(world.phase("b") == .stopped)
    #expect(world.status("c").reason == .operatorDown)
    world.crash("a")
    world.drain()
    #expect(world.phase("b") == .stopped)
    #expect(world.violations == [])
  }

  @Test func autostartOffWaitsForAnOperator() {
    var driver = TreeDriver.begun(tree(agent("a") { $0.policy.autostart = false }))
    #expect(driver.status("a")?.reason == .autostartOff)
    #expect(driver.request(.up, "a") == ["start a"])
    #expect(driver.crash("a") == ["exit a", "start a"])
  }
}
