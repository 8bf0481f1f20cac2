import Foundation
import SupervisionTree
import Testing

/// The random scenarios recorded from OTP's own supervisor: every event of every one is compared.
@Suite struct RandomOTPTests {
  @Test func everyScenarioGivesItsTrace() throws {
    guard let files = OTPScenarios.files(suffix: ".json", under: "") else { return }
    #expect(!files.isEmpty)
    var report = DeviationReport(title: "random OTP scenarios")
    for file in files {
      let scenario = try JSONDecoder().decode(
        RandomScenario.self, from: Data(contentsOf: file))
      let ours = scenario.run()
      report.compare(scenario.id, recorded: scenario.trace, ours: ours)
    }
    report.finish(expected: try Deviations.read("random.txt"))
  }
}

struct RandomScenario: Decodable {
  struct Tree: Decodable {
    var supervisor: String?
    var agent: String?
    var restart: String
    var strategy: String?
    var intensity: Int?
    var children: [Tree]?
  }
  struct Step: Decodable {
    var exit: String?
    var how: String?
    var failStart: String?
    var times: Int?
    var down: String?
    var up: String?

    enum CodingKeys: String, CodingKey {
      case exit, how, times, down, up
      case failStart = "fail_start"
    }
  }
  var id: String
  var tree: Tree
  var steps: [Step]
  var trace: [[String]]

  func run() -> [[String]] {
    var top = specification(tree)
    // What runs above OTP's root does not restart it.
    if case .supervisor(var supervisor) = top {
      supervisor.policy.restart = .temporary
      top = .supervisor(supervisor)
    }
    var specification = TreeSpecification()
    specification.children = [top]
    specification.stopsSiblingsSideBySide = false
    var driver = TreeDriver(specification)
    var result: [[String]] = []
    var isOver = false
    func collect() {
      var lines = driver.trace.filter { line in
        ["start ", "start_failed ", "exit ", "stop ", "absent "].contains { line.hasPrefix($0) }
      }
      driver.trace = []
      let isDown = driver.tree.publicPhase(of: NodeID(index: 1)) == .failed
      if isDown && !isOver {
        lines.append("root_down")
        isOver = true
      }
      result.append(lines)
    }
    driver.feed(.begin)
    collect()
    for step in steps {
      take(step, &driver)
      collect()
    }
    driver.feed(.shutdown)
    collect()
    return result
  }

  private func take(_ step: Step, _ driver: inout TreeDriver) {
    if let name = step.failStart { driver.plannedFailures[name] = step.times }
    if let name = step.exit {
      let code: Int32 = step.how == "normal" ? 0 : 1
      if !driver.end(name, .exited(code: code), saying: "exit \(name)") {
        driver.trace.append("absent \(name)")
      }
      driver.drain()
    }
    if let name = step.down, let id = driver.tree.id(named: name) {
      driver.feed(.request(.down, id))
    }
    if let name = step.up, let id = driver.tree.id(named: name),
      driver.tree.refusal(of: .up, on: id) == nil
    {
      driver.feed(.request(.up, id))
    }
  }

  private func specification(_ tree: Tree) -> ChildSpecification {
    let restart = RestartType(rawValue: tree.restart) ?? .permanent
    if let name = tree.agent { return agent(name, restart) }
    return supervisor(
      tree.supervisor ?? "", Strategy(rawValue: tree.strategy ?? "") ?? .oneForOne,
      limit: tree.intensity ?? 1, restart, (tree.children ?? []).map(specification))
  }
}
