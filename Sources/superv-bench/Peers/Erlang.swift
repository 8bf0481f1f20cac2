import CBench

/// An OTP supervisor in agents.erl.
struct Erlang: Contestant {
  let name = "Erlang/OTP"
  let programs = ["erl", "erlc", "erl_call", "epmd"]
  let package = "erlang-base"
  let defaultSettings =
    "a supervisor of servers with a port each, intensity raised; a named node and its `epmd`"
  let fastestSettings: String? = "no crash reports (`logger_level none`), files with delayed writes"

  func plan(_ work: Work) throws(BenchError) -> Plan {
    try plan(work, ["start", String(work.count)])
  }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    try makeFolder(work.logFolder)
    let path = work.logFolder + "/output"
    var plan = try plan(work, ["log", path, work.isFastest ? "delayed" : "plain"])
    plan.log = path
    return plan
  }

  /// With a port mapper of its own on 127.0.0.1.
  private func plan(_ work: Work, _ function: [String]) throws(BenchError) -> Plan {
    try write(PackageResources.agents_erl, to: work.folder + "/agents.erl")
    try runToEnd(
      [path("erlc"), "-o", work.folder, work.folder + "/agents.erl"], seconds: 60)
    let (node, cookie) = ("superv_bench_agents@localhost", "superv-bench")
    let quiet = work.isFastest ? ["-kernel", "logger_level", "none"] : []
    let ask = try [path("erl_call"), "-c", cookie, "-n", node, "-a"]
    return try Plan(
      start: [
        path("erl"), "-noinput", "-pa", work.folder, "-kernel", "inet_dist_use_interface",
        "{127,0,0,1}", "-setcookie", cookie, "-sname", node,
      ] + quiet + ["-run", "agents"] + function + work.child,
      status: ask + ["agents status"], stop: .command(ask + ["agents stop"]),
      environment: [
        ("ERL_EPMD_PORT", String(cbench_free_port())), ("ERL_EPMD_ADDRESS", "127.0.0.1"),
        ("ERL_CRASH_DUMP_BYTES", "0"),
      ], staying: "epmd")
  }
}
