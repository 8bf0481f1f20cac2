import SupervConfig
import SupervisionTree
import Testing

/// The keys of `[agent:NAME]` about health and calls, and every form of their values.
@Suite struct HealthKeyTests {
  @Test(
    arguments: [
      ("ping", .ping),
      ("exec:./healthy --quick 'a b'", .command(["./healthy", "--quick", "a b"])),
      ("exec: check %(instance)d", .command(["check", "0"])),
      ("http:8080/health", .http(host: "127.0.0.1", port: 8080, path: "/health")),
      ("http:8080", .http(host: "127.0.0.1", port: 8080, path: "/")),
      ("http:localhost:80/a?b=c:d", .http(host: "127.0.0.1", port: 80, path: "/a?b=c:d")),
      ("http://10.1.2.3:80%(instance)02d/", .http(host: "10.1.2.3", port: 8000, path: "/")),
      ("http://[::1]:8080/a%%20b", .http(host: "::1", port: 8080, path: "/a%20b")),
      ("tcp:5432", .tcp(host: "127.0.0.1", port: 5432)),
      ("tcp::5432", .tcp(host: "127.0.0.1", port: 5432)),
      ("tcp:[fe80::1:2]:65535", .tcp(host: "fe80::1:2", port: 65_535)),
      ("tcp:[1:2:3:4:5:6:7:8]:1", .tcp(host: "1:2:3:4:5:6:7:8", port: 1)),
      ("tcp:0.0.0.0:1", .tcp(host: "0.0.0.0", port: 1)),
      ("unix:run/%(name)s.sock", .unix(path: "/etc/superv/run/a.sock")),
      ("watchdog:1.5s", .watchdog(.milliseconds(1500))),
    ] as [(String, ProbeKind)])
  func kindsOfProbes(text: String, kind: ProbeKind) throws {
    for role in ProbeRole.allCases {
      let health = try agent("\(role.rawValue) = \(text)").health
      #expect(health.probe(role) == ProbeSettings(kind))
      #expect(ProbeRole.allCases.filter { health.probe($0) != nil } == [role])
    }
  }

  @Test(arguments: [
    "tcp:[:::1]:1", "tcp:[1::2::3]:1", "tcp:[1:2:3:4:5:6:7]:1", "tcp:[1:2:3:4:5:6:7:8:9]:1",
    "tcp:[1:2:3:4:5:6:7::8]:1", "tcp:[:1:2:3:4:5:6:7]:1", "tcp:[12345::]:1", "tcp:[::g]:1",
    "tcp:1.2.3:1", "tcp:1.2.3.256:1", "tcp:1.2.3.04:1", "tcp:1.2.3.4.5:1", "tcp:+1.2.3.4:1",
    "tcp:host:1", "tcp:[]:1", "tcp:0", "tcp:65536", "tcp:+1", "tcp:", "http:/health",
    "http://localhost/", "unix:", "exec:", "exec:''", "watchdog:", "watchdog:0", "watchdog:2d",
    "ping:", "pong", "http", "tcp:1 2",
  ])
  func whatIsNoProbe(text: String) {
    let loaded = load("[agent:a]\ncommand = run\nliveness = \(text)\n")
    #expect(loaded.configuration == nil && loaded.diagnostics.count == 1)
    #expect(loaded.diagnostics.first?.hint != nil || text.hasPrefix("watchdog"))
  }

  @Test func numbersOfProbes() throws {
    for role in ProbeRole.allCases {
      let name = role.rawValue
      // The numbers may come first.
      let health = try agent(
        """
        \(name)_initial_delay = 1m
        \(name)_interval = 10ms
        \(name)_timeout = 2s
        \(name)_success_threshold = \(role == .readiness ? 4 : 1)
        \(name)_failure_threshold = 5
        \(name) = ping
        """
      ).health
      var expected = ProbeSettings(.ping)
      expected.initialDelay = .seconds(60)
      expected.interval = .milliseconds(10)
      expected.timeout = .seconds(2)
      expected.successThreshold = role == .readiness ? 4 : 1
      expected.failureThreshold = 5
      #expect(health.probe(role) == expected)
    }
  }

  @Test func others() throws {
    let agent = try agent(
      """
      ready = declared
      notify_fd = 60
      stuck = restart
      progress_timeout = 2m
      call_queue = 65536
      breaker_failures = 0
      breaker_recovery = 500ms
      breaker_successes = 1
      """)
    #expect(agent.health.readySource == .declared && agent.health.notifyDescriptor == 60)
    #expect(agent.health.stuck == .restart && agent.health.progressTimeout == .seconds(120))
    #expect(agent.calls.queueLength == 65_536 && agent.calls.breaker.failures == 0)
    #expect(agent.calls.breaker.recovery == .milliseconds(500))
    #expect(agent.calls.breaker.successes == 1)
  }

  @Test(
    arguments: [
      ("", true), ("ready = auto", true), ("ready = startsecs", true), ("liveness = ping", true),
      ("liveness = watchdog:5s", true), ("ready = declared", false), ("notify_fd = 3", false),
      ("startup = tcp:1", false), ("readiness = ping", false),
      ("ready = startsecs\nreadiness = ping", false),
    ])
  func whatTimeAloneMakesReady(text: String, isReady: Bool) throws {
    let span = try agent(text).specification.readyAfter
    #expect(span == (isReady ? .seconds(1) : nil))
  }

  @Test(
    arguments: [
      ("", 1), ("ready = startsecs\nstartsecs = 2\nreadiness = ping", 2), ("readiness = ping", 0),
      ("startup = tcp:1", 0), ("ready = declared", 0), ("notify_fd = 3", 0),
    ])
  func whatTimeCountsBesideProbes(text: String, seconds: Int) throws {
    #expect(try agent(text).health.startSeconds == .seconds(seconds))
  }

  @Test func whoMayCall() throws {
    let text = """
      [supervisor:s]
      children = b
      [agent:a]
      command = a
      accept_calls_from = s, c:1,
        b
      [agent:b]
      command = b
      accept_calls_from = *
      [agent:c]
      command = c
      numprocs = 2
      accept_calls_from =
      """
    let calls = try good(text).agents.map(\.calls)
    #expect(calls.map(\.acceptedNames) == [["s", "c:1", "b"], [], [], []])
    #expect(calls.map(\.acceptsAll) == [false, true, false, false])
  }

  /// A reload restarts only what the new process would be given otherwise.
  @Test func fingerprints() throws {
    let plain = try agent("").specification.fingerprint
    let same = [
      "liveness = ping", "readiness = tcp:1", "ready = declared", "drain = 1s", "stuck = restart",
      "call_queue = 1", "accept_calls_from = *", "breaker_failures = 0", "progress_timeout = 1s",
    ]
    for text in same { #expect(try agent(text).specification.fingerprint == plain, "\(text)") }
    let other = [
      "notify_fd = 3", "notify_fd = 4", "liveness = watchdog:5s", "liveness = watchdog:6s",
    ]
    let prints = try other.map { try agent($0).specification.fingerprint }
    #expect(Set(prints + [plain]).count == other.count + 1)
  }
}

extension HealthSettings {
  fileprivate func probe(_ role: ProbeRole) -> ProbeSettings? {
    switch role {
    case .startup: startup
    case .liveness: liveness
    case .readiness: readiness
    }
  }
}
