import SupervisionTree

// What must hold in every world, whatever happens in it.

extension World {
  private func state(_ id: NodeID) -> ChildStatus { tree.status(of: id) }

  private func hasProcess(_ id: NodeID) -> Bool { making[id] != nil || living[id] != nil }

  // MARK: After every step

  mutating func checkStep(after move: Move) {
    let children = tree.children
    var owners: [String: NodeID] = [:]
    var parents: [NodeID: NodeID] = [:]
    var processCount = 0
    for id in children {
      let status = state(id)
      parents[id] = tree.id(named: status.parent)
      guard !status.isSupervisor else { continue }
      checkProcess(id, status)
      if hasProcess(id) {
        processCount += 1
        if owners.updateValue(id, forKey: status.name) != nil {
          violations.append("two processes of \(status.name)")
        }
      }
    }
    if processCount != making.count + living.count {
      violations.append("a process of something that is not in the tree")
    }
    checkTimers(children, parents)
    if ends.count > 1 { violations.append("the tree stopped twice") }
    if !ends.isEmpty, processCount > 0 { violations.append("something lives after the end") }
  }

  /// The phase that people see and the process that is there tell the same story.
  private mutating func checkProcess(_ id: NodeID, _ status: ChildStatus) {
    let isMaking = making[id] != nil
    let process = living[id]
    let agrees =
      switch status.phase {
      case .starting: isMaking
      case .running: process?.isTold == false
      case .stopping: isMaking || process?.isTold == true
      case .stopped, .waiting, .backoff, .exited, .failed: !isMaking && process == nil
      }
    if !agrees {
      violations.append(
        "\(status.name) is \(status.phase.rawValue), making \(isMaking), "
          + "process \(String(describing: process))")
    }
    if status.phase == .running, !status.isReady, timers[id] == nil, process?.word == nil {
      violations.append("\(status.name) is not ready and has no timer")
    }
    if status.phase == .stopping, let process, process.isKilled == (timers[id] != nil) {
      violations.append("\(status.name) stops, killed \(process.isKilled), with the wrong timer")
    }
  }

  /// A timer has an owner that waits for it, and what backs off has a timer.
  private mutating func checkTimers(_ children: [NodeID], _ parents: [NodeID: NodeID]) {
    for id in timers.keys {
      let status = state(id)
      let isMeant =
        switch status.phase {
        case .running: status.isSupervisor || !status.isReady && living[id]?.word == nil
        case .backoff: true
        case .stopping: !status.isSupervisor && living[id] != nil
        case .stopped, .waiting, .starting, .exited, .failed: false
        }
      if !isMeant || !children.contains(id) {
        violations.append("a stray timer of \(status.name), which is \(status.phase.rawValue)")
      }
    }
    guard !isWaitedFor else { return }
    for id in children where state(id).phase == .backoff && timers[id] == nil {
      if parents[id].flatMap({ timers[$0] }) == nil {
        violations.append("\(state(id).name) backs off without a timer")
      }
    }
  }

  // MARK: At single effects

  mutating func checkSpawn(_ id: NodeID, _ incarnation: UInt64) {
    let status = state(id)
    if hasProcess(id) { violations.append("\(status.name) is started twice") }
    if incarnation != incarnations[status.name, default: 0] + 1 {
      violations.append("\(status.name): incarnation \(incarnation) out of turn")
    }
    if status.wish == .down { violations.append("\(status.name) starts against the wish") }
    if isBelowStopping(id) { violations.append("\(status.name) starts below one that stops") }
    // What it needs may be lost, and a supervisor ready and not ready again, before everything that
    // follows from one event is settled.
    var earlier = self
    earlier.tree = before
    if let missing = missing(for: id), earlier.missing(for: id) != nil,
      tree.id(named: missing.name).map({ tree.status(of: $0).isSupervisor }) != true
    {
      violations.append("\(status.name) starts without \(missing.name)")
    }
  }

  /// Its own supervisor was told to stop and is not done. One further up may still be waiting for
  /// others before it tells that supervisor.
  private func isBelowStopping(_ id: NodeID) -> Bool {
    guard let parent = tree.id(named: state(id).parent), parent != .root else { return false }
    return before.id(named: tree.name(of: parent)) == parent
      && before.publicPhase(of: parent) == .stopping && state(id).phase != .stopping
      && tree.publicPhase(of: parent) == .stopping
  }

  /// A restart that is announced is within the budget of whoever makes it.
  mutating func check(_ note: Note) {
    if case .restart(let number, let limit, _, _) = note.reason, number > limit {
      violations.append("\(note.name): restart \(number) of \(limit)")
    }
  }

  /// Where one waits for the next, nothing behind it lives when its supervisor stops it.
  mutating func checkStopOrder(_ id: NodeID) {
    guard !isReloaded, let parent = tree.id(named: state(id).parent), parent != .root else {
      return
    }
    let supervisor = tree.supervisorStatus(of: parent, now: now)
    let isSerial = supervisor.strategy != .oneForOne || !specification.stopsSiblingsSideBySide
    guard isSerial, state(parent).phase == .stopping,
      let place = supervisor.children.firstIndex(of: tree.name(of: id)),
      let late = supervisor.children[(place + 1)...].first(where: { lives($0) })
    else { return }
    violations.append("\(tree.name(of: id)) is told to stop while \(late) lives")
  }

  private func lives(_ name: String) -> Bool {
    guard let id = tree.id(named: name) else { return false }
    guard state(id).isSupervisor else { return hasProcess(id) }
    return tree.supervisorStatus(of: id, now: now).children.contains { lives($0) }
  }

  // MARK: Health

  /// One that runs and is not healthy is told to end at once; one that is on its way out already
  /// is left to that.
  mutating func checkVerdict(_ id: NodeID) {
    let isTold = living[id]?.isTold == true
    if before.publicPhase(of: id) == .running, !isTold || tree.publicPhase(of: id) != .stopping {
      violations.append("\(state(id).name) is not healthy and not told to end")
    }
  }

  /// An end that superv brought about is the agent's fault only where its health was.
  mutating func checkClass(_ old: ChildStatus, of process: Process) {
    let exit = state(old.id).lastExit
    guard exit?.incarnation == process.incarnation else { return }
    let isDecided = process.isUnhealthy && old.reason == Self.sick
    switch exit?.exitClass {
    case .requested: break
    case .abnormal where isDecided: break
    case .abnormal, .normal, nil:
      violations.append("\(old.name) ended as told, and that is \(String(describing: exit))")
    }
  }

  // MARK: Needs, worked out anew from what people see

  /// What a child needs and does not have.
  func missing(for id: NodeID) -> Need? {
    let name = tree.name(of: id)
    guard let policy = specification.policy(of: name) else { return nil }
    for need in policy.needs {
      for other in specification.names(of: need.name) where !holds(need.condition, other) {
        return Need(other, need.condition)
      }
    }
    guard let parent = tree.id(named: state(id).parent), parent != .root else { return nil }
    let supervisor = tree.supervisorStatus(of: parent, now: now)
    guard supervisor.strategy == .restForOne,
      let place = supervisor.children.firstIndex(of: name),
      let before = supervisor.children[..<place].last(where: isMeantToBeUp), !holds(.ready, before)
    else { return nil }
    return Need(before)
  }

  private func isMeantToBeUp(_ name: String) -> Bool {
    guard let id = tree.id(named: name) else { return false }
    let status = state(id)
    return switch status.phase {
    case .stopped, .failed: false
    // Neither a decision to leave it down nor, before that decision, a death waiting for it.
    case .exited: status.wish == .up && isUndecided(status)
    case .waiting, .starting, .running, .backoff, .stopping: status.wish == .up
    }
  }

  private func holds(_ condition: Need.Condition, _ name: String) -> Bool {
    guard let id = tree.id(named: name) else { return true }
    let status = state(id)
    return switch condition {
    case .started: status.phase == .running
    case .ready: status.isReady
    case .done:
      status.phase == .exited && !isUndecided(status)
        && (status.isSupervisor || status.lastExit?.exitClass == .normal)
    }
  }

  /// It ended, and its supervisor has not got to it.
  private func isUndecided(_ status: ChildStatus) -> Bool {
    switch status.reason {
    case .ended, .intensityExceeded, .significantEnded, .health: status.phase == .exited
    default: false
    }
  }

  // MARK: At rest

  /// Nothing is under way and no timer is set: whatever is to be up is, or it is clear why not.
  ///
  /// - Parameter withMail: also looks into the mailboxes, by reflection, which is slow.
  mutating func checkRest(withMail: Bool = true) {
    for id in tree.children {
      let status = state(id)
      if tree.id(named: status.name) != id {
        violations.append("\(status.name) was taken out and is still there")
        continue
      }
      if let fault = faultAtRest(id, status) {
        violations.append(
          "at rest \(status.name) is \(status.phase.rawValue) (\(status.reason)): \(fault)")
      }
    }
    if tree.treeEnd != nil, ends.count != 1 {
      violations.append("asked to stop, and at rest after \(ends.count) ends")
    }
    if withMail { violations += forgottenMail() }
  }

  private func faultAtRest(_ id: NodeID, _ status: ChildStatus) -> String? {
    let parent = tree.id(named: status.parent) ?? .root
    let parentRuns = tree.publicPhase(of: parent) == .running
    switch status.phase {
    case .starting, .stopping, .backoff: return "not at rest"
    case .running:
      if !parentRuns { return "under a supervisor that does not run" }
      if status.wish == .down { return "against the wish" }
      if status.isSupervisor, !isReloaded {
        let supervisor = tree.supervisorStatus(of: id, now: now)
        if supervisor.restartsInPeriod > supervisor.intensity.limit { return "over its budget" }
      }
      if let rule = isReadyByRule(id), rule != status.isReady {
        return "ready \(status.isReady), by rule \(rule)"
      }
    case .waiting:
      if !parentRuns { return "under a supervisor that does not run" }
      if status.wish == .down { return "against the wish" }
      if missing(for: id) == nil { return "it has all it needs" }
    case .stopped:
      if parentRuns, status.wish == .up, !isTemporary(status.name) { return "forgotten" }
    case .exited: if isUndecided(status) { return "nobody decided" }
    case .failed: break
    }
    return nil
  }

  /// Nil where people cannot see whether a temporary child is still missed.
  private func isReadyByRule(_ id: NodeID) -> Bool? {
    guard state(id).isSupervisor else { return living[id]?.word ?? true }
    var isReady = true
    for name in tree.supervisorStatus(of: id, now: now).children {
      guard let child = tree.id(named: name) else { continue }
      let status = state(child)
      if status.wish == .down || status.isReady || status.phase == .exited { continue }
      switch (isTemporary(name), status.phase, status.reason) {
      case (true, .stopped, _), (_, .failed, .supervisorNotRestarted(.temporary, _)): continue
      case (true, .failed, .startFailed), (true, .failed, .childDidNotStart): return nil
      default: isReady = false
      }
    }
    return isReady
  }

  /// Now, or when its group dropped it.
  private func isTemporary(_ name: String) -> Bool {
    wereTemporary.contains(name) || specification.policy(of: name)?.restart == .temporary
  }

  /// Mail in the box of a supervisor that has nothing to do would never be read.
  private func forgottenMail() -> [String] {
    guard tree.treeEnd == nil else { return [] }
    let nodes = Mirror(reflecting: tree).descendant("nodes").map { Mirror(reflecting: $0).children }
    return (nodes ?? AnyCollection([])).compactMap { node in
      guard let name = Mirror(reflecting: node.value).descendant("name") as? String,
        let box = Mirror(reflecting: node.value).descendant("kind", "supervisor", "mailbox"),
        !Mirror(reflecting: box).children.isEmpty
      else { return nil }
      return "\(name) at rest has mail: \(box)"
    }
  }
}

extension TreeSpecification {
  var everyChild: [ChildSpecification] {
    var all = children
    var next = 0
    while next < all.count {
      if case .supervisor(let supervisor) = all[next] { all += supervisor.children }
      next += 1
    }
    return all
  }

  func policy(of name: String) -> ChildPolicy? { everyChild.first { $0.name == name }?.policy }

  /// The instances that a name stands for.
  func names(of name: String) -> [String] {
    let all = everyChild.map(\.name)
    return all.contains(name) ? [name] : all.filter { $0.hasPrefix(name + ":") }
  }
}
