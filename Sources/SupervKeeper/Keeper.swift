package import SupervSystem

// Above the daemon, and simpler than it: what goes wrong below must not go wrong here. The keeper
// starts the daemon, inherits what a dead one leaves (agents, their ends, the logger), keeps the
// sockets that people connect to, and starts another one. It parses nothing that an agent has said.
//
//   keeper ──spawns──▶ daemon ──dies──▶ its children become the keeper's; another daemon comes
//     └──dies──▶ the daemon turns itself into the keeper (execve: its children stay its own), and
//                starts another daemon
//
// An end that nobody has been told of stays a zombie: no list could be lost.

/// What a keeper is started with.
package struct KeeperSettings: Sendable {
  /// From `daemon` on, what every daemon is told.
  package var daemonArguments: [String]
  package var runtimeDirectory: String
  /// Where the first daemon says how its start went; nil when there is none.
  package var readyDescriptor: Int32?
  /// What a daemon that turned itself into this keeper has brought: the lock, its sockets, and the
  /// agents whose parent the keeper before it was.
  package var lockDescriptor: Int32?
  package var inherited: [InheritedDescriptor] = []

  package init(daemonArguments: [String], runtimeDirectory: String) {
    self.daemonArguments = daemonArguments
    self.runtimeDirectory = runtimeDirectory
  }
}

/// Keeps a daemon up until its tree has ended.
package final class Keeper {
  private enum Source: UInt64 {
    case signals = 1
    case daemon, link
  }

  /// What a daemon needs of the one before.
  private final class Stored {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
  }

  private let settings: KeeperSettings
  private let poll: EventPoll
  private let signals: SignalDescriptor
  private let lock: Descriptor
  private var ready: Stored?
  private var sockets: [(name: String, stored: Stored)] = []
  /// The agents that are nobody's children here, by pid: the keeper before was their parent.
  private var strangers: [Int32: Stored] = [:]
  private var daemon: DaemonProcess?
  private let manager: ManagerVoice?
  private var budget = RestartBudget()
  private var startAt: Int64?
  private var executable = DaemonExecutable()
  /// Whether any daemon has begun: before that, its failure is the answer to `superv start`.
  private var hasBegun: Bool
  /// A signal that came while there was no daemon.
  private var waitingSignal: Signal?
  private var isOver: Int32?

  /// - Throws: `KeeperError` when another superv runs there, or something is missing.
  package init(_ settings: KeeperSettings) throws(KeeperError) {
    self.settings = settings
    hasBegun = settings.lockDescriptor != nil
    if !hasBegun { ServiceManager.claimWatchdog() }
    manager = ServiceManager(Surroundings.environment).map { ManagerVoice($0) }
    do {
      lock =
        if let number = settings.lockDescriptor {
          Descriptor(owning: number)
        } else {
          try Self.lock(settings.runtimeDirectory)
        }
      try Signal.pipe.ignore()
      poll = try EventPoll()
      signals = try SignalDescriptor([.child, .hangUp] + InitRole.stopSignals)
      try poll.add(signals.descriptor, token: Source.signals.rawValue, for: .readable)
      try Processes.becomeSubreaper()
    } catch let error as KeeperError {
      throw error
    } catch {
      throw KeeperError("\(error)")
    }
    ready = settings.readyDescriptor.map { Stored(Descriptor(owning: $0)) }
    for one in settings.inherited {
      let stored = Stored(Descriptor(owning: one.number))
      if let pid = one.process {
        strangers[pid] = stored
      } else {
        sockets.append((one.name, stored))
      }
    }
  }

  private static func lock(_ directory: String) throws(KeeperError) -> Descriptor {
    do {
      try Files.makeDirectories(directory, mode: 0o700)
      if let lock = try RuntimeLock.take(in: directory) { return lock }
    } catch {
      throw KeeperError("runtime_dir cannot be used: \(error)")
    }
    throw KeeperError(RuntimeLock.refusal(in: directory))
  }

  /// Starts a daemon, and another one whenever it dies.
  ///
  /// - Returns: the exit status for which the last one has asked.
  package func run() -> Int32 {
    hideMemory()
    // Of a keeper that was the daemon the manager does not know yet.
    manager?.tell("MAINPID=\(Processes.ownPid)")
    if hasBegun { manager?.standIn() }
    startDaemon()
    var events: [EventPoll.Event] = []
    while true {
      if let isOver { return isOver }
      do {
        try poll.wait(&events, timeoutMilliseconds: patienceMilliseconds)
      } catch {
        preconditionFailure("\(error)")
      }
      // What it has said before it died comes first.
      if let daemon { listen(to: daemon) }
      if let daemon, events.contains(where: { $0.token == Source.daemon.rawValue }) {
        takeEnd(of: daemon)
      }
      takeSignals()
      reapOthers()
      manager?.advance()
      if let due = startAt, due <= Clock.monotonicNanoseconds { startDaemon() }
    }
  }

  private var patienceMilliseconds: Int32? {
    [startAt, manager?.due].compactMap(\.self).min().map { due in
      Int32(clamping: max(0, (due - Clock.monotonicNanoseconds) / 1_000_000 + 1))
    }
  }

  // MARK: The daemon

  private func startDaemon() {
    startAt = nil
    do throws(SpawnError) {
      let new = try DaemonProcess.start(
        executable.path, settings.daemonArguments + (hasBegun ? ["--takes-over"] : []),
        lock: lock.number, ready: ready?.descriptor.number, inherited: inherited)
      try watch(new)
      daemon = new
    } catch {
      startFailed("the daemon cannot be started: \(error)")
    }
    ready = nil
  }

  private var inherited: [InheritedDescriptor] {
    sockets.map { .init(name: $0.name, number: $0.stored.descriptor.number) }
      + strangers.map { .init(process: $0.key, number: $0.value.descriptor.number) }
  }

  private func watch(_ new: DaemonProcess) throws(SpawnError) {
    do {
      try poll.add(new.pidfd, token: Source.daemon.rawValue, for: .readable)
      try poll.add(new.link.socket, token: Source.link.rawValue, for: .readable)
    } catch {
      _ = try? Processes.send(.kill, to: new.pidfd)
      throw SpawnError(stage: .clone, code: error.code, subject: "epoll")
    }
  }

  private func listen(to daemon: DaemonProcess) {
    while case .words(let words) = daemon.link.receive() {
      switch KeeperRequest(words: words) {
      case .beginning: hasBegun = true
      case .serving:
        hasBegun = true
        daemon.isServing = true
        executable.hasServed()
        manager?.daemonServes()
        // The ends of all others are in the journal.
        strangers = strangers.filter { daemon.spared.contains($0.key) }
        // From now on it hardly does anything, for long.
        OwnMemory.giveBack(includingProgram: true)
        if let signal = waitingSignal { forward(signal) }
      case .store(let name):
        guard let descriptor = daemon.link.takeDescriptor() else { continue }
        sockets.removeAll { $0.name == name }
        sockets.append((name, Stored(descriptor)))
      case .spare(let pids): daemon.spared.formUnion(pids)
      case .reap(let pid):
        daemon.spared.remove(pid)
        strangers[pid] = nil
      case .execute(let path):
        executable.change(to: path)
        daemon.hasHandedOver = true
      case .notify(let assignments): manager?.tell(assignments)
      case .again: daemon.beginsAnew = true
      case .done(let status): daemon.doneStatus = status
      case nil: complain("the daemon says '\(words)', which is not understood")
      }
    }
  }

  private func takeEnd(of dead: DaemonProcess) {
    guard let status = (try? Processes.reap(dead.pidfd)) ?? nil else { return }
    try? poll.remove(dead.pidfd)
    try? poll.remove(dead.link.socket)
    daemon = nil
    if dead.doneStatus == nil, hasBegun { manager?.standIn() }
    if let asked = dead.doneStatus {
      isOver = asked
    } else if dead.beginsAnew {
      startAt = Clock.monotonicNanoseconds
    } else if dead.hasHandedOver {
      complain("the daemon (pid \(dead.pid)) hands over to \(executable.path)")
      startAt = Clock.monotonicNanoseconds
    } else if !hasBegun {
      // It has said why itself, where it could.
      isOver = if case .exited(let code) = status { max(1, code) } else { 1 }
    } else {
      startFailed("the daemon (pid \(dead.pid)) ended unasked: \(status)")
    }
  }

  /// The first one after a quiet time comes at once; others wait longer and longer.
  private func startFailed(_ why: String) {
    guard hasBegun else {
      complain(why)
      isOver = 1
      return
    }
    if executable.revert() {
      complain("\(why); the program before it is started again")
      startAt = Clock.monotonicNanoseconds
      return
    }
    let now = Clock.monotonicNanoseconds
    let (delay, isSpent) = budget.spend(now)
    startAt = now + delay
    if isSpent {
      complain(
        "\(why); that is too often. The agents go on, and nobody restarts them. Another attempt in "
          + "\(delay / 1_000_000_000) s")
    } else {
      complain("\(why); another one takes over")
    }
  }

  // MARK: Signals and children

  private func takeSignals() {
    while let arrival = try? signals.next() {
      if arrival.signal != .child { forward(arrival.signal) }
    }
  }

  /// People signal the keeper, whose pid they see, and mean the tree. The daemon is never process 1
  /// and knows fewer signals.
  private func forward(_ arrived: Signal) {
    let signal: Signal = arrived == .hangUp || arrived == .interrupt ? arrived : .terminate
    let isSecond = waitingSignal == signal
    waitingSignal = nil
    // One that does not listen yet would die of it: that is for whoever asks twice.
    if let daemon, daemon.isServing || isSecond {
      _ = try? Processes.send(signal, to: daemon.pidfd)
    } else {
      waitingSignal = signal
      if daemon == nil { startAt = Clock.monotonicNanoseconds }
    }
  }

  /// What dead daemons have left, and what that leaves. An agent waits for the line about its end;
  /// what comes from a daemon that is just ending is for the next one.
  private func reapOthers() {
    guard let daemon, daemon.isServing else { return }
    while let pid = Processes.peekEnded(), pid != daemon.pid, !daemon.spared.contains(pid),
      !Processes.isEnding(daemon.pid)
    {
      guard (try? Processes.reap(pid: pid)) != nil else { return }
    }
  }
}

/// Why no keeper can be, for people.
package struct KeeperError: Error, CustomStringConvertible {
  package var description: String

  init(_ description: String) { self.description = description }
}
