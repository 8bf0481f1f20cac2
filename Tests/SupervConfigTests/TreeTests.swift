import SupervConfig
import SupervisionTree
import Testing

/// `[superv]`, `[supervisor:NAME]`, `[include]`, and the tree they make.
@Suite struct TreeTests {
  @Test func defaultsOfSuperv() throws {
    let configuration = try good("[agent:a]\ncommand = a\n")
    let settings = DaemonSettings(
      runtimeDirectory: "/etc/superv/run", stateDirectory: "/etc/superv/state",
      logDirectory: "/etc/superv/state/logs")
    #expect(configuration.settings == settings)
    #expect(configuration.tree.intensity == RestartIntensity())
    #expect(configuration.tree.backoff == BackoffPolicy())
    #expect(configuration.tree.stopsSiblingsSideBySide)
    #expect(configuration.files == [mainPath])
  }

  @Test func keysOfSuperv() throws {
    let configuration = try good(
      """
      [agent:a]
      command = a

      [superv]
      runtime_dir = /run/%(ENV_WORKERS)s
      state_dir = var/state
      http = localhost:9320
      shutdown_timeout = 2m
      stop_siblings = one_by_one
      pass_environment = PATH, OPENAI_API_KEY, PATH
      message_max = 2MB
      log_total_max = 2GB
      log_format = json
      log_max_size = 1MB
      log_files = 2
      intensity = 0
      period = 500ms
      backoff_base = 0
      backoff_cap = 1m
      """)
    let settings = configuration.settings
    #expect(settings.runtimeDirectory == "/run/2")
    #expect(settings.stateDirectory == "/etc/superv/var/state")
    #expect(settings.logDirectory == "/etc/superv/var/state/logs")
    #expect(settings.http == .tcp(host: "127.0.0.1", port: 9320))
    #expect(settings.shutdownTimeout == .seconds(120))
    #expect(settings.passEnvironment == ["PATH", "OPENAI_API_KEY"])
    #expect(settings.maximumMessageBytes == 2 << 20)
    #expect(settings.logTotalMaximumBytes == 2 << 30)
    #expect(settings.eventLog.format == .json)
    #expect(configuration.agents.first?.log == settings.eventLog)
    #expect(settings.eventLog.maximumBytes == 1 << 20 && settings.eventLog.maximumFiles == 2)
    let tree = configuration.tree
    #expect(tree.intensity == RestartIntensity(limit: 0, period: .milliseconds(500)))
    #expect(tree.backoff == BackoffPolicy(base: .zero, cap: .seconds(60)))
    #expect(!tree.stopsSiblingsSideBySide)
  }

  @Test(
    arguments: [
      ("127.0.0.1:80", .tcp(host: "127.0.0.1", port: 80)),
      ("127.1.2.3:65535", .tcp(host: "127.1.2.3", port: 65_535)),
      (":9320", .tcp(host: "127.0.0.1", port: 9320)),
      ("9320", .tcp(host: "127.0.0.1", port: 9320)),
      ("[::1]:9320", .tcp(host: "::1", port: 9320)),
      ("unix:run/http.sock", .unix(path: "/etc/superv/run/http.sock")),
      ("unix:%(bin)s/s", .unix(path: "/opt/superv bin/s")),
    ] as [(String, HTTPAddress)])
  func httpAddresses(text: String, address: HTTPAddress) throws {
    let configuration = try good("[superv]\nhttp = \(text)\n[agent:a]\ncommand = a\n")
    #expect(configuration.settings.http == address)
  }

  @Test func keysOfSupervisors() throws {
    let configuration = try good(
      """
      [supervisor:s]
      strategy = rest_for_one
      intensity = 3
      period = 10s
      backoff_base = 1s
      backoff_cap = 1h
      auto_shutdown = all_significant
      restart = temporary
      autostart = no
      critical = yes
      children = w, t:1,
        inner
      [agent:w]
      command = w
      restart = transient
      significant = yes
      [agent:t]
      command = t
      numprocs = 2
      [supervisor:inner]
      children = x
      [agent:x]
      command = x
      """)
    #expect(configuration.tree.children.map(\.name) == ["s", "t:0"])
    guard case .supervisor(let supervisor) = configuration.tree.children.first else {
      Issue.record("the first child is no supervisor")
      return
    }
    var expected = SupervisorSpecification(name: "s")
    expected.strategy = .restForOne
    expected.intensity = RestartIntensity(limit: 3, period: .seconds(10))
    expected.backoff = BackoffPolicy(base: .seconds(1), cap: .seconds(3600))
    expected.autoShutdown = .allSignificant
    expected.policy.restart = .temporary
    expected.policy.autostart = false
    expected.policy.critical = true
    expected.children = supervisor.children
    #expect(supervisor == expected)
    #expect(supervisor.children.map(\.name) == ["w", "t:1", "inner"])
    guard case .supervisor(let inner) = supervisor.children.last else {
      Issue.record("the last child is no supervisor")
      return
    }
    #expect(inner.children.map(\.name) == ["x"])
    #expect(configuration.agents.map(\.specification.name) == ["w", "t:0", "t:1", "x"])
  }

  @Test func needsAcrossSupervisorsThatCanBeMet() throws {
    _ = try good(
      """
      [supervisor:front]
      strategy = rest_for_one
      children = cache, web
      needs = back
      [supervisor:back]
      children = db, index
      [agent:cache]
      command = cache
      [agent:web]
      command = web
      needs = db:started, cache
      [agent:db]
      command = db
      [agent:index]
      command = index
      needs = db
      """)
  }

  @Test func includes() throws {
    var source = FixedSource()
    source.folders.formUnion(["/etc/superv/agents", "/etc/superv/agents/more"])
    for (path, text) in [
      ("agents/20.conf", "[agent:late]\ncommand = late\n"),
      (
        "agents/10.conf",
        "[agent:early]\ncommand = %(here)s/e\n[include]\nfiles = more/?.conf\n"
      ),
      ("agents/more/x.conf", "[agent:x]\ncommand = x\n"),
      ("agents/more/xy.conf", "[agent:xy]\ncommand = xy\n"),
      ("agents/.hidden.conf", "[agent:hidden]\ncommand = x\n"),
      ("z.conf", "[agent:z]\ncommand = z\n"),
    ] { source.files["/etc/superv/\(path)"] = Array(text.utf8) }
    let configuration = try good(
      """
      [agent:first]
      command = first
      [include]
      files = agents/[!3-9]*.conf
          [n-z]*.conf
      [agent:last]
      command = last
      """, source: source)
    #expect(configuration.agents.map(\.agent) == ["first", "early", "x", "late", "z", "last"])
    #expect(configuration.agents[1].command == ["/etc/superv/agents/e"])
    #expect(configuration.agents[1].directory == "/etc/superv/agents")
    #expect(
      configuration.files == [
        mainPath, "/etc/superv/agents/10.conf", "/etc/superv/agents/more/x.conf",
        "/etc/superv/agents/20.conf", "/etc/superv/z.conf",
      ])
  }

  @Test func fingerprintsTellWhatNeedsANewProcess() throws {
    func fingerprint(_ lines: String, superv: String = "") throws -> UInt64 {
      let text = "[superv]\n\(superv)\n[agent:a]\ncommand = run\n\(lines)\n"
      return try #require(good(text).agents.first).specification.fingerprint
    }
    let plain = try fingerprint("")
    // Whatever this is in one run of the program, it is in every other.
    #expect(plain == 0x63E7_5A13_7AD4_DB5A)
    let sameProcess = [
      "restart = transient", "startsecs = 9", "stopsignal = INT", "exitcodes = 1", "log_files = 9",
      "autostart = no", "critical = yes", "directory = %(here)s", "stdin = /dev/null",
    ]
    for line in sameProcess { #expect(try fingerprint(line) == plain, "\(line)") }
    let others = [
      "umask = 077", "directory = /srv", "environment = A=1", "environment = A=2", "umask = 0",
      "user = nobody", "nice = 1", "rlimit_core = 0", "rlimit_core = unlimited",
    ]
    var seen: Set<UInt64> = [plain]
    for line in others { #expect(seen.insert(try fingerprint(line)).inserted, "\(line)") }
    #expect(seen.insert(try fingerprint("", superv: "pass_environment = PATH")).inserted)
    #expect(try fingerprint("", superv: "intensity = 9") == plain)
  }

  @Test func everyDefaultMayBeWritten() throws {
    for section in configurationReference where section.header != "[include]" {
      for key in section.keys {
        guard let text = key.fallbackText else { continue }
        let line = "\(key.name) = \(text)\n"
        let superv = section.header == "[superv]" ? line : ""
        let agent = section.header == "[agent:NAME]" ? line : ""
        let supervisor = section.header == "[supervisor:NAME]" ? line : ""
        // The numbers of a probe are for those that have it.
        let probe = ProbeRole.allCases.first { key.name.hasPrefix("\($0.rawValue)_") }
        let start = "[agent:a]\ncommand = a\n" + (probe.map { "\($0.rawValue) = ping\n" } ?? "")
        let end = "[supervisor:s]\nchildren = a\n"
        let written = try good("\(start)\(agent)\(end)\(supervisor)[superv]\n\(superv)")
        #expect(written == (try good(start + end)), "\(section.header) \(line)")
      }
    }
  }
}
