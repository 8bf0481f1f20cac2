import SupervisionTree
import Testing

/// What the simulator has found, as it was left when nothing more could be left out: each of these
/// histories has failed once.
@Suite struct NamedHistories {
  struct Named: Sendable, CustomTestStringConvertible {
    let found: String
    /// What does the same as the bug did, where there is such a thing: the history still shows it.
    let bug: PlantedBug?
    let seed: UInt64
    let tree: TreePlan
    let steps: [Step]
    var testDescription: String { found }
  }

  static let all = [
    Named(
      found: "a journal that lacked lines stayed so: the next daemon knew another tree",
      bug: .silentDisk,
      seed: 107, tree: TreePlan(agents: [.init(name: "a")]),
      steps: [
        .journalFails(operations: 3, isTorn: false), .exit("a", code: 1),
        .pass(milliseconds: 5000), .killDaemon(afterOperations: 0),
      ]),
    Named(
      found: "an answer after the deadline was a result, when it came before the alarm",
      bug: .lateAnswer,
      seed: 375,
      tree: TreePlan(agents: [.init(name: "a", speaks: true), .init(name: "b", speaks: true)]),
      steps: [
        .lateAlarms(milliseconds: 900), .answers("b", .after(milliseconds: 100)),
        .call("a", to: "b", milliseconds: 50), .pass(milliseconds: 1000),
      ]),
    Named(
      found: "what a daemon had still to tell of the end of its tree died with it and its keeper",
      bug: nil, seed: 3444, tree: TreePlan(agents: [.init(name: "a")]),
      steps: [
        .signalKeeper(15), .killDaemon(afterOperations: 2), .pass(milliseconds: 1), .killBoth,
      ]),
  ]

  @Test(arguments: all)
  func holdsNow(_ one: Named) {
    let script = Script(seed: one.seed, tree: one.tree, steps: one.steps)
    if let failure = Failure(script) { Issue.record("\(failure)") }
    if let bug = one.bug { #expect(Box(script, bug: bug).run() != nil) }
  }
}
