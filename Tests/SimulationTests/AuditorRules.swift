import SupervDaemon
import SupervisionTree

// Rules about the tree, worked out anew from its plan and from the events in their order, which is
// that of the decisions.

extension Auditor {
  func tellAgent(_ line: EventLine, _ machine: Machine) {
    var view = views[line.name] ?? View()
    view.owed = nil
    switch line.event {
    case "agent.starting":
      if view.isRunning { complain(.twoProcesses, "\(line.name) starts, says the log, and runs") }
      checkStart(line)
      countRestart(line, &view)
      view.endedByItself = nil
      view.stopBegan = nil
      view.isStopping = false
      view.hasEndedNormally = false
    case "agent.started": view.isRunning = true
    case "agent.ready": view.isReady = true
    case "agent.not_ready": view.isReady = false
    case "agent.stopping":
      checkOrderOfStop(line)
      view.isStopping = true
      // The kill may be there before the news of the stop.
      if view.stopBegan == nil, killed[line.name] != line.incarnation {
        view.stopBegan = machine.served
      }
    case "agent.exited":
      checkExit(line)
      let isByItself = line.exitClass != "requested"
      view = View()
      view.hasEndedNormally = line.exitClass == "normal"
      if isByItself {
        view.endedByItself = machine.now
        if isRestarted(line.name, line) { view.owed = machine.served }
      }
    case "agent.start_failed":
      view = View()
      unlucky.insert(line.name)
    case "agent.backoff":
      view.owed =
        isAlone(line.name) ? machine.served + .milliseconds(Int(line.delaySeconds * 1000)) : nil
    case "agent.stopped", "agent.failed", "agent.removed", "agent.waiting": view.isStopping = false
    default: break
    }
    views[line.name] = view
  }

  func tellSupervisor(_ line: EventLine, _ machine: Machine) {
    switch line.event {
    case "supervisor.starting":
      restarts[line.name] = []
      for name in plan.instances(below: line.name) { views[name]?.endedByItself = nil }
    case "supervisor.restarting":
      if plan.supervisor(line.name)?.strategy == .oneForOne, isPlanKnown {
        complain(.untouched, "\(line.name) is one_for_one, and restarts a group")
      }
      spend(line.name, at: machine.now)
    case "supervisor.gave_up", "supervisor.stopping", "supervisor.stopped", "supervisor.failed":
      disturbed.insert(line.name)
      for name in plan.instances(below: line.name) {
        views[name]?.endedByItself = nil
        views[name]?.owed = nil
      }
    default: break
    }
    // It waits for the group.
    guard plan.supervisor(line.name) != nil else { return }
    for name in plan.instances(below: line.name) { views[name]?.owed = nil }
  }

  /// No sibling waits for it, nor it for any.
  private func isAlone(_ name: String) -> Bool {
    plan.ancestors(of: name).allSatisfy { $0.strategy == .oneForOne } && !plan.stopsOneByOne
  }

  private func isRestarted(_ name: String, _ line: EventLine) -> Bool {
    guard isAlone(name), let agent = plan.agent(of: name), line.code != 78 else { return false }
    return agent.restart == .permanent
  }

  // MARK: Budgets

  /// A death that is followed by a start of which nobody has asked spends one.
  private func countRestart(_ line: EventLine, _ view: inout View) {
    guard let time = view.endedByItself, let agent = plan.agent(of: line.name) else { return }
    switch agent.parent.flatMap(plan.supervisor) {
    case nil: spend(line.name, at: time)
    case let parent? where parent.strategy == .oneForOne: spend(parent.name, at: time)
    case .some: break
    }
  }

  private func spend(_ spender: String, at time: MonotonicTime) {
    guard isPlanKnown else { return }
    let limit = plan.supervisor(spender)?.intensity ?? plan.intensity
    // A decision may be told only by the daemon after the one that took it.
    let period = Duration.seconds(TreePlan.periodSeconds) - .seconds(3)
    var times = restarts[spender, default: []].filter { time - $0 <= period }
    times.append(time)
    restarts[spender] = times
    if times.count > limit {
      complain(.budget, "\(spender): \(times.count) restarts within the period, of \(limit)")
    }
  }

  // MARK: Siblings

  /// Whether anything that has happened can be why it is told to end.
  func checkStop(_ name: String, _ what: String) {
    guard isPlanKnown, !isEnding, let agent = plan.agent(of: name) else { return }
    if licensed.contains(name) || agent.liveness != nil { return }
    var child = name
    for supervisor in plan.ancestors(of: name) {
      let siblings = plan.children(of: supervisor.name)
      let place = siblings.firstIndex(of: child) ?? 0
      let others: [String] =
        switch supervisor.strategy {
        case .oneForOne: []
        case .oneForAll: siblings.filter { $0 != child }
        case .restForOne: Array(siblings[..<place])
        }
      if others.flatMap(plan.instances(below:)).contains(where: unlucky.contains) { return }
      if disturbed.contains(supervisor.name) { return }
      // Its start is rolled back.
      if plan.instances(below: supervisor.name).contains(where: failedStarts.contains) { return }
      child = supervisor.name
    }
    complain(.untouched, "\(name) gets \(what), and nothing has happened to it")
  }

  // MARK: Order

  private func checkStart(_ line: EventLine) {
    guard isPlanKnown, let agent = plan.agent(of: line.name) else { return }
    for need in agent.needs {
      for other in plan.instances(below: need.name) where !holds(need.condition, other) {
        complain(.needs, "\(line.name) starts without \(other):\(need.condition.rawValue)")
      }
    }
    guard let parent = agent.parent.flatMap(plan.supervisor), parent.strategy != .oneForOne,
      isGroupStart(line.reason)
    else { return }
    let siblings = plan.children(of: parent.name)
    guard let place = siblings.firstIndex(of: line.name) else { return }
    // What an operator has started does not wait for the backoff of its group.
    for later in siblings[(place + 1)...].flatMap(plan.instances(below:))
    where views[later]?.isRunning == true && !licensed.contains(later) {
      complain(.order, "\(line.name) starts after \(later), which stands behind it")
    }
    guard parent.strategy == .restForOne else { return }
    for before in siblings[..<place].reversed() {
      guard let view = views[before], view.isRunning, !view.isStopping else { continue }
      if !view.isReady {
        complain(.order, "\(line.name) starts, and \(before) before it is not ready")
      }
      break
    }
  }

  private func isGroupStart(_ reason: String) -> Bool {
    ["its supervisor starts", "restart ", "rest_for_one: ", "one_for_all: "]
      .contains { reason.hasPrefix($0) }
  }

  private func holds(_ condition: Need.Condition, _ name: String) -> Bool {
    let view = views[name] ?? View()
    return switch condition {
    case .started: view.isRunning
    case .ready: view.isReady
    case .done: view.hasEndedNormally
    }
  }

  /// Where one waits for the next, nothing behind it lives when its supervisor stops it.
  private func checkOrderOfStop(_ line: EventLine) {
    guard isPlanKnown, let agent = plan.agent(of: line.name),
      let parent = agent.parent.flatMap(plan.supervisor),
      parent.strategy != .oneForOne || plan.stopsOneByOne,
      ["its supervisor ", "rest_for_one: ", "one_for_all: "]
        .contains(where: { line.reason.hasPrefix($0) })
    else { return }
    let siblings = plan.children(of: parent.name)
    guard let place = siblings.firstIndex(of: line.name) else { return }
    for later in siblings[(place + 1)...].flatMap(plan.instances(below:))
    where views[later]?.isRunning == true {
      complain(.order, "\(line.name) is told to stop while \(later) behind it lives")
    }
  }
}
