import SupervProtocol

/// A tree with something of everything.
let sampleStatus = StatusReport(
  daemon: DaemonStatus(pid: 4242, uptimeSeconds: 192, state: .running),
  agents: [
    AgentStatus(
      name: "gateway", phase: "running", ready: true, alive: true, pid: 4300, incarnation: 1,
      uptimeSeconds: 191.2, startedAt: "2026-11-21T07:20:00.123456Z"),
    AgentStatus(
      name: "researcher:0", agent: "researcher", supervisor: "pipeline", phase: "running",
      ready: false, alive: true, pid: 4711, incarnation: 3, restarts: 2, uptimeSeconds: 4.25,
      startedAt: "2026-11-21T07:23:07.000001Z",
      exit: ExitReport(signal: 9, classification: "abnormal"), reason: "restarted after SIGKILL"),
    AgentStatus(
      name: "researcher:1", agent: "researcher", instance: 1, supervisor: "pipeline",
      phase: "backoff", incarnation: 6, restarts: 5,
      exit: ExitReport(code: 75, classification: "abnormal"), reason: "waits 1.6 s"),
    AgentStatus(
      name: "writer", supervisor: "inner", desired: .down, phase: "stopped",
      incarnation: 1, exit: ExitReport(signal: 15, classification: "requested"),
      reason: "stopped by uid 0"),
    AgentStatus(
      name: "importer", phase: "exited", incarnation: 1,
      exit: ExitReport(code: 0, classification: "normal")),
    AgentStatus(
      name: "broken", phase: "failed", incarnation: 6, restarts: 5,
      exit: ExitReport(code: 1, classification: "abnormal"),
      reason: "gave up: more than 5 restarts in 60 s"),
  ],
  supervisors: [
    SupervisorStatus(
      name: "pipeline", strategy: "one_for_all", phase: "running", restartsInPeriod: 2,
      intensity: 5, periodSeconds: 60, children: ["researcher:0", "researcher:1", "inner"]),
    SupervisorStatus(
      name: "inner", parent: "pipeline", strategy: "rest_for_one", phase: "running", intensity: 3,
      periodSeconds: 3_600, children: ["writer"]),
  ])

/// Agents that say how they are, and are asked.
let sampleHealth = StatusReport(
  daemon: sampleStatus.daemon, agents: [sampleReady, sampleHeld, sampleStarting], supervisors: [])

private let sampleReady: AgentStatus = {
  var agent = sampleStatus.agents[0]
  agent.readyAt = "2026-11-21T07:20:03.500000Z"
  agent.statusText = "40 of 200 pages"
  agent.progress = "page 41"
  agent.mainPID = 4301
  agent.callsInFlight = 3
  agent.breaker = "half_open"
  agent.operations = [
    OperationStatus(op: "7", kind: "summarise", sinceSeconds: 12.5),
    OperationStatus(op: "8", sinceSeconds: 0.25),
  ]
  agent.probes = [
    ProbeStatus(role: .startup, kind: "tcp", state: .passing),
    ProbeStatus(
      role: .liveness, kind: "ping", state: .passing, failures: 1, last: "no answer within 5s"),
  ]
  return agent
}()

private let sampleHeld: AgentStatus = {
  var agent = sampleStatus.agents[0]
  agent.name = "index"
  agent.agent = "index"
  agent.ready = false
  agent.held = true
  agent.notReadyReason = "reloads its index"
  return agent
}()

private let sampleStarting: AgentStatus = {
  var agent = sampleStatus.agents[0]
  agent.name = "model"
  agent.agent = "model"
  agent.ready = false
  agent.probes = [
    ProbeStatus(
      role: .startup, kind: "http", state: .waiting, failures: 3, last: "connection refused"),
    ProbeStatus(role: .readiness, kind: "ping", state: .waiting),
  ]
  return agent
}()

let sampleWhy = WhyReport(
  name: "broken", phase: "failed", ready: false, desired: .up,
  reason: "gave up: more than 5 restarts in 60 s",
  exit: ExitReport(code: 1, classification: "abnormal"), restarts: 5,
  history: [
    .init(time: "2026-11-21T07:20:00.123456Z", event: "agent.exited", reason: "exit code 1"),
    .init(time: "2026-11-21T07:20:00.200000Z", event: "agent.failed", reason: "gave up"),
  ])

/// The log of `sampleWhy`, as the daemon says where it is.
func sampleLogs(in folder: TemporaryFolder) throws -> LogsReport {
  let prefix = "2026-11-21T07:20:00.123456Z err "
  let path = try folder.write(
    "broken.log", "\(prefix)Traceback:\n\(prefix)\u{1B}[31mno model\u{7}\n")
  return LogsReport(
    directory: folder.path, files: [.init(agent: "broken", path: path, format: .text)],
    events: "\(folder.path)/events.ndjson")
}

let sampleEvents = [
  EventRecord(seq: 41, time: "2026-11-21T07:20:00.123456Z", event: "daemon.started", pid: 4242),
  EventRecord(
    seq: 42, time: "2026-11-21T07:20:01.000000Z", event: "agent.exited", agent: "crawler",
    incarnation: 2, pid: 77, exit: ExitReport(code: 3, classification: "abnormal"),
    reason: "exited by itself"),
  EventRecord(
    seq: 43, time: "2026-11-21T07:20:01.000100Z", event: "agent.backoff", agent: "crawler",
    incarnation: 2, delaySeconds: 1.5, reason: "third restart in 60 s"),
]
