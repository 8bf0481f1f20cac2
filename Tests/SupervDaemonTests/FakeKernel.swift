import SupervConfig
import SupervDaemon
import SupervSystem
import SupervisionTree

/// A machine that is scripted: its clock moves when a test moves it, its processes are entries in a
/// table, and everything the daemon does to it is written down.
final class FakeKernel: Kernel {
  /// What the daemon has done, in order.
  enum Act: Hashable {
    case start(String)
    case startFailure(String)
    case signal(String, Int32)
    case kill(String)
  }

  struct Process {
    var pid: Int32
    var launch: Launch
  }

  /// 2026-11-21T07:20:00Z at the monotonic time 0.
  static let epochNanoseconds: Int64 = 1_795_245_600_000_000_000

  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  private(set) var alarm: MonotonicTime?
  private(set) var acts: [Act] = []
  private(set) var launches: [Launch] = []
  /// Those whose end the daemon has not been told.
  private(set) var living: [ProcessKey: Process] = [:]
  /// What the next turn brings.
  var arrivals: [KernelEvent] = []
  private(set) var eventLines: [[UInt8]] = []
  private(set) var logLines: [(place: AgentLogPlace, line: String)] = []
  /// Whether there are descriptors left for records of agents.
  var logsAreOpen = true
  private(set) var updatedLogs: [LogFileSettings] = []
  /// What a correct daemon never does.
  private(set) var violations: [String] = []

  /// Texts of starts that fail, by the number of the start of that agent, from 1; 0 is every one.
  var failingStarts: [String: [Int: String]] = [:]
  /// Agents that no signal ends, only a kill.
  var stubborn: Set<String> = []
  /// Agents whose end not even a kill brings at once: a test says when.
  var undying: Set<String> = []
  /// Killed and not dead, as processes are that wait for a disk.
  private var doomed: Set<ProcessKey> = []
  private(set) var reportedEndCount = 0
  /// The daemon has been told in this turn; it reaps them with the next one.
  private var zombies: [ProcessKey: (termination: Termination, process: Process)] = [:]
  /// After so many steps the daemon is dead: what it does then, it does in vain.
  var fuse: Int?
  private(set) var isDead = false
  private(set) var journal: [UInt8] = []
  /// Connections whose queue is full.
  var full: Set<ConnectionID> = []
  private(set) var open: Set<ConnectionID> = []
  private(set) var closed: [ConnectionID] = []
  /// What the service manager has heard.
  private(set) var toldManager: [String] = []
  var variables: [String: String] = [:]
  var files: [String: [UInt8]] = [:]
  var orphanProcesses: [ProcessKey: [Int32]] = [:]
  /// Limits that this kernel cannot keep, with why.
  var unkept: [TreeLimit: String] = [:]
  /// passwd(5).
  var passwd = ""
  /// How probes end; nil: not by themselves.
  var probeOutcome: (ProbeKind) -> ProbeOutcome? = { _ in .passed }
  /// In flight.
  private(set) var probes: [ProbeID: (kind: ProbeKind, launch: Launch)] = [:]
  private(set) var startedProbes: [(kind: ProbeKind, launch: Launch, at: MonotonicTime)] = []
  /// Called with what is sent to a connection.
  var onSend: (ConnectionID, [UInt8]) -> Void = { _, _ in }

  private var startCounts: [String: Int] = [:]
  private var nextPid: Int32 = 1000
  private var nextConnection: UInt64 = 1
  /// Told to end, and the daemon will learn it in the next turn.
  private var ending: [ProcessKey: Termination] = [:]

  var realTimeNanoseconds: Int64 { Self.epochNanoseconds + now.nanoseconds }

  func tellManager(_ assignments: String) { toldManager.append(assignments) }

  // MARK: Processes

  func start(_ launch: Launch) throws(LaunchError) -> ProcessFacts {
    let name = launch.agent.specification.name
    guard takeStep() else { throw LaunchError("superv is dead") }
    let number = startCounts[name, default: 0] + 1
    startCounts[name] = number
    if let plan = failingStarts[name], let text = plan[number] ?? plan[0] {
      acts.append(.startFailure(name))
      throw LaunchError(text)
    }
    if living.keys.contains(where: { $0.node == launch.key.node }) || process(of: name) != nil {
      violations.append("\(name) is started while it runs")
    }
    if let last = launches.last(where: { $0.agent.specification.name == name }),
      last.key.incarnation >= launch.key.incarnation
    {
      violations.append("incarnation \(launch.key.incarnation) of \(name) is used again")
    }
    nextPid += 1
    let facts = ProcessFacts(
      launch.key, pid: nextPid, startedAt: now, startedRealTimeNanoseconds: realTimeNanoseconds)
    let text = JournalEntry.startedText(launch.key)
    journal += Array("\(text.before)\(nextPid)\(text.after)".utf8)
    // It sees that its parent is dead, and executes nothing.
    guard takeStep() else { return facts }
    acts.append(.start(name))
    launches.append(launch)
    living[launch.key] = Process(pid: nextPid, launch: launch)
    _ = takeStep()
    return facts
  }

  // MARK: Death

  /// - Returns: whether the daemon lives to do it.
  private func takeStep() -> Bool {
    guard !isDead else { return false }
    guard let left = fuse else { return true }
    fuse = left - 1
    isDead = left == 0
    return !isDead
  }

  /// The daemon is dead, if it was not: another one can come. Its connections end with it, and what
  /// it was not told is still to be found.
  func prepareForNextDaemon() {
    isDead = false
    fuse = nil
    open = []
    full = []
    probes = [:]
    arrivals = []
    alarm = nil
  }

  func adopt(_ process: ProcessFacts, as launch: Launch?) -> Bool {
    let key = process.key
    if let zombie = zombies.removeValue(forKey: key) {
      ending[key] = zombie.termination
      living[key] = zombie.process
    }
    if let termination = ending[key] {
      arrivals.append(.ended(key, termination))
      return true
    }
    if living[key] != nil { return true }
    if launches.contains(where: { $0.key == key }) { arrivals.append(.ended(key, .unknown)) }
    return launches.contains { $0.key == key }
  }

  /// What is left of an earlier daemon's dead was known to it.
  func reapAll() {
    guard !isDead else { return }
    reportedEndCount += zombies.count
    zombies = [:]
  }

  // MARK: The journal

  let boot = "this one"

  func appendToJournal(_ lines: [UInt8]) -> Bool {
    guard takeStep() else { return true }
    journal += lines
    _ = takeStep()
    return true
  }

  func replaceJournal(_ lines: [UInt8]) -> Bool {
    guard takeStep() else { return true }
    journal = lines
    _ = takeStep()
    return true
  }

  func signal(_ process: ProcessKey, _ signal: Signal) {
    guard takeStep(), let name = name(of: process, for: "\(signal)") else { return }
    defer { _ = takeStep() }
    acts.append(.signal(name, signal.number))
    guard !stubborn.contains(name), !undying.contains(name), [1, 2, 9, 15].contains(signal.number)
    else { return }
    end(process, .signalled(signal.number, coreDumped: false))
  }

  func kill(_ process: ProcessKey) {
    guard takeStep(), let name = name(of: process, for: "a kill") else { return }
    defer { _ = takeStep() }
    acts.append(.kill(name))
    if undying.contains(name) {
      doomed.insert(process)
    } else {
      end(process, .signalled(9, coreDumped: false))
    }
  }

  /// Nothing is undying any more; what has been killed dies now.
  func releaseAll() {
    undying = []
    for key in doomed.sorted(by: { $0.node < $1.node }) {
      end(key, .signalled(9, coreDumped: false))
    }
    doomed = []
  }

  private func name(of key: ProcessKey, for what: String) -> String? {
    guard let process = living[key] else {
      violations.append("\(what) for incarnation \(key.incarnation), which does not run")
      return nil
    }
    return process.launch.agent.specification.name
  }

  /// The one living process of an instance.
  func process(of name: String) -> (key: ProcessKey, value: Process)? {
    living.first { $0.value.launch.agent.specification.name == name }
  }

  /// The process ends; the daemon learns it in the next turn, once.
  func end(_ key: ProcessKey, _ termination: Termination) {
    guard living[key] != nil, ending[key] == nil, zombies[key] == nil else { return }
    ending[key] = termination
    arrivals.append(.ended(key, termination))
  }

  /// The daemon learns of an end in this turn.
  func report(_ key: ProcessKey) {
    guard let termination = ending.removeValue(forKey: key),
      let process = living.removeValue(forKey: key)
    else { return }
    zombies[key] = (termination, process)
  }

  // MARK: Connections

  func connect(process: Int32 = 77, user: UInt32 = 1000) -> ConnectionID {
    let id = ConnectionID(.control, number: nextConnection)
    nextConnection += 1
    open.insert(id)
    let peer = PeerCredentials(process: process, user: user, group: user)
    arrivals.append(.connected(id, .control(peer)))
    return id
  }

  /// A process of an agent comes in at the agents' door.
  func connect(as agent: ProcessKey, process: Int32, user: UInt32 = 1000) -> ConnectionID {
    let id = ConnectionID(.agent, number: nextConnection)
    nextConnection += 1
    open.insert(id)
    let peer = PeerCredentials(process: process, user: user, group: user)
    arrivals.append(.connected(id, .agent(agent, peer)))
    return id
  }

  func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool {
    guard !isDead, open.contains(connection), !full.contains(connection) else { return false }
    onSend(connection, bytes)
    return true
  }

  func send(
    to connection: ConnectionID, maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: maximumBytes, initializingWith: write)
    return send(bytes, to: connection)
  }

  func close(_ connection: ConnectionID) {
    guard !isDead, open.remove(connection) != nil else { return }
    closed.append(connection)
    arrivals.append(.disconnected(connection))
  }

  /// The peer goes away.
  func hangUp(_ connection: ConnectionID) {
    guard open.remove(connection) != nil else { return }
    arrivals.append(.disconnected(connection))
  }

  // MARK: The rest

  func startProbe(_ probe: ProbeID, _ kind: ProbeKind, as launch: Launch) {
    guard !isDead else { return }
    if probes.values.contains(where: { $0.launch.key == launch.key }) {
      violations.append("two probes of \(launch.agent.specification.name) at a time")
    }
    if living[launch.key] == nil { violations.append("a probe of what does not run") }
    if probes.updateValue((kind, launch), forKey: probe) != nil {
      violations.append("probe \(probe.number) is used again")
    }
    startedProbes.append((kind, launch, now))
    if let outcome = probeOutcome(kind) { endProbe(probe, outcome) }
  }

  /// The daemon learns it in the next turn.
  func endProbe(_ probe: ProbeID, _ outcome: ProbeOutcome) {
    guard probes.removeValue(forKey: probe) != nil else { return }
    arrivals.append(.probeEnded(probe, outcome))
  }

  func cancelProbe(_ probe: ProbeID) { probes[probe] = nil }

  func beginSurvey() { arrivals.append(.surveyed(Survey())) }

  func owner(ofProcess pid: Int32) -> ProcessKey? {
    living.first { $0.value.pid == pid }?.key
  }

  func orphans() -> [ProcessKey: [Int32]] { orphanProcesses }

  func problem(keeping limit: TreeLimit) -> String? { unkept[limit] }

  func setAlarm(at time: MonotonicTime?) { alarm = time }

  /// In `run()`: a machine on which nothing is left to happen but alarms jumps to the next one.
  func wait(_ events: inout [KernelEvent]) {
    if arrivals.isEmpty {
      guard let alarm else { preconditionFailure("the daemon waits for ever") }
      now = max(now, alarm)
      arrivals.append(.alarm)
    }
    reapAll()
    for case .ended(let key, _) in arrivals { report(key) }
    events += arrivals
    arrivals = []
  }

  func writeEvent(_ line: [UInt8]) {
    guard takeStep() else { return }
    eventLines.append(line)
    _ = takeStep()
  }

  func writeLog(_ line: [UInt8], to place: AgentLogPlace) -> Bool {
    logLines.append((place, String(decoding: line, as: UTF8.self)))
    return logsAreOpen
  }

  func updateLog(_ settings: LogFileSettings) { updatedLogs.append(settings) }

  var environmentNames: [String] { variables.keys.sorted() }

  func environmentVariable(_ name: String) -> String? { variables[name] }

  func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    // ENOENT, errno(3).
    guard let bytes = files[path] else { throw SystemError("open", code: 2, subject: path) }
    return Array(bytes.prefix(limit))
  }

  func user(_ name: String) -> UserDatabase.User? {
    UserDatabase(passwd: passwd, group: "").user(name)
  }
}
