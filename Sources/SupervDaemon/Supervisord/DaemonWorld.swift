import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree
import SupervisordProtocol

/// The daemon as supervisord's XML-RPC interface sees it.
struct DaemonWorld<Machine: Kernel> {
  let daemon: Daemon<Machine>

  private var hub: SupervisordHub { daemon.supervisord }

  private func node(_ id: SupervisordProcessID) -> NodeID? { hub.members[id]?.node }
}

extension DaemonWorld: SupervisordWorld {
  // MARK: supervisord

  var mood: SupervisordMood {
    guard daemon.state == .stopping else { return .running }
    return hub.ending == .restart ? .restarting : .shutdown
  }

  var identification: String { daemon.front?.settings.identifier ?? "supervisor" }

  /// The one that stays, and that passes signals on.
  var pid: Int { Int(daemon.options.keeperPid ?? daemon.options.pid) }

  var now: Int { daemon.unixSeconds }

  func localOffsetSeconds(at time: Int) -> Int {
    Int(daemon.kernel.utcOffsetSeconds(atUnixSeconds: time))
  }

  func end(_ ending: SupervisordEnding) {
    hub.ending = ending
    daemon.stopAll("asked for over XML-RPC (\(ending == .restart ? "restart" : "shutdown"))")
  }

  // MARK: Groups and processes

  var groups: [SupervisordProtocol.SupervisordGroup] {
    (daemon.front?.groups ?? []).map { group in
      .init(
        name: group.name, priority: group.priority,
        members: group.programs.map { .init(name: $0.name, priority: $0.priority) })
    }
  }

  func process(_ id: SupervisordProcessID) -> SupervisordProcess? {
    guard let member = hub.members[id] else { return nil }
    let life = member.life
    return SupervisordProcess(
      state: life.state, pid: Int(life.pid), started: life.started, stopped: life.stopped,
      spawnError: life.spawnError, exitStatus: life.exitStatus,
      stdoutLogPath: member.program.output.path, stderrLogPath: member.program.errors.path)
  }

  func commandFault(of id: SupervisordProcessID) -> SupervisordCommandFault? {
    guard let node = node(id) else { return nil }
    return daemon.commandFault(of: node)
  }

  func start(_ id: SupervisordProcessID) { request(.up, id) }

  func stop(_ id: SupervisordProcessID) -> String? {
    request(.down, id)
    return nil
  }

  private func request(_ request: Request, _ id: SupervisordProcessID) {
    guard let node = node(id) else { return }
    daemon.announce(
      StoryEvent(
        "control.\(request.rawValue)", .agent, name: daemon.tree.name(of: node),
        reason: "asked for over XML-RPC")
    ) { $0.incarnation = daemon.tree.status(of: node).incarnation }
    daemon.feed(.request(request, node))
  }

  func send(signal: Int, to id: SupervisordProcessID) -> String? {
    guard let key = daemon.process(of: id) else { return "no process" }
    daemon.kernel.signal(key, Signal(Int32(clamping: signal)))
    return nil
  }

  func write(_ bytes: [UInt8], toInputOf id: SupervisordProcessID) -> Bool {
    daemon.process(of: id).map { daemon.kernel.writeInput(bytes, to: $0) } ?? false
  }

  // MARK: Configuration

  var mainLogPath: String? { hub.mainLogPath }

  var programs: [SupervisordProtocol.SupervisordProgram] {
    (daemon.lastRead?.groups ?? []).flatMap { group in
      group.programs.map { program in
        SupervisordProtocol.SupervisordProgram(
          program, groupPriority: group.priority,
          userID: program.user.flatMap { daemon.kernel.user($0) }.map { Int($0.user) })
      }
    }
  }

  func reread() -> Result<SupervisordChanges, SupervisordRereadError>? { daemon.reread() }

  func addGroup(_ name: String) { daemon.addGroup(name) }

  func removeGroup(_ name: String) { daemon.removeGroup(name) }

  // MARK: Logs

  func read(_ log: SupervisordLog, _ part: SupervisordLogPart) -> SupervisordLogReading {
    guard let path = daemon.path(of: log) else { return .missing }
    let wanted: FilePart =
      switch part {
      case .from(let offset, let count): .from(offset, count: count ?? .max)
      case .last(let count): .last(count)
      }
    switch daemon.read(path, wanted) {
    case nil: return .pending
    case .missing: return isThere(log) ? .bytes([], sizeBytes: 0) : .missing
    case .failed: return .failed
    case .bytes(let bytes, let size, _): return .bytes(bytes, sizeBytes: size)
    }
  }

  /// Whether supervisord would have made the file, be it empty.
  private func isThere(_ log: SupervisordLog) -> Bool {
    func isMade(
      _ id: SupervisordProcessID, _ stream: KeyPath<ProgramSettings, ProgramSettings.Stream>
    )
      -> Bool
    {
      guard let member = hub.members[id] else { return false }
      return member.life.started > 0 || member.program[keyPath: stream].isMadeUp
    }
    switch log {
    case .main: return true
    case .stdout(let id): return isMade(id, \.output)
    case .stderr(let id): return isMade(id, \.errors)
    }
  }

  func clearMainLog() -> SupervisordClearing {
    guard let path = mainLogPath else { return .missing }
    daemon.kernel.clearLog(path)
    return .cleared
  }

  func clearLogs(of id: SupervisordProcessID) -> SupervisordClearing {
    for path in [daemon.path(of: .stdout(id)), daemon.path(of: .stderr(id))] {
      if let path { daemon.kernel.clearLog(path) }
    }
    return .cleared
  }

  // MARK: Events

  func emitRemoteCommunication(type: String, data: String) {
    daemon.publish(.remoteCommunication(type: type, data: data))
  }
}

extension ProgramSettings.Stream {
  /// nil: it is not kept.
  var path: String? { if case .path(let path) = file { path } else { nil } }
}

extension SupervisordProtocol.SupervisordProgram {
  fileprivate init(
    _ program: ProgramSettings, groupPriority: Int, userID: Int?
  ) {
    self.init(
      id: SupervisordProcessID(group: program.group, name: program.name), command: program.command)
    self.groupPriority = groupPriority
    priority = program.priority
    directory = program.directory
    self.userID = userID
    serverURL = program.serverURL
    startsByItself = program.startsAutomatically
    startSeconds = program.startSeconds
    startRetries = program.startRetries
    exitCodes = program.exitCodes
    stopSignal = Int(program.stopSignal)
    stopWaitSeconds = program.stopWaitSeconds
    killsAsGroup = program.killsGroup
    redirectsStderr = program.redirectsErrors
    stdout = Output(program.output)
    stderr = Output(program.errors)
  }
}

extension SupervisordProtocol.SupervisordProgram.Output {
  fileprivate init(_ stream: ProgramSettings.Stream) {
    self.init(stream.path.map { .path($0) } ?? .none)
    maximumBytes = stream.maximumBytes
    backupCount = stream.backups
    captureMaximumBytes = stream.captureBytes
    eventsAreEnabled = stream.sendsEvents
    goesToSyslog = stream.goesToSyslog
  }
}
