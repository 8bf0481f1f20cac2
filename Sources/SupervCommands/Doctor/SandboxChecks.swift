import SupervConfig
import SupervDaemon
import SupervSystem

/// What the kernel really keeps each agent of the file from: a process that is confined as the
/// agent would be tries it, on this superv in place of the daemon, and ends without executing
/// anything. One instance stands for all.
func sandboxFindings(_ examination: Examination) -> [(name: String, finding: Finding)] {
  guard let configuration = examination.configuration else { return [] }
  let sandbox = AgentSandbox()
  return configuration.agents.filter { $0.instance == 0 }.map { agent in
    (name: "agent \(agent.agent)", finding: finding(agent, sandbox))
  }
}

private func finding(_ agent: AgentDefinition, _ sandbox: AgentSandbox) -> Finding {
  let policy = agent.sandbox.policy
  let trial: SandboxTrial
  do {
    trial = try sandbox.trial(of: agent)
  } catch {
    return .missing(
      "it cannot be started: \(error.description)",
      advice: "correct its section, or superv's rights")
  }
  let (kept, open) = outcomes(of: trial, agent.sandbox)
  let text = kept.isEmpty ? "" : "kept from \(kept.joined(separator: ", "))"
  guard policy != .off else {
    return .available(text.isEmpty ? "sandbox = off" : "sandbox = off; \(text) all the same")
  }
  guard open.isEmpty else {
    let reasons = sandbox.problems(enforcing: agent.sandbox)
    let why = reasons.isEmpty ? "" : ": \(reasons.joined(separator: "; "))"
    let found = "not kept from \(open.joined(separator: ", "))\(why)"
    return policy == .require
      ? .missing(found, advice: "it will not be started with `sandbox = require`")
      : .notAvailable(
        text.isEmpty ? found : "\(text); \(found)",
        advice: "`sandbox = require` would not start it")
  }
  return .inForce(text)
}

/// What an agent is kept from, and from what it should be and is not.
private func outcomes(
  of trial: SandboxTrial, _ sandbox: SandboxSettings
) -> (kept: [String], open: [String]) {
  var kept: [String] = []
  var open: [String] = []
  func sort(_ isRefused: Bool?, _ what: String) {
    guard let isRefused else { return }
    if isRefused { kept.append(what) } else { open.append(what) }
  }
  sort(trial.signalIsRefused, "signalling superv and other agents")
  sort(trial.inspectionIsRefused, "looking into them")
  sort(trial.readIsRefused, "reading outside of sandbox.read")
  sort(trial.writeIsRefused, "writing outside of sandbox.write")
  sort(trial.connectIsRefused, "ports outside of sandbox.connect")
  if sandbox.forbidsNewPrivileges || trial.hasNoNewPrivileges {
    sort(trial.hasNoNewPrivileges, "new privileges")
  }
  if let wanted = sandbox.capabilities {
    let isKept = trial.capabilities == Capabilities(bits: Capability.bits(wanted))
    sort(isKept, wanted.isEmpty ? "all capabilities" : "other capabilities than it is to have")
  }
  return (kept, open)
}
