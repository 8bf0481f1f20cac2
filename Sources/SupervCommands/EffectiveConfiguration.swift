import SupervConfig
import SupervisionTree

// What a configuration comes to, with every default filled in, under the names of its keys:
// durations in seconds, sizes in bytes, and null where nothing is in force.

/// The member `configuration` of `superv check --json`.
func effectiveConfiguration(_ configuration: Configuration) -> JSONTree {
  let program = configuration.settings.supervisord
  var parents: [String: String] = [:]
  var supervisors: [JSONTree] = []
  var waiting = configuration.tree.children.map { ($0, nil as String?) }[...]
  while let (child, parent) = waiting.popFirst() {
    parents[child.name] = parent
    guard case .supervisor(let supervisor) = child else { continue }
    supervisors.append(effective(supervisor, under: parent))
    waiting += supervisor.children.map { ($0, supervisor.name) }
  }
  let members: [JSONMember] = [
    JSONMember("dialect", program == nil ? "superv" : "supervisord"),
    JSONMember("superv", effective(configuration.settings, configuration.tree)),
    JSONMember("supervisors", .list(supervisors)),
    JSONMember(
      "agents",
      .list(configuration.agents.map { effective($0, under: parents[$0.specification.name]) })),
    JSONMember("supervisord", program.map { effective($0.settings) } ?? .null),
  ]
  return .object(members)
}

private func effective(_ settings: DaemonSettings, _ tree: TreeSpecification) -> JSONTree {
  let http: String? =
    switch settings.http {
    case nil: nil
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): "\(bracketed(host)):\(port)"
    }
  let members: [JSONMember] = [
    JSONMember("runtime_dir", .text(settings.runtimeDirectory)),
    JSONMember("state_dir", .text(settings.stateDirectory)),
    JSONMember("log_dir", .text(settings.logDirectory)),
    JSONMember("http", JSONTree(http)),
    JSONMember("shutdown_timeout", JSONTree(settings.shutdownTimeout)),
    JSONMember("stop_siblings", tree.stopsSiblingsSideBySide ? "side_by_side" : "one_by_one"),
    JSONMember("pass_environment", JSONTree(settings.passEnvironment)),
    JSONMember("min_open_files", JSONTree(settings.minimumOpenFiles)),
    JSONMember("message_max", JSONTree(settings.maximumMessageBytes)),
    JSONMember("cgroups", .text(settings.controlGroups.rawValue)),
    JSONMember("log_total_max", JSONTree(settings.logTotalMaximumBytes)),
    JSONMember("chaos", .flag(settings.allowsChaos)),
  ]
  return .object(
    members + effective(settings.eventLog) + effective(tree.intensity, tree.backoff))
}

private func effective(_ log: LogSettings) -> [JSONMember] {
  [
    JSONMember("log_format", .text(log.format.rawValue)),
    JSONMember("log_max_size", JSONTree(log.maximumBytes)),
    JSONMember("log_files", JSONTree(log.maximumFiles)),
  ]
}

private func effective(_ intensity: RestartIntensity, _ backoff: BackoffPolicy) -> [JSONMember] {
  [
    JSONMember("intensity", JSONTree(intensity.limit)),
    JSONMember("period", JSONTree(intensity.period)),
    JSONMember("backoff_base", JSONTree(backoff.base)),
    JSONMember("backoff_cap", JSONTree(backoff.cap)),
  ]
}

private func effective(_ policy: ChildPolicy) -> [JSONMember] {
  let needs = policy.needs.map { "\($0.name):\($0.condition.rawValue)" }
  return [
    JSONMember("restart", .text(policy.restart.rawValue)),
    JSONMember("autostart", .flag(policy.autostart)),
    JSONMember("needs", JSONTree(needs)),
    JSONMember("critical", .flag(policy.critical)),
    JSONMember("significant", .flag(policy.significant)),
    JSONMember("stop_priority", JSONTree(policy.priority)),
  ]
}

private func effective(
  _ supervisor: SupervisorSpecification, under parent: String?
) -> JSONTree {
  let members: [JSONMember] = [
    JSONMember("name", .text(supervisor.name)),
    JSONMember("supervisor", JSONTree(parent)),
    JSONMember("children", JSONTree(supervisor.children.map(\.name))),
    JSONMember("strategy", .text(supervisor.strategy.rawValue)),
    JSONMember("auto_shutdown", .text(supervisor.autoShutdown.rawValue)),
  ]
  return .object(
    members + effective(supervisor.intensity, supervisor.backoff) + effective(supervisor.policy))
}

// MARK: - Agents

private func effective(_ agent: AgentDefinition, under parent: String?) -> JSONTree {
  let specification = agent.specification
  var members: [JSONMember] = [
    JSONMember("name", .text(specification.name)),
    JSONMember("agent", .text(agent.agent)),
    JSONMember("instance", JSONTree(agent.instance)),
    JSONMember("supervisor", JSONTree(parent)),
    JSONMember("command", JSONTree(agent.command)),
    JSONMember("directory", JSONTree(agent.directory)),
  ]
  members += effective(specification.policy)
  members += [
    JSONMember("startsecs", JSONTree(agent.health.startSeconds)),
    JSONMember("startretries", JSONTree(specification.startRetries?.limit)),
  ]
  members += effective(agent.health) + effectiveStop(of: agent) + effective(agent.calls)
  members += effective(agent.treeLimits)
  members.append(JSONMember("detach_allowed", .flag(agent.detachIsAllowed)))
  members += effective(agent.sandbox) + effectiveSurroundings(of: agent) + effective(agent.log)
  members += ResourceLimit.Resource.allCases.map { resource in
    let limit = agent.limits.first { $0.resource == resource }
    return JSONMember("rlimit_\(resource.rawValue)", limit.map(effective) ?? .null)
  }
  members.append(JSONMember("chaos", .flag(agent.allowsChaos)))
  members.append(JSONMember("program", agent.program.map(effective) ?? .null))
  return .object(members)
}

private func effective(_ health: HealthSettings) -> [JSONMember] {
  var members: [JSONMember] = [
    JSONMember("ready", .text(health.readySource.rawValue)),
    JSONMember("notify_fd", JSONTree(health.notifyDescriptor)),
  ]
  let probes = [
    ("startup", health.startup), ("liveness", health.liveness), ("readiness", health.readiness),
  ]
  for (name, probe) in probes {
    members += [
      JSONMember(name, JSONTree(probe.map { text(of: $0.kind) })),
      JSONMember("\(name)_initial_delay", JSONTree(probe?.initialDelay)),
      JSONMember("\(name)_interval", JSONTree(probe?.interval)),
      JSONMember("\(name)_timeout", JSONTree(probe?.timeout)),
      JSONMember("\(name)_success_threshold", JSONTree(probe?.successThreshold)),
      JSONMember("\(name)_failure_threshold", JSONTree(probe?.failureThreshold)),
    ]
  }
  members += [
    JSONMember("stuck", .text(health.stuck.rawValue)),
    JSONMember("progress_timeout", JSONTree(health.progressTimeout)),
  ]
  return members
}

private func text(of probe: ProbeKind) -> String {
  switch probe {
  case .ping: "ping"
  case .command(let words): "exec:\(words.joined(separator: " "))"
  case .http(let host, let port, let path): "http:\(bracketed(host)):\(port)\(path)"
  case .tcp(let host, let port): "tcp:\(bracketed(host)):\(port)"
  case .unix(let path): "unix:\(path)"
  case .watchdog(let span): "watchdog:\(durationText(span))"
  }
}

private func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

private func effectiveStop(of agent: AgentDefinition) -> [JSONMember] {
  var drain = Duration.zero
  var signal = "KILL"
  var wait = Duration.zero
  for rung in agent.specification.stopLadder {
    switch rung.action {
    case .message: drain = rung.grace ?? .zero
    case .signal(let number):
      signal = number == 0 ? "none" : signalName(number).replacing("SIG", with: "")
      wait = rung.grace ?? .zero
    case .kill: break
    }
  }
  return [
    JSONMember(
      "exitcodes",
      .list(agent.specification.normalExitCodes.codes.map { .integer(Int64($0)) })),
    JSONMember("drain", JSONTree(drain)),
    JSONMember("stopsignal", .text(signal)),
    JSONMember("signal_to", .text(agent.signalTarget.rawValue)),
    JSONMember("stopwaitsecs", JSONTree(wait)),
  ]
}

private func effective(_ calls: CallSettings) -> [JSONMember] {
  [
    JSONMember("accept_calls_from", JSONTree(calls.acceptsAll ? ["*"] : calls.acceptedNames)),
    JSONMember("call_queue", JSONTree(calls.queueLength)),
    JSONMember("breaker_failures", JSONTree(calls.breaker.failures)),
    JSONMember("breaker_recovery", JSONTree(calls.breaker.recovery)),
    JSONMember("breaker_successes", JSONTree(calls.breaker.successes)),
  ]
}

private func effective(_ limits: TreeLimits) -> [JSONMember] {
  [
    JSONMember("memory_high", JSONTree(limits.memoryHighBytes)),
    JSONMember("memory_max", JSONTree(limits.memoryMaximumBytes)),
    JSONMember("cpu_max", limits.processorThousandths.map { .number(Double($0) / 1000) } ?? .null),
    JSONMember("pids_max", JSONTree(limits.taskMaximum)),
    JSONMember("limits", .text(limits.policy.rawValue)),
  ]
}

private func effective(_ sandbox: SandboxSettings) -> [JSONMember] {
  [
    JSONMember("sandbox", .text(sandbox.policy.rawValue)),
    JSONMember("sandbox.read", JSONTree(sandbox.read)),
    JSONMember("sandbox.write", JSONTree(sandbox.write)),
    JSONMember("sandbox.connect", JSONTree(sandbox.connect?.text)),
    JSONMember("no_new_privs", .flag(sandbox.forbidsNewPrivileges)),
    JSONMember("capabilities", JSONTree(sandbox.capabilities?.map(\.rawValue))),
    JSONMember("oom_score_adj", JSONTree(sandbox.outOfMemoryScore)),
  ]
}

private func effectiveSurroundings(of agent: AgentDefinition) -> [JSONMember] {
  let input =
    switch agent.standardInput {
    case .path(let path): path
    case .pipe: "pipe"
    case .socket(let socket): socket.url
    }
  return [
    JSONMember("environment", effective(agent.environment)),
    JSONMember("env_file", JSONTree(agent.environmentFile)),
    JSONMember("user", JSONTree(agent.user)),
    JSONMember("user_environment", .flag(agent.hasUserVariables)),
    JSONMember("umask", JSONTree(agent.umask.map { octal(Int($0)) })),
    JSONMember("nice", JSONTree(agent.nice)),
    JSONMember("stdin", .text(input)),
  ]
}

func effective(_ variables: [EnvironmentVariable]) -> JSONTree {
  .object(variables.map { JSONMember($0.name, .text($0.value)) })
}

/// `022`.
func octal(_ number: Int) -> String {
  let digits = String(number, radix: 8)
  return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
}

private func effective(_ limit: ResourceLimit) -> JSONTree {
  func text(_ amount: UInt64?) -> String { amount.map { String($0) } ?? "unlimited" }
  return .text("\(text(limit.soft)):\(text(limit.hard))")
}
