import SupervConfig
import SupervSystem
import SupervisionTree

// The start of an agent's process, and finding one that an earlier daemon has started.

extension LinuxKernel {
  package func start(_ launch: Launch) throws(LaunchError) -> ProcessFacts {
    let pipes = if let spare = parts.sparePipes.popLast() { spare } else { try LogPipes() }
    let input = launch.agent.standardInput == .pipe ? try AgentInput() : nil
    var request = try parts.processes.request(launch, pipes)
    if let input { request.standardInput = .descriptor(input.number) }
    if case .socket(let socket) = launch.agent.standardInput {
      request.standardInput = .descriptor(try parts.sharedSockets.number(of: socket))
    }
    let record = JournalEntry.startedText(launch.key)
    request.record = .init(
      journal: parts.journal.number, before: record.before, after: record.after)
    try openTaps(launch, pipes)
    let output = parts.logs.prepare(
      launch.origin, launch.log, errors: launch.errorLog, pipes, except: launch.taps)
    let inodes = [pipes.output.inode, pipes.errors.inode]
    do {
      let group = try parts.trees.prepare(launch, &request)
      var facts =
        if let number = launch.agent.health.notifyDescriptor {
          try start(launch, request, notifyDescriptor: number)
        } else {
          try parts.processes.start(launch, request, poll)
        }
      withExtendedLifetime((group, input)) {}
      facts.outputInodes = inodes
      parts.trees.begin(launch, pid: facts.pid)
      parts.limits.begin(launch, pid: facts.pid, parts.trees.groups)
      parts.logs.settle(output, pid: facts.pid)
      parts.taps.identify(launch.key, pid: facts.pid)
      return facts
    } catch {
      parts.trees.abandon(launch.key)
      parts.logs.settle(output, pid: nil)
      parts.taps.forget(launch.key, poll)
      throw error
    }
  }

  package func adopt(_ process: ProcessFacts, as launch: Launch?) -> Bool {
    do {
      switch try parts.processes.adopt(process, as: launch, poll) {
      case .neverRan: return false
      case .isWatched:
        parts.keeper?.spare(process.pid)
        adoptOutput(of: process, launch)
        guard let launch else { return true }
        parts.trees.begin(launch, pid: process.pid)
        parts.limits.begin(launch, pid: process.pid, parts.trees.groups)
        return true
      case .isGone: break
      }
    } catch {
      // It cannot be watched, so it must not live.
      _ = try? Processes.send(.kill, toGroup: process.pid)
    }
    if let launch {
      parts.trees.begin(launch, pid: process.pid)
      parts.trees.leaderEnded(process.key, .unknown, now)
    } else {
      parts.unseenEnds.append(process.key)
    }
    return true
  }

  /// What its logger does not have, if that died as well, is looked for at the process itself.
  private func adoptOutput(of process: ProcessFacts, _ launch: Launch?) {
    guard let launch else { return }
    var origin = launch.origin
    origin.processID = process.pid
    adoptTaps(launch, of: process, origin)
    guard process.outputInodes.count == 2 else { return }
    var running = RunningOutput(
      origin: origin, file: launch.log, outputInode: process.outputInodes[0],
      errorsInode: process.outputInodes[1])
    running.errorFile = launch.errorLog
    running.taps = launch.taps
    parts.logs.adoptStreams([running])
  }

  package var probePids: [Int32] { parts.probes.pids.sorted() }

  package func appendToJournal(_ lines: [UInt8]) -> Bool { parts.journal.append(lines) }

  package func replaceJournal(_ lines: [UInt8]) -> Bool {
    parts.hasMemoryToGiveBack = true
    return parts.journal.replace(lines)
  }

  private func start(
    _ launch: Launch, _ request: SpawnRequest, notifyDescriptor number: Int32
  ) throws(LaunchError) -> ProcessFacts {
    var request = request
    let writer: Descriptor
    do {
      writer = try parts.notifyPipes.open(launch.key, poll)
    } catch {
      throw LaunchError("notify_fd: \(error)")
    }
    request.extraDescriptors = [.init(source: writer.number, target: number)]
    do {
      return try parts.processes.start(launch, request, poll)
    } catch {
      parts.notifyPipes.close(launch.key, poll)
      throw error
    }
  }
}
