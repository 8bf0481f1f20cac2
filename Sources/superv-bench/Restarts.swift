import BenchPage
import CBench

/// Death by SIGKILL to the first instruction of the replacement.
extension Benchmark {
  mutating func measureRestarts(_ tree: Tree, _ board: borrowing Board, count: Int) throws {
    let bareBoard = try newBoard(
      "bare-restart-\(count)", starts: count + options.sampleCount, trees: 1)
    let bareTree = try startBareTree(count: count, board: bareBoard)
    var superv = Victims(board, count: count)
    var bare = Victims(bareBoard, count: count)
    for _ in 0..<options.sampleCount {
      try superv.replaceOne(on: board)
      try bare.replaceOne(on: bareBoard)
    }
    for (name, quantile) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)] {
      add(
        Figure(
          name: "SIGKILL to the replacement, \(count) agents, \(name)", unit: "us",
          value: superv.microseconds.quantile(quantile) ?? 0,
          bare: bare.microseconds.quantile(quantile),
          target: name == "p50" ? .ratioAtMost(1.5) : .none))
    }
    _ = consume bareTree
  }
}

/// The running children of one tree, killed in turn.
struct Victims {
  private(set) var pids: [Int32]
  private var next = 0
  private(set) var microseconds: [Double] = []

  init(_ board: borrowing Board, count: Int) {
    pids = (0..<count).map { board.note($0).pid }
  }

  mutating func replaceOne(on board: borrowing Board) throws(BenchError) {
    // Between two deaths a supervisor comes to rest, as it does between two real ones.
    try pause(milliseconds: 2)
    let before = board.count
    let killed = now()
    guard cbench_kill(pids[next], 9) == 0 else { throw BenchError("agent \(pids[next]) is gone") }
    try board.wait(for: before + 1, seconds: 10)
    let replacement = board.note(before)
    microseconds.append(Double(replacement.time - killed) / 1e3)
    pids[next] = replacement.pid
    next = (next + 1) % pids.count
  }
}
