import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree

// What the daemon sees of the machine. Every operation that leaves a trace is two steps: the daemon
// may die before it and after it.

extension Machine: Kernel {
  // MARK: Processes

  func start(_ launch: Launch) throws(LaunchError) -> ProcessFacts {
    let name = launch.agent.specification.name
    guard takeStep() else { throw LaunchError("superv is dead") }
    if let count = failingStarts[name], count > 0 {
      failingStarts[name] = count - 1
      auditor.failsToStart(name)
      throw LaunchError("exec /\(name): No such file or directory")
    }
    auditor.starts(name, launch.key.incarnation, in: self)
    let process = newProcess(launch)
    var facts = ProcessFacts(
      launch.key, pid: process.pid, startedAt: now, startedRealTimeNanoseconds: realTimeNanoseconds)
    facts.inode = process.identity
    let text = JournalEntry.startedText(launch.key)
    journal += Array("\(text.before)\(process.pid)\(text.after)".utf8)
    guard takeStep() else {
      // It sees that its parent is dead, and executes nothing.
      process.termination = .exited(code: 127)
      return facts
    }
    process.hasRun = true
    auditor.runs(name, launch.key.incarnation)
    watched[launch.key] = Watch(process: process, isAdopted: false)
    onRun(process)
    _ = takeStep()
    return facts
  }

  /// - Parameter trustingPid: whatever process has it now is taken for the one that is meant.
  func adopt(_ facts: ProcessFacts, as launch: Launch?, trustingPid: Bool) -> Bool {
    guard takeStep() else { return true }
    let found = strangers[facts.pid] ?? processes[facts.pid]
    guard let process = found, trustingPid || isSame(facts, process) else {
      lost.insert(facts.key)
      arrivals.append(.ended(facts.key, .unknown))
      return true
    }
    guard process.hasRun else { return false }
    watched[facts.key] = Watch(process: process, isAdopted: true)
    spared.append(process.pid)
    if let termination = process.termination { arrivals.append(.ended(facts.key, termination)) }
    _ = takeStep()
    return true
  }

  /// Of a process that has only written its pid, session and start time have to do, which nobody
  /// else's agree with.
  private func isSame(_ facts: ProcessFacts, _ process: Process) -> Bool {
    if let inode = facts.inode { return inode == process.identity }
    return process.launch?.key == facts.key
  }

  private func target(_ key: ProcessKey, of what: String) -> Process? {
    // It was not there any more, and the daemon is about to learn that.
    if lost.contains(key) { return nil }
    guard let watch = watched[key], !watch.isTold else {
      auditor.complain(.stranger, "\(what) for incarnation \(key.incarnation), which has ended")
      return nil
    }
    if watch.process.launch?.key != key {
      auditor.complain(.stranger, "\(what) goes to \(watch.process.name), pid \(watch.process.pid)")
    }
    return watch.process
  }

  func signal(_ key: ProcessKey, _ signal: Signal) {
    guard takeStep(), let process = target(key, of: "\(signal)") else { return }
    if signal != .resume { auditor.signalled(process, signal.number, in: self) }
    deliver(signal.number, to: process)
    _ = takeStep()
  }

  func killWatched(_ key: ProcessKey) {
    guard takeStep(), let process = target(key, of: "a kill") else { return }
    auditor.killed(process, in: self)
    deliver(Signal.kill.number, to: process)
    _ = takeStep()
  }

  func owner(ofProcess pid: Int32) -> ProcessKey? {
    processes[pid].flatMap { $0.isLiving ? $0.launch?.key : nil }
  }

  func beginSurvey() { arrivals.append(.surveyed(Survey())) }

  // MARK: Probes

  func startProbe(_ probe: ProbeID, _ kind: ProbeKind, as launch: Launch) {
    guard takeStep() else { return }
    let name = launch.agent.specification.name
    if watched[launch.key] == nil { auditor.complain(.stranger, "a probe of what does not run") }
    probes[probe] = name
    after(milliseconds: 2) { [unowned self] in
      guard probes.removeValue(forKey: probe) != nil else { return }
      let fails = failingProbes.contains(name) || process(of: name)?.isFrozen == true
      arrivals.append(.probeEnded(probe, fails ? .failed("connect: refused") : .passed))
    }
  }

  func cancelProbe(_ probe: ProbeID) { probes[probe] = nil }

  // MARK: Time

  func setAlarm(at time: MonotonicTime?) {
    guard !isDead else { return }
    alarm = time
  }

  func wait(_ events: inout [KernelEvent]) {
    preconditionFailure("the box takes the daemon's turns")
  }

  // MARK: Connections

  func send(_ bytes: [UInt8], to connection: ConnectionID) -> Bool {
    guard takeStep(), let peer = peers[connection] else { return false }
    if refusedSends > 0 {
      refusedSends -= 1
      return false
    }
    peer.receive(bytes)
    _ = takeStep()
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
    guard !isDead, let peer = peers.removeValue(forKey: connection) else { return }
    arrivals.append(.disconnected(connection))
    peer.connectionIsGone()
  }

  // MARK: The journal and the logs

  var boot: String { "this one" }

  func write(_ lines: [UInt8], replacing: Bool) -> Bool {
    guard takeStep() else { return true }
    let isWritten = writeJournal(lines, replacing: replacing)
    _ = takeStep()
    return isWritten
  }

  func writeEvent(_ line: [UInt8]) {
    guard takeStep() else { return }
    auditor.told(line, in: self)
    _ = takeStep()
  }

  func writeLog(_ line: [UInt8], to place: AgentLogPlace) -> Bool { logsAreOpen }
  func updateLog(_ settings: LogFileSettings) {}

  // MARK: Surroundings

  func environmentVariable(_ name: String) -> String? { nil }

  func readFile(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    // ENOENT, errno(3).
    throw SystemError("open", code: 2, subject: path)
  }

  func user(_ name: String) -> UserDatabase.User? { nil }
}
