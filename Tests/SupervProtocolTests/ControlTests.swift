import Foundation
import SupervProtocol
import Testing

/// The shapes that tools rely on: every member, nulls included, in whatever order.
@Suite struct ControlTests {
  private func roundTrip<Value: Codable & Equatable>(_ value: Value, _ expected: String) throws {
    let bytes = JSON.encode(value)
    let members = try JSONSerialization.jsonObject(with: Data(bytes)) as? NSDictionary
    let wanted = try JSONSerialization.jsonObject(with: Data(expected.utf8)) as? NSDictionary
    #expect(members != nil && members == wanted)
    #expect(try JSON.decode(Value.self, from: bytes.span) == value)
  }

  @Test func status() throws {
    var agent = AgentStatus(
      name: "a:0", agent: "a", phase: "running", ready: true, alive: true, pid: 12, incarnation: 2,
      restarts: 1, uptimeSeconds: 1.5, startedAt: "2026-11-21T07:20:00.123456Z",
      exit: ExitReport(signal: 9, classification: "abnormal"))
    agent.readyAt = "2026-11-21T07:20:01.000000Z"
    agent.statusText = "warm"
    agent.progress = "3"
    agent.mainPID = 13
    agent.held = true
    agent.operations = [OperationStatus(op: "7", sinceSeconds: 2)]
    agent.probes = [
      ProbeStatus(role: .liveness, kind: "ping", state: .failing, failures: 3, last: "no answer")
    ]
    agent.orphans = [14, 15]
    agent.limits = [LimitStatus(name: "cpu_max", value: "1.5", kept: .nobody, problem: "p")]
    let supervisor = SupervisorStatus(
      name: "s", strategy: "one_for_one", phase: "running", intensity: 5, periodSeconds: 60,
      children: ["a:0"])
    var daemon = DaemonStatus(pid: 1, uptimeSeconds: 2, state: .running)
    daemon.cgroups = ControlGroupsStatus(problem: "none")
    try roundTrip(
      StatusReport(
        daemon: daemon,
        agents: [agent, AgentStatus(name: "b", desired: .down, phase: "stopped")],
        supervisors: [supervisor]),
      #"{"version":1,"daemon":{"pid":1,"keeper_pid":null,"uptime_s":2.0,"#
        + #""state":"running","cgroups":{"path":null,"controllers":[],"problem":"none"}},"#
        + #""agents":["#
        + #"{"name":"a:0","agent":"a","instance":0,"supervisor":"root","desired":"up","#
        + #""phase":"running","ready":true,"alive":true,"pid":12,"incarnation":2,"#
        + #""restarts":1,"uptime_s":1.5,"started_at":"2026-11-21T07:20:00.123456Z","#
        + #""exit":{"code":null,"signal":9,"class":"abnormal","oom":false},"reason":null,"#
        + #""not_ready_reason":null,"ready_at":"2026-11-21T07:20:01.000000Z","status_text":"warm","#
        + #""progress":"3","#
        + #""main_pid":13,"held":true,"operations":[{"op":"7","kind":null,"since_s":2.0}],"#
        + #""probes":[{"role":"liveness","kind":"ping","state":"failing","failures":3,"#
        + #""last":"no answer"}],"orphans":[14,15],"limits":[{"limit":"cpu_max","value":"1.5","#
        + #""kept_by":"nobody","problem":"p"}],"breaker":"closed","calls_in_flight":0},"#
        + #"{"name":"b","agent":"b","instance":0,"supervisor":"root","desired":"down","#
        + #""phase":"stopped","#
        + #""ready":false,"alive":false,"pid":null,"incarnation":0,"restarts":0,"uptime_s":null,"#
        + #""started_at":null,"exit":null,"reason":null,"ready_at":null,"status_text":null,"#
        + #""not_ready_reason":null,"progress":null,"main_pid":null,"held":false,"operations":[],"#
        + #""probes":[],"orphans":[],"limits":[],"breaker":"closed","calls_in_flight":0}],"#
        + #""supervisors":["#
        + #"{"name":"s","parent":"root","strategy":"one_for_one","desired":"up","#
        + #""phase":"running","#
        + #""restarts_in_period":0,"intensity":5,"period_s":60.0,"children":["a:0"],"#
        + #""reason":null}]}"#)
  }

  @Test("an event leaves out what it does not have")
  func event() throws {
    try roundTrip(
      EventRecord(seq: 1, time: "t", event: "daemon.started", pid: 3),
      #"{"seq":1,"time":"t","event":"daemon.started","pid":3}"#)
    try roundTrip(
      EventRecord(
        seq: 2, time: "t", event: "agent.backoff", agent: "a", incarnation: 1, delaySeconds: 0.5,
        reason: "r"),
      #"{"seq":2,"time":"t","event":"agent.backoff","agent":"a","incarnation":1,"#
        + #""delay_s":0.5,"reason":"r"}"#)
    try roundTrip(
      EventsReport(events: [], nextSeq: 4, oldestSeq: 2),
      #"{"events":[],"next_seq":4,"oldest_seq":2}"#)
  }

  @Test func actions() throws {
    try roundTrip(
      ActionReport(results: [.init(name: "a", ok: true, phase: "running")]),
      #"{"results":[{"name":"a","ok":true,"phase":"running","reason":null}]}"#)
    try roundTrip(
      SignalParams(names: ["a"], signal: .name("HUP")), #"{"names":["a"],"signal":"HUP"}"#)
    try roundTrip(SignalParams(names: [], signal: .number(1)), #"{"names":[],"signal":1}"#)
    try roundTrip(
      ReloadReport(
        applied: false, start: ["x"],
        diagnostics: [
          DiagnosticReport(severity: .error, file: "f", line: 1, column: 2, message: "m", hint: "h")
        ]),
      #"{"applied":false,"start":["x"],"stop":[],"restart":[],"update":[],"unchanged":0,"#
        + #""diagnostics":["#
        + #"{"severity":"error","file":"f","line":1,"column":2,"message":"m","hint":"h"}]}"#)
  }

  @Test func whyAndHealth() throws {
    try roundTrip(
      WhyReport(
        name: "a", phase: "failed", ready: false, desired: .up, reason: "gave up",
        exit: ExitReport(code: 3, classification: "abnormal"), restarts: 5,
        history: [.init(time: "t", event: "agent.exited", reason: "exit 3")], output: ["oops"]),
      #"{"name":"a","phase":"failed","ready":false,"desired":"up","reason":"gave up","#
        + #""exit":{"code":3,"signal":null,"class":"abnormal","oom":false},"restarts":5,"#
        + #""history":[{"time":"t","event":"agent.exited","reason":"exit 3"}],"output":["oops"]}"#)
    try roundTrip(
      HealthReport(
        ready: false, state: .starting, version: "1", agents: .init(total: 2, ready: 1, failed: 0),
        reasons: ["b is starting"]),
      #"{"live":true,"ready":false,"state":"starting","version":"1","agents":{"total":2,"ready":1,"#
        + #""failed":0},"reasons":["b is starting"]}"#)
  }

  @Test func logs() throws {
    try roundTrip(
      LogsReport(
        directory: "/l",
        files: [
          .init(agent: "a", path: "/l/a.log", format: .json),
          .init(agent: "b", path: "/b.err", format: .bytes, stream: "stderr"),
        ], events: "/l/events.ndjson"),
      #"{"directory":"/l","files":[{"agent":"a","path":"/l/a.log","format":"json","stream":null},"#
        + #"{"agent":"b","path":"/b.err","format":"bytes","stream":"stderr"}],"#
        + #""events":"/l/events.ndjson"}"#)
  }

  @Test("params that are left out have their defaults")
  func absentParams() throws {
    let line = Array(#"{"jsonrpc":"2.0","id":1,"method":"events"}"#.utf8)
    let message = try MessageScanner.scan(line.span)
    #expect(try JSON.decodeParams(EventsParams.self, of: message, in: line.span) == EventsParams())
    #expect(try JSON.decodeParams(StatusParams.self, of: message, in: line.span) == StatusParams())
    #expect(
      try JSON.decodeParams(ReloadParams.self, of: message, in: line.span)
        == ReloadParams(plan: false))
    #expect(try JSON.decodeParams(LogsParams.self, of: message, in: line.span) == LogsParams())
    #expect(try JSON.decodeParams(NoParams.self, of: message, in: line.span) == NoParams())
    #expect(throws: RPCError.self) {
      try JSON.decodeParams(WhyParams.self, of: message, in: line.span)
    }
  }
}
