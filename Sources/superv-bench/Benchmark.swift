import CBench

/// One run of everything that was asked for, in a folder of its own that is removed at the end.
struct Benchmark {
  let options: Options
  let folder: String
  var report = Report()

  static func run(_ options: Options) throws -> Report {
    // On tmpfs where there is one: the figures are about superv, not about a disk.
    let parent = unsafe cbench_is_writable_folder("/dev/shm") ? "/dev/shm" : "/tmp"
    let folder = "\(parent)/superv-bench.\(cbench_pid())"
    try makeFolder(folder)
    defer {
      killLeftovers(options, folder)
      unsafe cbench_remove(folder)
    }
    // So that the command line of the user's own superv is not confused by ours.
    setEnvironment("XDG_RUNTIME_DIR", folder)
    var benchmark = Benchmark(options: options, folder: folder)
    try benchmark.measure()
    return benchmark.report
  }

  /// Every program of ours dies with its parent; this is for the day when one does not.
  private static func killLeftovers(_ options: Options, _ folder: String) {
    for pid in names(in: "/proc").compactMap({ Int32($0) })
    where program(of: pid) == options.barePath {
      guard text(of: "/proc/\(pid)/cmdline")?.contains(folder + "/") == true else { continue }
      complain("superv-bench: killed \(pid), which was left")
      _ = cbench_kill(pid, 9)
    }
  }

  private init(options: Options, folder: String) {
    (self.options, self.folder) = (options, folder)
    report.conditions = [
      "\(options.agentCount) agents, \(options.sampleCount) deaths, "
        + "\(options.roundCount) rounds, \(options.logBytes) bytes of log, "
        + "\(cbench_processors()) processors, files in \(folder)",
      "Bare is a C program doing the same with plain system calls, in turns with superv.",
    ]
  }

  mutating func add(_ figure: Figure) {
    report.figures.append(figure)
  }

  private mutating func measure() throws {
    let small = 10
    if !options.parts.isDisjoint(with: [.restart, .memory]) {
      let board = try newBoard("small", starts: small + options.sampleCount, trees: 1)
      let tree = try startTree("small", count: small, board: board)
      defer { stop(tree, board) }
      if options.parts.contains(.restart) { try measureRestarts(tree, board, count: small) }
      if options.parts.contains(.memory) {
        try measureMemory(tree, count: small, target: .valueAtMost(12))
      }
    }
    if options.parts.contains(.start) { try measureStarts() }
    if !options.parts.isDisjoint(with: [.restart, .status, .idle, .memory]) {
      try measureLargeTree()
    }
    if options.parts.contains(.log) {
      try measureLog(format: "text", target: .ratioAtLeast(0.6))
      try measureLog(format: "json", target: .ratioAtLeast(0.3))
    }
    if options.parts.contains(.calls) { try measureCalls() }
    if options.parts.contains(.pings) { try measurePings() }
    if options.parts.contains(.peers) { try measurePeers() }
    if options.parts.contains(.callPeers) { try measureCallPeers() }
  }

  private mutating func measureLargeTree() throws {
    let count = options.agentCount
    let board = try newBoard("large", starts: count + options.sampleCount, trees: 1)
    let tree = try startTree("large", count: count, board: board)
    defer { stop(tree, board) }
    if options.parts.contains(.status) { try measureStatus(tree) }
    if options.parts.contains(.idle) { try measureIdle(tree) }
    if options.parts.contains(.memory) {
      try measureMemory(tree, count: count, target: .valueAtMost(20))
    }
    if options.parts.contains(.restart) { try measureRestarts(tree, board, count: count) }
  }

  // Shared by the figures.

  func newBoard(_ name: String, starts: Int, trees: Int) throws(BenchError) -> Board {
    try Board(path: "\(folder)/\(name).board", capacity: starts * trees + 16)
  }

  /// The command of an agent that notes its start on the board and waits.
  func child(on board: borrowing Board) -> [String] {
    [options.barePath, "child", board.path]
  }

  func startTree(_ name: String, count: Int, board: borrowing Board) throws -> Tree {
    let tree = try Tree(
      options, in: "\(folder)/\(name)",
      agents: [Tree.Agent(name: "child", command: child(on: board), count: count)])
    do {
      try board.wait(for: count, seconds: 60)
    } catch {
      stop(tree, board)
      throw error
    }
    return tree
  }

  /// The same many children under a bare loop of waitid and vfork.
  func startBareTree(count: Int, board: borrowing Board) throws(BenchError) -> Spawned {
    let tree = try Spawned([options.barePath, "tree", String(count)] + child(on: board))
    try board.wait(for: count, seconds: 60)
    return tree
  }

  /// Stops the tree, and whatever it should have stopped and did not.
  func stop(_ tree: Tree, _ board: borrowing Board) {
    tree.stop()
    for note in board.notes where program(of: note.pid) == options.barePath {
      complain("superv-bench: agent \(note.pid) outlived superv")
      _ = cbench_kill(note.pid, 9)
    }
  }
}
