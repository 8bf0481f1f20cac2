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
  private var decisions: KeeperDecisions
  private var isOver: Int32?

  /// - Throws: `KeeperError` when another superv runs there, or something is missing.
  package init(_ settings: KeeperSettings) throws(KeeperError) {
    self.settings = settings
    let hasBegun = settings.lockDescriptor != nil
    decisions = KeeperDecisions(hasBegun: hasBegun, now: Clock.monotonicNanoseconds)
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
    if settings.lockDescriptor != nil { manager?.standIn() }
    decide(.time)
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
      decide(.time)
    }
  }

  private var patienceMilliseconds: Int32? {
    [decisions.nextStart, manager?.due].compactMap(\.self).min().map { due in
      Int32(clamping: max(0, (due - Clock.monotonicNanoseconds) / 1_000_000 + 1))
    }
  }

  /// Carries out what follows from an event.
  private func decide(_ event: KeeperDecisions.Event) {
    for action in decisions.handle(event, now: Clock.monotonicNanoseconds) {
      switch action {
      case .start(let executable, let takesOver): startDaemon(executable, takesOver: takesOver)
      case .signal(let signal):
        if let daemon { _ = try? Processes.send(signal, to: daemon.pidfd) }
      case .store(let name):
        guard let descriptor = daemon?.link.takeDescriptor() else { break }
        sockets.removeAll { $0.name == name }
        sockets.append((name, Stored(descriptor)))
      case .keepStrangers(let pids): strangers = strangers.filter { pids.contains($0.key) }
      case .dropStranger(let pid): strangers[pid] = nil
      case .rest: OwnMemory.giveBack(includingProgram: true)
      case .tellManager(let assignments): manager?.tell(assignments)
      case .standIn: manager?.standIn()
      case .standBack: manager?.daemonServes()
      case .complain(let text): complain(text)
      case .end(let status): isOver = status
      }
    }
  }

  // MARK: The daemon

  private func startDaemon(_ executable: String, takesOver: Bool) {
    defer { ready = nil }
    do throws(SpawnError) {
      let new = try DaemonProcess.start(
        executable, settings.daemonArguments + (takesOver ? ["--takes-over"] : []),
        lock: lock.number, ready: ready?.descriptor.number, inherited: inherited)
      try watch(new)
      daemon = new
      decide(.started(pid: new.pid))
    } catch {
      decide(.startFailed("\(error)"))
    }
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
      if let request = KeeperRequest(words: words) {
        decide(.said(request))
      } else {
        complain("the daemon says '\(words)', which is not understood")
      }
    }
  }

  private func takeEnd(of dead: DaemonProcess) {
    guard let status = (try? Processes.reap(dead.pidfd)) ?? nil else { return }
    try? poll.remove(dead.pidfd)
    try? poll.remove(dead.link.socket)
    daemon = nil
    decide(.ended(status))
  }

  // MARK: Signals and children

  private func takeSignals() {
    while let arrival = try? signals.next() {
      if arrival.signal != .child { decide(.signal(arrival.signal)) }
    }
  }

  /// What dead daemons have left, and what that leaves. What comes from a daemon that is just
  /// ending is for the next one.
  private func reapOthers() {
    guard let daemon else { return }
    while let pid = Processes.peekEnded(), decisions.mayReap(pid),
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
