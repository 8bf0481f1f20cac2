import SupervConfig
import SupervSystem
import SupervisionTree

/// The processes of agents that run: who they are, and how each is watched.
final class ProcessTable {
  private final class Entry {
    let key: ProcessKey
    let pid: Int32
    let pidfd: Descriptor
    /// Whether an earlier daemon has started it: then it need not be our child.
    let isAdopted: Bool
    /// Signals are for it alone, and not for its process group.
    let isSignalledAlone: Bool

    init(_ launch: Launch, _ process: consuming SpawnedProcess) {
      key = launch.key
      pid = process.pid
      pidfd = process.takeDescriptor()
      isAdopted = false
      isSignalledAlone = launch.isSignalledAlone
    }

    init(
      adopting key: ProcessKey, pid: Int32, _ pidfd: consuming Descriptor, as launch: Launch?
    ) {
      self.key = key
      self.pid = pid
      self.pidfd = pidfd
      isAdopted = true
      isSignalledAlone = launch?.isSignalledAlone ?? false
    }
  }

  private var entries: [UInt64: Entry] = [:]
  private var numbers: [ProcessKey: UInt64] = [:]
  /// Of the processes that superv has started, and that lead a session each.
  private var pids: [Int32: ProcessKey] = [:]
  /// To be reaped once their end is in the journal: until then a daemon after this one has to be
  /// able to find it.
  private var ended: [ProcessKey: Entry] = [:]
  private var endedPids: Set<Int32> = []
  private var nextNumber: UInt64 = 1
  /// What superv itself was given before it raised its own: agents get that.
  private let openFiles: ProcessLimit
  /// Who is who among those that have left session and parents.
  let groups: AgentCgroups
  let sandbox = AgentSandbox()
  private let inherited: InheritedDescriptors

  init(openFiles: ProcessLimit, groups: AgentCgroups, inherited: InheritedDescriptors) {
    self.openFiles = openFiles
    self.groups = groups
    self.inherited = inherited
  }

  /// What the kernel is asked for to start an agent.
  func request(_ launch: Launch, _ pipes: LogPipes) throws(LaunchError) -> SpawnRequest {
    var request = try request(launch, command: launch.agent.command)
    if case .path(let path) = launch.agent.standardInput { request.standardInput = .path(path) }
    request.standardOutput = pipes.output.writerNumber
    request.standardError =
      launch.agent.program?.redirectsErrors == true
      ? pipes.output.writerNumber : pipes.errors.writerNumber
    return request
  }

  /// A command run as an agent is; the agent itself is one.
  func request(_ launch: Launch, command: [String]) throws(LaunchError) -> SpawnRequest {
    let agent = launch.agent
    var request = SpawnRequest(command: command, environment: launch.environment)
    request.directory = agent.directory
    request.umask = agent.umask
    request.nice = agent.nice
    request.limits = limits(agent.limits)
    request.identity = try agent.identity()
    return request
  }

  private func limits(_ wanted: [ResourceLimit]) -> [ProcessLimit] {
    let limits = wanted.compactMap { limit in
      ProcessLimit.Resource(rawValue: limit.resource.rawValue).map { resource in
        ProcessLimit(
          resource, soft: limit.soft ?? ProcessLimit.unlimited,
          hard: limit.hard ?? ProcessLimit.unlimited)
      }
    }
    return limits.contains { $0.resource == .nofile } ? limits : limits + [openFiles]
  }

  func start(
    _ launch: Launch, _ request: SpawnRequest, _ poll: borrowing EventPoll
  ) throws(LaunchError) -> ProcessFacts {
    let entry = Entry(launch, try sandbox.start(request, launch.agent))
    var facts = ProcessFacts(
      launch.key, pid: entry.pid, startedAt: MonotonicTime(nanoseconds: Clock.monotonicNanoseconds),
      startedRealTimeNanoseconds: Clock.realTimeNanoseconds)
    facts.inode = Processes.inode(of: entry.pidfd)
    if facts.inode == nil { facts.startTime = ProcessIdentity.of(entry.pid)?.startTime }
    do {
      try watch(entry, poll)
    } catch {
      // Nobody would see its end, so it must not live.
      _ = try? Processes.send(.kill, toGroup: entry.pid)
      throw LaunchError("\(error)")
    }
    return facts
  }

  private func watch(_ entry: Entry, _ poll: borrowing EventPoll) throws(SystemError) {
    let number = nextNumber
    try poll.add(entry.pidfd, token: LinuxKernel.Source.process.token(number), for: .readable)
    nextNumber += 1
    entries[number] = entry
    numbers[entry.key] = number
    pids[entry.pid] = entry.key
  }

  /// Learns how a process has ended, which stays there until `close`. What is left of its group
  /// goes with it: as long as the dead leader is not reaped, the number of the group cannot be
  /// anybody else's.
  func takeEnd(
    _ number: UInt64, _ poll: borrowing EventPoll
  ) -> (ProcessKey, Termination)? {
    guard let entry = entries[number] else { return nil }
    // Of a leader that somebody else has reaped the number may be another's by now.
    if !entry.isAdopted || Processes.isUnreaped(entry.pidfd) {
      _ = try? Processes.send(.kill, toGroup: entry.pid)
    }
    let termination: Termination
    do {
      guard let status = try Processes.peek(entry.pidfd) else { return nil }
      termination = Termination(status)
    } catch {
      let status = Processes.learnEnd(of: entry.pid, entry.pidfd)
      termination = status.map(Termination.init) ?? .unknown
    }
    entries[number] = nil
    try? poll.remove(entry.pidfd)
    ended[entry.key] = entry
    endedPids.insert(entry.pid)
    numbers[entry.key] = nil
    pids[entry.pid] = nil
    return (entry.key, termination)
  }

  // MARK: Processes of an earlier daemon

  /// So long a process may be between its clone and its exec.
  private static let patienceMilliseconds: Int64 = 2000

  /// Watches a process that an earlier daemon has started, if it is still the same one.
  func adopt(
    _ facts: ProcessFacts, as launch: Launch?, _ poll: borrowing EventPoll
  ) throws(SystemError) -> Adoption {
    let found: Descriptor? =
      if let given = inherited.take(process: facts.pid) {
        given
      } else {
        try Processes.open(pid: facts.pid)
      }
    guard let pidfd = found, isSame(facts, pidfd) else { return .isGone }
    // Its daemon may have died between its clone and its exec, which it then does not reach.
    var (patience, hasEnded) = (Self.patienceMilliseconds, try pidfd.wait(timeoutMilliseconds: 0))
    while !hasEnded, patience > 0, Processes.isBeforeExec(facts.pid) {
      hasEnded = try pidfd.wait(timeoutMilliseconds: 1)
      patience -= 1
    }
    if !hasEnded || Processes.isUnreaped(pidfd), Processes.isBeforeExec(facts.pid) {
      // A file system that hangs under its program: it would run beside its replacement one day.
      try Processes.send(.kill, to: pidfd)
      return .neverRan
    }
    try watch(Entry(adopting: facts.key, pid: facts.pid, pidfd, as: launch), poll)
    return .isWatched
  }

  enum Adoption {
    case isWatched, isGone, neverRan
  }

  private func isSame(_ facts: ProcessFacts, _ pidfd: borrowing Descriptor) -> Bool {
    if let inode = facts.inode { return Processes.inode(of: pidfd) == inode }
    guard let record = ProcessRecord.of(facts.pid) else { return false }
    if let startTime = facts.startTime { return record.startTime == startTime }
    // All that it has written itself is its pid: it leads a session or has not come to that, and is
    // no older than the decision to start it.
    let isOnItsWay = record.parent == Processes.parentPid && Processes.isBeforeExec(facts.pid)
    return (record.session == facts.pid || isOnItsWay)
      && record.startTime >= Clock.ticks(atMonotonicNanoseconds: facts.startedAt.nanoseconds)
  }

  /// Those that an earlier daemon has started and whose ends are not in the journal, for a daemon
  /// that comes when their parent is dead: process 1 does not keep how they end.
  var adopted: [InheritedDescriptor] {
    (Array(entries.values) + Array(ended.values)).filter(\.isAdopted).map {
      InheritedDescriptor(process: $0.pid, number: $0.pidfd.number)
    }
  }

  func isRunning(_ key: ProcessKey) -> Bool { numbers[key] != nil }

  /// The processes of agents, by pid.
  var roots: [Int32: ProcessKey] { pids }

  /// Those whose end the daemon has not taken in included.
  var count: Int { entries.count + ended.count }

  /// Whether it is a child that a pidfd stands for, or did until its end is taken in.
  func has(_ pid: Int32) -> Bool { pids[pid] != nil || endedPids.contains(pid) }

  /// The end of this process is in the journal, and it is not needed any more.
  ///
  /// - Returns: its pid when it is for the keeper to reap.
  func close(_ key: ProcessKey) -> Int32? {
    guard let entry = ended.removeValue(forKey: key) else { return nil }
    endedPids.remove(entry.pid)
    if entry.isAdopted { return entry.pid }
    _ = try? Processes.reap(entry.pidfd)
    return nil
  }

  /// A new end of a pipe that superv has given to a process that runs, by its number there; nil
  /// when it does not have it there any more.
  ///
  /// - Throws: `SystemError` when the process is not ours to look into, or no descriptor is left.
  func openPipe(
    _ number: Int32, of key: ProcessKey, _ flags: Files.OpenFlags
  ) throws(SystemError) -> Descriptor? {
    guard let entry = numbers[key].flatMap({ entries[$0] }), Processes.isUnreaped(entry.pidfd),
      let end = try GivenPipe.open(number, of: entry.pid, flags),
      // Only until now its pid was certainly nobody else's.
      Processes.isUnreaped(entry.pidfd)
    else { return nil }
    return end
  }

  func signal(_ key: ProcessKey, _ signal: Signal) {
    guard let number = numbers[key], let entry = entries[number] else { return }
    if entry.isSignalledAlone {
      _ = try? Processes.send(signal, to: entry.pidfd)
    } else {
      _ = try? Processes.send(signal, toGroup: entry.pid)
    }
  }

  /// Reaps children that no pidfd stands for: descendants of agents that came to superv when their
  /// parents died.
  ///
  /// - Parameter isWatched: whether somebody else has a pidfd of this child.
  /// - Returns: false when one that has a pidfd stands before others: the kernel names the same one
  ///   until it is reaped, which its pidfd sees to.
  @discardableResult
  func reapOrphans(except isWatched: (Int32) -> Bool) -> Bool {
    while let pid = Processes.peekEnded() {
      if has(pid) || isWatched(pid) { return false }
      guard (try? Processes.reap(pid: pid)) != nil else { break }
    }
    return true
  }
}

extension Launch {
  fileprivate var isSignalledAlone: Bool { agent.signalTarget == .process }
}

extension LaunchError {
  /// With what to do about it, where the call and its error do not say.
  init(_ error: SpawnError, _ sandbox: SandboxSettings) {
    let isDenied = SystemError(error.stage.call, code: error.code).isDenied
    let advice =
      switch error.stage {
      case .groups, .group, .user: "; `user` needs a superv that runs as root"
      case .limits: "; a limit above superv's own hard limit needs a superv that runs as root"
      case .nice: "; a `nice` below superv's own needs a superv that runs as root"
      case .bounding, .capabilities: "; only those that superv has itself can be kept"
      case .exec where sandbox.policy != .off && sandbox.read != nil:
        "; `sandbox.read` has to hold the program, its interpreter and their libraries"
      case .clone, .cgroup, .session, .signals, .privileges, .landlock, .descriptors, .umask,
        .directory, .input, .mask, .parent, .exec:
        ""
      }
    self.init(isDenied ? "\(error)\(advice)" : "\(error)")
  }
}

extension Termination {
  init(_ status: ExitStatus) {
    switch status {
    case .exited(let code): self = .exited(code: code)
    case .signalled(let number, let coreDumped):
      self = .signalled(number, coreDumped: coreDumped)
    }
  }
}
