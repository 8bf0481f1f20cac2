package import SupervConfig
package import SupervSystem

/// Makes of what agents may do what the kernel enforces.
package final class AgentSandbox {
  /// How much sooner than superv an agent is killed when memory runs out.
  private static let scoreAboveOwn: Int32 = 100
  private static let highestScore: Int32 = 1000
  /// What every program takes to be there, whatever else it may open.
  private static let devices: [(path: String, rights: LandlockRules.Files)] = [
    ("/dev/null", [.readFile, .writeFile, .truncate]), ("/dev/zero", .readFile),
    ("/dev/random", .readFile), ("/dev/urandom", .readFile),
  ]

  /// With any of these a process of user 0 reaches others whatever Landlock says: their memory,
  /// their environment, the kernel itself.
  private static let leadingOut = Capabilities(
    bits: Capability.bits([
      .sysAdmin, .sysModule, .sysRawio, .sysBoot, .sysPtrace, .perfmon, .bpf, .macAdmin,
      .macOverride, .checkpointRestore,
    ]))

  private final class Rules {
    let kernel: LandlockRules

    init(_ kernel: consuming LandlockRules) { self.kernel = kernel }
  }

  private let version = LandlockRules.version
  private let held = Capabilities.effective
  private let score = OutOfMemoryScore()
  /// For agents that say nothing of files and ports.
  private var signalRules: Rules?

  package init() {}

  /// Starts a program of an agent, kept from what the agent is to be kept from.
  ///
  /// - Parameter isProbe: whether it asks how the agent is, and may signal it for that.
  package func start(
    _ request: SpawnRequest, _ agent: AgentDefinition, isProbe: Bool = false
  ) throws(LaunchError) -> SpawnedProcess {
    var request = request
    let rules = try confine(&request, agent, signals: !isProbe)
    try setScore(agent.sandbox.outOfMemoryScore)
    defer {
      score?.reset()
      withExtendedLifetime(rules) {}
    }
    do {
      return try spawn(request)
    } catch {
      throw LaunchError(error, agent.sandbox)
    }
  }

  /// What of a sandbox this kernel cannot enforce for agents of this superv, for people. Paths that
  /// do not exist are not among it.
  package func problems(enforcing sandbox: SandboxSettings) -> [String] {
    guard sandbox.policy != .off else { return [] }
    guard let version else {
      return ["there is no Landlock (Linux 5.13; lsm= has to list it, and no filter to hide it)"]
    }
    guard mayConfine(sandbox) else {
      return ["with `no_new_privs = no` only a superv with CAP_SYS_ADMIN can use Landlock"]
    }
    var problems: [String] = []
    if version < LandlockRules.Since.signals {
      problems.append("signals reach superv and other agents (Linux 6.12 can prevent it)")
    }
    if sandbox.write != nil, version < LandlockRules.Since.truncate {
      problems.append("files outside of `sandbox.write` can be emptied (Linux 6.2 prevents it)")
    }
    if sandbox.connect != nil, version < LandlockRules.Since.connect {
      problems.append("all ports can be connected to (Linux 6.7 can prevent it)")
    }
    if Processes.ownUser == 0, held.intersection(Self.leadingOut) != .none,
      !held.has(.setCapabilities)
    {
      problems.append("root keeps capabilities that lead out: superv has no CAP_SETPCAP")
    }
    return problems
  }

  /// Landlock wants to be sure that a program with more rights than the agent's is not misled.
  private func mayConfine(_ sandbox: SandboxSettings) -> Bool {
    sandbox.forbidsNewPrivileges || held.has(.systemAdministration)
  }

  private func setScore(_ wanted: Int32?) throws(LaunchError) {
    guard let score else {
      if wanted == nil { return }
      throw LaunchError("oom_score_adj: /proc/self/oom_score_adj cannot be opened")
    }
    do {
      try score.set(wanted ?? min(score.own + Self.scoreAboveOwn, Self.highestScore))
    } catch {
      // Nobody has asked for it: it is as good as it gets.
      guard let wanted else { return }
      throw LaunchError(
        "oom_score_adj: \(errorText(error.code)): "
          + "\(wanted) is below superv's own, \(score.own), and needs a superv that runs as root")
    }
  }
}

// MARK: - What a process is started with

extension AgentSandbox {
  /// - Returns: what has to live until the process is started.
  private func confine(
    _ request: inout SpawnRequest, _ agent: AgentDefinition, signals: Bool
  ) throws(LaunchError) -> AnyObject? {
    let sandbox = agent.sandbox
    request.confinement.forbidsNewPrivileges = sandbox.forbidsNewPrivileges
    try limitCapabilities(&request, sandbox)
    if sandbox.policy == .require {
      let problems = problems(enforcing: sandbox)
      guard problems.isEmpty else {
        throw LaunchError("sandbox = require: \(problems.joined(separator: "; "))")
      }
    }
    do {
      let rules = try rules(agent, signals: signals)
      request.confinement.landlock = rules?.kernel.descriptor.number
      return rules
    } catch {
      throw LaunchError("sandbox: \(error)")
    }
  }

  private func limitCapabilities(
    _ request: inout SpawnRequest, _ sandbox: SandboxSettings
  ) throws(LaunchError) {
    request.confinement.boundsCapabilities = held.has(.setCapabilities)
    if let kept = sandbox.capabilities {
      guard sandbox.forbidsNewPrivileges || held.has(.setCapabilities) else {
        throw LaunchError(
          "capabilities: with `no_new_privs = no` only a superv with CAP_SETPCAP can take them away"
        )
      }
      request.confinement.capabilities = Capabilities(bits: Capability.bits(kept))
      request.confinement.passesCapabilities = true
    } else if sandbox.policy != .off, (request.identity?.user ?? Processes.ownUser) == 0,
      held.intersection(Self.leadingOut) != .none
    {
      request.confinement.capabilities = held.subtracting(Self.leadingOut)
    }
  }

  private func rules(
    _ agent: AgentDefinition, signals: Bool
  ) throws(SystemError) -> Rules? {
    let sandbox = agent.sandbox
    guard sandbox.policy != .off, let version, mayConfine(sandbox) else { return nil }
    guard sandbox.read == nil, sandbox.write == nil, sandbox.connect == nil else {
      return try makeRules(agent, version, signals: signals)
    }
    guard signals, version >= LandlockRules.Since.signals else { return nil }
    if let signalRules { return signalRules }
    signalRules = Rules(
      try LandlockRules(version: version, files: [], connecting: false, signals: true))
    return signalRules
  }

  private func makeRules(
    _ agent: AgentDefinition, _ version: Int, signals: Bool
  ) throws(SystemError) -> Rules {
    let sandbox = agent.sandbox
    var refused: LandlockRules.Files = []
    if sandbox.read != nil { refused.formUnion(.reading) }
    if sandbox.write != nil { refused.formUnion(.writing) }
    let rules = Rules(
      try LandlockRules(
        version: version, files: refused, connecting: sandbox.connect != nil, signals: signals))

    func allow(_ rights: LandlockRules.Files, _ paths: [String]) throws(SystemError) {
      for path in paths {
        do {
          try rules.kernel.allow(rights, below: path)
        } catch {
          if sandbox.policy == .require { throw error }
        }
      }
    }
    try allow(.reading, sandbox.read ?? [])
    try allow([.reading, .writing, .refer], sandbox.write ?? [])
    if !refused.isEmpty {
      for device in Self.devices { try? rules.kernel.allow(device.rights, below: device.path) }
      if case .path(let path) = agent.standardInput {
        try? rules.kernel.allow(.reading, below: path)
      }
      // A set of rules that is about reading alone would refuse this as well.
      if sandbox.write == nil { try allow(.refer, ["/"]) }
    }
    for range in sandbox.connect?.ranges ?? [] {
      for port in range { try rules.kernel.allowConnecting(to: port) }
    }
    return rules
  }
}

// MARK: - Looking

extension AgentSandbox {
  /// Lets a process try what an agent is to be kept from, without executing anything.
  ///
  /// - Throws: `LaunchError`: what the agent would meet as well.
  package func trial(of agent: AgentDefinition) throws(LaunchError) -> SandboxTrial {
    var request = SpawnRequest(command: agent.command, environment: [])
    request.identity = try agent.identity()
    let rules = try confine(&request, agent, signals: true)
    defer { withExtendedLifetime(rules) {} }
    var attempts = SandboxTrial.Attempts()
    let allowed = (agent.sandbox.read ?? []) + (agent.sandbox.write ?? [])
    if agent.sandbox.read != nil, !allowed.contains("/") { attempts.read = "/" }
    // Whoever may write to all devices may write to that one.
    let device = "/dev/full"
    if let write = agent.sandbox.write, !["/", "/dev", device].contains(where: write.contains) {
      attempts.write = device
    }
    attempts.connects = agent.sandbox.connect != nil
    do {
      return try SandboxTrial(of: request, attempts)
    } catch {
      throw LaunchError(error, agent.sandbox)
    }
  }
}

extension AgentDefinition {
  /// nil: superv's.
  func identity() throws(LaunchError) -> SpawnRequest.Identity? {
    guard let user else { return nil }
    do {
      let identity = try UserDatabase.ofSystem().identity(user)
      // supervisord changes nothing, groups included, where it is that user already.
      return program != nil && identity.user == Processes.ownUser ? nil : identity
    } catch let error as UserDatabase.LookupError {
      throw LaunchError("user: \(error)")
    } catch {
      throw LaunchError("user \(user): \(error)")
    }
  }
}
