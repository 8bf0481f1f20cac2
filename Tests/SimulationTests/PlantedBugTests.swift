import Testing

/// The simulator can fail: each of these bugs is found, and by the rule that it breaks.
@Suite struct PlantedBugTests {
  private static let mostSeeds: UInt64 = 10_000

  @Test(arguments: PlantedBug.allCases)
  func isCaught(bug: PlantedBug) throws {
    // The first seed that has caught it is tried first, unless all are to be tried.
    let first = SimulationTests.isThorough ? [] : [bug.caughtBySeed]
    for seed in first + Array(1...Self.mostSeeds) {
      guard let violation = Box(Script(seed: seed), bug: bug).run() else { continue }
      print("planted bug \(bug.rawValue): caught by seed \(seed): \(violation)")
      #expect(bug.brokenRules.contains(violation.rule), "seed \(seed): \(violation)")
      return
    }
    Issue.record("\(bug.rawValue) is not caught")
  }
}

extension PlantedBug {
  /// Of all from 1.
  fileprivate var caughtBySeed: UInt64 {
    switch self {
    case .windowOffByOne: 1
    case .forgottenReap: 1
    case .stopNotEscalated: 13
    case .lateAnswer: 168
    case .orderSwapped: 5
    case .recycledPid: 25
    case .counterReset: 223
    case .silentDisk: 129
    }
  }

  fileprivate var brokenRules: Set<Auditor.Rule> {
    switch self {
    case .windowOffByOne: [.budget]
    case .counterReset: [.budget, .journal]
    // The next daemon goes on from another tree: anything may follow.
    case .silentDisk: Set(Auditor.Rule.allCases)
    case .forgottenReap: [.exits, .recovery, .escalation]
    case .stopNotEscalated: [.escalation, .rest]
    case .lateAnswer: [.calls]
    case .orderSwapped: [.order]
    case .recycledPid: [.stranger, .exits]
    }
  }
}
