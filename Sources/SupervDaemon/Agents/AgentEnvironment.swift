import SupervConfig
import SupervSystem
import SupervisionTree

/// Puts together what an agent's environment is. What others may change is read anew for every
/// start.
struct AgentEnvironment {
  /// The largest environment file.
  static let maximumFileBytes = 1 << 20

  /// `NAME=value`, in the order in which the names came.
  private var lines: [String] = []
  private var places: [String: Int] = [:]

  /// None at all.
  init() {}

  /// What superv passes on of its own, which stays the same for as long as the settings do.
  init(passing settings: DaemonSettings, from kernel: some Kernel) {
    let names =
      settings.passesWholeEnvironment ? kernel.environmentNames : settings.passEnvironment
    for name in names where !ServiceManager.variables.contains(name) {
      if let value = kernel.environmentVariable(name) { set(name, value) }
    }
  }

  /// Later sources win: what superv passes on, the agent's user, `env_file`, `environment`, and
  /// what superv itself tells the agent.
  ///
  /// - Parameter passed: what superv passes on.
  /// - Returns: `NAME=value`, each name once.
  /// - Throws: `LaunchError` when the environment file cannot be read or understood.
  static func make(
    for agent: AgentDefinition, incarnation: UInt64, settings: DaemonSettings,
    passed: AgentEnvironment, kernel: some Kernel
  ) throws(LaunchError) -> [String] {
    var environment = passed
    if let user = agent.user, agent.hasUserVariables { environment.setUser(user, kernel) }
    if let path = agent.environmentFile { try environment.add(file: path, kernel) }
    for variable in agent.environment { environment.set(variable.name, variable.value) }
    environment.set("SUPERV_AGENT", agent.agent)
    environment.set("SUPERV_INSTANCE", String(agent.instance))
    environment.set("SUPERV_INCARNATION", String(incarnation))
    environment.set("SUPERV_SOCKET", settings.agentSocket)
    if agent.program == nil { environment.set("NOTIFY_SOCKET", settings.notifySocket) }
    // WATCHDOG_PID would be the pid of the process that this is for, and there is none yet.
    let probes = [agent.health.liveness, agent.health.startup, agent.health.readiness]
    for case .watchdog(let span) in probes.compactMap({ $0?.kind }) {
      environment.set("WATCHDOG_USEC", String(span.wholeNanoseconds / 1000))
      break
    }
    return environment.lines
  }

  private mutating func set(_ name: String, _ value: String) {
    let line = "\(name)=\(value)"
    if let place = places[name] {
      lines[place] = line
    } else {
      places[name] = lines.count
      lines.append(line)
    }
  }

  private mutating func setUser(_ name: String, _ kernel: some Kernel) {
    let account = name.prefix { $0 != ":" }
    guard let user = kernel.user(String(account)) else { return }
    set("HOME", user.home)
    set("USER", user.name)
    set("LOGNAME", user.name)
    set("SHELL", user.shell)
  }

  private mutating func add(file path: String, _ kernel: some Kernel) throws(LaunchError) {
    let bytes: [UInt8]
    do {
      bytes = try kernel.readFile(path, limit: Self.maximumFileBytes)
    } catch {
      let isOther = error == .notRegular(path)
      throw LaunchError(
        "env_file \(path): \(isOther ? "Not a regular file" : errorText(error.code))")
    }
    let file = parseEnvironmentFile(bytes, path: path)
    if let problem = file.diagnostics.first(where: { $0.severity == .error }) {
      // On one line, as all reasons are.
      throw LaunchError("env_file \(problem.file):\(problem.line): \(problem.message)")
    }
    for variable in file.variables { set(variable.name, variable.value) }
  }
}
