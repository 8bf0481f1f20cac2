import BenchPage
import CBench

/// A cold start: from the start of the program to the first instruction of the last agent.
extension Benchmark {
  mutating func measureStarts() throws {
    let count = options.agentCount
    var fromCommand: [Double] = []
    var fromDaemon: [Double] = []
    var commandTook: [Double] = []
    var bare: [Double] = []
    for round in 0..<options.roundCount {
      let bareBoard = try newBoard("bare-start-\(round)", starts: count, trees: 1)
      let bareTree = try startBareTree(count: count, board: bareBoard)
      bare.append(milliseconds(from: bareTree.started, to: bareBoard, count))
      _ = consume bareTree
      try waitUntilGone(bareBoard)

      let board = try newBoard("start-\(round)", starts: count, trees: 1)
      let tree = try startTree("start-\(round)", count: count, board: board)
      defer { stop(tree, board) }
      guard let start = tree.start, let daemon = tree.daemonStarted else {
        throw BenchError("the daemon is gone")
      }
      fromCommand.append(milliseconds(from: start.started, to: board, count))
      fromDaemon.append(milliseconds(from: daemon, to: board, count))
      commandTook.append(start.milliseconds)
    }
    let what = "cold start of \(count) agents"
    add(
      Figure(
        name: "\(what), from `superv start`", unit: "ms", value: fromCommand.quantile(0.5) ?? 0,
        bare: bare.quantile(0.5), target: .ratioAtMost(1.5)))
    add(
      Figure(
        name: "\(what), from the daemon's start", unit: "ms",
        value: fromDaemon.quantile(0.5) ?? 0, bare: bare.quantile(0.5)))
    add(
      Figure(
        name: "\(what), until `superv start` returns", unit: "ms",
        value: commandTook.quantile(0.5) ?? 0))
  }

  func milliseconds(
    from started: Nanoseconds, to board: borrowing Board, _ count: Int
  ) -> Double {
    let last = (0..<count).map { board.note($0).time }.max() ?? started
    return Double(last - started) / 1e6
  }

  /// The children of a bare tree die with it, one after the other; the next round is not to pay.
  private func waitUntilGone(_ board: borrowing Board) throws(BenchError) {
    let limit = now() + 10_000_000_000
    while board.notes.contains(where: { program(of: $0.pid) == options.barePath }) {
      if now() > limit { throw BenchError("children of the bare tree are left") }
      try pause(milliseconds: 5)
    }
  }
}
