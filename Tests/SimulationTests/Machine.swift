import SupervConfig
import SupervDaemon
import SupervSystem
import SupervisionTree

/// The machine under superv: clock, processes, pids that come again, the journal's disk and the
/// sockets. What `Kernel` asks of it is in `MachineKernel.swift`. It does to itself what a step of
/// the history says; everything else follows from that and from the seed.
class Machine {
  /// A process of an agent, or of nobody that superv knows.
  final class Process {
    enum Parent { case daemon, keeper, nobody }

    let pid: Int32
    /// The inode of its pidfd: that of no other process.
    let identity: UInt64
    /// nil: a stranger.
    let launch: Launch?
    var parent = Parent.daemon
    /// It has come to its exec.
    var hasRun = false
    var isFrozen = false
    /// Waits for one that is frozen.
    var pendingSignal: Int32?
    /// Killed while it hangs in the kernel.
    var isDoomed = false
    /// It has ended; until it is reaped it keeps its pid.
    var termination: Termination?
    var isReaped = false

    init(pid: Int32, identity: UInt64, _ launch: Launch?) {
      self.pid = pid
      self.identity = identity
      self.launch = launch
    }

    var isLiving: Bool { hasRun && termination == nil }
    var name: String { launch?.agent.specification.name ?? "a stranger" }
    var incarnation: UInt64 { launch?.key.incarnation ?? 0 }
  }

  struct Watch {
    let process: Process
    let isAdopted: Bool
    var isTold = false
  }

  private struct Appointment {
    let time: MonotonicTime
    let act: () -> Void
  }

  private static let mendingPatience = Duration.seconds(3)
  static let pids: ClosedRange<Int32> = 300...399
  /// 2026-11-21T07:20:00Z at the monotonic time 0.
  private static let epochNanoseconds: Int64 = 1_795_245_600_000_000_000

  let seed: UInt64
  let auditor: Auditor

  // MARK: Time

  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  /// Of `now`, how much a daemon was there for.
  private(set) var served = Duration.zero
  var wallClockSeconds: Int64 = 0
  var operationMilliseconds = 0
  var alarmLatenessMilliseconds = 0
  var alarm: MonotonicTime?
  private var appointments: [Appointment] = []

  // MARK: The daemon

  /// A daemon is there and hears what arrives.
  var isServed = false
  /// The daemon was killed within an operation: what it does from then on is in vain.
  var isDead = false
  /// After so many half operations it is.
  var fuse: Int?
  var arrivals: [KernelEvent] = []
  var watched: [ProcessKey: Watch] = [:]
  /// Not there any more when it was to be adopted.
  var lost: Set<ProcessKey> = []
  /// What the daemon says to its keeper.
  var spared: [Int32] = []
  /// When the event came that the daemon is at.
  private(set) var eventTime = MonotonicTime(nanoseconds: 0)

  // MARK: Processes

  /// By pid, until they are reaped.
  var processes: [Int32: Process] = [:]
  /// pidfds that the keeper has kept.
  var strangers: [Int32: Process] = [:]
  private var nextPid = Machine.pids.lowerBound
  private var nextIdentity: UInt64 = 1
  private let recyclesPids: Bool
  var wills: [String: Step.Will] = [:]
  var failingStarts: [String: Int] = [:]
  var failingProbes: Set<String> = []
  /// Told of every process that runs.
  var onRun: (Process) -> Void = { _ in }

  // MARK: What else there is

  var journal: [UInt8] = []
  /// The one in whose place it has come.
  var formerJournal: [UInt8] = []
  var journalFailures = 0
  var failsHalfway = false
  var isJournalTorn = false
  /// Something is missing in it.
  var isJournalHoled = false
  /// When the last write failed: the daemon gets a chance to do something about it.
  var holeTime = MonotonicTime(nanoseconds: 0)
  var isJournalFaulty = false
  var logsAreOpen = true
  var refusedSends = 0
  var peers: [ConnectionID: any Peer] = [:]
  var nextConnection: UInt64 = 1
  var probes: [ProbeID: String] = [:]

  init(seed: UInt64, _ auditor: Auditor) {
    self.seed = seed
    self.auditor = auditor
    recyclesPids = seed % 3 != 0
  }

  // MARK: - Time

  var realTimeNanoseconds: Int64 {
    Self.epochNanoseconds + wallClockSeconds * 1_000_000_000 + now.nanoseconds
  }

  func advance(to time: MonotonicTime) {
    guard time > now else { return }
    if isServed { served += time - now }
    now = time
  }

  func after(milliseconds: Int, _ act: @escaping () -> Void) {
    let time = now + .milliseconds(milliseconds)
    let place = appointments.firstIndex { $0.time > time } ?? appointments.endIndex
    appointments.insert(Appointment(time: time, act: act), at: place)
  }

  var nextAppointment: MonotonicTime? { appointments.first?.time }

  /// - Returns: whether there was anything to do.
  func keepAppointments() -> Bool {
    guard let first = appointments.first, first.time <= now else { return false }
    appointments.removeFirst()
    first.act()
    return true
  }

  /// When the alarm goes off, as late as alarms do.
  var alarmDue: MonotonicTime? {
    isServed ? alarm.map { $0 + .milliseconds(alarmLatenessMilliseconds) } : nil
  }

  /// The daemon learns of an event.
  func begin(_ event: KernelEvent) {
    eventTime = now
    if case .received(let id, _) = event { peers[id]?.isHeard() }
    guard case .ended(let key, _) = event else { return }
    watched[key]?.isTold = true
    lost.remove(key)
  }

  /// What arrives with the next wake-up: ends first, with what an ended agent has said before it,
  /// the alarm last.
  func takeArrivals() -> [KernelEvent] {
    let all = arrivals
    arrivals = []
    var ends = all.filter { if case .ended = $0 { true } else { false } }
    if let due = alarmDue, due <= now, ends.isEmpty {
      alarm = nil
      return all + [.alarm]
    }
    guard !ends.isEmpty else { return all }
    let ended = Set(ends.compactMap { if case .ended(let key, _) = $0 { key } else { nil } })
    let lastWords = all.filter { event in
      guard case .received(let id, _) = event, let peer = peers[id]?.process else { return false }
      return ended.contains(peer)
    }
    ends = lastWords + ends
    arrivals = all.filter { event in
      switch event {
      case .ended: false
      case .received(let id, _): peers[id]?.process.map { !ended.contains($0) } ?? true
      default: true
      }
    }
    return ends
  }

  // MARK: - Death

  /// A death now would cost what nothing could bring back.
  var mustLive: Bool {
    isJournalHoled && (journalFailures > 0 || now <= holeTime + Self.mendingPatience)
  }

  /// Half an operation: the daemon may die before and after what an operation does.
  ///
  /// - Returns: whether it lives.
  func takeStep() -> Bool {
    guard !isDead else { return false }
    if operationMilliseconds > 0 { advance(to: now + .milliseconds(operationMilliseconds)) }
    guard let left = fuse, !mustLive else { return true }
    fuse = left - 1
    isDead = left <= 0
    return !isDead
  }

  /// Nothing of a daemon is left but its children.
  func daemonIsGone(to heir: Process.Parent) {
    isServed = false
    isDead = false
    fuse = nil
    alarm = nil
    arrivals = []
    watched = [:]
    lost = []
    spared = []
    probes = [:]
    isJournalTorn = false
    let broken = peers.sorted { $0.key.number < $1.key.number }.map(\.value)
    peers = [:]
    for peer in broken { peer.connectionIsGone() }
    inherit(from: .daemon, by: heir)
  }

  func inherit(from parent: Process.Parent, by heir: Process.Parent) {
    for process in processes.values.sorted(by: { $0.pid < $1.pid })
    where process.parent == parent && process.launch != nil {
      process.parent = heir
      if heir == .nobody, process.termination != nil { reap(process) }
    }
  }

  // MARK: - Processes

  func newProcess(_ launch: Launch?) -> Process {
    while processes[nextPid] != nil { passPid() }
    let process = Process(pid: nextPid, identity: nextIdentity, launch)
    nextIdentity += 1
    processes[process.pid] = process
    passPid()
    return process
  }

  private func passPid() {
    nextPid = nextPid < Self.pids.upperBound ? nextPid + 1 : Self.pids.lowerBound
  }

  /// Its pid is free, and another program may have it at once.
  func reap(_ process: Process) {
    guard !process.isReaped, process.termination != nil else { return }
    process.isReaped = true
    processes[process.pid] = nil
    guard recyclesPids, process.launch != nil,
      processes.values.count(where: { $0.launch == nil }) < 30
    else { return }
    let other = Process(pid: process.pid, identity: nextIdentity, nil)
    nextIdentity += 1
    other.hasRun = true
    other.parent = .nobody
    processes[other.pid] = other
  }

  /// The living process of an instance.
  func process(of name: String) -> Process? {
    processes.values.first { $0.isLiving && $0.launch != nil && $0.name == name }
  }

  func end(_ process: Process, _ termination: Termination) {
    guard process.termination == nil else { return }
    process.termination = termination
    guard let launch = process.launch else { return reap(process) }
    if process.hasRun { auditor.ended(process.name, process.incarnation, termination) }
    if process.parent == .nobody { reap(process) }
    for (id, peer) in peers.sorted(by: { $0.key.number < $1.key.number })
    where peer.process == launch.key {
      peers[id] = nil
      arrivals.append(.disconnected(id))
      peer.connectionIsGone()
    }
    // By whatever key the daemon knows it.
    for (key, watch) in watched where watch.process === process && !watch.isTold {
      arrivals.append(.ended(key, termination))
    }
  }

  /// A signal from whoever.
  func deliver(_ number: Int32, to process: Process) {
    guard process.isLiving else { return }
    if number == Signal.resume.number {
      process.isFrozen = false
      if let waiting = process.pendingSignal {
        process.pendingSignal = nil
        deliver(waiting, to: process)
      }
      return
    }
    guard number != Signal.kill.number else { return die(process, number) }
    guard !process.isFrozen else {
      process.pendingSignal = number
      return
    }
    guard [1, 2, 3, 11, 15].contains(number) else { return }
    obey(process, .signalled(number, coreDumped: false))
  }

  /// It is asked to end, and does as it wants.
  func obey(_ process: Process, _ termination: Termination) {
    switch wills[process.name] ?? .obeys {
    case .obeys: after(milliseconds: 1) { [unowned self] in end(process, termination) }
    case .takes(let span):
      after(milliseconds: span) { [unowned self] in end(process, termination) }
    case .ignores, .hangsInKernel: break
    }
  }

  private func die(_ process: Process, _ number: Int32) {
    if wills[process.name] == .hangsInKernel {
      process.isDoomed = true
    } else {
      end(process, .signalled(number, coreDumped: false))
    }
  }

  /// What hung in the kernel and was killed dies when it does not hang any more.
  func wills(_ name: String, _ will: Step.Will?) {
    wills[name] = will
    guard will != .hangsInKernel, let process = process(of: name), process.isDoomed else { return }
    end(process, .signalled(9, coreDumped: false))
  }

  // MARK: - Kernel

  /// What a bug to be found changes.
  func adopt(_ facts: ProcessFacts, as launch: Launch?) -> Bool {
    adopt(facts, as: launch, trustingPid: false)
  }

  func kill(_ key: ProcessKey) { killWatched(key) }

  func appendToJournal(_ lines: [UInt8]) -> Bool { write(lines, replacing: false) }

  func replaceJournal(_ lines: [UInt8]) -> Bool { write(lines, replacing: true) }
}

/// The other end of a connection.
protocol Peer: AnyObject {
  /// The agent's; nil for an operator.
  var process: ProcessKey? { get }
  func receive(_ bytes: [UInt8])
  /// The daemon takes in the next of what was said.
  func isHeard()
  func connectionIsGone()
}
