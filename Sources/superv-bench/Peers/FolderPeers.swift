import CBench

/// runit and s6 supervise a folder of folders with a program `run` in each, by one small process
/// for each of them.
private struct ServiceFolders {
  var folder: String
  var work: Work

  var status: [String] { (0..<work.count).map { "\(folder)/child-\($0)" } }

  /// With a shell script as both manuals have it, or with the program itself, which finds what it
  /// needs in the folder.
  init(_ work: Work) throws(BenchError) {
    (folder, self.work) = (work.folder + "/services", work)
    try makeFolder(folder)
    for index in 0..<work.count {
      let service = "\(folder)/child-\(index)"
      try makeFolder(service)
      if work.isFastest && work.logBytes == 0 {
        try link(service + "/run", to: work.barePath)
        try link(service + "/board", to: work.boardPath)
      } else {
        try script(service + "/run", work.command)
      }
    }
  }

  /// A second service beside the only one, for its output.
  func addLogger(_ command: String) throws(BenchError) {
    try makeFolder(folder + "/child-0/log")
    try script(folder + "/child-0/log/run", command)
  }

  private func script(_ path: String, _ command: String) throws(BenchError) {
    try writeLines(["#!/bin/sh", "exec \(command)"], to: path)
    _ = unsafe cbench_make_executable(path)
  }

  private func link(_ path: String, to target: String) throws(BenchError) {
    if unsafe cbench_link(target, path) != 0 { throw BenchError("cannot create \(path)") }
  }
}

struct Runit: Contestant {
  let name = "runit"
  let programs = ["runsvdir", "runsv", "sv", "svlogd"]
  let package = "runit"
  let defaultSettings = "`run` is a shell script that execs the program; `svlogd` keeps all files"
  let fastestSettings: String? = "`run` is the program itself; `svlogd -b 65536`"

  func plan(_ work: Work) throws(BenchError) -> Plan { try plan(ServiceFolders(work)) }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    let services = try ServiceFolders(work)
    try makeFolder(work.logFolder)
    // A file as large as it can be, and none is removed.
    try writeLines(["s1000000000", "n0"], to: work.logFolder + "/config")
    let buffer = work.isFastest ? "-b 65536 " : ""
    try services.addLogger("\(try path("svlogd")) \(buffer)\(work.logFolder)")
    var plan = try plan(services)
    plan.log = work.logFolder + "/current"
    return plan
  }

  /// SIGHUP has it end every runsv, which end their services; SIGTERM would leave them running.
  private func plan(_ services: ServiceFolders) throws(BenchError) -> Plan {
    try Plan(
      start: [path("runsvdir"), services.folder],
      status: [path("sv"), "status"] + services.status, stop: .signal(1))
  }
}

struct S6: Contestant {
  let name = "s6"
  let programs = ["s6-svscan", "s6-supervise", "s6-svstat", "s6-log"]
  let package = "s6"
  let defaultSettings =
    "`run` is a shell script that execs the program; `s6-svscan -c`, without which it has 500"
  let fastestSettings: String? = "`run` is the program itself"

  func plan(_ work: Work) throws(BenchError) -> Plan { try plan(ServiceFolders(work)) }

  func logPlan(_ work: Work) throws(BenchError) -> Plan? {
    let services = try ServiceFolders(work)
    try makeFolder(work.logFolder)
    // As large as a file may be; more are kept than there will be.
    try services.addLogger("\(try path("s6-log")) n100 s268435455 \(work.logFolder)")
    var plan = try plan(services)
    plan.log = work.logFolder + "/current"
    return plan
  }

  /// s6-svstat looks at one service at a time.
  private func plan(_ services: ServiceFolders) throws(BenchError) -> Plan {
    let look = "for service in \(services.folder)/*; do \(try path("s6-svstat")) $service; done"
    return try Plan(
      start: [path("s6-svscan"), "-c", "2000", services.folder],
      status: ["/bin/sh", "-c", look], stop: .signal(15))
  }
}
