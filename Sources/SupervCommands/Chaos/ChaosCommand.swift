import SupervChaos
import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem

/// `superv chaos` and the processes that it starts itself in.
let chaosCommands = [
  Command(
    name: "chaos", summary: "Break a running tree on purpose, and see that it holds",
    operands: [
      Operand(name: "ACTION", kind: .choice(["run"])),
      Operand(name: "PLAN", kind: .file, isRequired: false),
    ],
    options: [
      Option(
        name: "seed", valueName: "N", defaultText: "another one each time",
        summary: "The same order of faults for the same number, plan and tree"),
      Option(
        name: "for", valueName: "DURATION", defaultText: "what the plan says, else 5m",
        summary: "How long"),
      Option(
        name: "agents", valueName: "NAMES", kind: .name, defaultText: "what the plan says",
        summary: "Hit only these agents, instances or supervisors, separated by commas"),
      Option(
        name: "report", valueName: "BASE", kind: .file,
        summary: "Write the report to BASE.md and BASE.json as well"),
      Option(name: "dry-run", summary: "Say what would be done when, and do nothing"),
    ],
    defaultTimeout: .seconds(10),
    description: [
      "Kills and stops agents, daemon and keeper, floods logs, loses answers, fills the disk, and "
        + "more, as PLAN says or by default. Meanwhile it looks whether superv keeps its word: no "
        + "process left over, no exit untold, no call without an end, no line lost. In the end "
        + "there is a report, in Markdown or with --json in JSON.",
      "The tree has to agree, by chaos = yes in [superv]; an agent is left out by chaos = no. "
        + "Ctrl-C ends it early, undoes what is in force and reports. The time that --timeout "
        + "gives is for the first answer. docs/chaos.md lists faults, keys and invariants.",
    ],
    examples: [
      Example(line: "superv chaos run", explanation: "five minutes of everything"),
      Example(
        line: "superv chaos run night.conf --seed 7 --for 1h --report night",
        explanation: "by a plan, with a report to keep"),
      Example(line: "superv chaos run --seed 7 --dry-run", explanation: "only the schedule"),
    ],
    statuses: [
      .ok: "every invariant held",
      .no: "one was violated, or the tree does not agree to chaos",
      .usage: "the command line or the plan is wrong",
    ], run: runChaos),
  Command(
    name: "chaos-guard", summary: "Ends the faults of a chaos that has died", description: [],
    isHidden: true, run: runChaosGuard),
  Command(
    name: "chaos-hog", summary: "Uses processor or memory for a while",
    operands: [
      Operand(name: "WHAT", kind: .other), Operand(name: "MILLISECONDS", kind: .other),
      Operand(name: "BYTES", kind: .other),
    ], description: [], isHidden: true, run: runChaosHog),
]

@Sendable func runChaos(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let deadline = try invocation.deadline()
  let socket = try session.controlSocket(invocation)
  let client = try DaemonClient(connectingTo: socket, by: deadline)
  let facts = try client.call(.chaosFacts, NoParams(), by: deadline, as: ChaosFacts.self)
  let status = try client.call(.status, StatusParams(), by: deadline, as: StatusReport.self)
  let logs = try client.call(.logs, LogsParams(), by: deadline, as: LogsReport.self)
  let tree = ChaosTree(status, facts)
  let request = try session.chaosRequest(invocation, tree)
  let schedule = makeSchedule(
    request.plan, for: tree, seed: request.seed, only: request.agents)
  if invocation.has("dry-run") {
    session.console.show(schedule, request, asJSON: invocation.has("json"))
    return .ok
  }
  let run = try ChaosRun(
    request, tree, schedule, socket: socket, facts: facts, status: status, logs: logs, session)
  let report = try run.run()
  try session.write(report, invocation)
  return report.violationCount == 0 ? .ok : .no
}

/// What the command line and the plan come to.
struct ChaosRequest {
  var plan: ChaosPlan
  /// As it was given.
  var planPath: String?
  var seed: UInt64
  /// Of `--agents`.
  var agents: [String]
}

extension Session {
  fileprivate func chaosRequest(
    _ invocation: Invocation, _ tree: ChaosTree
  ) throws(CommandFailure) -> ChaosRequest {
    let path = invocation.operands.dropFirst().first
    var plan =
      try path.map { (path) throws(CommandFailure) in try chaosPlan(path, tree) }
      ?? ChaosPlan()
    if let text = invocation.value("for") {
      guard let duration = parseDuration(text), duration > .zero else {
        throw .usage("--for: '\(text)' is not a duration; write 30s, 5m or 2h")
      }
      plan.duration = duration
    }
    var seed = UInt64(bitPattern: Clock.realTimeNanoseconds) % 1_000_000_000
    if let text = invocation.value("seed") {
      guard let number = UInt64(text) else { throw .usage("--seed: '\(text)' is not a number") }
      seed = number
    }
    let agents = (invocation.value("agents") ?? "").split(separator: ",").map(String.init)
    for name in agents where !tree.names.contains(name) {
      let nearest = nearestName(to: name, among: tree.names)
      throw .usage(
        "--agents: there is no agent or supervisor '\(name)'"
          + (nearest.map { "; did you mean '\($0)'?" } ?? ""))
    }
    return ChaosRequest(plan: plan, planPath: path, seed: seed, agents: agents)
  }

  private func chaosPlan(
    _ path: String, _ tree: ChaosTree
  ) throws(CommandFailure) -> ChaosPlan {
    let loaded = loadChaosPlan(
      try absolutePath(path), from: configurationSource, known: tree.names,
      shownFrom: try? Surroundings.currentDirectory())
    for diagnostic in loaded.diagnostics {
      console.complain(unprefixed: diagnostic.rendered(color: console.style.usesColor))
    }
    guard let plan = loaded.plan else { throw .usage("the plan \(path) has errors") }
    for call in plan.calls where !call.params.isEmpty {
      // Within a message and its params.
      guard (try? JSON.check(Array(call.params.utf8).span, outerDepth: 2)) != nil else {
        throw .usage("the plan \(path): the params of [call:\(call.agent)] are no JSON value")
      }
    }
    return plan
  }

  fileprivate func write(
    _ report: ChaosReport, _ invocation: Invocation
  ) throws(CommandFailure) {
    if let base = invocation.value("report") {
      do {
        try Files.replace("\(base).md", with: Array(report.markdown.utf8).span)
        try Files.replace("\(base).json", with: (JSON.encode(report) + [10]).span)
      } catch {
        console.complain("the report cannot be written: \(error)")
      }
    }
    if invocation.has("json") {
      console.write(json: report)
    } else {
      console.write(report.markdown)
    }
  }
}

/// What `--dry-run --json` shows.
private struct ScheduleReport: Encodable {
  struct Fault: Encodable {
    var number: Int
    var atMilliseconds: Int64
    var kind: String
    @OrNull var target: String?
    var lastsMilliseconds: Int64
    var amount: Int64

    enum CodingKeys: String, CodingKey {
      case number
      case atMilliseconds = "at_ms"
      case kind, target
      case lastsMilliseconds = "for_ms"
      case amount
    }
  }

  var seed: UInt64
  var faults: [Fault]
}

extension Console {
  fileprivate func show(_ schedule: [PlannedFault], _ request: ChaosRequest, asJSON: Bool) {
    if asJSON {
      let faults = schedule.map {
        ScheduleReport.Fault(
          number: $0.number, atMilliseconds: $0.atMilliseconds, kind: $0.kind.rawValue,
          target: $0.target,
          lastsMilliseconds: $0.lastsMilliseconds, amount: $0.amount)
      }
      return write(json: ScheduleReport(seed: request.seed, faults: faults))
    }
    var rows = [["", "AT", "FAULT", "TARGET", "FOR"]]
    for fault in schedule {
      rows.append([
        "\(fault.number)", delayText(seconds: Double(fault.atMilliseconds) / 1000),
        fault.kind.rawValue, fault.target ?? "superv",
        fault.lastsMilliseconds > 0
          ? durationText(.milliseconds(fault.lastsMilliseconds)) : "",
      ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    for row in rows {
      let cells = zip(row, widths).map { padded($0, $1) }
      write(cells.joined(separator: "  ").trimmingEnd + "\n")
    }
    write("seed \(request.seed), \(durationText(request.plan.duration))\n")
  }
}

extension String {
  fileprivate var trimmingEnd: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
