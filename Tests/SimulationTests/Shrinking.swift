/// Leaves out of a history what is not needed for it to fail in the same way (Zeller and
/// Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002).
struct Shrinker {
  private static let mostRuns = 600

  let bug: PlantedBug?
  let rule: Auditor.Rule
  private var runs = 0

  init(_ rule: Auditor.Rule, bug: PlantedBug?) {
    self.rule = rule
    self.bug = bug
  }

  mutating func shrink(_ script: Script) -> Script {
    var best = script
    var size = max(1, best.steps.count / 2)
    while runs < Self.mostRuns {
      var hasShrunk = false
      var start = 0
      while start < best.steps.count {
        var other = best
        other.steps.removeSubrange(start..<min(start + size, best.steps.count))
        if stillFails(other) {
          best = other
          hasShrunk = true
        } else {
          start += size
        }
      }
      if size == 1, !hasShrunk { break }
      if !hasShrunk { size = max(1, size / 2) }
    }
    return simplified(best)
  }

  /// The same with smaller numbers.
  private mutating func simplified(_ script: Script) -> Script {
    var best = script
    for index in best.steps.indices {
      for step in best.steps[index].simpler {
        var other = best
        other.steps[index] = step
        if stillFails(other) {
          best = other
          break
        }
      }
    }
    return best
  }

  private mutating func stillFails(_ script: Script) -> Bool {
    guard runs < Self.mostRuns else { return false }
    runs += 1
    return Box(script, bug: bug).run()?.rule == rule
  }
}

extension Step {
  fileprivate var simpler: [Step] {
    switch self {
    case .pass(let span): [1, 100, 1000].filter { $0 < span }.map { .pass(milliseconds: $0) }
    case .exit(let name, let code) where code != 1: [.exit(name, code: 1)]
    case .crash(let name, _): [.exit(name, code: 1)]
    case .startsFail(let name, let count) where count > 1: [.startsFail(name, count: 1)]
    case .killDaemon(let count) where count > 0: [.killDaemon(afterOperations: 0)]
    case .killBoth: [.killDaemon(afterOperations: 0)]
    case .journalFails(let count, let isTorn) where count > 1 || isTorn:
      [.journalFails(operations: 1, isTorn: false)]
    case .daemonStartsFail(let count) where count > 1: [.daemonStartsFail(count: 1)]
    case .refuseSends(let count) where count > 1: [.refuseSends(count: 1)]
    case .ask(let question, let names) where names.count > 1: names.map { .ask(question, [$0]) }
    default: []
    }
  }
}

/// A history that failed, for people.
struct Failure: CustomStringConvertible {
  let script: Script
  let violation: Auditor.Violation
  let bug: PlantedBug?

  /// - Returns: nil when nothing is violated.
  init?(_ script: Script, bug: PlantedBug? = nil) {
    guard let violation = Box(script, bug: bug).run() else { return nil }
    self.script = script
    self.violation = violation
    self.bug = bug
  }

  var description: String {
    var shrinker = Shrinker(violation.rule, bug: bug)
    let small = shrinker.shrink(script)
    let box = Box(small, bug: bug, isTelling: true)
    let end = box.run() ?? violation
    return "seed \(script.seed): \(end)\n"
      + "  replay: SUPERV_SEED=\(script.seed) swift test --filter SimulationTests\n"
      + "  \(small.steps.count) of \(script.steps.count) steps are needed\n\(small)"
      + "  what happened:\n" + box.auditor.story.map { "    \($0)\n" }.joined()
  }
}
