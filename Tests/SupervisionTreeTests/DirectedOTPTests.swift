import Foundation
import SupervisionTree
import Testing

/// Scenarios of one OTP rule each, with deaths that come in bursts and while others start or stop.
@Suite struct DirectedOTPTests {
  @Test func everyScenarioGivesItsTrace() throws {
    guard let files = OTPScenarios.files(suffix: ".scenario", under: "directed") else { return }
    #expect(!files.isEmpty)
    var report = DeviationReport(title: "directed OTP scenarios")
    var poolCount = 0
    for file in files {
      let text = try Self.read(file)
      // superv has no template pools: `numprocs` takes their place.
      guard !text.contains("simple_one_for_one") else {
        poolCount += 1
        continue
      }
      let recorded = try Self.read(
        file.deletingPathExtension().appendingPathExtension("trace"))
      let player = DirectedPlayer(text)
      report.compare(
        file.deletingPathExtension().lastPathComponent, recorded: Self.steps(recorded),
        ours: player.play())
    }
    print("NOT TESTED: \(poolCount) scenarios with simple_one_for_one, which superv does not have")
    report.finish(expected: try Deviations.read("directed.txt"))
  }

  /// In these files the uppermost supervisor is called root, which in superv is one level up.
  private static func read(_ file: URL) throws -> String {
    try String(contentsOf: file, encoding: .utf8)
      .replacing(#/\broot\b/#, with: "top")
  }

  /// What can be seen from outside: the events of each step and who is alive after it.
  private static func steps(_ trace: String) -> [[String]] {
    var steps: [[String]] = []
    for line in trace.split(separator: "\n").dropFirst() {
      let words = line.split(separator: " ").dropFirst(2).map(String.init)
      switch words[0] {
      case "begin": steps.append([])
      case "start", "start_fail", "exit", "stop", "sup_start", "sup_stop", "sup_exit",
        "auto_shutdown":
        let word = words[0] == "start_fail" ? "start_failed" : words[0]
        steps[steps.count - 1].append("\(word) \(words[1])")
      case "give_up", "alive":
        steps[steps.count - 1].append(words.joined(separator: " "))
      default: break
      }
    }
    return steps
  }
}

/// Reads one scenario file and plays it against the tree.
final class DirectedPlayer {
  private var driver: TreeDriver
  private var specification = TreeSpecification()
  private var top = ""
  private var isTopAsked = false
  private var steps: [(isPreparation: Bool, words: [String])] = []
  private var hooks: [(name: String, attempt: Int, command: [String])] = []
  private var attempts: [String: Int] = [:]
  private var during: [(name: String, isStop: Bool, command: [String])] = []

  init(_ text: String) {
    var nodes: [(parent: String, words: [String])] = []
    for line in text.split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split(separator: " ").map(String.init)
      switch words.first {
      case "sup", "worker":
        let parent = Self.values(words)["parent"] ?? "-"
        nodes.append((parent, words))
        if words[0] == "sup" && parent == "-" { top = words[1] }
      case "pre": steps.append((true, Array(words.dropFirst())))
      case "step": steps.append((false, Array(words.dropFirst())))
      default: break
      }
    }
    self.nodes = nodes
    driver = TreeDriver(TreeSpecification())
  }

  private let nodes: [(parent: String, words: [String])]

  func play() -> [[String]] {
    var root = child(nodes.first { $0.words[1] == top }?.words ?? [])
    if case .supervisor(var supervisor) = root {
      supervisor.policy.restart = .temporary
      root = .supervisor(supervisor)
    }
    specification.children = [root]
    specification.backoff = .off
    specification.stopsSiblingsSideBySide = false
    driver = TreeDriver(specification)
    driver.whileStarting = { [unowned self] driver, name, isFailing in
      self.isStarting(name, isFailing, &driver)
    }
    driver.whileStopping = { [unowned self] driver, name in
      self.takeDuring(name, isStop: true, &driver)
    }
    for step in steps where step.isPreparation { prepare(step.words) }
    driver.feed(.begin)
    var result = [finishStep()]
    for step in steps where !step.isPreparation {
      if !prepare(step.words) { act(step.words, &driver) }
      driver.drain()
      if !Self.isPreparation(step.words[0]) { during = [] }
      result.append(finishStep())
    }
    return result
  }

  private func finishStep() -> [String] {
    // Whoever resists a stop is killed when its time is over.
    while driver.fireNextTimer() {}
    defer { driver.trace = [] }
    let alive = driver.living.keys.map { driver.tree.name(of: $0) }.sorted()
    return driver.trace + ["alive " + (alive.isEmpty ? "-" : alive.joined(separator: " "))]
  }

  private static func isPreparation(_ word: String) -> Bool {
    ["fail_start", "ignore_term", "term_delay", "hook", "during", "during_stop"].contains(word)
  }

  @discardableResult
  private func prepare(_ words: [String]) -> Bool {
    switch words[0] {
    case "fail_start":
      driver.plannedFailures[words[1]] = Int(words[2])
      attempts[words[1]] = 0
    case "ignore_term":
      if words[2] == "on" {
        driver.stubborn.insert(words[1])
      } else {
        driver.stubborn.remove(words[1])
      }
    case "term_delay": driver.stubborn.insert(words[1])
    case "hook": hooks.append((words[1], Int(words[2]) ?? 0, Array(words.dropFirst(3))))
    case "during": during.append((words[1], false, Array(words.dropFirst(2))))
    case "during_stop": during.append((words[1], true, Array(words.dropFirst(2))))
    default: return false
    }
    return true
  }

  private func isStarting(_ name: String, _ isFailing: Bool, _ driver: inout TreeDriver) {
    guard isFailing else { return takeDuring(name, isStop: false, &driver) }
    attempts[name, default: 0] += 1
    for hook in hooks where hook.name == name && hook.attempt == attempts[name] {
      act(hook.command, &driver)
    }
  }

  private func takeDuring(_ name: String, isStop: Bool, _ driver: inout TreeDriver) {
    let now = during.filter { $0.name == name && $0.isStop == isStop }
    during.removeAll { $0.name == name && $0.isStop == isStop }
    for one in now { act(one.command, &driver) }
  }

  private func act(_ words: [String], _ driver: inout TreeDriver) {
    switch words[0] {
    case "exit": exit(words[1], words[2], &driver)
    case "burst":
      for pair in words.dropFirst() {
        let parts = pair.split(separator: ":").map(String.init)
        exit(parts[0], parts[1], &driver)
      }
    case "terminate": request(.down, words[1], words[2], &driver)
    case "restart_child": request(.up, words[1], words[2], &driver)
    case "delete": delete(words[2], &driver)
    case "add": add(Array(words.dropFirst()), &driver)
    case "sleep": driver.now = driver.now + .milliseconds(Int(words[1]) ?? 0)
    case "stop_root": request(.down, "root of all", top, &driver)
    default: break
    }
  }

  private func exit(_ name: String, _ reason: String, _ driver: inout TreeDriver) {
    let termination: Termination =
      switch reason {
      case "normal": .exited(code: 0)
      case "shutdown": .exited(code: 100)
      case "kill": .signalled(9, coreDumped: false)
      default: .exited(code: 1)
      }
    driver.end(name, termination, saying: "exit \(name)")
  }

  private func request(
    _ request: Request, _ supervisor: String, _ name: String, _ driver: inout TreeDriver
  ) {
    guard let id = driver.tree.id(named: name) else { return }
    if let parent = driver.tree.id(named: supervisor) {
      let phase = driver.tree.publicPhase(of: parent)
      guard phase == .running || phase == .starting,
        driver.tree.status(of: id).parent == supervisor
      else { return }
    }
    guard driver.tree.refusal(of: request, on: id) == nil else { return }
    driver.post(.request(request, id))
  }

  private func delete(_ name: String, _ driver: inout TreeDriver) {
    guard let id = driver.tree.id(named: name) else { return }
    switch driver.tree.publicPhase(of: id) {
    case .stopped, .exited, .failed: break
    case .waiting, .starting, .running, .backoff, .stopping: return
    }
    specification.children = specification.children.compactMap { Self.remove(name, from: $0) }
    driver.post(.reload(specification))
  }

  private func add(_ words: [String], _ driver: inout TreeDriver) {
    let parent = Self.values(words)["parent"] ?? ""
    guard driver.tree.id(named: words[1]) == nil, let id = driver.tree.id(named: parent),
      driver.tree.publicPhase(of: id) == .running
        || driver.tree.publicPhase(of: id) == .starting
    else { return }
    let new = child(words)
    // The configuration refuses such a child, as OTP does.
    let parentValues = Self.values(nodes.first { $0.words[1] == parent }?.words ?? [])
    if new.policy.significant
      && (new.policy.restart == .permanent || (parentValues["auto_shutdown"] ?? "never") == "never")
    {
      return
    }
    specification.children = specification.children.map { Self.add(new, to: parent, in: $0) }
    driver.post(.reload(specification))
  }

  private static func remove(
    _ name: String, from child: ChildSpecification
  ) -> ChildSpecification? {
    if child.name == name { return nil }
    guard case .supervisor(var supervisor) = child else { return child }
    supervisor.children = supervisor.children.compactMap { remove(name, from: $0) }
    return .supervisor(supervisor)
  }

  private static func add(
    _ new: ChildSpecification, to parent: String, in child: ChildSpecification
  ) -> ChildSpecification {
    guard case .supervisor(var supervisor) = child else { return child }
    supervisor.children = supervisor.children.map { add(new, to: parent, in: $0) }
    if supervisor.name == parent { supervisor.children.append(new) }
    return .supervisor(supervisor)
  }

  private func child(_ words: [String]) -> ChildSpecification {
    let name = words[1]
    let values = Self.values(words)
    var policy = ChildPolicy()
    policy.restart = RestartType(rawValue: values["restart"] ?? "permanent") ?? .permanent
    policy.significant = values["significant"] == "true"
    if words[0] == "worker" {
      return agent(name) { agent in
        agent.policy = policy
        agent.normalExitCodes = [0, 100]
        agent.stopLadder = Self.ladder(values["shutdown"] ?? "5000")
      }
    }
    let children = nodes.filter { $0.parent == name }.map { child($0.words) }
    return supervisor(
      name, Strategy(rawValue: values["strategy"] ?? "") ?? .oneForOne,
      limit: Int(values["intensity"] ?? "") ?? 1, policy.restart, children
    ) { supervisor in
      supervisor.policy = policy
      supervisor.intensity.period = .seconds(Int(values["period"] ?? "") ?? 5)
      supervisor.autoShutdown =
        AutoShutdown(rawValue: values["auto_shutdown"] ?? "never") ?? .never
    }
  }

  private static func ladder(_ shutdown: String) -> [StopRung] {
    if shutdown == "brutal_kill" { return [StopRung(.kill, grace: nil)] }
    let grace = Int(shutdown).map { Duration.milliseconds($0) } ?? .seconds(1_000_000)
    return [StopRung(.signal(15), grace: grace), StopRung(.kill, grace: nil)]
  }

  private static func values(_ words: [String]) -> [String: String] {
    var values: [String: String] = [:]
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { values[parts[0]] = parts[1] }
    }
    return values
  }
}
