import CBench

/// What it costs superv to ask every agent again and again whether it is alive.
extension Benchmark {
  mutating func measurePings() throws {
    let count = options.agentCount
    let interval = max(options.pingSeconds / 2, 1)
    // Each agent is noted when it is ready and with every ping.
    let board = try newBoard(
      "pings", starts: count * (options.pingSeconds / interval + 10), trees: 1)
    let tree = try Tree(
      options, in: "\(folder)/pings",
      agents: [
        Tree.Agent(
          name: "light", command: [options.barePath, "answer", board.path, "light"], count: count,
          keys: ["ready = declared", "liveness = ping", "liveness_interval = \(interval)s"])
      ])
    defer { stop(tree, board) }
    try board.wait(for: count, seconds: 60)
    // What follows a start is not what a ping costs.
    try pause(milliseconds: 3000)
    let answered = board.count
    let before = processorTime(of: tree.processes)
    let start = now()
    try pause(milliseconds: Int64(options.pingSeconds) * 1000)
    let used = processorTime(of: tree.processes) - before
    let share = Double(used) / Double(now() - start) * 100
    let pings = board.count - answered
    guard pings >= count else { throw BenchError("only \(pings) pings of \(count) agents") }
    add(
      Figure(
        name: "\(count) agents with a ping every \(interval) s, processor", unit: "%",
        value: share, target: .valueAtMost(1)))
    add(
      Figure(
        name: "one of \(pings) pings, processor", unit: "us",
        value: Double(used) / 1e3 / Double(pings)))
  }
}
