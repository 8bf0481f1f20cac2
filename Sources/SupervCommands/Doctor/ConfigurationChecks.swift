import SupervConfig
import SupervSystem

/// What the file asks for.
let configurationChecks = [
  folderCheck("runtime_dir", \.runtimeDirectory),
  folderCheck("state_dir", \.stateDirectory),
  folderCheck("log_dir", \.logDirectory),
  Check(name: "programs") { examination in programs(examination) },
  Check(name: "users") { examination in users(examination) },
  Check(name: "limits") { examination in limits(examination) },
]

private func folderCheck(
  _ name: String, _ folder: @escaping @Sendable (DaemonSettings) -> String
) -> Check {
  Check(name: name) { examination in
    guard let path = examination.configuration.map({ folder($0.settings) }) else { return nil }
    do {
      try mayUse(path)
    } catch {
      return .missing("\(error)", advice: "make it writable, or name another folder")
    }
    let mount = examination.mounts.mount(holding: existing(path))
    let place = mount.map { "\(path) (\($0.kind) at \($0.point))" } ?? path
    guard name == "runtime_dir", let mount, mount.kind != "tmpfs" else { return .inForce(place) }
    return Finding(state: .inForce, found: place, advice: "a tmpfs would be quicker")
  }
}

/// The folder, or the nearest one above it that there is, without links.
private func existing(_ path: String) -> String {
  var place = path
  while place != "/" {
    if let real = try? Files.realPath(place) { return real }
    place = Files.parent(of: place)
  }
  return place
}

/// Whether each agent's program is there and can be executed, as the daemon will look for it.
private func programs(_ examination: Examination) -> Finding? {
  guard let configuration = examination.configuration else { return nil }
  var problems: [String] = []
  var seen: Set<String> = []
  for agent in configuration.agents where seen.insert(agent.agent).inserted {
    if let problem = problem(with: agent, configuration.settings, examination.environment) {
      problems.append("\(agent.agent): \(problem)")
    }
  }
  guard !problems.isEmpty else { return .inForce("the programs of \(seen.count) agents are there") }
  return .missing(
    problems.joined(separator: "; "),
    advice: "correct command, directory or PATH; from a noexec mount nothing can be executed")
}

private func problem(
  with agent: AgentDefinition, _ settings: DaemonSettings, _ environment: [String: String]
) -> String? {
  let own = agent.environment.last { $0.name == "PATH" }?.value
  // A file of variables may name another PATH, and is read at each start.
  if own == nil, agent.environmentFile != nil, !agent.command[0].contains("/") { return nil }
  let passesPath = settings.passesWholeEnvironment || settings.passEnvironment.contains("PATH")
  let passed = passesPath ? environment["PATH"] : nil
  var worst = SystemError("exec", code: 0, subject: agent.command[0])
  for candidate in SpawnRequest.candidates(for: agent.command[0], path: own ?? passed) {
    let isAbsolute = candidate.hasPrefix("/")
    do {
      try Files.check(
        .execute, of: isAbsolute ? candidate : "\(agent.directory ?? ".")/\(candidate)")
      return nil
    } catch {
      // One that is there and may not be executed says more than one that is not.
      if worst.code == 0 || worst.isMissing { worst = error }
    }
  }
  return worst.isMissing || worst.code == 0 ? "there is no \(agent.command[0])" : "\(worst)"
}

private func users(_ examination: Examination) -> Finding? {
  guard let agents = examination.configuration?.agents.filter({ $0.user != nil }), !agents.isEmpty
  else { return nil }
  let names = Set(agents.compactMap(\.user)).sorted()
  let database = try? UserDatabase.ofSystem()
  for name in names {
    do {
      guard let identity = try database?.identity(name) else { continue }
      let isOurs = identity.user == Processes.ownUser && Processes.ownUser != 0
      let mayChange = [.setUser, .setGroup].allSatisfy(examination.capabilities.has)
      guard isOurs || mayChange else {
        return .missing(
          "superv runs as \(Processes.ownUser) and cannot start agents as \(name)",
          advice: "start it as root, with CAP_SETUID and CAP_SETGID")
      }
    } catch {
      return .missing("\(error)", advice: "add it to /etc/passwd, or use its number")
    }
  }
  return .inForce("agents run as \(names.joined(separator: ", "))")
}

/// A hard limit can be lowered by everybody, and raised only with a capability (setrlimit(2)).
private func limits(_ examination: Examination) -> Finding? {
  guard let agents = examination.configuration?.agents,
    agents.contains(where: { !$0.limits.isEmpty })
  else { return nil }
  guard !examination.capabilities.has(.resources) else {
    return .inForce("agents' limits may be above superv's own")
  }
  for agent in agents {
    for limit in agent.limits {
      guard let resource = ProcessLimit.Resource(rawValue: limit.resource.rawValue),
        let own = try? ProcessLimit.current(resource)
      else { continue }
      guard limit.hard ?? ProcessLimit.unlimited > own.hard else { continue }
      return .missing(
        "\(agent.agent) asks for more \(resource.rawValue) than superv may give, \(own.hard)",
        advice: "lower it, or raise superv's own hard limit")
    }
  }
  return .inForce("agents' limits are within superv's own")
}
