import BenchPage
import CBench

/// The page that says what was measured, with a table and a plot for each kind of figure.
struct PeerPage {
  let contest: Contest
  let machine: MachineFacts
  private var sections: [PeerSection] { PeerSection.all(contest.sizes.agentCount) }
  /// What was asked for on the command line.
  let arguments: [String]
  let present: [any Contestant]
  let missing: [any Contestant]

  /// - Parameter plotFolder: the folder of the plots, as the page is to name it.
  func markdown(plotFolder: String) -> String {
    ([opening, goals] + sections.map { section(of: $0, plotFolder) }
      + [PeerStanding(contest: contest).markdown, conditions, problems]).joined(separator: "\n")
  }

  /// File names and contents.
  var plots: [(name: String, svg: String)] {
    sections.map { ($0.name + ".svg", plot(of: $0)) }
  }

  private var opening: String {
    """
    # Benchmarks beside other supervisors

    The same program, supervised by superv and by every other supervisor that is installed, as many
    times, in turns within one run: with the settings that each has by default, and with the fastest
    that we know. Beside them a C program that does the least that a supervisor can do. This page is
    written by the benchmark; the command and the settings are at its end.

    Times are medians where nothing else is said; "> 60 s" was given up after that time.

    """
  }

  private var goals: String {
    var table = MarkdownTable(["goal", "superv", "against", ""], isText: true)
    for goal in PeerGoals(contest: contest).all {
      table.add([goal.name, goal.ours, goal.theirs, goal.isMet ? "met" : "**missed**"])
    }
    return "## Goals\n\n" + table.markdown
  }

  private func section(of section: PeerSection, _ plotFolder: String) -> String {
    var table = MarkdownTable([""] + section.columns.map(\.title))
    for (entry, findings) in zip(contest.entries, contest.findings)
    where section.columns.contains(where: { $0.text(findings) != "–" }) {
      table.add([label(entry, section)] + section.columns.map { $0.text(findings) })
    }
    return """
      ## \(section.title)

      \(section.explanation)

      \(table.markdown)
      \(remark(on: section))\
      ![\(section.title)](\(plotFolder)/\(section.name).svg)

      """
  }

  /// On those that do not have all agents.
  private func remark(on section: PeerSection) -> String {
    guard section.isOfLargeTree else { return "" }
    let limited = present.compactMap { contestant -> String? in
      guard let limit = contestant.limit, limit.count < contest.sizes.agentCount else { return nil }
      let memory =
        section.columns.contains { $0.measure == .memory }
        ? " The memory is with all of them configured, and as many running as started in time."
        : ""
      return "\(contestant.name) \(limit.why), so it has \(limit.count) agents here."
        + memory + "\n\n"
    }
    return limited.joined()
  }

  /// Says so where it is not the same number of agents.
  private func label(_ entry: Entry, _ section: PeerSection) -> String {
    guard section.isOfLargeTree, let limit = entry.contestant.limit,
      limit.count < contest.sizes.agentCount
    else { return entry.label }
    return "\(entry.label) (\(limit.count))"
  }

  private func plot(of section: PeerSection) -> String {
    let column = section.columns[section.plotted]
    let bars = zip(contest.entries, contest.findings).compactMap { entry, findings in
      column.plotted(findings).map { value in
        BarPlot.Bar(
          label: label(entry, section), value: value,
          text: column.text(findings), color: color(entry, column, findings))
      }
    }
    return BarPlot(
      title: section.plotTitle ?? "\(section.title): \(column.title)",
      isLogarithmic: section.isLogarithmic, bars: bars
    ).svg
  }

  private func color(
    _ entry: Entry, _ column: PeerSection.Column, _ findings: Findings
  ) -> BarPlot.Color {
    if findings.bounds[column.measure] != nil { return .bounded }
    if entry.contestant is Superv { return .ours }
    return entry.contestant is Bare ? .bare : .others
  }

  private var words: [String] { arguments.map { $0.contains(" ") ? "'\($0)'" : $0 } }

  private var conditions: String {
    var table = MarkdownTable(["", "version", "default", "fastest"], isText: true)
    for contestant in present {
      table.add([
        contestant.name, machine.versions[contestant.name] ?? "unknown",
        contestant.defaultSettings, contestant.fastestSettings ?? "–",
      ])
    }
    let absent = missing.map { "\($0.name) (\($0.programs.joined(separator: ", ")))" }
    let absence =
      absent.isEmpty
      ? "" : "Not installed, and so not measured: \(absent.joined(separator: ", ")).\n\n"
    let sizes = contest.sizes
    return """
      ## How it was measured

      \(machine.sentence)

      \(absence)\
      \(table.markdown)
      - The supervised program notes its first instruction in shared memory and waits. Each
        contestant runs below a process of ours that reaps orphans, as PID 1 does, with its files in
        a temporary file system.
      - Up to \(sizes.rounds) rounds; who needs more than \(sizes.turnSeconds) s for a turn has one.
        Up to \(sizes.restarts) deaths a round, each of another agent, for
        \(sizes.restartSeconds) s at most. A start may take \(sizes.startSeconds) s, a stop
        \(sizes.stopSeconds) s, the output \(sizes.logSeconds) s.
      - Memory is the proportional share (PSS) of the manager and all its helpers, with a process
        for each agent where there is one; the supervised programs are not counted. superv is its
        keeper, daemon and logger.
      - Wake-ups are context switches of all threads.

      Made by

      ```
      apt-get install runit s6 monit erlang-base && pip install supervisor circus
      swift build -c release
      .build/release/superv-bench \(words.joined(separator: " "))
      ```

      """
  }

  private var problems: String {
    let lines = zip(contest.entries, contest.findings).flatMap { entry, findings in
      findings.problems.map { "- \(entry.label): \($0)\n" }
    }
    return lines.isEmpty ? "" : "## What went wrong\n\n" + lines.joined()
  }
}
