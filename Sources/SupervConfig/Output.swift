import SupervisionTree

// From checked declarations to the configuration. Nothing is judged here, but for what `[superv]`
// and the place of the file make together.

/// The daemon's settings with every default filled in.
func daemonSettings(
  from settings: DeclaredSettings, _ reading: inout Reading
) -> DaemonSettings {
  let superv = settings.superv
  let here = reading.folder(of: settings.supervPlace)
  let runtime = superv.runtimeDirectory ?? absolutePath("run", from: here)
  let state = superv.stateDirectory ?? absolutePath("state", from: here)
  var daemon = DaemonSettings(
    runtimeDirectory: runtime, stateDirectory: state,
    logDirectory: superv.logDirectory ?? absolutePath("logs", from: state))
  daemon.http = superv.http
  daemon.logTotalMaximumBytes = superv.logTotalMaximumBytes
  daemon.eventLog = superv.log
  daemon.shutdownTimeout = superv.shutdownTimeout
  daemon.passEnvironment = superv.passEnvironment
  daemon.minimumOpenFiles = superv.minimumOpenFiles
  daemon.maximumMessageBytes = Int(superv.maximumMessageBytes)
  daemon.controlGroups = superv.controlGroups
  daemon.allowsChaos = superv.allowsChaos
  checkRuntimeDirectory(daemon, settings, &reading)
  return daemon
}

/// The longest name of a socket in the runtime directory.
private let longestSocketName = "/control.sock"

private func checkRuntimeDirectory(
  _ daemon: DaemonSettings, _ settings: DeclaredSettings, _ reading: inout Reading
) {
  let keys = settings.supervKeys
  guard !keys.isUnreadable("runtime_dir") else { return }
  let place = keys.values["runtime_dir"] ?? settings.supervPlace
  let path = daemon.runtimeDirectory + longestSocketName
  if path.utf8.count > maximumSocketPathBytes {
    let most = maximumSocketPathBytes - longestSocketName.utf8.count
    reading.error(
      place,
      "the runtime directory's path has \(daemon.runtimeDirectory.utf8.count) bytes, and a socket "
        + "in it allows \(most)",
      hint: "set `runtime_dir` to a shorter path, such as one below /run")
  }
  if case .unix(path) = daemon.http, let place = keys.values["http"] {
    reading.error(
      place, "this is the path of the control socket", hint: "choose another name for HTTP")
  }
}

extension DeclaredTree {
  func configuration(
    _ daemon: DaemonSettings, _ superv: SupervSettings, files: [String]
  ) -> Configuration {
    var definitions: [AgentDefinition] = []
    var specifications = [ChildSpecification?](repeating: nil, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      guard case .agent(let agent) = declarations[node.declaration] else { continue }
      let definition = definition(of: agent, node, daemon, files)
      definitions.append(definition)
      specifications[index] = .agent(definition.specification)
    }
    // The deepest first, so that a supervisor finds its children made.
    let supervisors = nodes.indices.filter { nodes[$0].instance == nil }
    for index in supervisors.sorted(by: { nodes[$0].depth > nodes[$1].depth }) {
      guard let supervisor = supervisor(index) else { continue }
      let children = nodes[index].children.compactMap { specifications[$0] }
      specifications[index] = .supervisor(specification(of: supervisor, children))
    }
    var tree = TreeSpecification()
    tree.children = nodes.indices.filter { nodes[$0].parent == nil }.compactMap {
      specifications[$0]
    }
    tree.intensity = superv.intensity
    tree.backoff = superv.backoff
    tree.stopsSiblingsSideBySide = superv.stopSiblings == .sideBySide
    return Configuration(settings: daemon, agents: definitions, tree: tree, files: files)
  }

  private func specification(
    of supervisor: DeclaredSupervisor, _ children: [ChildSpecification]
  ) -> SupervisorSpecification {
    let settings = supervisor.settings
    var specification = SupervisorSpecification(name: supervisor.name)
    specification.policy = settings.policy
    specification.policy.needs = settings.needs.map(\.need)
    specification.strategy = settings.strategy
    specification.intensity = settings.intensity
    specification.backoff = settings.backoff
    specification.autoShutdown = settings.autoShutdown
    specification.children = children
    return specification
  }

  private func definition(
    of agent: DeclaredAgent, _ node: Node, _ daemon: DaemonSettings, _ files: [String]
  ) -> AgentDefinition {
    let instance = node.instance ?? 0
    let settings = agent.instances[instance]
    var specification = AgentSpecification(name: node.name)
    specification.policy = settings.policy
    specification.policy.needs = settings.needs.map(\.need)
    specification.normalExitCodes = settings.normalExitCodes
    specification.readyAfter = settings.readyByTime
    specification.startRetries = settings.startRetries.map { StartRetries(limit: $0) }
    specification.stopLadder = settings.stopLadder
    var definition = AgentDefinition(
      specification: specification, agent: agent.name, instance: instance,
      command: settings.command,
      directory: settings.directory ?? parentFolder(of: files[agent.place.file]))
    definition.environment = settings.environment
    definition.environmentFile = settings.environmentFile
    definition.user = settings.user
    definition.umask = settings.umask
    definition.limits = ResourceLimit.Resource.allCases.compactMap { settings.limits[$0] }
    definition.treeLimits = settings.treeLimits
    definition.detachIsAllowed = settings.detachIsAllowed
    definition.sandbox = settings.sandbox
    definition.nice = settings.nice.map { Int32($0) }
    definition.standardInput = settings.standardInput
    definition.signalTarget = settings.signalTarget
    definition.allowsChaos = settings.allowsChaos
    definition.hasUserVariables = settings.hasUserVariables
    definition.log = settings.log
    definition.health = settings.healthSettings
    definition.health.startSeconds = settings.readinessKey == nil ? settings.readyAfter : .zero
    definition.calls = settings.callSettings
    definition.specification.fingerprint = definition.fingerprint(
      passEnvironment: daemon.passEnvironment)
    return definition
  }
}

extension AgentSettings {
  /// SIGKILL goes to the whole process tree at once: there is nothing gentler to wait for.
  fileprivate var stopLadder: [StopRung] {
    let message = StopRung(.message, grace: drain)
    let signal = StopRung(.signal(stopSignal), grace: stopWait)
    return (drain == .zero ? [] : [message]) + (stopSignal == 9 ? [] : [signal])
      + [StopRung(.kill, grace: nil)]
  }
}
