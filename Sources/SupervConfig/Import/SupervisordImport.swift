import SupervisionTree

// What a configuration of supervisord means, in superv's own dialect.

/// Writes it down.
struct SupervisordImport {
  let configuration: Configuration
  let said: SupervisordConfiguration
  private(set) var agents: [ImportedAgent] = []
  private(set) var imported = ImportedConfiguration(text: "")
  /// Agents whose folder is not there.
  let missingFolders: [String]
  /// Whether a file that was read has values of the environment in it.
  let usesEnvironment: Bool

  /// nil: it is none of supervisord's.
  init?(_ configuration: Configuration, _ source: some ConfigurationSource) {
    guard let said = configuration.settings.supervisord else { return nil }
    self.configuration = configuration
    self.said = said
    usesEnvironment = configuration.files.contains { path in
      let text = (try? source.readFile(path, limit: maximumFileBytes)) ?? []
      return String(decoding: text, as: UTF8.self).contains("%(ENV_")
    }
    var names = ImportedNames()
    var omissions: [ImportedConfiguration.Omission] = []
    var processes = configuration.agents[...]
    for group in said.groups {
      let members = Array(processes.prefix(group.programs.count))
      processes = processes.dropFirst(group.programs.count)
      if let reason = group.kind.reasonToOmit {
        let type = group.kind.sectionType
        omissions.append(.init(name: "[\(type):\(group.name)]", reason: reason))
        continue
      }
      let runnable = members.filter { $0.command.first?.isEmpty == false }
      for member in members where member.command.first?.isEmpty != false {
        omissions.append(
          .init(name: member.specification.name, reason: "it has no command, and cannot start"))
      }
      for var agent in ImportedAgent.all(of: runnable) {
        let wanted = agent.instances.count > 1 ? agent.section : agent.programs[0].name
        agent.name = names.name(for: wanted, instances: agent.instances.count)
        agents.append(agent)
      }
    }
    var folders: [String] = []
    for folder in agents.flatMap(\.instances).compactMap(\.directory)
    where !folders.contains(folder) && source.kindOfFile(folder) != .folder {
      folders.append(folder)
    }
    missingFolders = folders
    imported.omissions = omissions
    for agent in agents {
      for (index, instance) in agent.instances.enumerated() {
        imported.processes.append(
          .init(name: instance.specification.name, agent: agent.instanceName(index)))
      }
    }
    imported.text = text()
  }

  private func text() -> String {
    var file = ConfigurationText()
    writeRemarks(to: &file)
    file.blank()
    let logs = ImportedLogs(agents)
    writeDaemon(to: &file, logs)
    let hasPriorities = Set(agents.map(\.first.specification.policy.priority)).count > 1
    for agent in agents {
      file.blank()
      writeOrigin(of: agent, to: &file)
      write(agent, to: &file, logs, hasPriorities: hasPriorities)
    }
    return file.text
  }

  // MARK: [superv]

  private func writeDaemon(to file: inout ConfigurationText, _ logs: ImportedLogs) {
    let settings = configuration.settings
    let tree = configuration.tree
    let usual = DaemonSettings(runtimeDirectory: "", stateDirectory: "", logDirectory: "")
    file.header("superv")
    file.key("runtime_dir", plainValue(InstanceText(settings.runtimeDirectory)))
    file.key("state_dir", plainValue(InstanceText(settings.stateDirectory)))
    file.key("pass_environment", "*")
    if let files = settings.minimumOpenFiles {
      file.key("min_open_files", String(min(max(0, files), 1_000_000_000)))
    }
    if settings.shutdownTimeout != usual.shutdownTimeout {
      file.key("shutdown_timeout", durationText(min(settings.shutdownTimeout, .days(365))))
    }
    if tree.intensity.limit != RestartIntensity().limit {
      file.key("intensity", String(tree.intensity.limit))
    }
    if tree.intensity.period != RestartIntensity().period {
      file.key("period", durationText(tree.intensity.period))
    }
    file.key("backoff_base", durationText(tree.backoff.base))
    logs.write(to: &file)
    let silenced = [
      missingFolders.isEmpty ? nil : "missing_paths", agents.isEmpty ? "no_agent" : nil,
    ].compactMap(\.self)
    if !silenced.isEmpty { file.key("no_warning_of", silenced.joined(separator: ", ")) }
  }

  // MARK: [agent:NAME]

  private func write(
    _ agent: ImportedAgent, to file: inout ConfigurationText, _ logs: ImportedLogs,
    hasPriorities: Bool
  ) {
    let (process, specification) = (agent.first, agent.first.specification)
    file.header("agent:\(agent.name)")
    file.command(agent.command)
    if agent.instances.count > 1 { file.key("numprocs", String(agent.instances.count)) }
    file.key("directory", plainValue(agent.directory))
    if let user = process.user { file.key("user", plainValue(InstanceText(user))) }
    if process.user != nil, !process.hasUserVariables { file.key("user_environment", "no") }
    if let umask = process.umask {
      let digits = String(umask, radix: 8)
      file.key("umask", String(repeating: "0", count: max(0, 3 - digits.count)) + digits)
    }
    file.environment(agent.environment)
    if process.standardInput == .pipe { file.key("stdin", "pipe") }
    if !specification.policy.autostart { file.key("autostart", "no") }
    file.key("restart", specification.policy.restart.rawValue)
    let codes = specification.normalExitCodes.codes
    if codes != [0] { file.key("exitcodes", codes.map { String($0) }.joined(separator: ", ")) }
    let startSeconds = min(process.health.startSeconds, .days(365))
    if startSeconds != .seconds(1) { file.key("startsecs", durationText(startSeconds)) }
    file.key("ready", process.health.readySource.rawValue)
    if let retries = specification.startRetries {
      file.key("startretries", String(min(max(0, retries.limit), 1_000_000)))
    }
    writeStop(of: process, to: &file)
    if hasPriorities, let priority = specification.policy.priority {
      file.key("stop_priority", String(stopPriority(priority)))
    }
    file.key("sandbox", process.sandbox.policy.rawValue)
    logs.write(of: agent, to: &file)
  }

  private func writeStop(of process: AgentDefinition, to file: inout ConfigurationText) {
    var hasMessage = false
    var signal: Int32 = 9
    for rung in process.specification.stopLadder {
      switch rung.action {
      case .message: hasMessage = true
      case .signal(let number):
        signal = number
        if let grace = rung.grace, grace != .seconds(10) {
          file.key("stopwaitsecs", durationText(min(grace, .days(365))))
        }
      case .kill: break
      }
    }
    if !hasMessage { file.key("drain", "0s") }
    switch signal {
    case 15: break
    case 0: file.key("stopsignal", "none")
    case 1...31: file.key("stopsignal", signalName(signal).replacing("SIG", with: ""))
    default: file.key("stopsignal", String(signal))
    }
    if process.signalTarget != .group { file.key("signal_to", process.signalTarget.rawValue) }
  }

  /// Where one is out of the key's range, their ranks do as well: only their order counts.
  private func stopPriority(_ priority: Int) -> Int {
    let all = Set(agents.compactMap(\.first.specification.policy.priority)).sorted()
    let range = -1_000_000...1_000_000
    if all.allSatisfy(range.contains) { return priority }
    return all.firstIndex(of: priority) ?? 0
  }
}

extension SupervisordGroup.Kind {
  fileprivate var reasonToOmit: String? {
    switch self {
    case .programs: nil
    case .listeners:
      "superv has no event listeners, but superv events -f --json, for any program to read"
    case .fastCGI: "superv opens no sockets for agents"
    }
  }

  fileprivate var sectionType: String {
    switch self {
    case .programs: "program"
    case .listeners: "eventlistener"
    case .fastCGI: "fcgi-program"
    }
  }
}
