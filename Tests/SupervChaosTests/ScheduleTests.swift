import SupervChaos
import SupervConfig
import Testing

@Suite struct ScheduleTests {
  @Test func theSameSeedIsTheSameOrder() {
    let tree = smallTree()
    let first = makeSchedule(ChaosPlan(), for: tree, seed: 7)
    #expect(first == makeSchedule(ChaosPlan(), for: tree, seed: 7))
    #expect(first != makeSchedule(ChaosPlan(), for: tree, seed: 8))
    #expect(first.count > 50)
    #expect(first.map(\.number) == Array(1...first.count))
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func nobodyIsHitWhoHasNotAgreed(seed: UInt64) {
    let schedule = makeSchedule(ChaosPlan(), for: smallTree(), seed: seed)
    #expect(!schedule.contains { $0.target == "spared" })
    let few = makeSchedule(ChaosPlan(), for: smallTree(), seed: seed, only: ["a"])
    #expect(Set(few.compactMap(\.target)).isSubset(of: ["a"]))
  }

  /// Over any period, with what was left for ends of their own.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func noBudgetIsOverdrawn(seed: UInt64) {
    var plan = ChaosPlan()
    plan.rate = 600
    plan.isSwarm = false
    let kills = makeSchedule(plan, for: smallTree(), seed: seed).filter(\.kind.spendsBudget)
    #expect(!kills.isEmpty)
    for kill in kills where kill.target != "c" {
      let sameWindow = kills.filter {
        $0.target != "c" && kill.atMilliseconds <= $0.atMilliseconds
          && $0.atMilliseconds < kill.atMilliseconds + 60_000
      }
      #expect(sameWindow.count <= 3)
    }
  }

  /// The keeper waits longer and longer for a daemon that keeps dying.
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func theKeeperIsNotOverdrawnEither(seed: UInt64) {
    var plan = ChaosPlan()
    plan.rate = 300
    plan.isSwarm = false
    plan.faults[.daemonKill]?.weight = 100
    let kills = makeSchedule(plan, for: smallTree(), seed: seed).filter { $0.kind == .daemonKill }
    #expect(kills.count > 3)
    for (kill, fourth) in zip(kills, kills.dropFirst(3)) {
      #expect(fourth.atMilliseconds - kill.atMilliseconds >= 60_000)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func nobodyStartsWithoutDescriptors(seed: UInt64) {
    var plan = ChaosPlan()
    plan.rate = 60
    plan.duration = .seconds(3600)
    plan.isSwarm = false
    plan.faults[.noDescriptors]?.weight = 50
    let schedule = makeSchedule(plan, for: smallTree(), seed: seed)
    let dry = schedule.filter { $0.kind == .noDescriptors }
    #expect(!dry.isEmpty)
    for fault in dry {
      let end = fault.atMilliseconds + fault.lastsMilliseconds
      let meanwhile = schedule.filter {
        $0.atMilliseconds >= fault.atMilliseconds && $0.atMilliseconds <= end
      }
      #expect(!meanwhile.contains { $0.kind.spendsBudget || $0.kind.killsDaemon })
    }
  }

  @Test func weightsOfZeroNeverCome() {
    let schedule = makeSchedule(ChaosPlan(), for: smallTree(), seed: 3)
    #expect(!schedule.contains { $0.kind.endsTree })
  }

  @Test func swarmsLeaveSomethingOut() {
    var plan = ChaosPlan()
    plan.rate = 600
    plan.swarmPeriod = .seconds(100)
    let all = Set(ChaosPlan.defaultFaults.filter { $0.value.weight > 0 }.keys)
    let schedule = makeSchedule(plan, for: smallTree(), seed: 5)
    for period in 0..<3 {
      let kinds = schedule.filter { $0.atMilliseconds / 100_000 == period }.map(\.kind)
      #expect(!kinds.isEmpty)
      #expect(Set(kinds).isStrictSubset(of: all))
    }
  }
}

/// a and b under `one_for_one`, c alone; `spared` has not agreed.
func smallTree(strategy: String = "one_for_one") -> ChaosTree {
  ChaosTree(
    agents: [
      .init(name: "a", supervisor: "pair"), .init(name: "b", supervisor: "pair"),
      .init(name: "spared", supervisor: "pair", isAllowed: false), .init(name: "c"),
    ],
    supervisors: [
      .init(
        name: "pair", strategy: strategy, budget: .init(intensity: 5, periodSeconds: 60),
        children: ["a", "b", "spared"])
    ],
    rootBudget: .init(intensity: 5, periodSeconds: 60))
}
