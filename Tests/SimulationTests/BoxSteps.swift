import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree

// What a step does, and how a history ends.

extension Box {
  func perform(_ step: Step) {
    switch step {
    case .pass(let span): pass(milliseconds: span)
    case .exit(let name, let code):
      if let process = machine.process(of: name), !process.isFrozen {
        machine.end(process, .exited(code: code))
      }
    case .crash(let name, let number):
      if let process = machine.process(of: name) { machine.deliver(number, to: process) }
    case .freeze(let name): machine.process(of: name)?.isFrozen = true
    case .thaw(let name): thaw(name)
    case .wills(let name, let will): machine.wills(name, will)
    case .startsFail(let name, let count): machine.failingStarts[name] = count
    case .probesFail(let name, true): machine.failingProbes.insert(name)
    case .probesFail(let name, false): machine.failingProbes.remove(name)
    case .call(let name, let to, let span): talkers[name]?.call(to, milliseconds: span)
    case .cancelCall(let name): talkers[name]?.cancelLastCall()
    case .answers(let name, let manner):
      manners[name] = manner
      talkers[name]?.manner = manner
    case .saysNotReady(let name): talkers[name]?.tell("not_ready")
    case .saysReady(let name): talkers[name]?.tell("ready")
    case .beats(let name): talkers[name]?.tell("heartbeat")
    case .hangsUp(let name): talkers[name]?.hangUp()
    case .ask, .operatorHangsUp, .reload, .upgrade, .signalKeeper: performOperators(step)
    case .killDaemon, .killKeeper, .killBoth, .startSuperv, .daemonStartsFail, .refuseSends,
      .journalFails, .noDescriptorsForLogs, .loggerComplains, .stepWallClock, .lateAlarms,
      .slowOperations:
      performMachine(step)
    }
  }

  private func performOperators(_ step: Step) {
    switch step {
    case .ask(let question, let names): person.ask(question, names)
    case .operatorHangsUp: person.hangUp()
    case .reload(let plan):
      auditor.isPlanKnown = auditor.isPlanKnown && plan == nil
      if plan != nil { auditor.held = [] }
      change(file: plan)
      signalKeeper(.hangUp)
    case .upgrade: if !machine.mustLive { person.upgrade() }
    case .signalKeeper(let number): signalKeeper(Signal(number))
    default: break
    }
  }

  private func performMachine(_ step: Step) {
    switch step {
    case .killDaemon(afterOperations: 0):
      if !machine.mustLive { killDaemon(.signalled(number: 9, coreDumped: false)) }
    case .killDaemon(let count): if isServed { machine.fuse = count }
    case .killKeeper: killKeeper()
    case .killBoth:
      guard !machine.mustLive else { break }
      killKeeper()
      killDaemon(.signalled(number: 9, coreDumped: false))
    case .startSuperv: startSuperv()
    case .daemonStartsFail(let count): failingDaemonStarts = count
    case .refuseSends(let count): machine.refusedSends = count
    case .journalFails(let count, let isTorn):
      machine.journalFailures = count
      machine.failsHalfway = isTorn
    case .noDescriptorsForLogs(let isSo): machine.logsAreOpen = !isSo
    case .loggerComplains: if isServed { machine.arrivals.append(.logger(.lost(reports: 1))) }
    case .stepWallClock(let seconds): machine.wallClockSeconds += Int64(seconds)
    case .lateAlarms(let span): machine.alarmLatenessMilliseconds = span
    case .slowOperations(let span): machine.operationMilliseconds = span
    default: break
    }
  }

  private var isServed: Bool { machine.isServed }

  private func thaw(_ name: String) {
    guard let process = machine.process(of: name) else { return }
    machine.deliver(Signal.resume.number, to: process)
    talkers[name]?.connect()
  }

  // MARK: - The end

  /// Nothing gets in the way any more: superv is up, and what is to run runs.
  private func calm() {
    machine.operationMilliseconds = 0
    machine.alarmLatenessMilliseconds = 0
    machine.journalFailures = 0
    machine.refusedSends = 0
    machine.fuse = nil
    machine.failingStarts = [:]
    machine.failingProbes = []
    failingDaemonStarts = 0
    for name in auditor.plan.allInstances + machine.wills.keys.sorted() {
      machine.wills(name, nil)
      thaw(name)
      manners[name] = nil
      talkers[name]?.manner = .atOnce
    }
  }

  func calmDown() {
    auditor.note("-- calm")
    calm()
    startSuperv()
    pass(milliseconds: 45_000)
    guard auditor.violation == nil, daemon != nil else { return }
    checkProcesses()
  }

  /// superv knows of every process, and every process that it knows is there.
  private func checkProcesses() {
    person.askStatus()
    settle()
    guard auditor.violation == nil else { return }
    guard let status = person.status else {
      return auditor.complain(.requests, "status is not answered")
    }
    let living = machine.processes.values.filter { $0.isLiving && $0.launch != nil }
    for agent in status.agents {
      if agent.alive != (agent.phase == "running") {
        auditor.complain(.rest, "\(agent.name) is \(agent.phase), and lives: \(agent.alive)")
      }
      let process = machine.process(of: agent.name)
      if agent.alive != (process != nil) || agent.pid != process?.pid {
        auditor.complain(
          .stranger, "\(agent.name) has pid \(process?.pid ?? 0), not \(agent.pid ?? 0)")
      }
    }
    if status.agents.count(where: \.alive) != living.count {
      auditor.complain(.stranger, "\(living.count) agents live, superv knows others")
    }
    let waits = (status.agents.map(\.phase) + status.supervisors.map(\.phase)).contains("waiting")
    if !waits { person.checkRest() }
  }

  func shutDown() {
    auditor.note("-- shutdown")
    if daemon != nil { signalKeeper(.terminate) }
    pass(milliseconds: 75_000)
    guard auditor.violation == nil else { return }
    if daemon != nil { return auditor.complain(.rest, "superv does not end") }
    for (name, list) in auditor.ends.sorted(by: { $0.key < $1.key }) {
      for (incarnation, end) in list.sorted(by: { $0.key < $1.key }) where !end.isTold {
        auditor.complain(.exits, "\(name) \(incarnation) has ended, and nobody told")
      }
    }
    for process in machine.processes.values where process.isLiving && process.launch != nil {
      auditor.complain(.stranger, "\(process.name) lives after the end")
    }
  }
}
