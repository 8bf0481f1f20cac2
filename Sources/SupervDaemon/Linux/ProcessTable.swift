import SupervConfig
import SupervSystem
import SupervisionTree

/// The processes of agents that run: who they are, and how each is watched.
final class ProcessTable {
  private final class Entry {
    let key: ProcessKey
    let pid: Int32
    let pidfd: Descriptor

    init(_ key: ProcessKey, _ process: consuming SpawnedProcess) {
      self.key = key
      pid = process.pid
      pidfd = process.takeDescriptor()
    }
  }

  private var entries: [UInt64: Entry] = [:]
  private var numbers: [ProcessKey: UInt64] = [:]
  /// Of the processes that superv has started, and that lead a session each.
  private var pids: [Int32: ProcessKey] = [:]
  /// Reaped, and still open.
  private var ended: [Entry] = []
  private var nextNumber: UInt64 = 1
  /// What superv itself was given before it raised its own: agents get that.
  private let openFiles: ProcessLimit
  /// Who is who among those that have left session and parents.
  let groups: AgentCgroups

  init(openFiles: ProcessLimit, groups: AgentCgroups) {
    self.openFiles = openFiles
    self.groups = groups
  }

  /// What the kernel is asked for to start an agent.
  func request(_ launch: Launch, _ pipes: LogPipes) throws(LaunchError) -> SpawnRequest {
    var request = try request(launch, command: launch.agent.command)
    request.standardInput = .path(launch.agent.standardInput)
    request.standardOutput = pipes.output.writerNumber
    request.standardError = pipes.errors.writerNumber
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
    if let user = agent.user {
      do {
        request.identity = try UserDatabase.ofSystem().identity(user)
      } catch let error as UserDatabase.LookupError {
        throw LaunchError("user: \(error)")
      } catch {
        throw LaunchError("user \(user): \(error)")
      }
    }
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
    _ key: ProcessKey, _ request: SpawnRequest, _ poll: borrowing EventPoll
  ) throws(LaunchError) -> Int32 {
    let entry: Entry
    do {
      entry = Entry(key, try spawn(request))
    } catch {
      throw LaunchError(error)
    }
    let number = nextNumber
    do {
      try poll.add(
        entry.pidfd, token: LinuxKernel.Source.process.token(number), for: .readable)
    } catch {
      // Nobody would see its end, so it must not live.
      _ = try? Processes.send(.kill, toGroup: entry.pid)
      throw LaunchError("\(error)")
    }
    nextNumber += 1
    entries[number] = entry
    numbers[key] = number
    pids[entry.pid] = key
    return entry.pid
  }

  /// Takes the status of a process that has ended. What is left of its group goes with it: as long
  /// as the dead leader is not reaped, the number of the group cannot be anybody else's.
  func reap(_ number: UInt64) -> (ProcessKey, Termination)? {
    guard let entry = entries[number] else { return nil }
    _ = try? Processes.send(.kill, toGroup: entry.pid)
    let termination: Termination
    do {
      guard let status = try Processes.reap(entry.pidfd) else { return nil }
      termination = Termination(status)
    } catch {
      termination = .unknown
    }
    entries[number] = nil
    ended.append(entry)
    numbers[entry.key] = nil
    pids[entry.pid] = nil
    return (entry.key, termination)
  }

  func isRunning(_ key: ProcessKey) -> Bool { numbers[key] != nil }

  /// The processes of agents, by pid.
  var roots: [Int32: ProcessKey] { pids }

  /// Lets go of those that have been reaped, when nothing is more urgent.
  func closeEnded(_ poll: borrowing EventPoll) {
    for entry in ended { try? poll.remove(entry.pidfd) }
    ended.removeAll()
  }

  func signal(_ key: ProcessKey, _ signal: Signal) {
    guard let number = numbers[key], let entry = entries[number] else { return }
    _ = try? Processes.send(signal, toGroup: entry.pid)
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
      if pids[pid] != nil || isWatched(pid) { return false }
      guard (try? Processes.reap(pid: pid)) != nil else { break }
    }
    return true
  }
}

extension LaunchError {
  /// With what to do about it, where the call and its error do not say.
  init(_ error: SpawnError) {
    let isDenied = SystemError(error.stage.call, code: error.code).isDenied
    let advice =
      switch error.stage {
      case .groups, .group, .user: "; `user` needs a superv that runs as root"
      case .limits: "; a limit above superv's own hard limit needs a superv that runs as root"
      case .nice: "; a `nice` below superv's own needs a superv that runs as root"
      case .clone, .cgroup, .session, .signals, .descriptors, .umask, .directory, .input, .mask,
        .exec:
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
