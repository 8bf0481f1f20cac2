import CBench

/// Another supervisor that does the same work, for contrast: what to run, and how to end it.
private struct Peer: Sendable {
  var name: String
  var program: String
  /// What makes it stop its children and end.
  var stopSignal: Int32
  var layout: Layout

  enum Layout { case oneFile, serviceFolders }

  static let all = [
    Peer(name: "supervisord", program: "supervisord", stopSignal: 15, layout: .oneFile),
    Peer(name: "runit", program: "runsvdir", stopSignal: 1, layout: .serviceFolders),
    Peer(name: "s6", program: "s6-svscan", stopSignal: 15, layout: .serviceFolders),
  ]

  /// Lays out its configuration in the folder; the result is the command that supervises.
  func prepare(
    _ program: String, in folder: String, child: [String], count: Int
  ) throws(BenchError) -> [String] {
    switch layout {
    case .oneFile:
      let path = folder + "/peer.conf"
      try write(supervisordFile(folder, child, count).utf8, to: path)
      return [program, "-n", "-c", path]
    case .serviceFolders:
      try makeServiceFolders(folder + "/services", child, count)
      return [program, folder + "/services"]
    }
  }

  private func supervisordFile(_ folder: String, _ child: [String], _ count: Int) -> String {
    let lines = [
      "[supervisord]", "nodaemon = true", "silent = true", "logfile = /dev/null",
      "logfile_maxbytes = 0", "pidfile = \(folder)/pid", "", "[program:child]",
      "command = \(child.joined(separator: " "))", "numprocs = \(count)",
      "process_name = %(program_name)s_%(process_num)d", "startsecs = 0", "autorestart = true",
      "stdout_logfile = NONE", "stderr_logfile = NONE",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// runit and s6 both supervise a folder of folders with a program `run` in each.
  private func makeServiceFolders(
    _ folder: String, _ child: [String], _ count: Int
  ) throws(BenchError) {
    try makeFolder(folder)
    for index in 0..<count {
      let service = "\(folder)/child-\(index)"
      try makeFolder(service)
      try write("#!/bin/sh\nexec \(child.joined(separator: " "))\n".utf8, to: service + "/run")
      _ = unsafe cbench_make_executable(service + "/run")
    }
  }
}

/// Restart, cold start and memory of the peers, each beside a bare tree in the same run.
extension Benchmark {
  mutating func measurePeers() throws {
    let count = min(options.agentCount, 100)
    for peer in Peer.all {
      guard let program = findProgram(peer.program) else {
        report.conditions.append("\(peer.name): not installed, skipped")
        continue
      }
      do {
        try measure(peer, program, count: count)
      } catch let error as BenchError where error != .interrupted {
        report.conditions.append("\(peer.name): \(error.message)")
      }
    }
  }

  private mutating func measure(_ peer: Peer, _ program: String, count: Int) throws {
    let own = "\(folder)/\(peer.name)"
    try makeFolder(own)
    let board = try newBoard(peer.name, starts: 2 * count, trees: 1)
    let command = try peer.prepare(program, in: own, child: child(on: board), count: count)
    let bareBoard = try newBoard("bare-\(peer.name)", starts: 2 * count, trees: 1)
    let bareTree = try startBareTree(count: count, board: bareBoard)

    let tree = try Spawned(command, isQuiet: true)
    defer { stop(peer, tree.pid, own, board) }
    try board.wait(for: count, seconds: 20)
    let what = "\(peer.name), \(count) agents"
    add(
      Figure(
        name: "\(what): cold start", unit: "ms",
        value: milliseconds(from: tree.started, to: board, count),
        bare: milliseconds(from: bareTree.started, to: bareBoard, count)))

    // runit and s6 hold back a service that dies within its first second.
    try pause(milliseconds: 1500)
    let memory = try ProcessUse(of: descendants(of: tree.pid) { $0 != options.barePath })
    add(Figure(name: "\(what): memory (PSS)", unit: "MB", value: Double(memory.pssBytes) / 1e6))
    var victims = Victims(board, count: count)
    var bare = Victims(bareBoard, count: count)
    // supervisord and s6 take a second for each.
    for _ in 0..<min(count, 20) {
      try victims.replaceOne(on: board)
      try bare.replaceOne(on: bareBoard)
    }
    add(
      Figure(
        name: "\(what): SIGKILL to the replacement, p50", unit: "us",
        value: victims.microseconds.quantile(0.5) ?? 0, bare: bare.microseconds.quantile(0.5)))
    _ = consume bareTree
  }

  /// Ends it its own way; what is left then, by SIGKILL.
  private func stop(_ peer: Peer, _ pid: Int32, _ own: String, _ board: borrowing Board) {
    _ = cbench_kill(pid, peer.stopSignal)
    let limit = now() + 10_000_000_000
    while now() < limit, program(of: pid) != nil { cbench_sleep(10_000_000) }
    for name in names(in: "/proc") {
      guard let left = Int32(name), let place = linkTarget("/proc/\(left)/cwd") else { continue }
      if place.hasPrefix(own + "/") { _ = cbench_kill(left, 9) }
    }
    for note in board.notes where program(of: note.pid) == options.barePath {
      _ = cbench_kill(note.pid, 9)
    }
  }
}

/// Where a program is on the search path; nil when it is not installed.
func findProgram(_ name: String) -> String? {
  guard let path = unsafe cbench_environment("PATH") else { return nil }
  return unsafe String(cString: path).split(separator: ":").map { "\($0)/\(name)" }
    .first { unsafe cbench_is_executable($0) }
}
