struct Supervisord: Contestant {
  let name = "supervisord"
  let programs = ["supervisord", "supervisorctl"]
  let package = "supervisor (PyPI)"
  let defaultSettings =
    "one `[program:…]` with `numprocs`; `minfds` raised, without which it cannot have 1,000"
  let fastestSettings: String? =
    "`startsecs = 0`, `autorestart = true`, no log files, its own log to `/dev/null`"
  let versionCommand = ["supervisord", "--version"]

  func plan(_ work: Work) throws(BenchError) -> Plan {
    let keys =
      work.isFastest
      ? ["startsecs = 0", "autorestart = true", "stdout_logfile = NONE", "stderr_logfile = NONE"]
      : []
    return try plan(work, keys: keys)
  }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    try makeFolder(work.logFolder)
    let path = work.logFolder + "/output"
    var plan = try plan(
      work, keys: ["stdout_logfile = \(path)", "stdout_logfile_maxbytes = 0"])
    plan.log = path
    return plan
  }

  private func plan(_ work: Work, keys: [String]) throws(BenchError) -> Plan {
    let folder = work.folder
    let configuration = folder + "/supervisord.conf"
    let own =
      work.isFastest
      ? ["logfile = /dev/null", "logfile_maxbytes = 0"] : ["logfile = \(folder)/own"]
    let socket = "unix://\(folder)/sock"
    try writeLines(
      [
        "[supervisord]", "minfds = 16000", "pidfile = \(folder)/pid", "childlogdir = \(folder)",
      ] + own + [
        "[unix_http_server]", "file = \(folder)/sock", "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = "
          + "supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]", "serverurl = \(socket)", "[program:child]",
        "command = \(work.command)", "numprocs = \(work.count)",
        "process_name = %(program_name)s_%(process_num)d",
      ] + keys, to: configuration)
    return try Plan(
      start: [path("supervisord"), "-n", "-c", configuration],
      status: [path("supervisorctl"), "-c", configuration, "status"], stop: .signal(15))
  }
}

struct Circus: Contestant {
  let name = "circus"
  let programs = ["circusd", "circusctl"]
  let package = "circus (PyPI)"
  let defaultSettings = "one `[watcher:…]` with `numprocesses`"
  let fastestSettings: String? = "`check_delay = 0.1` (default 5)"
  let versionCommand = ["circusd", "--version"]

  func plan(_ work: Work) throws(BenchError) -> Plan { try plan(work, keys: []) }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    try makeFolder(work.logFolder)
    let path = work.logFolder + "/output"
    var plan = try plan(
      work, keys: ["stdout_stream.class = FileStream", "stdout_stream.filename = \(path)"])
    plan.log = path
    return plan
  }

  private func plan(_ work: Work, keys: [String]) throws(BenchError) -> Plan {
    let configuration = work.folder + "/circus.ini"
    let endpoint = "ipc://\(work.folder)/endpoint"
    try writeLines(
      [
        "[circus]", "endpoint = \(endpoint)", "pubsub_endpoint = ipc://\(work.folder)/events",
      ] + (work.isFastest ? ["check_delay = 0.1"] : []) + [
        "[watcher:child]", "cmd = \(work.command)", "numprocesses = \(work.count)",
      ] + keys, to: configuration)
    let control = try [path("circusctl"), "--endpoint", endpoint, "--timeout", "30"]
    return try Plan(
      start: [path("circusd"), configuration], status: control + ["list", "child"],
      stop: .command(control + ["quit", "--waiting"]))
  }
}
