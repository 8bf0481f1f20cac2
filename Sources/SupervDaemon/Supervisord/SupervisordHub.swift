import SupervConfig
import SupervSystem
import SupervisionTree
import SupervisordProtocol

/// What a tree has whose configuration is supervisord's: what its programs have been through, who
/// is connected to its servers, and its event listeners.
final class SupervisordHub {
  /// One process under the name of its node.
  struct Member {
    var node: NodeID
    var program: ProgramSettings
    var life: ProgramLife
  }

  /// A connection to one of the HTTP servers.
  struct Client {
    var reader: SupervisordReader
    /// What it has asked for last, and has no answer to.
    var pending: PendingAnswer?
  }

  /// Whether the configuration is supervisord's: asked in every turn, and all of that is much to
  /// look at for it.
  fileprivate(set) var isInFront = false
  var members: [SupervisordProcessID: Member] = [:]
  /// By the name of its node.
  var ids: [String: SupervisordProcessID] = [:]
  var clients: [ConnectionID: Client] = [:]
  /// Those that wait for something, oldest first.
  var waiting: [ConnectionID] = []
  var readings = FileReadings()
  var ending: SupervisordEnding?
  /// A configuration that was read and is not what runs.
  var reread: ReadConfiguration?
  /// Where the activity log goes.
  var activityLogs: [AgentLogPlace] = []
  /// The file among them.
  var mainLogPath: String?
}

extension Daemon {
  /// Whether the tree that has ended is to begin anew.
  package var beginsAnew: Bool { supervisord.ending == .restart }

  /// supervisord's own settings; nil for a tree of superv's.
  var front: SupervisordConfiguration? { configuration.settings.supervisord }

  /// The configuration has changed, or is new.
  func adoptPrograms() {
    supervisord.isInFront = front != nil
    guard let front else { return }
    let hub = supervisord
    let old = hub.members
    hub.members = [:]
    hub.ids = [:]
    for group in front.groups {
      for program in group.programs {
        let id = SupervisordProcessID(group: program.group, name: program.name)
        guard let node = tree.id(named: program.fullName) else { continue }
        let facts = agents[node.index]?.process.flatMap { $0.isAlive ? $0.facts : nil }
        let life = old[id]?.life ?? ProgramLife(tree.status(of: node), facts)
        hub.members[id] = .init(node: node, program: program, life: life)
        hub.ids[program.fullName] = id
      }
    }
    if hub.activityLogs.isEmpty {
      hub.activityLogs = front.settings.activityLogs
      hub.mainLogPath = front.settings.logFile == "syslog" ? nil : front.settings.logFile
    }
  }

  /// What the tree tells, in supervisord's words.
  func translate(_ event: StoryEvent) {
    guard event.subject == .agent, let kind = Note.Kind(rawValue: event.kind),
      let id = supervisord.ids[event.name], var member = supervisord.members[id]
    else { return }
    let former = member.life.state
    let fault = kind == .agentStartFailed ? commandFault(of: member.node)?.text : nil
    let (entry, log) = member.life.take(kind, event, of: member.program, fault: fault)
    supervisord.members[id] = member
    for activity in log {
      // A budget that is spent is none of supervisord's reasons to give up.
      if case .gaveUp = activity, case .decided(.intensityExceeded) = event.reason {
        logActivity(.daemon(.configurationWarning("gave up: \(id.name): \(event.reason)")), event)
      } else {
        logActivity(.process(id.name, activity), event)
      }
    }
    guard let entry else { return }
    publish(
      .processState(EventProcess(name: id.name, group: id.group), from: former, entry), about: id)
  }

  /// The process of a program that runs.
  func process(of id: SupervisordProcessID) -> ProcessKey? {
    guard let node = supervisord.members[id]?.node, let process = agents[node.index]?.process,
      process.isAlive
    else { return nil }
    return ProcessKey(node: node, incarnation: process.incarnation)
  }

  /// Why a program cannot be started, as supervisord says it.
  func commandFault(of node: NodeID) -> SupervisordCommandFault? {
    guard let slot = agents[node.index] else { return nil }
    let environment = slot.definition.environment.map { "\($0.name)=\($0.value)" }
    switch kernel.fault(ofCommand: slot.definition.command, environment: environment) {
    case nil: return nil
    case .notFound(let path): return .notFound(path: path)
    case .isFolder(let path): return .isDirectory(path: path)
    case .notExecutable(let path): return .notExecutable(path: path)
    case .notPermitted(let path): return .notPermitted(path: path)
    }
  }

  func logActivity(_ activity: Activity, _ event: StoryEvent? = nil) {
    let time = event?.realTimeNanoseconds ?? kernel.realTimeNanoseconds
    guard let front, let level = ActivityLevel(word: front.settings.logLevel.rawValue),
      activity.level >= level
    else { return }
    let offset = kernel.utcOffsetSeconds(atUnixSeconds: Int(time / 1_000_000_000))
    let line = activity.line(unixNanoseconds: time, utcOffsetSeconds: offset)
    for one in line.split(separator: "\n") {
      for place in supervisord.activityLogs { _ = kernel.writeLog(Array(one.utf8), to: place) }
    }
  }
}

extension SupervisordSettings {
  /// Its log file, and in the foreground also standard output, unless it is to be silent.
  fileprivate var activityLogs: [AgentLogPlace] {
    let console = "/dev/stdout"
    var paths = [logFile == "syslog" ? LogFileSettings.systemLogMark : logFile]
    if staysInForeground, !isSilent, logFile != console { paths.append(console) }
    return paths.enumerated().map { index, path in
      AgentLogPlace(
        process: ProcessKey(node: .root, incarnation: UInt64(index)),
        origin: LogOrigin(name: "supervisord", agent: "supervisord"),
        file: LogFileSettings(
          path: path, format: .bytes, maximumBytes: Int64(logMaximumBytes),
          maximumFiles: max(0, logBackups)))
    }
  }
}
