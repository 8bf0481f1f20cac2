import SupervProtocol
import SupervSystem

let soakCommands = [
  Command(
    name: "soak", summary: "Load a tree of superv's own for a while, and say what grows",
    options: [
      Option(
        name: "for", valueName: "DURATION", defaultText: "30m",
        summary: "How long; under 2m it says nothing"),
      Option(name: "agents", valueName: "N", defaultText: "40", summary: "How many agents"),
      Option(
        name: "restarts", valueName: "RATE", defaultText: "10/s",
        summary: "How often agents end: N, N/s, N/m or N/h"),
      Option(
        name: "calls", valueName: "RATE", defaultText: "1000/s",
        summary: "How often they call each other"),
      Option(
        name: "lines", valueName: "RATE", defaultText: "10000/s",
        summary: "How many lines they print"),
      Option(
        name: "probes", valueName: "RATE", defaultText: "20/s", summary: "How often they are probed"
      ),
      Option(
        name: "report", valueName: "DIR", kind: .file, defaultText: "superv-soak",
        summary: "Where soak.md, soak.json and soak.svg are written"),
    ],
    description: [
      "Starts a tree in a temporary folder, with another daemon than any that runs, whose agents "
        + "restart, call each other, print and are probed as often as is said. Meanwhile it looks "
        + "at the memory and the descriptors of keeper, daemon and logger, and at the daemon's "
        + "timers and other tables. When nothing of it has a slope, the status is 0.",
      "The first quarter of the time does not count. Ctrl-C ends the soak early, and the report is "
        + "about what there is. Nothing of the tree is left behind.",
    ],
    examples: [
      Example(line: "superv soak --for 30m", explanation: "a day's work in half an hour"),
      Example(
        line: "superv soak --for 8h --restarts 1/s --lines 0", explanation: "no logs, over night"),
    ],
    statuses: [.ok: "nothing grows", .no: "something grows, or the tree did not live"],
    run: runSoak),
  Command(
    name: "soak-agent", summary: "An agent of a soak's tree",
    operands: [Operand(name: "ROLE", kind: .other), Operand(name: "AMOUNT", kind: .other)],
    description: [], isHidden: true, run: runSoakAgent),
]

/// How long the daemon may take for an answer, and the tree to start or to end.
private let patience = Duration.seconds(60)

@Sendable func runSoak(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let plan = try SoakPlan(invocation)
  try refuseForeignProcesses()
  let place = try session.absolutePath(invocation.value("report") ?? "superv-soak")
  let report: SoakReport
  do {
    try Files.makeDirectories(place)
    let folder = try SoakFolder(session.environment)
    defer { folder.remove() }
    report = try soak(plan, in: folder.path, session)
    var json: [UInt8] = []
    JSON.append(report, to: &json)
    try Files.replace("\(place)/soak.json", with: json.span)
    try Files.replace("\(place)/soak.svg", with: Array(SoakPlot(report.results).svg.utf8).span)
    let text = report.markdown(plot: "soak.svg")
    try Files.replace("\(place)/soak.md", with: Array(text.utf8).span)
  } catch let failure as CommandFailure {
    throw failure
  } catch {
    throw .broken("\(error)")
  }
  if invocation.has("json") {
    session.console.write(json: report)
  } else {
    session.console.write("\(report.verdict)\nThe report is \(place)/soak.md.\n")
  }
  return report.ok ? .ok : .no
}

/// The tree from its start to its end, whatever happens in between.
private func soak(
  _ plan: SoakPlan, in folder: String, _ session: Session
) throws(CommandFailure) -> SoakReport {
  let configuration = "\(folder)/soak.conf"
  // From now on somebody who wants an end gets one in order.
  let interruption = try Interruption()
  do {
    let executable = try Files.linkTarget(session.executable)
    let text = plan.configuration(
      in: folder, executable: executable, owner: Processes.ownPid)
    try Files.replace(configuration, with: Array(text.utf8).span)
  } catch {
    throw .broken("\(error)")
  }
  var environment = session.environment
  // Commands without --socket are for the daemons that people have started.
  environment["XDG_RUNTIME_DIR"] = folder
  let launch = try DaemonLaunch(
    session.executable, configuration: configuration, startedIn: folder,
    runtimeDirectory: "\(folder)/run", environment: environment)
  do {
    try launch.waitUntilServing(by: Deadline(after: patience))
    let report = try watch(plan, launch, folder, interruption)
    try launch.end(within: patience)
    return report
  } catch {
    try? launch.end(within: patience)
    throw error
  }
}

private func watch(
  _ plan: SoakPlan, _ launch: DaemonLaunch, _ folder: String,
  _ interruption: borrowing Interruption
) throws(CommandFailure) -> SoakReport {
  let starting = Deadline(after: patience)
  let client = try DaemonClient(connectingTo: launch.controlSocket, by: starting)
  let status = try client.call(
    .status, StatusParams(wait: .up), by: starting, as: StatusReport.self)
  let startedAt = RFC3339.text(nanoseconds: Clock.realTimeNanoseconds)
  let begin = Clock.monotonicNanoseconds
  var sampler = try SoakSampler(daemon: status.daemon, httpSocket: "\(folder)/run/http.sock")
  var done = try sampler.sample(by: Deadline(after: patience))
  let end = Deadline(after: .milliseconds(Int64(plan.seconds * 1000)))
  while let left = end.remainingMilliseconds, left > 0 {
    if interruption.comes(withinMilliseconds: min(left, plan.intervalMilliseconds)) { break }
    done = try sampler.sample(by: Deadline(after: patience))
  }
  return SoakReport(
    startedAt: startedAt, host: Surroundings.hostName, plan: plan,
    seconds: Double(Clock.monotonicNanoseconds - begin) / 1e9,
    points: sampler.series.first?.points.count ?? 0, done: done,
    results: sampler.series.map { SoakResult($0) })
}

/// Whether somebody wants an end.
private struct Interruption: ~Copyable {
  private let signals: SignalDescriptor

  init() throws(CommandFailure) {
    do {
      signals = try SignalDescriptor([.interrupt, .terminate])
    } catch {
      throw .broken("\(error)")
    }
  }

  func comes(withinMilliseconds milliseconds: Int64) -> Bool {
    (try? signals.descriptor.wait(timeoutMilliseconds: milliseconds)) ?? false
  }
}

/// A folder that is nobody else's, and gone afterwards.
private struct SoakFolder {
  let path: String

  init(_ environment: [String: String]) throws(SystemError) {
    let base = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    path = "\(base)/superv-soak-\(Processes.ownPid)-\(Clock.monotonicNanoseconds % 1_000_000)"
    try Files.makeDirectories(path, mode: 0o700)
  }

  func remove() { Self.remove(path) }

  /// What cannot be removed stays, in a place for what is temporary.
  private static func remove(_ path: String) {
    for name in (try? Files.names(in: path)) ?? [] {
      let inside = "\(path)/\(name)"
      let kind = try? Files.status(of: inside, followingLinks: false)?.kind
      if kind == .directory { remove(inside) } else { try? Files.remove(inside) }
    }
    try? Files.removeDirectory(path)
  }
}

extension SoakPlan {
  fileprivate init(_ invocation: Invocation) throws(CommandFailure) {
    let text = invocation.value("for") ?? "30m"
    guard let duration = parseDuration(text), duration > .zero else {
      throw .usage("--for: '\(text)' is not a duration; write 30m or 8h")
    }
    self.init(seconds: Double(duration.wholeMilliseconds) / 1000)
    if let text = invocation.value("agents") {
      guard let count = Int(text), (Self.fewestAgents...1000).contains(count) else {
        throw .usage("--agents: '\(text)' is not a number from \(Self.fewestAgents) to 1000")
      }
      agents = count
    }
    restarts = try Self.rate("restarts", invocation, restarts)
    calls = try Self.rate("calls", invocation, calls)
    lines = try Self.rate("lines", invocation, lines)
    probes = try Self.rate("probes", invocation, probes)
  }

  /// In a second.
  private static func rate(
    _ option: String, _ invocation: Invocation, _ usual: Double
  ) throws(CommandFailure) -> Double {
    guard let text = invocation.value(option) else { return usual }
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let seconds: [Substring: Double] = ["s": 1, "m": 60, "h": 3600]
    guard parts.count <= 2, let count = Double(parts[0]), (0...1e6).contains(count),
      let period = parts.count == 1 ? 1 : seconds[parts[1]]
    else {
      throw .usage("--\(option): '\(text)' is not a rate; write 10, 10/s, 600/m or 0")
    }
    return count / period
  }
}
