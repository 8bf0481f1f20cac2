import SupervConfig
import SupervisionTree
import Testing

/// Every key of `[agent:NAME]` and every form of its values.
@Suite struct AgentKeyTests {
  @Test func defaults() throws {
    let agent = try agent("")
    #expect(agent.agent == "a" && agent.instance == 0)
    #expect(agent.command == ["run"])
    #expect(agent.directory == "/etc/superv")
    #expect(agent.environment.isEmpty && agent.environmentFile == nil && agent.limits.isEmpty)
    #expect(agent.user == nil && agent.umask == nil && agent.nice == nil)
    #expect(agent.standardInput == .path("/dev/null"))
    #expect(agent.log == LogSettings())
    #expect(agent.health == HealthSettings() && agent.calls == CallSettings())
    var expected = AgentSpecification(name: "a")
    expected.fingerprint = agent.specification.fingerprint
    expected.stopLadder.insert(StopRung(.message, grace: .seconds(5)), at: 0)
    #expect(agent.specification == expected)
  }

  @Test(arguments: [
    ("5", 5000), ("0", 0), ("500ms", 500), ("5s", 5000), ("2m", 120_000), ("1h", 3_600_000),
    ("1.5s", 1500), ("0.25 m", 15_000), ("0.001", 1), ("1d", 86_400_000), ("0h", 0), ("-0", 0),
  ])
  func durations(text: String, milliseconds: Int) throws {
    let agent = try agent("startsecs = \(text)")
    #expect(agent.specification.readyAfter == .milliseconds(milliseconds))
  }

  @Test(
    arguments: [
      ("4096", 4096), ("64KB", 65_536), ("64kb", 65_536), ("64 KB", 65_536), ("64KiB", 65_536),
      ("64k", 65_536), ("1MB", 1_048_576), ("1MiB", 1_048_576), ("2m", 2_097_152),
      ("1GB", 1_073_741_824), ("1gib", 1_073_741_824), ("1TB", 1_099_511_627_776), ("8192b", 8192),
    ] as [(String, Int64)])
  func sizes(text: String, bytes: Int64) throws {
    let configuration = try good(
      "[superv]\nlog_total_max = 1TB\n[agent:a]\ncommand = a\nlog_max_size = \(text)\n")
    #expect(configuration.agents.first?.log.maximumBytes == bytes)
  }

  @Test(arguments: [
    ("yes", true), ("True", true), ("ON", true), ("1", true),
    ("no", false), ("false", false), ("Off", false), ("0", false),
  ])
  func booleans(text: String, value: Bool) throws {
    #expect(try agent("autostart = \(text)").specification.policy.autostart == value)
    #expect(try agent("critical = \(text)").specification.policy.critical == value)
  }

  @Test(arguments: [
    ("TERM", 15), ("SIGTERM", 15), ("sigint", 2), ("15", 15), ("USR1", 10), ("64", 64), ("1", 1),
    ("POLL", 29),
  ])
  func signals(text: String, number: Int32) throws {
    let ladder = try agent("stopsignal = \(text)\nstopwaitsecs = 3\ndrain = 0").specification
      .stopLadder
    #expect(
      ladder == [StopRung(.signal(number), grace: .seconds(3)), StopRung(.kill, grace: nil)])
  }

  @Test func killHasOnlyTheMessageBeforeIt() throws {
    let message = StopRung(.message, grace: .milliseconds(1500))
    let kill = StopRung(.kill, grace: nil)
    let ladder = try agent("stopsignal = KILL\ndrain = 1.5s").specification.stopLadder
    #expect(ladder == [message, kill])
    #expect(try agent("stopsignal = KILL\ndrain = 0").specification.stopLadder == [kill])
  }

  @Test func signalNamesAndNumbersAgree() {
    for number: Int32 in 1...31 { #expect(signalNumber(signalName(number)) == number) }
    for text in ["0", "65", "", "SIG", "-1", "99999999999"] { #expect(signalNumber(text) == nil) }
  }

  @Test(arguments: [
    ("022", 0o22), ("0", 0), ("77", 0o77), ("0o027", 0o27), ("777", 0o777),
  ])
  func umasks(text: String, mask: UInt32) throws {
    #expect(try agent("umask = \(text)").umask == mask)
  }

  @Test(
    arguments: [
      ("nofile = 1024", .init(.nofile, soft: 1024, hard: 1024)),
      ("nofile = 1024:4096", .init(.nofile, soft: 1024, hard: 4096)),
      ("nproc = 10:unlimited", .init(.nproc, soft: 10, hard: nil)),
      ("core = 0", .init(.core, soft: 0, hard: 0)),
      ("as = 1GB", .init(.as, soft: 1 << 30, hard: 1 << 30)),
      ("data = 1MB:2MB", .init(.data, soft: 1 << 20, hard: 2 << 20)),
      ("fsize = unlimited", .init(.fsize, soft: nil, hard: nil)),
      ("stack = 8 MB : 16 MB", .init(.stack, soft: 8 << 20, hard: 16 << 20)),
      ("cpu = 2m:1h", .init(.cpu, soft: 120, hard: 3600)),
      ("memlock = 64KB", .init(.memlock, soft: 65_536, hard: 65_536)),
    ] as [(String, ResourceLimit)])
  func limits(text: String, limit: ResourceLimit) throws {
    #expect(try agent("rlimit_\(text)").limits == [limit])
  }

  @Test func restarts() throws {
    for restart in RestartType.allCases {
      #expect(
        try agent("restart = \(restart.rawValue)").specification.policy.restart == restart)
    }
  }

  @Test func others() throws {
    var source = FixedSource()
    source.folders.insert("/srv/app")
    source.files["/etc/superv/a.env"] = []
    source.files["/etc/superv/input.txt"] = []
    let text = """
      [agent:a]
      command = run
      directory = /srv//./app/
      env_file = a.env
      stdin = input.txt
      user = nobody
      nice = -20
      log_format = json
      log_max_size = 1MB
      log_files = 0
      """
    let agent = try #require(good(text, source: source).agents.first)
    #expect(agent.directory == "/srv/app")
    #expect(agent.environmentFile == "/etc/superv/a.env")
    #expect(agent.standardInput == .path("/etc/superv/input.txt"))
    #expect(agent.user == "nobody" && agent.nice == -20)
    #expect(agent.log.format == .json && agent.log.maximumBytes == 1 << 20)
    #expect(agent.log.maximumFiles == 0)
    #expect(try SupervConfigTests.agent("user = 4294967294").user == "4294967294")
  }

  @Test func asSupervisordRunsPrograms() throws {
    let agent = try agent(
      """
      startretries = 3
      stdin = pipe
      signal_to = process
      user_environment = no
      stop_priority = -1
      stopsignal = none
      drain = 0
      """)
    #expect(agent.specification.startRetries == StartRetries(limit: 3))
    #expect(agent.standardInput == .pipe && agent.signalTarget == .process)
    #expect(!agent.hasUserVariables && agent.specification.policy.priority == -1)
    #expect(agent.specification.stopLadder.first == StopRung(.signal(0), grace: .seconds(10)))
    #expect(try SupervConfigTests.agent("").specification.startRetries == nil)
  }

  @Test(arguments: [
    ("python3 app.py --x=1", ["python3", "app.py", "--x=1"]),
    ("sh -c 'a  b \"c\"'", ["sh", "-c", "a  b \"c\""]),
    (#"a "b \" \\ \$ \x" \  c\d"#, ["a", #"b " \ $ \x"#, " ", "cd"]),
    (#"a"b c"'d e'f"#, ["ab cd ef"]),
    ("a '' \"\"", ["a", "", ""]),
    ("sh -c \"sleep 1 ; echo # no\" ; a comment", ["sh", "-c", "sleep 1 ; echo # no"]),
    ("a ';' # it's one", ["a", ";"]),
    ("a b;c d#e", ["a", "b;c", "d#e"]),
    ("a\n   b\n\n; nothing\n   'c\n   d'", ["a", "b", "c\nd"]),
    ("printf 100%%", ["printf", "100%"]),
    ("a %(ENV_ARGS)s", ["a", "--fast", "--deep"]),
    ("a \"%(ENV_ARGS)s\"", ["a", "--fast --deep"]),
    ("%(bin)s/superv notify", ["/opt/superv bin/superv", "notify"]),
    ("%(here)s/x %(name)s %(agent)s %(instance)d", ["/etc/superv/x", "a", "a", "0"]),
    ("a %(instance)03d %(instance)s", ["a", "000", "0"]),
    ("a%(U+000A)sb '%(U+0027)s' %(U+20)s %(U+1f642)s", ["a\nb", "'", " ", "\u{1F642}"]),
  ])
  func commands(text: String, words: [String]) throws {
    #expect(try agent("command = \(text)").command == words)
  }

  @Test(arguments: [
    ("A=1, B=two", ["A=1", "B=two"]),
    ("A=\"x, y\",B='z # ;'", ["A=x, y", "B=z # ;"]),
    ("\n   A=1\n   B=\"2\" ; comment\n\n   C=three four\n", ["A=1", "B=2", "C=three four"]),
    ("A=,B=\"\",", ["A=", "B="]),
    (#"A="say \"hi\" \\ \n""#, [#"A=say "hi" \ \n"#]),
    ("A={\"json\":1}", ["A={\"json\":1}"]),
    ("A=http://h/?q=1#frag", ["A=http://h/?q=1#frag"]),
    ("A = spaced", ["A=spaced"]),
    ("A=%(ENV_HOME)s/%(instance)d", ["A=/home/op/0"]),
    ("A=\"two\n   lines\"", ["A=two\nlines"]),
    ("A=x%(U+000A)s%(U+0020)s,B=1", ["A=x\n ", "B=1"]),
    ("\"a-b, c\" = 1, 'D'=\"2\"", ["a-b, c=1", "D=2"]),
    ("", []),
  ])
  func environments(text: String, expected: [String]) throws {
    let variables = try agent("environment = \(text)").environment
    #expect(variables.map { "\($0.name)=\($0.value)" } == expected)
  }

  @Test func needs() throws {
    let configuration = try good(
      """
      [agent:a]
      command = a
      needs = b, c:started,
          d:done, e:0, e:1:started
      [agent:b]
      command = b
      [agent:c]
      command = c
      [agent:d]
      command = d
      restart = transient
      [agent:e]
      command = e
      numprocs = 2
      """)
    let needs = configuration.agents.first?.specification.policy.needs
    #expect(
      needs == [
        Need("b"), Need("c", .started), Need("d", .done), Need("e:0"), Need("e:1", .started),
      ])
  }

  @Test func instances() throws {
    let configuration = try good(
      """
      [agent:w]
      command = work --shard %(instance)d --as %(name)s
      numprocs = %(ENV_WORKERS)s
      needs = db:%(instance)d
      [program:db]
      command = db
      numprocs = 2
      """)
    #expect(configuration.agents.map(\.specification.name) == ["w:0", "w:1", "db:0", "db:1"])
    #expect(configuration.agents.map(\.agent) == ["w", "w", "db", "db"])
    #expect(configuration.agents.map(\.instance) == [0, 1, 0, 1])
    #expect(configuration.agents[1].command == ["work", "--shard", "1", "--as", "w:1"])
    #expect(configuration.agents[1].specification.policy.needs == [Need("db:1")])
    #expect(configuration.tree.children.map(\.name) == ["w:0", "w:1", "db:0", "db:1"])
  }
}
