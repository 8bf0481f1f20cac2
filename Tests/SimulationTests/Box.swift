import SupervConfig
import SupervDaemon
import SupervKeeper
import SupervProtocol
import SupervSystem
import SupervisionTree

/// A whole machine in a box: keeper, daemon, agents and operators, and the clock that moves them.
///
/// The keeper's decisions, the daemon and the journal are superv's own; the box does what their
/// processes do: it starts them, lets them hear of each other's ends, and takes the daemon's turns.
final class Box {
  /// How long a daemon takes from its start to its first look at the journal.
  private static let daemonStartMilliseconds = 20
  /// More turns than this at one moment are a loop without an end.
  private static let mostTurns = 2000
  /// A daemon is away for no longer than its keeper waits, and starts.
  private static let longestAbsence = Duration.seconds(31)

  let script: Script
  let machine: Machine
  let auditor: Auditor
  let bug: PlantedBug?
  let person: Operator
  private(set) var daemon: Daemon<Machine>?
  private var keeper: KeeperDecisions?
  /// Of the daemon that the keeper has started; nil without one.
  private var daemonPid: Int32?
  private var isServing = false
  private var memory = DaemonMemory()
  private(set) var talkers: [String: Talker] = [:]
  var manners: [String: Step.Manner] = [:]
  /// What the configuration file says.
  private let file: ConfigurationFile
  var failingDaemonStarts = 0
  /// The daemon was asked to let another program go on.
  private var handsOver = false
  private var lives: UInt64 = 0
  private var absentSince: MonotonicTime?
  private var turnsAtThisMoment = 0

  init(_ script: Script, bug: PlantedBug? = nil, isTelling: Bool = false) {
    self.script = script
    self.bug = bug
    let loaded = LoadedPlan.of(script.tree)
    auditor = Auditor(loaded.plan)
    auditor.isTelling = isTelling
    machine = bug?.machine(script.seed, auditor) ?? Machine(seed: script.seed, auditor)
    person = Operator(on: machine)
    file = ConfigurationFile(bug?.read(loaded) ?? loaded.read)
    machine.onRun = { [unowned self] in greet($0) }
    person.onUpgrade = { [unowned self] in handsOver = true }
  }

  // MARK: - The whole history

  /// - Returns: what was violated first.
  func run() -> Auditor.Violation? {
    startSuperv()
    pass(milliseconds: 100)
    for step in script.steps {
      guard auditor.violation == nil else { break }
      auditor.note("-- \(step)")
      perform(step)
      settle()
    }
    if auditor.violation == nil { calmDown() }
    if auditor.violation == nil { shutDown() }
    return auditor.violation
  }

  func pass(milliseconds: Int) {
    settle()
    let end = machine.now + .milliseconds(milliseconds)
    while auditor.violation == nil {
      let dues = [
        machine.nextAppointment, machine.alarmDue,
        keeper?.nextStart.map { MonotonicTime(nanoseconds: $0) },
      ].compactMap(\.self)
      guard let next = dues.min(), next <= end else { break }
      if next > machine.now { turnsAtThisMoment = 0 }
      machine.advance(to: next)
      settle()
    }
    machine.advance(to: end)
    turnsAtThisMoment = 0
    settle()
    checkTimes()
  }

  /// Until nothing is left to be done at this moment.
  func settle() {
    while auditor.violation == nil {
      auditor.served = machine.served
      if machine.keepAppointments() { continue }
      let isDue = machine.alarmDue.map { $0 <= machine.now } ?? false
      if daemon != nil, !machine.arrivals.isEmpty || isDue {
        turnsAtThisMoment += 1
        guard turnsAtThisMoment < Self.mostTurns else {
          return auditor.complain(.rest, "superv is busy with nothing")
        }
        takeTurn()
        continue
      }
      if let due = keeper?.nextStart, due <= machine.now.nanoseconds {
        decide(.time)
        continue
      }
      break
    }
  }

  private func checkTimes() {
    auditor.checkTimes(machine)
    for name in talkers.keys.sorted() { talkers[name]?.checkTimes() }
    if let since = absentSince, machine.now > since + Self.longestAbsence + Auditor.patience {
      auditor.complain(.recovery, "no daemon comes")
    }
  }

  // MARK: - The keeper

  func startSuperv() {
    guard keeper == nil, daemon == nil else { return }
    keeper = KeeperDecisions(hasBegun: false, now: machine.now.nanoseconds)
    settle()
  }

  private func decide(_ event: KeeperDecisions.Event) {
    for action in keeper?.handle(event, now: machine.now.nanoseconds) ?? [] {
      switch action {
      case .start(_, let takesOver): startDaemon(takesOver: takesOver)
      case .signal(let signal):
        if isServing {
          machine.arrivals.append(.signal(signal))
        } else {
          killDaemon(.signalled(number: signal.number, coreDumped: false))
        }
      case .keepStrangers(let pids):
        machine.strangers = machine.strangers.filter { pids.contains($0.key) }
      case .dropStranger(let pid): machine.strangers[pid] = nil
      case .store, .rest, .tellManager, .standIn, .standBack: break
      case .complain(let text): auditor.note("superv says: \(text)")
      case .end:
        keeper = nil
        machine.strangers = [:]
        machine.inherit(from: .keeper, by: .nobody)
        absentSince = nil
      }
    }
  }

  /// What a dead daemon has left, and is nobody's concern any more.
  private func reapForKeeper() {
    guard let keeper else { return }
    for process in machine.processes.values.sorted(by: { $0.pid < $1.pid })
    where process.parent == .keeper && process.termination != nil && keeper.mayReap(process.pid) {
      machine.reap(process)
    }
  }

  func killKeeper() {
    guard keeper != nil, !machine.mustLive else { return }
    keeper = nil
    machine.strangers = [:]
    machine.inherit(from: .keeper, by: .nobody)
    guard daemon != nil else { return superVIsGone() }
    let life = lives
    machine.after(milliseconds: 1) { [unowned self] in
      if lives == life, daemon != nil, keeper == nil { becomeKeeper() }
    }
  }

  /// The daemon turns itself into the keeper: its children stay its own, and of the others it has
  /// pidfds.
  private func becomeKeeper() {
    guard !machine.mustLive else {
      return machine.after(milliseconds: 1) { [unowned self] in
        if daemon != nil, keeper == nil { becomeKeeper() }
      }
    }
    for watch in machine.watched.values where watch.isAdopted {
      machine.strangers[watch.process.pid] = watch.process
    }
    forgetDaemon()
    machine.daemonIsGone(to: .keeper)
    keeper = KeeperDecisions(hasBegun: true, now: machine.now.nanoseconds)
  }

  func signalKeeper(_ signal: Signal) { decide(.signal(signal)) }

  /// - Parameter plan: the place of the next one; nil for one that has errors.
  func change(file plan: Int?) {
    guard let plan else { return file.replace(LoadedPlan.broken) }
    let loaded = LoadedPlan.all[plan]
    auditor.plan = loaded.plan
    file.replace(bug?.read(loaded) ?? loaded.read)
  }

  // MARK: - Agents

  private func greet(_ process: Machine.Process) {
    guard let key = process.launch?.key, auditor.plan.agent(of: process.name)?.speaks == true else {
      talkers[process.name] = nil
      return
    }
    let talker = Talker(process, key, on: machine)
    talker.manner = manners[process.name] ?? .atOnce
    talkers[process.name] = talker
    machine.after(milliseconds: 3) { [weak talker] in talker?.connect() }
  }

  // MARK: - The daemon

  private func startDaemon(takesOver: Bool) {
    if failingDaemonStarts > 0 {
      failingDaemonStarts -= 1
      return decide(.startFailed("exec: Cannot allocate memory"))
    }
    lives += 1
    let life = lives
    daemonPid = 10_000 + Int32(life)
    decide(.started(pid: 10_000 + Int32(life)))
    if absentSince == nil { absentSince = machine.now }
    machine.after(milliseconds: Self.daemonStartMilliseconds) { [unowned self] in
      if lives == life, daemonPid != nil, keeper != nil { beginDaemon(takesOver: takesOver) }
    }
  }

  private func beginDaemon(takesOver: Bool) {
    do {
      var (recovered, finished): (JournalContents?, JournalContents?) = (nil, nil)
      if !machine.journal.isEmpty {
        let found = try JournalContents(machine.journal, boot: machine.boot)
        if found.damagedLineCount > 0, !machine.isJournalHoled {
          auditor.complain(.journal, "\(found.damagedLineCount) lines cannot be read")
        }
        if takesOver || found.tree.finishedEnd == nil {
          recovered = found
        } else {
          finished = found
        }
      }
      guard let configuration = recovered?.loadConfiguration() ?? file.read.loaded.configuration
      else {
        return killDaemon(.exited(code: 1))
      }
      let isOutOfDate =
        !takesOver && recovered.map { $0.configurations.last != file.read.record } == true
      if !takesOver { decide(.said(.beginning)) }
      var options = DaemonOptions(
        configurationPath: LoadedPlan.path, pid: daemonPid ?? 1,
        jitterSeed: script.seed &* 31 &+ lives, load: { [file] in file.read })
      options.keeperPid = 9_999
      machine.isServed = true
      if let finished {
        let told = Daemon.conclude(finished, kernel: machine, options: options)
        memory = told ?? memory
      }
      let new = Daemon(
        configuration, of: recovered?.configurations ?? [file.read.record], kernel: machine,
        options: options, memory: recovered?.memory ?? memory, recovered: recovered)
      daemon = new
      if !machine.isDead { new.begin() }
      if isOutOfDate { machine.arrivals.append(.signal(.hangUp)) }
      turnIsOver()
    } catch {
      auditor.complain(.journal, "\(error)")
    }
    absentSince = nil
    for name in talkers.keys.sorted() {
      machine.after(milliseconds: 5) { [unowned self] in talkers[name]?.connect() }
    }
  }

  private func takeTurn() {
    guard let daemon else { return }
    let events = machine.takeArrivals()
    for event in events {
      guard !machine.isDead else { break }
      machine.begin(event)
      daemon.take(event)
    }
    if !machine.isDead { daemon.endTurn() }
    turnIsOver()
  }

  /// What the daemon's side does before it waits: ends that are in the journal are reaped, by
  /// whoever can.
  private func serveKeeper() {
    guard machine.takeStep() else { return killDaemon(.signalled(number: 9, coreDumped: false)) }
    let over = machine.watched.filter { $0.value.isTold }.sorted { $0.key.node < $1.key.node }
    var reaped: [Int32] = []
    for (key, watch) in over {
      machine.watched[key] = nil
      if watch.isAdopted { reaped.append(watch.process.pid) } else { machine.reap(watch.process) }
    }
    guard keeper != nil else { return }
    if !machine.spared.isEmpty { decide(.said(.spare(pids: machine.spared))) }
    machine.spared = []
    if !isServing {
      isServing = true
      decide(.said(.serving))
    }
    for pid in reaped { decide(.said(.reap(pid: pid))) }
    reapForKeeper()
  }

  private func turnIsOver() {
    guard let daemon else { return }
    if machine.isDead { return killDaemon(.signalled(number: 9, coreDumped: false)) }
    auditor.turnIsOver()
    if handsOver { return handOver() }
    guard let end = daemon.end else { return serveKeeper() }
    for process in machine.processes.values where process.isLiving && process.launch != nil {
      auditor.complain(.stranger, "\(process.name) lives after the end")
    }
    let status: Int32 = if case .asked = end { 0 } else { 1 }
    serveKeeper()
    // Its last steps leave nothing behind.
    guard self.daemon != nil else { return }
    memory = daemon.memory
    machine.journal = []
    decide(.said(.done(status: status)))
    killDaemon(.exited(code: status))
  }

  /// What it has written down of the tree as it is has to be what its lines make of the one before.
  private func handOver() {
    let journals = [machine.formerJournal, machine.journal]
    let trees = journals.compactMap { try? JournalContents($0, boot: machine.boot).tree }
    if trees.count != 2 || JSON.encode(trees[0]) != JSON.encode(trees[1]) {
      auditor.complain(.journal, "the tree is another one than what the journal says")
    }
    decide(.said(.execute(path: "/opt/superv/new")))
    killDaemon(.exited(code: 0))
  }

  func killDaemon(_ status: ExitStatus) {
    guard daemonPid != nil else { return }
    guard keeper != nil else { return superVIsGone() }
    forgetDaemon()
    machine.daemonIsGone(to: .keeper)
    absentSince = machine.now
    decide(.ended(status))
  }

  private func forgetDaemon() {
    daemon = nil
    daemonPid = nil
    isServing = false
    handsOver = false
  }

  private func superVIsGone() {
    auditor.nobodyIsThere(
      but: machine.processes.values.filter { $0.launch != nil }.map { ($0.name, $0.incarnation) })
    absentSince = nil
    if daemonPid != nil {
      forgetDaemon()
      machine.daemonIsGone(to: .nobody)
    }
  }
}
