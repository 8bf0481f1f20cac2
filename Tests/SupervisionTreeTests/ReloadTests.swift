import SupervisionTree
import Testing

/// A new configuration as the difference from the old one, at any moment.
@Suite struct ReloadTests {
  private static let old = tree(
    supervisor("s", .oneForAll, limit: 3, .permanent, [agent("a"), agent("b")]),
    supervisor("t", .oneForOne, limit: 3, .permanent, [agent("c")]), agent("d"))

  /// Each kind of change, and what follows from it when everything runs.
  private static let changes: [(String, @Sendable (inout TreeSpecification) -> Void, [String])] = [
    ("nothing", { _ in }, []),
    ("add", { $0.insert(agent("n"), under: "s", at: 0) }, ["start n"]),
    (
      "add a supervisor",
      {
        $0.insert(
          supervisor("u", .oneForOne, limit: 1, .permanent, [agent("n")]), under: "t", at: 0)
      },
      ["sup_start u", "start n"]
    ),
    ("remove", { $0.remove("b") }, ["stop b"]),
    ("remove a supervisor", { $0.remove("s") }, ["sup_stop s", "stop b", "stop a", "sup_exit s"]),
    ("change", { $0.replaceAgent("a") { $0.fingerprint = 7 } }, ["stop a", "start a"]),
    ("policy only", { $0.edit("a") { $0.restart = .transient } }, []),
    ("strategy only", { $0.replaceSupervisor("s") { $0.strategy = .restForOne } }, []),
    ("reorder", { $0.replaceSupervisor("s") { $0.children.reverse() } }, []),
    ("reorder the root", { $0.children.reverse() }, []),
    (
      "move",
      {
        $0.remove("c")
        $0.insert(agent("c"), under: "s", at: 0)
      }, ["stop c", "start c"]
    ),
    (
      "move a supervisor",
      { tree in
        let t = tree.everyChild.first { $0.name == "t" }
        tree.remove("t")
        if let t { tree.insert(t, under: "s", at: 1) }
      }, ["sup_stop t", "stop c", "sup_exit t", "sup_start t", "start c"]
    ),
    (
      "agent becomes supervisor",
      { $0.replace("d", by: supervisor("d", .oneForOne, limit: 1, .permanent, [agent("n")])) },
      ["stop d", "sup_start d", "start n"]
    ),
    (
      "supervisor becomes agent", { $0.replace("t", by: agent("t")) },
      ["sup_stop t", "stop c", "sup_exit t", "start t"]
    ),
    (
      "remove a supervisor whose child moves elsewhere",
      {
        $0.remove("t")
        $0.insert(agent("c"), under: "s", at: 2)
      },
      ["sup_stop t", "stop c", "sup_exit t", "start c"]
    ),
  ]

  @Test(arguments: changes.indices) func everyChangeOfARunningTree(index: Int) {
    let (title, change, trace) = Self.changes[index]
    var new = Self.old
    change(&new)
    var driver = TreeDriver.begun(Self.old)
    #expect(driver.reload(new) == trace, "\(title)")
    #expect(driver.tree.plan(for: new).isEmpty, "\(title)")
    #expect(driver.alive == TreeSpecification.agentNames(new.children).sorted(), "\(title)")
    #expect(driver.reload(new) == [], "\(title)")
  }

  /// The same changes in the middle of something else.
  @Test(arguments: changes.indices) func everyChangeAtABadMoment(index: Int) {
    let (title, change, _) = Self.changes[index]
    var new = Self.old
    change(&new)
    for (moment, start) in Self.badMoments() {
      var world = start
      world.play(.reload(new))
      if world.tree.phase == .stopped { world.play(.begin) }
      world.drain()
      #expect(world.violations == [], "\(title), \(moment)")
      let names = TreeSpecification.agentNames(new.children)
      for name in names { #expect(world.phase(name) == .running, "\(name), \(title), \(moment)") }
      #expect(world.living.count == names.count, "\(title), \(moment)")
      world.play(.shutdown)
      world.drain()
      #expect(world.violations == [], "\(title), \(moment)")
    }
  }

  private static func badMoments() -> [(String, World)] {
    var slow = old
    slow.replaceSupervisor("s") { $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(1)) }
    let before = World(slow)
    let boot = World.begun(slow)
    var half = boot
    half.play(.spawned(half["a"]))
    var stopRun = half
    stopRun.answer()
    stopRun.crash("a")
    var groupStart = stopRun
    groupStart.answer(while: { $0.making.isEmpty })
    var backoff = stopRun
    backoff.answer()
    backoff.crash("b")
    backoff.answer()
    var single = stopRun
    single.answer()
    single.ask(.restart, "b")
    var giveUp = boot
    giveUp.answer()
    for _ in 1...4 {
      giveUp.drain()
      giveUp.crash("a")
    }
    var retry = groupStart
    for id in retry.making.keys.sorted() { retry.play(.spawnFails(id)) }
    return [
      ("before the start", before), ("boot", boot), ("half way through the boot", half),
      ("stop run", stopRun), ("group start", groupStart), ("backoff", backoff),
      ("one child replaced", single), ("give up", giveUp), ("retry", retry),
    ]
  }

  /// What `plan` announces is what `reload` does, name by name.
  @Test func planIsWhatHappens() {
    for seed in UInt64(0)..<200 {
      var maker = TreeMaker(seed: seed)
      let old = maker.make()
      let new = maker.vary(old)
      var world = World.begun(old, stopped: [])
      world.drain()
      let before = Dictionary(
        uniqueKeysWithValues: old.everyChild.map { ($0.name, world.status($0.name)) })
      let plan = world.tree.plan(for: new)
      world.play(.reload(new))
      world.drain()
      #expect(world.violations == [], "seed \(seed)")
      #expect(Set(plan.start) == Set(new.everyChild.map(\.name)).subtracting(before.keys))
      #expect(Set(plan.stop) == Set(before.keys).subtracting(new.everyChild.map(\.name)))
      let touched = Set(plan.start + plan.restart)
      for name in new.everyChild.map(\.name) {
        guard let old = before[name] else { continue }
        let isSameNode = world.status(name).id == old.id
        if !touched.contains(name) {
          #expect(isSameNode, "\(name), seed \(seed)")
          if old.phase == .running, world.phase(name) == .running {
            #expect(world.status(name).incarnation == old.incarnation, "\(name), seed \(seed)")
          }
        } else if old.phase == .running, !old.isSupervisor, world.phase(name) == .running,
          !world.status(name).isSupervisor
        {
          #expect(world.status(name).incarnation == old.incarnation + 1, "\(name), seed \(seed)")
        }
      }
      let count = plan.start.count + plan.restart.count + plan.update.count + plan.unchangedCount
      #expect(count == new.everyChild.count)
    }
  }

  @Test func waitsForWhatHasNotLeftYet() {
    var elsewhere = Self.old
    elsewhere.remove("c")
    elsewhere.insert(agent("c"), under: "s", at: 0)
    var world = World.begun(Self.old)
    world.answer()
    let first = world["c"]
    world.play(.reload(elsewhere))
    #expect(world.phase("c") == .waiting)
    // Back again, and the first process is still there.
    world.play(.reload(Self.old))
    #expect(world.phase("c") == .waiting)
    #expect(world.making.isEmpty)
    world.play(.stops(first))
    #expect(world.phase("c") == .starting)
    world.drain()
    #expect(world.status("c").incarnation == 2)
    #expect(world.violations == [])
  }

  /// A departing supervisor stops one child after the other; the ones it has not told yet neither
  /// restart nor keep their successors from waiting.
  @Test func nothingRestartsUnderADepartingSupervisor() {
    let inner = supervisor("i", .oneForOne, limit: 9, .permanent, [agent("a")])
    let s = supervisor("s", .oneForAll, limit: 3, .permanent, [inner, agent("z")])
    let u = supervisor("u", .oneForOne, limit: 3, .permanent, [s])
    var world = World.begun(tree(s))
    world.answer()
    let oldA = world["a"]
    world.play(.reload(tree(u)))
    world.play(.ends(oldA, .exited(code: 1)))
    #expect(world.making.isEmpty)
    world.drain()
    #expect(world.status("a").incarnation == 2)
    #expect(world.violations == [])
  }

  @Test func operatorsWishMovesAlong() {
    var elsewhere = Self.old
    elsewhere.remove("c")
    elsewhere.insert(agent("c"), under: "s", at: 0)
    var driver = TreeDriver.begun(Self.old)
    driver.request(.down, "c")
    #expect(driver.reload(elsewhere) == [])
    #expect(driver.status("c")?.reason == .operatorDown)
    #expect(driver.request(.up, "c") == ["start c"])
  }

  @Test func autostartTurnedOnDoesNotOverrideAnOperator() {
    func specification(autostart: Bool) -> TreeSpecification {
      tree(agent("a") { $0.policy.autostart = autostart })
    }
    var driver = TreeDriver.begun(specification(autostart: false))
    #expect(driver.reload(specification(autostart: true)) == ["start a"])
    driver.reload(specification(autostart: false))
    #expect(driver.alive == ["a"])
    driver.request(.down, "a")
    #expect(driver.reload(specification(autostart: true)) == [])
  }

  @Test func removingTheOneThatIsMissingMakesReady() {
    let a = agent("a")
    let b = agent("b")
    func specification(_ children: ChildSpecification...) -> TreeSpecification {
      tree(
        supervisor("s", .oneForOne, limit: 3, .permanent, children),
        agent("n") { $0.policy.needs = [Need("s")] })
    }
    var driver = TreeDriver.begun(specification(a, b))
    driver.exit("b", code: 78)
    #expect(driver.status("s")?.isReady == false)
    driver.reload(specification(a))
    #expect(driver.status("s")?.isReady == true)
  }

  @Test func changedBeforeItsStartIsStartedOnce() {
    var new = Self.old
    new.replaceAgent("b") { $0.fingerprint = 1 }
    var world = World.begun(Self.old)
    world.play(.reload(new))
    world.drain()
    #expect(world.status("b").incarnation == 1)
    var early = World(Self.old)
    early.play(.reload(new))
    early.play(.begin)
    early.drain()
    #expect(early.status("b").incarnation == 1)
  }

  /// The members of a group restart that backs off are not lost when another one starts behind
  /// them in the new order.
  @Test func pendingGroupSurvivesAReorder() {
    func specification(_ names: String...) -> TreeSpecification {
      tree(
        supervisor("s", .restForOne, limit: 5, .permanent, names.map { agent($0) }) {
          $0.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(1))
        })
    }
    var world = World.begun(specification("a", "b", "c"))
    world.answer()
    world.crash("b")
    world.answer()
    world.crash("b")
    world.answer()
    #expect(world.phase("c") == .backoff)
    world.play(.reload(specification("b", "c", "a")))
    world.crash("a")
    world.drain()
    #expect(world.phase("b") == .running)
    #expect(world.phase("c") == .running)
    #expect(world.violations == [])
  }

  @Test func strategyTiedWhileChildrenRestart() {
    var world = World.begun(
      tree(supervisor("s", .oneForOne, limit: 5, .permanent, [agent("a"), agent("b")])))
    world.answer()
    world.ask(.restart, "a")
    world.ask(.restart, "b")
    world.play(
      .reload(tree(supervisor("s", .oneForAll, limit: 5, .permanent, [agent("a"), agent("b")]))))
    world.drain()
    #expect(world.phase("a") == .running)
    #expect(world.phase("b") == .running)
    #expect(world.status("b").incarnation == 2)
    #expect(world.violations == [])
  }

  @Test func reloadAfterTheEndIsStale() {
    var driver = TreeDriver.begun(Self.old)
    driver.feed(.shutdown)
    #expect(driver.reload(TreeSpecification()) == [])
    #expect(driver.tree.staleEventCount == 1)
  }
}
