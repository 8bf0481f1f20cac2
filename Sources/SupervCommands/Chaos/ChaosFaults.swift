import SupervChaos
import SupervConfig
import SupervProtocol
import SupervSystem

// The faults, one after the other as the schedule has them.

extension ChaosRun {
  /// One that was asked to end and does not is said to ignore it.
  private static var termPatienceSeconds: Double { 3 }
  /// The guard starts an agent again that chaos, dead, has stopped.
  private static var upMilliseconds: Int64 { 60_000 }
  /// A file system that the rest of the machine uses as well keeps so much.
  private static var keptPart: Int64 { 20 }

  func beginFaults() {
    while let planned = schedule.first, Double(planned.atMilliseconds) / 1000 <= now {
      // Whoever is hit has to be known; while superv is being replaced faults wait in their order.
      guard isCurrent, watch.isOpen, rebirth == nil else { return }
      schedule.removeFirst()
      let record = FaultRecord(planned, atSeconds: now)
      verdict.lastFault = planned.number
      if let reason = begin(planned, record) { recovery.spare(record, because: reason) }
    }
  }

  /// - Returns: why it was not carried out.
  private func begin(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    switch fault.kind {
    case .agentKill: return signalAgent(fault, record, .kill)
    case .agentTerm: return signalAgent(fault, record, .terminate)
    case .agentStop: return stopAgent(fault, record)
    case .manualStop: return stopByHand(fault, record)
    case .flood: return beginFlood(fault, record)
    case .cpuHog: return disturb(fault, record, .cpu)
    case .memoryHog: return disturb(fault, record, .memory)
    case .dropAnswers: return disturb(fault, record, .drop)
    case .delayAnswers: return disturb(fault, record, .delay)
    case .duplicateAnswers: return disturb(fault, record, .duplicate)
    case .clockStep: return disturb(fault, record, .clock)
    case .daemonKill, .keeperKill, .bothKill, .daemonTerm, .keeperTerm:
      return hitSuperv(fault, record)
    case .diskFull: return fillDisk(fault, record)
    case .noDescriptors: return takeDescriptors(fault, record)
    case .reload:
      recovery.begin(record)
      running[fault.number] = Running(planned: fault, endSeconds: nil)
      ask(.reload, ReloadParams(plan: false), .end(fault.number))
      return nil
    }
  }

  private func hold(_ fault: PlannedFault, _ record: FaultRecord) {
    recovery.begin(record)
    running[fault.number] = Running(
      planned: fault, endSeconds: now + Double(fault.lastsMilliseconds) / 1000)
  }

  // MARK: Agents

  /// The process of the target, if it runs as status has said.
  private func process(
    of fault: PlannedFault
  ) -> (identity: ProcessIdentity, incarnation: EventJudge.Incarnation)? {
    guard let name = fault.target, let view = views[name], view.isRunning,
      let agent = snapshot.facts.agents.first(where: { $0.name == name }),
      agent.incarnation == view.incarnation, let pid = agent.pid,
      let identity = snapshot.identities[pid]
    else { return nil }
    return (identity, .init(agent: name, number: agent.incarnation))
  }

  /// Whether its supervisor could not pay for one more restart.
  private func isPoor(_ name: String) -> Bool {
    guard let agent = tree[agent: name],
      let supervisor = snapshot.status.supervisors.first(where: { $0.name == agent.supervisor })
    else { return false }
    return supervisor.restartsInPeriod + 1 >= supervisor.intensity
  }

  private func signalAgent(
    _ fault: PlannedFault, _ record: FaultRecord, _ signal: Signal
  ) -> String? {
    guard let (identity, incarnation) = process(of: fault) else { return "it does not run" }
    if isPoor(incarnation.agent) { return "its supervisor's budget is nearly spent" }
    guard let pidfd = (try? identity.open()) ?? nil else { return "it has just ended" }
    events.sends(signal.number, to: incarnation)
    recovery.begin(record, replacing: signal == .kill ? incarnation.number : nil)
    guard (try? Processes.send(signal, to: pidfd)) == true else {
      recovery.note(fault.number, "it had just ended")
      recovery.end(fault.number, seconds: now)
      return nil
    }
    if signal == .kill {
      views[incarnation.agent]?.isRunning = false
      recovery.end(fault.number, seconds: now)
    } else {
      running[fault.number] = Running(
        planned: fault, endSeconds: now + Self.termPatienceSeconds, incarnation: incarnation)
    }
    return nil
  }

  private func stopAgent(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    guard let (identity, incarnation) = process(of: fault) else { return "it does not run" }
    let order = "stop \(identity.pid) \(identity.startTime) \(fault.lastsMilliseconds)"
    guard guardian.order(fault.number, order) else { return "the guard is gone" }
    hold(fault, record)
    running[fault.number]?.process = identity
    running[fault.number]?.incarnation = incarnation
    return nil
  }

  private func stopByHand(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    guard let (_, incarnation) = process(of: fault) else { return "it does not run" }
    let order =
      "up \(fault.lastsMilliseconds + Self.upMilliseconds) \(incarnation.agent) \(socket)"
    guard guardian.order(fault.number, order) else { return "the guard is gone" }
    hold(fault, record)
    ask(.down, NamesParams(names: [incarnation.agent]), .other)
    return nil
  }

  private func disturb(
    _ fault: PlannedFault, _ record: FaultRecord, _ kind: DaemonFault
  ) -> String? {
    if let name = fault.target, views[name]?.isRunning != true { return "it does not run" }
    hold(fault, record)
    let params = ChaosDisturbParams(
      kind, agent: fault.target, forMilliseconds: fault.lastsMilliseconds, amount: fault.amount)
    ask(.chaosDisturb, params, .fault(fault.number))
    return nil
  }

  // MARK: superv

  private func hitSuperv(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    let daemon = snapshot.status.daemon
    guard let keeperPid = daemon.keeperPID else { return "there is no keeper" }
    let isForDaemon = fault.kind == .daemonKill || fault.kind == .daemonTerm
    let both = fault.kind == .bothKill
    let pids = both ? [keeperPid, daemon.pid] : [isForDaemon ? daemon.pid : keeperPid]
    let identities = pids.compactMap { snapshot.identities[$0] }
    guard identities.count == pids.count else { return "it has just ended" }
    var signal = Signal.kill
    if fault.kind == .daemonTerm || fault.kind == .keeperTerm { signal = .terminate }
    recovery.begin(record)
    // Neither may see the other one die.
    if both { for identity in identities { send(.stop, to: identity) } }
    for identity in identities { send(signal, to: identity) }
    var state = Running(planned: fault, endSeconds: nil)
    state.killed = Set(pids)
    state.killedSeconds = now
    running[fault.number] = state
    isCurrent = false
    statusDue = 0
    if fault.kind.endsTree {
      events.nobodyLooks()
      let old = [keeperPid, daemon.pid].compactMap { snapshot.identities[$0] }
      rebirth = ChaosRebirth(waitingFor: old)
    } else if fault.kind == .keeperKill {
      // Before Linux 6.15 nobody knows how those end that the keeper was the parent of.
      events.nobodyLooks()
    }
    return nil
  }

  private func send(_ signal: Signal, to identity: ProcessIdentity) {
    guard let pidfd = (try? identity.open()) ?? nil else { return }
    _ = try? Processes.send(signal, to: pidfd)
  }

  private func fillDisk(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    let folder = snapshot.facts.stateDirectory
    guard let space = try? Files.space(at: folder) else { return "there is no state_dir" }
    let isShared =
      ((try? Files.status(of: folder)) ?? nil)?.device
      == ((try? Files.status(of: "/")) ?? nil)?.device
    let room = isShared ? space.availableBytes - space.totalBytes / Self.keptPart : .max
    let bytes = min(fault.amount, room)
    guard bytes > 0 else { return "the file system has no room left, and others use it" }
    let order = "ballast \(bytes) \(fault.lastsMilliseconds) \(folder)"
    guard guardian.order(fault.number, order) else { return "the guard is gone" }
    hold(fault, record)
    recovery.note(
      fault.number,
      bytes >= space.availableBytes ? "the disk was full" : "the quota was full, the disk was not")
    return nil
  }

  private func takeDescriptors(_ fault: PlannedFault, _ record: FaultRecord) -> String? {
    guard let identity = snapshot.identities[snapshot.status.daemon.pid],
      let free = Processes.lowestFreeDescriptor(of: identity.pid)
    else { return "the daemon's descriptors are not ours to look at" }
    let order =
      "files \(identity.pid) \(identity.startTime) \(free + Int(fault.amount)) "
      + "\(fault.lastsMilliseconds)"
    guard guardian.order(fault.number, order) else { return "the guard is gone" }
    hold(fault, record)
    return nil
  }

  // MARK: Their ends

  func advanceFaults() {
    for (number, fault) in running {
      guard let end = fault.endSeconds, now >= end else { continue }
      switch fault.planned.kind {
      case .manualStop: startAgain(number, fault)
      case .agentStop:
        // The guard ends it; a process that is still stopped then was forgotten.
        let state = fault.process.flatMap { ProcessRecord.of($0.pid)?.state }
        if state != "T" || now > end + Self.termPatienceSeconds {
          verdict.check(.nothingLeft, state != "T", "\(fault.planned.target ?? "") is stopped")
          if state == "T", let process = fault.process { send(.resume, to: process) }
          endFault(number)
        }
      case .agentTerm:
        recovery.note(number, "it ignored SIGTERM")
        endFault(number)
      default: endFault(number)
      }
    }
    advanceFloods()
  }

  /// Asks until somebody has answered.
  private func startAgain(_ number: Int, _ fault: Running) {
    guard let name = fault.planned.target else { return }
    let isAsked = asked.values.contains {
      if case .end(number) = $0 { true } else { false }
    }
    if !isAsked { ask(.up, NamesParams(names: [name]), .end(number)) }
  }

  func endFault(_ number: Int) {
    guard let fault = running.removeValue(forKey: number) else { return }
    var end = fault.killed.isEmpty ? now : fault.killedSeconds
    if fault.planned.kind == .manualStop {
      _ = guardian.order(number, "over")
      // It was asked for when its time was over, and the answer is that it runs.
      end = fault.endSeconds ?? now
    }
    recovery.end(number, seconds: end)
  }

  /// The time is over, or somebody has interrupted it.
  func endAllFaults() {
    ask(.chaosCalm, NoParams(), .other)
    floods = [:]
    for (number, fault) in running where fault.killed.isEmpty {
      switch fault.planned.kind {
      case .manualStop, .agentStop, .diskFull, .noDescriptors:
        if fault.planned.kind != .manualStop { _ = guardian.order(number, "over") }
        running[number]?.endSeconds = min(now, fault.endSeconds ?? now)
      case .agentTerm, .reload: break
      default: endFault(number)
      }
    }
  }

  /// A daemon answers: whoever was killed is not among those that run any more.
  func seeReplacements(_ status: StatusReport) {
    let pids = Set([status.daemon.pid, status.daemon.keeperPID].compactMap(\.self))
    for (number, fault) in running where !fault.killed.isEmpty {
      guard fault.killed.isDisjoint(with: pids) else {
        isCurrent = false
        continue
      }
      endFault(number)
    }
  }
}
