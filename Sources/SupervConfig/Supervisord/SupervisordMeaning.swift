import SupervisionTree

// What a configuration of supervisord comes to here: the same processes under the same names, each
// supervised alone as a child of the root, because with supervisord none takes another along.

extension SupervisordConfiguration {
  /// - Parameters:
  ///   - files: that it was read from, the main file first.
  ///   - folder: where superv is started.
  package func configuration(_ files: [String], startedIn folder: String) -> Configuration {
    var all = self
    if settings.staysInForeground {
      all.settle(in: folder, umask: nil, stem: stem(of: files[0]))
    } else {
      // supervisord goes to its folder, and takes its umask, on its way into the background.
      let ownFolder = settings.directory ?? folder
      all.settle(in: ownFolder, umask: settings.umask, stem: stem(of: files[0]))
    }
    var agents: [AgentDefinition] = []
    var tree = TreeSpecification()
    tree.backoff = .off
    for group in all.groups {
      for (index, program) in group.programs.enumerated() {
        let agent = all.definition(of: program, index, in: group)
        agents.append(agent)
        tree.children.append(.agent(agent.specification))
      }
    }
    let daemon = all.daemonSettings(stem: stem(of: files[0]))
    for index in agents.indices {
      agents[index].specification.fingerprint = agents[index].fingerprint(
        passEnvironment: daemon.passEnvironment)
      tree.children[index] = .agent(agents[index].specification)
    }
    return Configuration(settings: daemon, agents: agents, tree: tree, files: files)
  }

  /// `supervisord` of `/etc/supervisord.conf`.
  private func stem(of path: String) -> String {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    return name.hasSuffix(".conf") ? String(name.dropLast(5)) : name
  }

  // MARK: What the reader leaves open

  /// Gives every path its folder and every program what it has from `[supervisord]`, and drops what
  /// supervisord never starts: of groups of one name it has the first, of processes the last.
  private mutating func settle(in folder: String, umask: Int?, stem: String) {
    var names: Set<String> = []
    groups = groups.filter { names.insert($0.name).inserted }
    for index in groups.indices {
      var last: [String: SupervisordProgram] = [:]
      for program in groups[index].programs { last[program.name] = program }
      if case .fastCGI(var socket) = groups[index].kind {
        socket.owner = socket.owner ?? groups[index].programs.first?.user
        groups[index].kind = .fastCGI(socket)
      }
      groups[index].programs = last.values.sorted(by: SupervisordProgram.startsBefore).map {
        settled($0, folder, umask, stem)
      }
    }
  }

  private func settled(
    _ program: SupervisordProgram, _ folder: String, _ umask: Int?, _ stem: String
  ) -> SupervisordProgram {
    var program = program
    program.directory = absolutePath(program.directory ?? folder, from: folder)
    program.user = program.user ?? settings.user
    program.umask = program.umask ?? umask
    program.serverURL = program.serverURL ?? serverURL
    program.output.isMadeUp = program.output.isMadeUp || program.output.file == .automatic
    program.errors.isMadeUp = program.errors.isMadeUp || program.errors.file == .automatic
    program.output.file = program.file(of: program.output, "stdout", settings, folder, stem)
    program.errors.file = program.file(of: program.errors, "stderr", settings, folder, stem)
    return program
  }

  // MARK: The daemon

  private func daemonSettings(stem: String) -> DaemonSettings {
    let base = parentFolder(of: settings.pidFile)
    let logs =
      settings.logFile.hasPrefix("/dev/") && !settings.logFile.hasPrefix("/dev/shm/")
        || settings.logFile == "syslog"
      ? base : parentFolder(of: settings.logFile)
    var runtime = "\(base == "/" ? "" : base)/superv-\(stem)"
    if "\(runtime)/control.sock".utf8.count > maximumSocketPathBytes {
      var hash = StableHash()
      hash.combine(runtime)
      runtime = "/tmp/superv-\(String(hash.value, radix: 16))"
    }
    let state = "\(logs == "/" ? "" : logs)/superv-\(stem)"
    var daemon = DaemonSettings(
      runtimeDirectory: runtime, stateDirectory: state, logDirectory: "\(state)/logs")
    daemon.passEnvironment = ["*"]
    daemon.minimumOpenFiles = settings.minimumDescriptors
    daemon.shutdownTimeout = stopTime
    daemon.supervisord = self
    return daemon
  }

  /// Groups of one priority stop side by side.
  private var stopTime: Duration {
    var longest: [Int: Int] = [:]
    for group in groups {
      let span = group.programs.map(\.stopWaitSeconds).max() ?? 0
      longest[group.priority] = max(longest[group.priority] ?? 0, span)
    }
    return .seconds(max(60, 10 + longest.values.reduce(0) { $0 + max(0, $1) }))
  }

  // MARK: Programs

  private func definition(
    of program: SupervisordProgram, _ index: Int, in group: SupervisordGroup
  ) -> AgentDefinition {
    var specification = AgentSpecification(name: program.fullName)
    specification.policy.restart =
      switch program.restart {
      case .always: .permanent
      case .unexpected: .transient
      case .never: .temporary
      }
    specification.policy.autostart = program.startsAutomatically
    specification.policy.priority = group.priority
    specification.normalExitCodes = ExitCodes(program.exitCodes.map { Int32($0) })
    specification.readyAfter = .seconds(max(0, program.startSeconds))
    specification.startRetries = StartRetries(limit: program.startRetries)
    specification.stopLadder = program.stopLadder
    var words = (try? posixWords(program.command)) ?? [program.command]
    // Neither can be executed, and the start says so.
    if words.isEmpty { words = [""] }
    var definition = AgentDefinition(
      specification: specification, agent: group.name, instance: index, command: words,
      directory: program.directory)
    definition.environment = program.ownVariables + program.environment
    definition.user = program.user
    definition.umask = program.umask.map { UInt32(truncatingIfNeeded: $0) & 0o777 }
    definition.standardInput =
      if case .fastCGI(let socket) = group.kind { .socket(socket) } else { .pipe }
    definition.signalTarget = program.stopsGroup ? .group : .process
    // supervisord leaves HOME and USER to its own user, and so programs expect it.
    definition.hasUserVariables = false
    definition.sandbox.policy = .off
    definition.sandbox.outOfMemoryScore = nil
    definition.health.readySource = .startSeconds
    definition.health.startSeconds = .seconds(max(0, program.startSeconds))
    definition.program = program
    return definition
  }
}

extension SupervisordProgram {
  fileprivate var stopLadder: [StopRung] {
    let signal = StopRung(.signal(stopSignal), grace: .seconds(max(0, stopWaitSeconds)))
    return (stopSignal == 9 ? [] : [signal]) + [StopRung(.kill, grace: nil)]
  }

  /// By which a program knows where it runs.
  fileprivate var ownVariables: [EnvironmentVariable] {
    var variables = [EnvironmentVariable(name: "SUPERVISOR_ENABLED", value: "1")]
    if let serverURL { variables.append(.init(name: "SUPERVISOR_SERVER_URL", value: serverURL)) }
    variables.append(.init(name: "SUPERVISOR_PROCESS_NAME", value: name))
    variables.append(.init(name: "SUPERVISOR_GROUP_NAME", value: group))
    let names = Set(environment.map(\.name))
    return variables.filter { !names.contains($0.name) }
  }

  /// A file that supervisord would make up a name for has one that is the same at each start.
  fileprivate func file(
    of stream: Stream, _ channel: String, _ settings: SupervisordSettings, _ folder: String,
    _ stem: String
  ) -> LogFile {
    switch stream.file {
    case .none: return .none
    case .path(let path): return .path(absolutePath(path, from: folder))
    case .automatic:
      var hash = StableHash()
      for part in [stem, settings.pidFile, group, name] { hash.combine(part) }
      let place = absolutePath(settings.childLogDirectory, from: folder)
      let number = String(hash.value % 0x1_0000_0000, radix: 16)
      return .path("\(place)/\(name)-\(channel)---\(settings.identifier)-\(number).log")
    }
  }
}
