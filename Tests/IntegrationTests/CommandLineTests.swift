import Foundation
import SupervSystem
import Testing

/// What scripts rely on: shapes, exit statuses, and output that is only what was asked for.
@Suite(.aside) struct CommandLineTests {
  private static let pair = """
    [supervisor:team]
    children = a
    \(sleepers("a", "b"))
    """

  // MARK: JSON

  private static let agentKeys = """
    agent alive breaker calls_in_flight desired exit held incarnation instance limits main_pid \
    name not_ready_reason operations orphans phase pid probes progress ready ready_at reason \
    restarts started_at status_text supervisor uptime_s
    """
  private static let exitKeys = "class code oom signal"
  private static let statusShape = [
    "": "agents daemon supervisors version",
    "daemon": "cgroups keeper_pid pid state uptime_s",
    "agents": agentKeys,
    "agents.exit": exitKeys,
    "supervisors": """
    children desired intensity name parent period_s phase reason restarts_in_period strategy
    """,
  ]
  private static let actionShape = ["": "results", "results": "name ok phase reason"]
  private static let eventKeys =
    "agent by delay_s event exit incarnation pid reason seq supervisor time"

  /// Members are added to this, and never renamed.
  private static let shapes: [(words: [String], keys: [String: String])] = [
    (["status"], statusShape),
    (["tree"], statusShape),
    (["status", "team"], statusShape),
    (["health"], ["": "agents live ready reasons state version", "agents": "failed ready total"]),
    (
      ["why", "a"],
      [
        "": "desired exit history name output phase ready reason restarts", "exit": exitKeys,
        "history": "event reason time",
      ]
    ),
    (["up", "b"], actionShape),
    (["restart", "b"], actionShape),
    (["signal", "CONT", "b"], actionShape),
    (["hold", "b"], actionShape),
    (["down", "b"], actionShape),
    (["reload"], ["": "applied diagnostics restart start stop unchanged update"]),
    (["reload", "--plan"], ["": "applied diagnostics restart start stop unchanged update"]),
    (["version"], ["": "version"]),
    (["why", "nobody"], ["": "error", "error": "code data message"]),
  ]

  /// The keys of every object in a value, by the path to it; arrays add nothing to the path.
  private static func keys(of value: Any, at path: String, into found: inout [String: Set<String>])
  {
    if let object = value as? [String: Any] {
      found[path, default: []].formUnion(object.keys)
      for (key, member) in object {
        keys(of: member, at: path.isEmpty ? key : "\(path).\(key)", into: &found)
      }
    } else if let array = value as? [Any] {
      for element in array { keys(of: element, at: path, into: &found) }
    }
  }

  @Test func everyAnswerInJSONIsOneValueWithTheKeysThatToolsKnow() throws {
    try withSuperv(Self.pair) { superv in
      try superv.start()
      try superv.send(.kill, to: "a")
      try superv.wait(for: "a", incarnation: 2)
      for (words, keys) in Self.shapes {
        let answer = try superv.launch(words + ["--json"]).end()
        let value = try JSONSerialization.jsonObject(with: Data(answer.output.utf8))
        #expect(answer.lines.count == 1, "\(words)")
        var found: [String: Set<String>] = [:]
        Self.keys(of: value, at: "", into: &found)
        for (path, names) in keys {
          #expect(found[path]?.sorted().joined(separator: " ") == names, "\(words) \(path)")
        }
      }
      let events = try superv("events", "--json").lines
      var found: [String: Set<String>] = [:]
      for line in events {
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
        Self.keys(of: value, at: "", into: &found)
      }
      let known = Set(Self.eventKeys.split(separator: " ").map(String.init))
      #expect(found[""]?.subtracting(known) == [])
      for key in ["seq", "time", "event", "reason"] {
        #expect(events.allSatisfy { $0.contains("\"\(key)\":") })
      }
      let bye = try superv("shutdown", "--json")
      #expect(bye.code == 0 && bye.output.hasPrefix(#"{"keeper_pid":"#))
      let gone = try superv("status", "--json")
      #expect(gone.code == 3 && gone.output.contains(#""kind":"unavailable""#), "\(gone.output)")
    }
  }

  // MARK: Exit statuses

  @Test func exitStatusesAreTheOnesThatAreDocumented() throws {
    try withSuperv("\(Self.pair)\n[agent:bad]\ncommand = /nowhere\nautostart = no\n") { superv in
      func expect(
        _ code: Int32, _ words: String..., saying text: String = "superv: ",
        at location: SourceLocation = #_sourceLocation
      ) throws {
        let answer = try superv.launch(words).end()
        #expect(answer.code == code, "\(words): \(answer.errors)", sourceLocation: location)
        #expect(
          answer.errors.contains(text), "\(words): \(answer.errors)", sourceLocation: location)
      }
      try expect(3, "status", saying: "no daemon")
      try expect(3, "status", "--socket", "\(superv.folder)/none", saying: "no daemon listens at")
      try expect(3, "shutdown")
      try superv.start()

      for words in [["status"], ["tree"], ["health"], ["why", "a"], ["events"], ["logs"]] {
        #expect(try superv.launch(words).end().code == 0, "\(words)")
      }
      try expect(1, "start", superv.configuration, saying: "already runs")
      try expect(1, "status", "aa", saying: "there is no agent or supervisor 'aa'")
      try expect(1, "why", "taem", saying: "did you mean 'team'?")
      try expect(1, "up", "nobody")
      try expect(1, "events", "bda", saying: "did you mean 'bad'?")
      #expect(try superv("signal", "HUP", "bad").code == 1)
      let up = try superv("up", "bad")
      #expect(up.code == 1 && up.output.contains("exec /nowhere: No such file"), "\(up.output)")

      try expect(2, saying: "no command given")
      try expect(2, "statsu", saying: "did you mean 'status'?")
      try expect(2, "status", "--jsno", saying: "did you mean --json?")
      try expect(2, "status", "a", "b", saying: "one word too many, 'b'")
      try expect(2, "status", "--wait", "never", saying: "is not one of up, ready")
      try expect(2, "status", "--timeout", "soon", saying: "is not a duration")
      try expect(2, "up", saying: "NAME is missing")
      try expect(2, "signal", "HUPP", "a", saying: "is not a signal")
      try expect(2, "help", "strat", saying: "did you mean 'start'?")
    }
  }

  @Test func theTimeoutBoundsEveryQuestionToADaemonThatHangs() throws {
    try withSuperv(Self.pair) { superv in
      try superv.start()
      try superv.sendToDaemon(.stop)
      defer { #expect(throws: Never.self) { try superv.sendToDaemon(.resume) } }
      let commands = [
        ["status"], ["tree"], ["health"], ["why", "a"], ["events"], ["events", "-f"], ["logs"],
        ["up", "a"], ["down", "a"], ["restart", "a"], ["signal", "HUP", "a"], ["reload"],
        ["shutdown"],
      ]
      let asked = try commands.prefix(12).map { try superv.launch($0 + ["--timeout", "300ms"]) }
      for (words, command) in zip(commands, asked) {
        let answer = try command.end()
        #expect(answer.code == 4, "\(words): \(answer.status)")
        #expect(answer.errors.contains("no answer within 300ms"), "\(words): \(answer.errors)")
      }
    }
  }

  // MARK: Output

  @Test func thereAreColoursOnATerminalOnlyAndOnlyWhenWanted() throws {
    try withSuperv(Self.pair) { superv in
      try superv.start()
      let escape = "\u{1B}"
      for words in [["status"], ["tree"], ["why", "a"], ["events"], ["help"]] {
        #expect(try !superv.launch(words).end().output.contains(escape), "\(words)")
      }
      guard try shell("command -v script").code == 0 else {
        return notTested("colours on a terminal", because: "script(1) is not here")
      }
      func onTerminal(_ words: String) throws -> String {
        try superv.check("export SUPERV; TERM=xterm script -qec '\(words)' /dev/null").output
      }
      #expect(try onTerminal("$SUPERV status").contains(escape))
      #expect(try !onTerminal("NO_COLOR=1 $SUPERV status").contains(escape))
      #expect(try !onTerminal("$SUPERV status --no-color").contains(escape))
      #expect(try !onTerminal("$SUPERV status --json").contains(escape))
    }
  }

  @Test func aReaderThatGoesAwayEndsACommandQuietly() throws {
    try withSuperv(talker("talker", count: 20_000)) { superv in
      try superv.prepareTalkers()
      try superv.start()
      try superv.waitUntilUp("talker")
      try superv.ask("talker")
      try superv.waitUntilSaid("talker", batch: 1)
      for command in ["logs", "logs --json", "help --man", "events"] {
        let answer = try superv.bash("superv \(command) | head -1; echo ${PIPESTATUS[0]}").end()
        #expect(answer.lines.count == 2 && answer.lines.last == "0", "\(command): \(answer)")
        #expect(answer.errors.isEmpty, "\(command): \(answer.errors)")
      }
      let full = try superv.bash("superv status > /dev/full; echo $?").end()
      #expect(full.lines == ["1"] && full.errors.contains("No space left on device"), "\(full)")
    }
  }

  @Test func helpManualAndCompletionAreWhatOtherProgramsUnderstand() throws {
    try withSuperv(Self.pair) { superv in
      let scripts = [
        ("bash", "bash -n"), ("zsh", "zsh -n"), ("fish", "fish --no-execute"),
      ]
      for (name, checker) in scripts {
        guard try shell("command -v \(name)").code == 0 else {
          notTested("completion for \(name)", because: "\(name) is not here")
          continue
        }
        let answer = try superv.check("superv completion \(name) > script; \(checker) script")
        #expect(answer.errors.isEmpty, "\(answer.errors)")
      }
      if try shell("command -v groff").code == 0 {
        let page = try superv.check("superv help --man | groff -ww -man -Tutf8 -P-cbou")
        #expect(page.errors.isEmpty, "\(page.errors)")
        #expect(page.output.contains("EXIT STATUS"))
      } else {
        notTested("the manual page", because: "groff is not here")
      }
      let commands = try superv("help").lines.compactMap { line in
        line.hasPrefix("  ") ? line.split(separator: " ").first.map(String.init) : nil
      }
      #expect(commands.contains("start") && commands.contains("why"))
      for command in ["start", "run", "status", "logs", "events", "help"] {
        let long = try superv(command, "--help")
        let help = try superv("help", command)
        #expect(long.code == 0 && long.output == help.output)
      }
      // What bash offers for the beginning of a command.
      let offered = try superv.check(
        """
        superv completion bash > script; . ./script
        COMP_WORDS=(superv sta); COMP_CWORD=1; COMP_LINE='superv sta'; COMP_POINT=10
        function_name=$(complete -p superv | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function_name" superv sta superv || true
        printf '%s\\n' "${COMPREPLY[@]}"
        """)
      #expect(
        Set(offered.lines.map { $0.filter(\.isLetter) }) == ["start", "status"], "\(offered)")
    }
  }
}
