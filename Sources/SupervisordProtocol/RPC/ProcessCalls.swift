// Calls that act on processes and groups, and those that ask about them.

extension SupervisordRPC {
  /// A process that a call names, and what is known of it.
  static func find(
    _ name: String, in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> (SupervisordProcessID, SupervisordProcess) {
    guard case .process(let id) = SupervisordNamespec(name), let process = world.process(id) else {
      throw SupervisordFault(.badName, name)
    }
    return (id, process)
  }

  /// The group that a name means as a whole, if it does.
  private static func wholeGroup(_ name: String) -> String? {
    guard case .group(let group) = SupervisordNamespec(name) else { return nil }
    return group
  }

  // MARK: Starting and stopping

  static func start(
    _ name: String, waits: Bool, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    if let group = wholeGroup(name) {
      return try each(.start(waits: waits), inGroup: group, named: name, of: world)
    }
    let (id, process) = try find(name, in: world)
    if let fault = world.commandFault(of: id) { throw fault.fault }
    switch process.state {
    case .starting, .running, .backoff: throw SupervisordFault(.alreadyStarted, name)
    case .unknown: throw SupervisordFault(.failed, "\(name) is in an unknown process state")
    // It is not started anew once it has stopped: who waits learns so.
    case .stopping: break
    case .stopped, .exited, .fatal: world.start(id)
    }
    if let error = world.process(id)?.spawnError, !error.isEmpty {
      throw SupervisordFault(.spawnError, name)
    }
    let isUp = world.process(id)?.state == .running
    return waits && !isUp ? SupervisordOperation(.starting(id, name: name)) : .success
  }

  static func stop(
    _ name: String, waits: Bool, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    if let group = wholeGroup(name) {
      return try each(.stop(waits: waits), inGroup: group, named: name, of: world)
    }
    let (id, process) = try find(name, in: world)
    guard process.state.isRunning else { throw SupervisordFault(.notRunning, name) }
    if let problem = world.stop(id) { throw SupervisordFault(.failed, problem) }
    let isDown = world.process(id)?.state.isStopped ?? true
    return waits && !isDown ? SupervisordOperation(.stopping(id)) : .success
  }

  static func signal(
    _ name: String, _ signal: XMLRPCValue, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    if let group = wholeGroup(name) {
      return try each(.signal(signal), inGroup: group, named: name, of: world)
    }
    let (id, process) = try find(name, in: world)
    guard let number = SignalNumber.of(signal) else {
      throw SupervisordFault(.badSignal, signal.pythonText)
    }
    guard process.state.isSignallable else { throw SupervisordFault(.notRunning, name) }
    if let problem = world.send(signal: number, to: id) { throw SupervisordFault(.failed, problem) }
    return .success
  }

  static func write(
    _ characters: XMLRPCValue, to name: String, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    let bytes: [UInt8]
    switch characters {
    case .string(let text): bytes = Array(text.utf8)
    case .base64(let data): bytes = data
    case .int, .boolean, .double, .dateTime, .array, .structure, .nil:
      throw SupervisordFault(.incorrectParameters, characters.pythonText)
    }
    let (id, process) = try find(name, in: world)
    guard process.pid != 0, process.state != .stopping else {
      throw SupervisordFault(.notRunning, name)
    }
    guard world.write(bytes, toInputOf: id) else { throw SupervisordFault(.noFile, name) }
    return .success
  }

  // MARK: Many at once

  /// All processes of a group, lowest priority first.
  ///
  /// - Parameter name: what the caller called the group, when it is not its name.
  static func each(
    _ action: SupervisordSweep.Action, inGroup group: String, named name: String? = nil,
    of world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    guard let group = world.groups.first(where: { $0.name == group }) else {
      throw SupervisordFault(.badName, name ?? group)
    }
    return SupervisordOperation(.each(SupervisordSweep(action, processes(of: group))))
  }

  /// All processes, lowest priority of the group first, then of the process.
  static func each(
    _ action: SupervisordSweep.Action, in world: borrowing some SupervisordWorld
  ) -> SupervisordOperation {
    let groups = world.groups.sorted { $0.priority < $1.priority }
    return SupervisordOperation(.each(SupervisordSweep(action, groups.flatMap(processes))))
  }

  /// Swift's sort is stable, as Python's: what has one priority keeps the order of the
  /// configuration.
  private static func processes(of group: SupervisordGroup) -> [SupervisordProcessID] {
    group.members.sorted { $0.priority < $1.priority }
      .map { SupervisordProcessID(group: group.name, name: $0.name) }
  }

  /// One process's part in a call for many.
  static func begin(
    _ action: SupervisordSweep.Action, _ id: SupervisordProcessID,
    in world: inout some SupervisordWorld
  ) -> SupervisordOperation {
    do throws(SupervisordFault) {
      try checkMood(of: world)
      switch action {
      case .start(let waits): return try start(id.namespec, waits: waits, in: &world)
      case .stop(let waits): return try stop(id.namespec, waits: waits, in: &world)
      case .signal(let value): return try signal(id.namespec, value, in: &world)
      case .clearLogs: return try clearLogs(id.namespec, in: &world)
      }
    } catch {
      return SupervisordOperation(.done(.failure(error)))
    }
  }

  // MARK: Groups

  static func addGroup(
    _ name: String, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    guard world.programs.contains(where: { $0.id.group == name }) else {
      throw SupervisordFault(.badName, name)
    }
    guard !world.groups.contains(where: { $0.name == name }) else {
      throw SupervisordFault(.alreadyAdded, name)
    }
    world.addGroup(name)
    return .success
  }

  static func removeGroup(
    _ name: String, in world: inout some SupervisordWorld
  ) throws(SupervisordFault) -> SupervisordOperation {
    guard let group = world.groups.first(where: { $0.name == name }) else {
      throw SupervisordFault(.badName, name)
    }
    for id in processes(of: group) {
      guard world.process(id)?.state.isStopped ?? true else {
        throw SupervisordFault(.stillRunning, name)
      }
    }
    world.removeGroup(name)
    return .success
  }

  // MARK: Questions

  static func state(of world: borrowing some SupervisordWorld) -> XMLRPCValue {
    .structure([
      XMLRPCMember("statecode", .int(world.mood.rawValue)),
      XMLRPCMember("statename", .string(world.mood.name)),
    ])
  }

  static func information(
    _ name: String, in world: borrowing some SupervisordWorld
  ) throws(SupervisordFault) -> XMLRPCValue {
    let (id, process) = try find(name, in: world)
    return process.structure(id, in: world)
  }

  /// By the names of the groups, then of the processes.
  static func allInformation(in world: borrowing some SupervisordWorld) -> XMLRPCValue {
    let groups = world.groups.sorted { precedes($0.name, $1.name) }
    var all: [XMLRPCValue] = []
    for group in groups {
      for member in group.members.sorted(by: { precedes($0.name, $1.name) }) {
        let id = SupervisordProcessID(group: group.name, name: member.name)
        if let process = world.process(id) { all.append(process.structure(id, in: world)) }
      }
    }
    return .array(all)
  }

  static func configurations(in world: borrowing some SupervisordWorld) -> XMLRPCValue {
    let active = Set(world.groups.map(\.name))
    let programs = world.programs.sorted { precedes($0.id.name, $1.id.name) }
    return .array(programs.map { $0.structure(isInUse: active.contains($0.id.group)) })
  }

  /// By code points, as Python compares.
  private static func precedes(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

extension SupervisordProcess {
  /// With supervisord's names, in its order.
  fileprivate func structure(
    _ id: SupervisordProcessID, in world: borrowing some SupervisordWorld
  ) -> XMLRPCValue {
    let members: [(String, XMLRPCValue)] = [
      ("name", .string(id.name)), ("group", .string(id.group)),
      ("start", .cappedInt(started)), ("stop", .cappedInt(stopped)),
      ("now", .cappedInt(world.now)),
      ("state", .int(state.rawValue)), ("statename", .string(state.name)),
      ("spawnerr", .string(spawnError)), ("exitstatus", .cappedInt(exitStatus)),
      ("logfile", .string(stdoutLogPath ?? "")), ("stdout_logfile", .string(stdoutLogPath ?? "")),
      ("stderr_logfile", .string(stderrLogPath ?? "")), ("pid", .cappedInt(pid)),
      ("description", .string(summary(id, in: world))),
    ]
    return .structure(members.map { XMLRPCMember($0.0, $0.1) })
  }

  /// What `supervisorctl status` shows behind the state.
  private func summary(
    _ id: SupervisordProcessID, in world: borrowing some SupervisordWorld
  ) -> String {
    switch state {
    case .running: return "pid \(pid), uptime \(uptimeText(seconds: max(0, world.now - started)))"
    case .fatal, .backoff:
      return spawnError.isEmpty ? "unknown error (try \"tail \(id.name)\")" : spawnError
    case .stopped, .exited:
      guard started != 0 else { return "Not started" }
      let local = stopped + world.localOffsetSeconds(at: stopped)
      return CivilTime(unixSeconds: local).shortText
    case .starting, .stopping, .unknown: return ""
    }
  }
}
