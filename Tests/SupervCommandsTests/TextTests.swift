import SupervCommands
import SupervDaemon
import SupervProtocol
import SupervSystem
import Testing

/// Help, manual and completion, word for word.
@Suite struct TextTests {
  @Test("the overview")
  func overview() {
    let help = run("help")
    #expect(help.status == 0 && help.errors.isEmpty)
    expectGolden("help.txt", help.output)
    #expect(run("--help") == help)
    #expect(run("-h") == help)
  }

  static let commands = [
    "start", "run", "shutdown", "upgrade", "reload", "check", "import", "doctor", "status", "tree",
    "why",
    "events",
    "logs",
    "health",
    "up", "down", "restart", "signal", "hold", "call", "notify", "chaos", "soak", "help",
    "completion", "version",
  ]

  @Test("the help text of each command", arguments: commands)
  func help(command: String) {
    let help = run("help", command)
    #expect(help.status == 0)
    expectGolden("help-\(command).txt", help.output)
    #expect(run(command, "--help") == help)
    #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("every command is known, and no more are shown")
  func commandList() {
    let lines = run("help").output.split(separator: "\n")
    let start = lines.firstIndex(of: "Commands:") ?? 0
    let shown = lines[(start + 1)...].prefix { $0.hasPrefix("  ") }
      .compactMap { $0.split(separator: " ").first.map(String.init) }
    #expect(shown == Self.commands)
  }

  @Test("the manual page")
  func manual() { expectGolden("superv.1", run("help", "--man").output) }

  @Test("completion", arguments: ["bash", "zsh", "fish"])
  func completion(shell: String) {
    let script = run("completion", shell)
    #expect(script.status == 0)
    expectGolden("completion.\(shell)", script.output)
  }

  @Test("the version")
  func version() {
    #expect(run("version").output == "superv \(supervVersion)\n")
    #expect(run("--version") == run("version"))
    #expect(run("version", "--json").output == "{\"version\":\"\(supervVersion)\"}\n")
    #expect(run("--version", "--json") == run("version", "--json"))
  }
}

@Suite struct UsageTests {
  static let mistakes: [([String], String)] = [
    ([], "no command given; superv help lists them (see superv help)"),
    (["statsu"], "unknown command 'statsu'; did you mean 'status'? (see superv help)"),
    (["xyzzy"], "unknown command 'xyzzy'; superv help lists the commands (see superv help)"),
    (
      ["status", "--jsno"],
      "unknown option --jsno of status; did you mean --json? (see superv status --help)"
    ),
    (["status", "-x"], "unknown option -x of status (see superv status --help)"),
    (["--follow", "events"], "unknown option --follow (see superv help)"),
    (["status", "--json=1"], "option --json takes no value (see superv status --help)"),
    (
      ["status", "--socket"],
      "option --socket needs a value: --socket PATH (see superv status --help)"
    ),
    (
      ["status", "--wait", "soon"],
      "option --wait: 'soon' is not one of up, ready (see superv status --help)"
    ),
    (["why"], "NAME is missing: superv why NAME (see superv why --help)"),
    (
      ["tree", "x"], "one word too many, 'x': superv tree (see superv tree --help)"
    ),
    (
      ["signal", "HUP"], "NAME is missing: superv signal SIGNAL NAME... (see superv signal --help)"
    ),
    (
      ["completion", "tcsh"],
      "SHELL: 'tcsh' is not one of bash, zsh, fish (see superv completion --help)"
    ),
    (
      ["status", "--timeout", "soon"], "--timeout: 'soon' is not a duration; write 500ms, 10s or 2m"
    ),
    (
      ["signal", "HOP", "a", "--socket", "/x"],
      "'HOP' is not a signal; write a name like HUP or a number"
    ),
    (["events", "--since", "-1"], "--since: '-1' is not the number of an event"),
    (["help", "stauts"], "unknown command 'stauts'; did you mean 'status'?"),
  ]

  @Test("mistakes on the command line end with 2 and say what to do", arguments: mistakes)
  func mistake(words: [String], message: String) {
    let result = run(words: words)
    #expect(result == Run(status: 2, output: "", errors: "superv: \(message)\n"))
  }

  @Test("with --json the mistake is also an object on standard output")
  func jsonMistake() {
    let result = run("statsu", "--json")
    #expect(result.status == 2)
    let data = #"{"kind":"invalid","retry_after_ms":null,"retryable":false}"#
    #expect(result.output.hasPrefix(#"{"error":{"code":-32600,"data":\#(data),"#))
    #expect(result.output.contains(#""message":"unknown command 'statsu'"#))
  }

  @Test("options stand anywhere, short ones together, and -- ends them")
  func placement() throws {
    let folder = try TemporaryFolder()
    let daemon = try ScriptedDaemon(
      in: folder, Array(repeating: [ScriptedDaemon.encoded(sampleStatus)], count: 3))
    #expect(run("--socket", daemon.socketPath, "status", "a").status == 0)
    #expect(run("status", "--socket=\(daemon.socketPath)", "--json", "a").status == 0)
    #expect(run("status", "--socket", daemon.socketPath, "--", "-a").status == 0)
    let names = daemon.requests.map { $0.contains(#""agent":"-a""#) ? "-a" : "a" }
    #expect(names == ["a", "a", "-a"])
  }

  @Test("hidden roles get their arguments")
  func roles() {
    let roles = Roles(
      keeper: { $0.start.runtimeDirectory == "/r" ? 0 : 1 },
      daemon: {
        var start = DaemonStart(configurationPath: "/c", mirrorsOutput: false)
        start.inherited = [InheritedDescriptor(name: "agent", number: 7)]
        return $0 == DaemonArguments(start, readyDescriptor: 5) ? 0 : 1
      },
      logger: { 3 })
    #expect(
      run("daemon", "--config", "/c", "--ready-fd", "5", "--sockets", "agent=7", roles: roles)
        .status == 0)
    #expect(run("keeper", "--config", "/c", "--runtime-dir", "/r", roles: roles).status == 0)
    #expect(run("daemon", "--config", "/c", "--sockets", "agent", roles: roles).status == 2)
    #expect(run("logger", roles: roles).status == 3)
    #expect(run("daemon", "--config", "/c", "--ready-fd", "1", roles: roles).status == 2)
    #expect(run("daemon", roles: roles).status == 2)
  }
}
