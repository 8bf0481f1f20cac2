import BenchPage
import CBench

/// One agent that writes as fast as it can, every line accounted for.
extension Benchmark {
  mutating func measureLog(format: String, target: Figure.Target) throws {
    let block = Int(CBENCH_LINE_BYTES * CBENCH_BLOCK_LINES)
    let blocks = max(options.logBytes / block, 1)
    let bytes = blocks * block
    // A JSON record around a line of 100 bytes takes about 250.
    guard unsafe cbench_free_bytes(folder) > Int64(bytes) * 4 else {
      report.conditions.append("log, \(format): skipped, \(folder) has too little space")
      return
    }
    var superv: [Double] = []
    var bare: [Double] = []
    // One more than counts, for whatever else the first pays for.
    for round in 0...options.roundCount {
      cbench_warm_memory(bytes * 3)
      let bareRate = try copyBare(round: "\(format)-\(round)", bytes: bytes)
      cbench_warm_memory(bytes * 3)
      let supervRate = try copyLogged(round: "\(format)-\(round)", format: format, bytes: bytes)
      if round == 0 { continue }
      bare.append(bareRate)
      superv.append(supervRate)
    }
    add(
      Figure(
        name: "log path, \(format), \(bytes / 1_000_000) MB of 100-byte lines", unit: "MB/s",
        value: superv.quantile(0.5) ?? 0, bare: bare.quantile(0.5), target: target))
  }

  private func copyBare(round: String, bytes: Int) throws -> Double {
    let board = try newBoard("bare-log-\(round)", starts: 2, trees: 1)
    let file = "\(folder)/bare-\(round).log"
    defer { unsafe cbench_remove(file) }
    try runToEnd(
      [options.barePath, "copy", file, String(bytes)] + writer(on: board, bytes), seconds: 300)
    return try rate(of: [file], from: board, bytes: bytes)
  }

  private func copyLogged(round: String, format: String, bytes: Int) throws -> Double {
    let board = try newBoard("log-\(round)", starts: 2, trees: 1)
    let tree = try Tree(
      options, in: "\(folder)/log-\(round)",
      settings: ["log_format = \(format)", "log_max_size = 64GB", "log_total_max = 64GB"],
      agents: [Tree.Agent(name: "writer", command: writer(on: board, bytes))])
    defer {
      stop(tree, board)
      unsafe cbench_remove(tree.folder)
    }
    try board.wait(for: 2, seconds: 300)
    try waitUntilWritten("\(tree.logFolder)/writer.log")
    let files = names(in: tree.logFolder).filter { $0.hasPrefix("writer.log") }.sorted().reversed()
    return try rate(of: files.map { "\(tree.logFolder)/\($0)" }, from: board, bytes: bytes)
  }

  private func writer(on board: borrowing Board, _ bytes: Int) -> [String] {
    [options.barePath, "write", board.path, String(bytes)]
  }

  /// Until the file has stopped growing for a while; what is missing then is lost.
  private func waitUntilWritten(_ path: String) throws(BenchError) {
    var last: Int64 = -1
    var quiet = 0
    while quiet < 20 {
      try pause(milliseconds: 10)
      let size = fileState(path)?.size ?? -1
      quiet = size == last ? quiet + 1 : 0
      last = size
    }
  }

  /// MB of the writer's bytes a second, from its first write to the last change of a file.
  /// - Throws: when a line is missing, doubled or out of place.
  private func rate(
    of files: [String], from board: borrowing Board, bytes: Int
  ) throws(BenchError) -> Double {
    var tally = cbench_tally()
    var ended: Nanoseconds = 0
    for file in files {
      guard let state = fileState(file), unsafe cbench_tally_file(file, &tally) == 0 else {
        throw BenchError("cannot read \(file)")
      }
      ended = max(ended, state.modified - cbench_real_offset())
    }
    let lines = Int64(bytes) / Int64(CBENCH_LINE_BYTES)
    guard tally.lines == lines, tally.misplaced == 0 else {
      throw BenchError(
        "\(tally.lines) of \(lines) lines are in the log, \(tally.misplaced) out of place")
    }
    return Double(bytes) / 1e6 / (Double(ended - board.note(0).time) / 1e9)
  }
}
