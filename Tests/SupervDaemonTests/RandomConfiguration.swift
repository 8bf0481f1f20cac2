import SupervConfig
import SupervDaemon
import SupervisionTree

/// Configurations over a fixed set of names, so that one can be reloaded as the other.
struct RandomConfiguration {
  static let agents = (0..<6).map { "a\($0)" }
  static let supervisors = (0..<3).map { "s\($0)" }
  /// All that a request can name, and one that nothing has.
  static let names = agents + supervisors + ["a0:0", "a0:1", "nobody"]

  /// Loading is most of the cost of a run, so that all runs share these.
  private static let texts: [String] = {
    var random = Jitter(seed: 1)
    return (0..<80).map { _ in loadable(&random) }
  }()

  /// The text of one that loads.
  static func text(_ random: inout Jitter) -> String { pick(texts, &random) }

  private static func loadable(_ random: inout Jitter) -> String {
    while true {
      let text = draft(&random)
      if ConfigurationText(text).load().configuration != nil { return text }
    }
  }

  private static func draft(_ random: inout Jitter) -> String {
    var children: [String: [String]] = [:]
    var text = """
      [superv]
      intensity = \(Int.random(in: 0...4, using: &random))
      period = 10s
      backoff_base = \(pick(["0", "100ms"], &random))
      shutdown_timeout = \(pick(["0s", "5s", "60s"], &random))
      stop_siblings = \(pick(["side_by_side", "one_by_one"], &random))

      """
    for (index, name) in supervisors.enumerated() where chance(0.8, &random) {
      if let parent = parent(among: supervisors.prefix(index), &random) {
        children[parent, default: []].append(name)
      }
      children[name] = children[name] ?? []
    }
    for (index, name) in agents.enumerated() where chance(0.85, &random) {
      if let parent = parent(among: supervisors.filter { children[$0] != nil }[...], &random) {
        children[parent, default: []].append(name)
      }
      text += agent(name, index, &random)
    }
    for name in supervisors {
      guard let list = children[name] else { continue }
      text += """
        [supervisor:\(name)]
        strategy = \(pick(Strategy.allCases.map(\.rawValue), &random))
        intensity = \(Int.random(in: 0...3, using: &random))
        period = 10s
        backoff_base = \(pick(["0", "100ms"], &random))
        restart = \(pick(RestartType.allCases.map(\.rawValue), &random))
        auto_shutdown = \(pick(["never", "never", "any_significant", "all_significant"], &random))
        children = \(list.joined(separator: ", "))

        """
    }
    return text
  }

  private static func agent(_ name: String, _ index: Int, _ random: inout Jitter) -> String {
    var lines = [
      "[agent:\(name)]", "command = \(name) \(Int.random(in: 0...1, using: &random))",
      "restart = \(pick(["permanent", "permanent", "transient", "temporary"], &random))",
      "startsecs = \(pick(["0s", "1s", "3s"], &random))",
      "stopwaitsecs = \(pick(["0s", "2s", "20s"], &random))",
    ]
    if index == 0 { lines.append("numprocs = 2") }
    if chance(0.1, &random) { lines.append("autostart = no") }
    if chance(0.05, &random) { lines.append("critical = yes") }
    if chance(0.2, &random) { lines.append("significant = yes") }
    if index > 1, chance(0.3, &random) {
      let condition = pick(["ready", "started", "done"], &random)
      lines.append("needs = \(agents[Int.random(in: 0..<index, using: &random)]):\(condition)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func parent(among names: ArraySlice<String>, _ random: inout Jitter) -> String? {
    chance(0.3, &random) ? nil : names.randomElement(using: &random)
  }
}

func chance(_ probability: Double, _ random: inout Jitter) -> Bool {
  Double.random(in: 0..<1, using: &random) < probability
}

/// - Precondition: there is one to pick.
func pick<Element>(_ choices: [Element], _ random: inout Jitter) -> Element {
  choices[Int.random(in: 0..<choices.count, using: &random)]
}
