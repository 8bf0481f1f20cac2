import SupervConfig
import SupervProtocol
import SupervisionTree

// Taking over from a daemon that has died: its tree goes on, its processes are found again, and
// what it had decided and not done is done.

extension Daemon {
  /// What was decided in the life before and is told only now comes first, in its order.
  func recover(_ contents: JournalContents) {
    events.readmit(contents.telling).forEach(kernel.writeEvent)
    for one in contents.untold {
      switch one {
      case .note(let note): tell(decided(note))
      case .event(let event): announce(again: event)
      }
    }
    let expected = tree.expectedProcesses
    let found = expected.map { adopt($0, contents) }
    supervisord.members = [:]
    adoptPrograms()
    writeSnapshot()
    var reason = "superv \(supervVersion); \(found.count(where: \.self)) agents go on"
    if contents.damagedLineCount > 0 {
      reason += "; \(contents.damagedLineCount) lines of the journal could not be read"
    }
    tell(StoryEvent("daemon.recovered", .daemon, reason: reason)) { $0.pid = options.pid }
    limitStop()
    // It has died before it could begin.
    if tree.isUntouched { feed(.begin) }
    for (expected, isThere) in zip(expected, found) {
      resume(expected, isThere: isThere, contents)
    }
  }

  /// - Returns: whether there is a process, or was one whose end is still to come.
  private func adopt(_ expected: ExpectedProcess, _ contents: JournalContents) -> Bool {
    let key = ProcessKey(node: expected.node, incarnation: expected.incarnation)
    guard let facts = contents.process(key) else { return false }
    let slot = agents[key.node.index]
    let launch = slot.map {
      Launch(
        key: key, agent: $0.definition, environment: [], log: $0.log, errorLog: $0.errorLog,
        taps: taps(of: $0.definition))
    }
    guard kernel.adopt(facts, as: launch) else { return false }
    guard slot != nil else {
      // A reload has taken its agent out, and it is on its way out itself.
      departing[key.node] = facts
      return true
    }
    agents[key.node.index]?.process = AgentProcess(facts)
    resumeHealth(of: key, contents.health(of: key))
    return true
  }

  private func resume(
    _ expected: ExpectedProcess, isThere: Bool, _ contents: JournalContents
  ) {
    let (node, incarnation) = (expected.node, expected.incarnation)
    let key = ProcessKey(node: node, incarnation: incarnation)
    switch expected.state {
    case .starting where isThere: feed(.spawned(node, incarnation: incarnation))
    case .starting: carryOut([.spawn(node, incarnation: incarnation)])
    // The journal knows nothing of a process that must have been there.
    case .running where !isThere, .stopping where !isThere:
      feed(.exited(node, incarnation: incarnation, .unknown))
    case .running: break
    // It is told when it says hello again: nobody is connected now.
    case .stopping(.askToStop) where contents.hasHello(key): break
    case .stopping(.askToStop): feed(.stopUnheard(node, incarnation: incarnation))
    case .stopping(.signal(_, _, let number)) where contents.hasSignalled(key, number): break
    case .stopping(let effect): carryOut([effect])
    }
  }
}

// MARK: - After the end

extension Daemon {
  /// Tells what a daemon had still to tell that has died when its tree had ended.
  ///
  /// - Returns: what outlives it; nil when this superv cannot make its configuration any more.
  package static func conclude(
    _ contents: JournalContents, kernel: Machine, options: DaemonOptions
  ) -> DaemonMemory? {
    guard let configuration = contents.loadConfiguration() else { return nil }
    let daemon = Daemon(
      configuration, of: contents.configurations, kernel: kernel, options: options,
      memory: contents.memory, recovered: contents)
    daemon.begin()
    return daemon.memory
  }
}

// MARK: - On purpose

extension Daemon {
  /// Ends this daemon with its turn, and leaves everything as it is for the next one.
  ///
  /// - Throws: `RPCError` when there is nobody who would start another one, or nothing to go on
  ///   from.
  func handOver(to binary: String, askedBy id: ConnectionID) throws(RPCError) {
    guard options.keeperPid != nil else {
      throw RPCError(.unavailable, "no keeper is there to start another daemon")
    }
    // With all of the tree, which another program might not make of the configuration.
    writeSnapshot()
    guard journal.mendAt == nil else {
      throw RPCError(.unavailable, "the journal, from which another daemon goes on, is not written")
    }
    tell(StoryEvent("daemon.upgrading", .daemon, reason: binary)) { $0.peer = peer(id) }
    successor = binary
  }
}
