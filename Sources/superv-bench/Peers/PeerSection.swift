import BenchPage

/// One kind of figure on the page: a table, and a plot of one of its columns.
struct PeerSection: Sendable {
  /// The plot's file.
  var name: String
  var title: String
  var explanation: String
  var columns: [Column]
  var plotted = 0
  var plotTitle: String?
  var isLogarithmic = true
  var isOfLargeTree = true

  struct Column: Sendable {
    var title: String
    var measure: Measure
    var quantile = 0.5
    /// How many figures it is, rather than one of them.
    var isCount = false

    func text(_ findings: Findings) -> String {
      if isCount { return findings.samples[measure].map { String($0.count) } ?? "–" }
      if let bound = findings.bounds[measure] { return bound.text }
      guard let value = findings.value(measure, quantile) else { return "–" }
      if measure == .logLost { return value == 0 ? "none" : value.short }
      return value.short
    }

    func plotted(_ findings: Findings) -> Double? {
      findings.bounds[measure]?.value ?? findings.value(measure, quantile)
    }
  }

  /// For a large tree of so many agents.
  static func all(_ count: Int) -> [PeerSection] {
    [
      PeerSection(
        name: "cold-start", title: "Cold start",
        explanation: "From the start of the program to the first instruction of the last agent.",
        columns: [
          Column(title: "10, ms", measure: .coldFew), Column(title: "100, ms", measure: .coldSome),
          Column(title: "\(grouped(count)), ms", measure: .coldMany),
        ], plotted: 2, isOfLargeTree: false),
      PeerSection(
        name: "restart", title: "Restart",
        explanation: "From SIGKILL of one agent to the first instruction of its replacement.",
        columns: [
          Column(title: "p50, ms", measure: .restart),
          Column(title: "p95, ms", measure: .restart, quantile: 0.95),
          Column(title: "max, ms", measure: .restart, quantile: 1),
          Column(title: "deaths", measure: .restart, isCount: true),
        ]),
      PeerSection(
        name: "all-killed", title: "All \(grouped(count)) killed at once",
        explanation: "From the first SIGKILL to the first instruction of the last replacement.",
        columns: [Column(title: "ms", measure: .allKilled)]),
      PeerSection(
        name: "memory", title: "Memory and rest",
        explanation: "With \(grouped(count)) agents running and nothing to do.",
        columns: [
          Column(title: "memory, MB", measure: .memory),
          Column(title: "processes", measure: .processes),
          Column(title: "wake-ups a second", measure: .wakeUps),
          Column(title: "processor, ms a second", measure: .processor),
        ], isLogarithmic: false),
      PeerSection(
        name: "status", title: "Status",
        explanation:
          "The command that shows every agent, from its start to its end: `superv status`, "
          + "`supervisorctl status`,\n`circusctl list`, `sv status` of all, `s6-svstat` of each, "
          + "`monit summary`, `erl_call` of a function that lists the children.",
        columns: [Column(title: "ms", measure: .status)]),
      PeerSection(
        name: "log", title: "Log",
        explanation:
          "One agent that writes numbered lines of 100 bytes as fast as it can, until the last is "
          + "in the file.\nsuperv writes a time before each line. monit keeps no output.",
        columns: [
          Column(title: "MB/s", measure: .logRate), Column(title: "lines lost", measure: .logLost),
        ], isOfLargeTree: false),
      PeerSection(
        name: "stop", title: "Stop",
        explanation:
          "Everything stopped in its own way, until no process is left. The agents end at SIGTERM.",
        columns: [Column(title: "ms", measure: .stop)]),
    ]
  }
}
