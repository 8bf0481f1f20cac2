/// The one that this is about.
struct Superv: Contestant {
  let name = "superv"
  let programs: [String] = []
  let package = "superv"
  let defaultSettings = "one `[agent:…]` with `numprocs`, nothing else set"
  let fastestSettings: String? =
    "`startsecs = 0`, `backoff_base = 0`, a budget that is never spent"
  let versionCommand = ["superv", "version"]

  func plan(_ work: Work) throws(BenchError) -> Plan {
    guard work.isFastest else { return try plan(work, settings: [], agentKeys: []) }
    return try plan(
      work, settings: ["backoff_base = 0", "intensity = 1000000"], agentKeys: ["startsecs = 0"])
  }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    var plan = try plan(
      work, settings: ["log_max_size = 64GB", "log_total_max = 64GB"], agentKeys: [])
    plan.log = work.folder + "/logs/child.log"
    return plan
  }

  private func plan(
    _ work: Work, settings: [String], agentKeys: [String]
  ) throws(BenchError) -> Plan {
    let configuration = work.folder + "/superv.conf"
    let (superv, folder) = (work.supervPath, work.folder)
    try writeLines(
      [
        "[superv]", "runtime_dir = \(folder)/run", "state_dir = \(folder)/state",
        "log_dir = \(folder)/logs",
      ] + settings + ["", "[agent:child]", "command = \(work.command)"]
        + (work.count == 1 ? [] : ["numprocs = \(work.count)"]) + agentKeys,
      to: configuration)
    return Plan(
      start: [superv, "start", configuration], status: [superv, "status"],
      stop: .command([superv, "shutdown"]),
      environment: [("SUPERV_CONTROL", folder + "/run/control.sock")])
  }
}

/// A loop of vfork, execv and waitid, which is the least that a supervisor has to do.
struct Bare: Contestant {
  let name = "bare C"
  let programs: [String] = []
  let package = "superv"
  let defaultSettings = "a loop of `vfork`, `execv` and `waitid`; a loop of `read` and `write`"
  let fastestSettings: String? = nil
  let versionCommand = ["superv", "version"]

  func plan(_ work: Work) throws(BenchError) -> Plan {
    Plan(start: [work.barePath, "tree", String(work.count)] + work.child, stop: .signal(15))
  }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    try makeFolder(work.logFolder)
    let path = work.logFolder + "/copy"
    return Plan(
      start: [work.barePath, "copy", path, String(work.logBytes)] + work.child,
      stop: .signal(15), log: path)
  }
}
