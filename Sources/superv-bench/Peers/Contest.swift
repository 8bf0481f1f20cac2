import BenchPage
import CBench

/// Everybody does the same, one after the other, and that several times over: what disturbs the
/// machine for a while does not disturb one of them alone.
struct Contest {
  let entries: [Entry]
  private(set) var findings: [Findings]
  let sizes: PeerSizes
  private let options: Options
  private let folder: String
  private let began = now()
  private var runCount = 0
  /// What the bare status server answers.
  private var statusAnswer: [UInt8] = []

  private enum Turn {
    case start(count: Int, Measure)
    case tree
    case log
  }

  init(_ options: Options, in folder: String, entries: [Entry]) {
    (self.options, self.folder, self.entries) = (options, folder, entries)
    sizes = PeerSizes(options)
    findings = entries.map { _ in Findings() }
  }

  mutating func run() throws {
    if options.turnNames.contains("start") {
      for (count, measure) in zip(sizes.counts, [Measure.coldFew, .coldSome]) {
        try takeTurns(.start(count: count, measure), "start of \(count)")
      }
    }
    if options.turnNames.contains("tree") {
      try takeTurns(.tree, "tree of \(sizes.agentCount)")
    }
    if options.turnNames.contains("log") { try takeTurns(.log, "log") }
  }

  private mutating func takeTurns(_ turn: Turn, _ what: String) throws {
    var isSlow: Set<Int> = []
    for round in 1...sizes.rounds {
      if round > 1, now() - began > sizes.totalSeconds * 1_000_000_000 { return }
      for index in entries.indices where !isSlow.contains(index) {
        complain("superv-bench: \(what), round \(round): \(entries[index].label)")
        let start = now()
        do {
          try take(turn, index)
        } catch let error as BenchError where error != .interrupted {
          findings[index].complain(error.message)
        }
        if now() - start > sizes.turnSeconds * 1_000_000_000 { isSlow.insert(index) }
      }
    }
  }

  private mutating func take(_ turn: Turn, _ index: Int) throws {
    switch turn {
    case .start(let count, let measure):
      let board = try newBoard(count)
      let run = try PeerRun(entries[index], work(index, board, count))
      defer { run.end() }
      _ = try waitForStart(run, board, count, measure, index)
    case .tree: try measureTree(index)
    case .log: try measureLog(index)
    }
  }

  // The large tree.

  private mutating func measureTree(_ index: Int) throws {
    let limit = entries[index].contestant.limit?.count ?? .max
    if limit < sizes.agentCount, findings[index].bounds[.coldMany] == nil {
      let board = try newBoard(sizes.agentCount)
      let run = try PeerRun(entries[index], work(index, board, sizes.agentCount))
      defer { run.end() }
      _ = try waitForStart(
        run, board, sizes.agentCount, .coldMany, index, seconds: sizes.startSeconds / 2)
      // It knows of all of them, even if it has not started all.
      findings[index].add(try Double(ProcessUse(of: run.helpers).pssBytes) / 1e6, to: .memory)
    }
    let count = min(sizes.agentCount, limit)
    let board = try newBoard(count * 4 + sizes.restarts)
    let run = try PeerRun(entries[index], work(index, board, count))
    defer { run.end() }
    let measure = limit < sizes.agentCount ? Measure.coldSome : .coldMany
    guard try waitForStart(run, board, count, measure, index) else { return }
    // Longer than what has just been started counts as new anywhere.
    try pause(milliseconds: 2500)
    try measureRest(run, index)
    try measureStatus(run, index)
    if try measureRestarts(run, board, count, index) {
      try pause(milliseconds: 1500)
      try measureAllKilled(run, board, count, index)
      try pause(milliseconds: 1500)
    }
    let stopped = try run.stop(seconds: sizes.stopSeconds)
    if stopped.left == 0 {
      findings[index].add(stopped.milliseconds, to: .stop)
    } else {
      findings[index].bounds[.stop] = .init(
        value: Double(sizes.stopSeconds) * 1000,
        text: "> \(sizes.stopSeconds) s, \(stopped.left) processes left")
    }
  }

  /// Whether all are there in time.
  private mutating func waitForStart(
    _ run: PeerRun, _ board: borrowing Board, _ count: Int, _ measure: Measure, _ index: Int,
    seconds: Int64? = nil
  ) throws -> Bool {
    let limit = seconds ?? sizes.startSeconds
    guard try board.has(count, within: limit) else {
      findings[index].bounds[measure] = .init(
        value: Double(limit) * 1000, text: "> \(limit) s: \(board.count) of \(count)")
      return false
    }
    let last = board.lastStart(of: 0..<count)
    findings[index].add(Double(last - run.started) / 1e6, to: measure)
    return true
  }

  private mutating func measureRest(_ run: PeerRun, _ index: Int) throws {
    let isBare = entries[index].contestant is Bare
    let pids = isBare ? run.manager.map { [$0] } ?? [] : run.helpers
    let before = try ProcessUse(of: pids)
    let usedBefore = processorTime(of: pids)
    try pause(milliseconds: sizes.idleSeconds * 1000)
    let used = processorTime(of: pids) - usedBefore
    let after = try ProcessUse(of: pids)
    let seconds = Double(sizes.idleSeconds)
    if (entries[index].contestant.limit?.count ?? .max) >= sizes.agentCount {
      findings[index].add(Double(after.pssBytes) / 1e6, to: .memory)
    }
    findings[index].add(Double(pids.count), to: .processes)
    findings[index].add(Double(after.wakeUps - before.wakeUps) / seconds, to: .wakeUps)
    findings[index].add(Double(used) / 1e6 / seconds, to: .processor)
  }

  private mutating func measureStatus(_ run: PeerRun, _ index: Int) throws {
    let limit = now() + 8_000_000_000
    if entries[index].contestant is Bare { return try measureBareStatus(index) }
    for _ in 0..<sizes.statusCount where now() < limit {
      guard let answer = try run.ask() else { return }
      findings[index].add(answer.milliseconds, to: .status)
      if entries[index].contestant is Superv { statusAnswer = answer.output }
    }
  }

  /// A server in C with superv's answer.
  private mutating func measureBareStatus(_ index: Int) throws {
    runCount += 1
    let (answer, socket) = ("\(folder)/\(runCount).answer", "\(folder)/\(runCount).sock")
    try write(statusAnswer, to: answer)
    let server = try Spawned([options.barePath, "serve", socket, answer])
    try waitForSocket(socket)
    for _ in 0..<sizes.statusCount {
      let asked = try runToEnd([options.barePath, "ask", socket], seconds: 10)
      findings[index].add(asked.milliseconds, to: .status)
    }
    _ = consume server
  }

  /// One death after the other, each of another agent; whether every one was made good in time.
  private mutating func measureRestarts(
    _ run: PeerRun, _ board: borrowing Board, _ count: Int, _ index: Int
  ) throws -> Bool {
    let victims = (0..<count).map { board.note($0).pid }
    let limit = now() + sizes.restartSeconds * 1_000_000_000
    for victim in victims.prefix(sizes.restarts) where now() < limit {
      // Between two deaths a supervisor comes to rest, as it does between two real ones.
      try pause(milliseconds: 5)
      let before = board.count
      let killed = now()
      guard cbench_kill(victim, 9) == 0 else { throw BenchError("agent \(victim) is gone") }
      guard try board.has(before + 1, within: sizes.restartSeconds) else {
        findings[index].bounds[.restart] = .init(
          value: Double(sizes.restartSeconds) * 1000, text: "> \(sizes.restartSeconds) s")
        return false
      }
      findings[index].add(Double(board.note(before).time - killed) / 1e6, to: .restart)
    }
    return true
  }

  private mutating func measureAllKilled(
    _ run: PeerRun, _ board: borrowing Board, _ count: Int, _ index: Int
  ) throws {
    let agents = run.processes.filter { program(of: $0) == options.barePath }
    let manager = run.manager
    let before = board.count
    let killed = now()
    for agent in agents where agent != manager {
      _ = cbench_kill(agent, 9)
    }
    guard try board.has(before + count, within: sizes.startSeconds) else {
      findings[index].bounds[.allKilled] = .init(
        value: Double(sizes.startSeconds) * 1000,
        text: "> \(sizes.startSeconds) s: \(board.count - before) of \(count)")
      return
    }
    let last = board.lastStart(of: before..<before + count)
    findings[index].add(Double(last - killed) / 1e6, to: .allKilled)
  }

  // The output of one program.

  private mutating func measureLog(_ index: Int) throws {
    let board = try newBoard(2)
    var work = work(index, board, 1)
    work.logBytes = sizes.logBytes
    work.child = [options.barePath, "write", board.path, String(sizes.logBytes)]
    if entries[index].contestant is Monit { return }
    cbench_warm_memory(sizes.logBytes * 3)
    let run = try PeerRun(entries[index], work, isLog: true)
    defer { run.end() }
    guard let log = run.plan.log else { return }
    guard try board.has(2, within: sizes.logSeconds) else {
      let size = Double(fileState(log)?.size ?? 0) / 1e6
      findings[index].bounds[.logRate] = .init(
        value: size / Double(sizes.logSeconds),
        text: "\(size.short) MB in \(sizes.logSeconds) s")
      return
    }
    try waitUntilStill(log)
    let lines = Int64(sizes.logBytes) / Int64(CBENCH_LINE_BYTES)
    var tally = cbench_tally()
    guard let state = fileState(log), unsafe cbench_tally_file(log, &tally) == 0 else {
      throw BenchError("cannot read \(log)")
    }
    let ended = state.modified - cbench_real_offset()
    let seconds = Double(ended - board.note(0).time) / 1e9
    findings[index].add(Double(sizes.logBytes) / 1e6 / seconds, to: .logRate)
    findings[index].add(
      Double(max(lines - tally.lines, tally.lines - lines, tally.misplaced)), to: .logLost)
  }

  /// Until it holds everything and has stopped growing, or has not grown for long.
  private func waitUntilStill(_ path: String) throws(BenchError) {
    var last: Int64 = -1
    var quiet = 0
    while quiet < (last < sizes.logBytes ? 200 : 20) {
      try pause(milliseconds: 10)
      let size = fileState(path)?.size ?? -1
      quiet = size == last ? quiet + 1 : 0
      last = size
    }
  }

  private mutating func newBoard(_ capacity: Int) throws(BenchError) -> Board {
    runCount += 1
    return try Board(path: "\(folder)/\(runCount).board", capacity: capacity + 16)
  }

  private func work(_ index: Int, _ board: borrowing Board, _ count: Int) -> Work {
    Work(
      isFastest: entries[index].isFastest, folder: "\(folder)/\(runCount)",
      child: [options.barePath, "child", board.path], count: count, boardPath: board.path,
      supervPath: options.supervPath, barePath: options.barePath)
  }
}
