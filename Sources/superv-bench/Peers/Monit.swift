import CBench

/// Looks at pid files in cycles; what it starts are daemons of the old kind.
struct Monit: Contestant {
  let name = "monit"
  let programs = ["monit"]
  let package = "monit"
  let defaultSettings = "`set daemon 120`, as Debian has it; one `check process` an agent"
  let fastestSettings: String? = "`set daemon 1`"
  let limit: (count: Int, why: String)? = (
    100, "starts one program after the other and waits for each"
  )

  func plan(_ work: Work) throws(BenchError) -> Plan {
    let (folder, monit) = (work.folder, try path("monit"))
    let configuration = folder + "/monitrc"
    let checks = (0..<work.count).flatMap { index in
      let pidFile = "\(folder)/\(index).pid"
      return [
        "check process child-\(index) with pidfile \(pidFile)",
        "  start program = \"\(work.barePath) detached \(work.boardPath) \(pidFile)\"",
        "  stop program = \"/bin/sh -c 'kill $(cat \(pidFile))'\"",
      ]
    }
    try writeLines(
      [
        "set daemon \(work.isFastest ? 1 : 120)", "set pidfile \(folder)/pid",
        "set idfile \(folder)/id", "set statefile \(folder)/state",
        "set httpd unixsocket \(folder)/sock", "  allow bench:bench",
      ] + checks, to: configuration)
    let control = [monit, "-c", configuration]
    return Plan(
      start: control + ["-I"], status: control + ["summary"],
      stop: .command(control + ["stop", "all"], thenSignal: 15))
  }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? { nil }
}
