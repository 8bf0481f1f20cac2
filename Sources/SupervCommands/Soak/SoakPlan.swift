/// What a soak asks of superv, and the tree that does it.
package struct SoakPlan: Hashable, Sendable, Encodable {
  package var seconds: Double
  package var agents = 40
  /// Of each so many a second, by all agents together.
  package var restarts = 10.0
  package var calls = 1000.0
  package var lines = 10_000.0
  package var probes = 20.0

  package init(seconds: Double) { self.seconds = seconds }

  /// So much of the beginning is not measured: the ring of the last events fills, files rotate for
  /// the first time, tables reach their size.
  package static let warmUp = 0.25
  /// One of each kind, and echoes to be called.
  package static let fewestAgents = 7

  /// Enough points for the statistics, few enough not to be a load themselves.
  var intervalMilliseconds: Int64 { min(10_000, max(200, Int64(seconds * 1000 / 400))) }

  /// How many agents do what. What nobody wants has none.
  private var counts: [(role: SoakRole, count: Int)] {
    let share = max(1, agents / 8)
    let busy: [(SoakRole, Int)] = [
      (.mayfly, restarts > 0 ? 2 * share : 0), (.talker, lines > 0 ? share : 0),
      (.caller, calls > 0 ? share : 0), (.echo, calls > 0 || probes > 0 ? share : 0),
      (.checked, probes > 0 ? 1 : 0),
    ]
    let rest = agents - busy.reduce(0) { $0 + $1.1 }
    return (busy + [(.idle, max(1, rest))]).filter { $0.1 > 0 }
  }

  /// The configuration of the tree.
  ///
  /// - Parameters:
  ///   - folder: where everything of it is.
  ///   - executable: superv, of which every agent is a process.
  ///   - owner: the process with which the tree ends, however that ends.
  package func configuration(in folder: String, executable: String, owner: Int32) -> String {
    let superv = quotedWord(executable)
    let sections = counts.map { role, count in
      """
      [agent:\(role.rawValue)]
      command = \(superv) soak-agent \(role.rawValue) \(amount(of: role, count))
      numprocs = \(count)
      startsecs = 0
      \(keys(of: role, count, superv))
      """
    }
    let names = counts.map(\.role.rawValue).joined(separator: ", ")
    return """
      [superv]
      runtime_dir = \(folder)/run
      state_dir = \(folder)/state
      http = unix:\(folder)/run/http.sock
      log_max_size = 2MB
      log_files = 1
      intensity = 0

      [agent:guard]
      command = \(superv) soak-agent guard \(owner)
      critical = yes

      [supervisor:soak]
      children = \(names)
      intensity = 1000000
      backoff_base = 0s

      \(sections.joined(separator: "\n"))
      """
  }

  /// How long one of them lives in seconds, or how much it does in one.
  private func amount(of role: SoakRole, _ count: Int) -> String {
    switch role {
    // To end and to begin takes its time too.
    case .mayfly: "\(0.96 * Double(count) / restarts)"
    case .talker: "\(lines / Double(count))"
    case .caller: "\(calls / Double(count))"
    case .echo, .checked, .idle, .guard: "0"
    }
  }

  /// Half of the probes are pings, a tenth are commands, the others connect to superv's own HTTP.
  private func keys(of role: SoakRole, _ count: Int, _ superv: String) -> String {
    if role == .caller { return "needs = \(SoakRole.echo.rawValue):ready\n" }
    let (probe, share): (String, Double) =
      switch role {
      case .echo: ("ping", 0.5)
      case .checked: ("exec:\(superv) version", 0.1)
      case .idle: ("unix:run/http.sock", 0.4)
      case .mayfly, .talker, .caller, .guard: ("", 0)
      }
    guard share > 0, probes > 0 else { return "" }
    let milliseconds = max(10, Int(Double(count) * 1000 / (probes * share)))
    return """
      liveness = \(probe)
      liveness_interval = \(milliseconds)ms
      liveness_timeout = 30s

      """
  }
}

/// What an agent of the tree does.
package enum SoakRole: String, CaseIterable, Sendable {
  /// Ends after a while, in each of the ways there are.
  case mayfly
  /// Prints lines.
  case talker
  /// Calls the echoes.
  case caller
  /// Answers calls and pings.
  case echo
  /// Is looked after by a command.
  case checked
  /// Does nothing.
  case idle
  /// Ends when the soak has ended, and with it the tree, to which it is critical.
  case `guard`
}

/// As sh reads it, and so the configuration, where a `%` is two.
private func quotedWord(_ word: String) -> String {
  "'\(word.replacing("'", with: "'\\''").replacing("%", with: "%%"))'"
}
