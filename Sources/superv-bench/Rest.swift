import BenchPage
import CBench

/// What a tree costs that has nothing to do, and what looking at it costs.
extension Benchmark {
  mutating func measureStatus(_ tree: Tree) throws {
    let answer = folder + "/status.json"
    let socket = folder + "/status.sock"
    try write(tree.status().output, to: answer)
    let server = try Spawned([options.barePath, "serve", socket, answer])
    try waitForSocket(socket)
    var superv: [Double] = []
    var bare: [Double] = []
    for _ in 0..<options.statusCount {
      superv.append(try tree.status().milliseconds)
      bare.append(try runToEnd([options.barePath, "ask", socket], seconds: 10).milliseconds)
    }
    _ = consume server
    add(
      Figure(
        name: "status --json of \(options.agentCount) agents, p50", unit: "ms",
        value: superv.quantile(0.5) ?? 0, bare: bare.quantile(0.5), target: .valueAtMost(20)))
  }

  mutating func measureIdle(_ tree: Tree) throws {
    let board = try newBoard("bare-idle", starts: options.agentCount, trees: 1)
    let bareTree = try startBareTree(count: options.agentCount, board: board)
    // What follows a start (readiness, the last log lines) is not rest yet.
    try pause(milliseconds: 3000)
    let before = try ProcessUse(of: tree.processes)
    let bareBefore = try ProcessUse(of: [bareTree.pid])
    try pause(milliseconds: Int64(options.idleSeconds) * 1000)
    let bareAfter = try ProcessUse(of: [bareTree.pid])
    let after = try ProcessUse(of: tree.processes)
    _ = consume bareTree
    let what = "idle \(options.idleSeconds) s with \(options.agentCount) agents"
    add(
      Figure(
        name: "\(what), wake-ups", unit: "", value: Double(after.wakeUps - before.wakeUps),
        bare: Double(bareAfter.wakeUps - bareBefore.wakeUps), target: .valueAtMost(0)))
    add(
      Figure(
        name: "\(what), processor time", unit: "ms",
        value: Double(after.cpuTicks - before.cpuTicks) * 10,
        bare: Double(bareAfter.cpuTicks - bareBefore.cpuTicks) * 10, target: .valueAtMost(0)))
  }

  mutating func measureMemory(_ tree: Tree, count: Int, target: Figure.Target) throws {
    let board = try newBoard("bare-memory-\(count)", starts: count, trees: 1)
    let bareTree = try startBareTree(count: count, board: board)
    let superv = try ProcessUse(of: tree.processes)
    let bare = try ProcessUse(of: [bareTree.pid])
    _ = consume bareTree
    add(
      Figure(
        name: "memory (PSS) with \(count) agents", unit: "MB",
        value: Double(superv.pssBytes) / 1e6, bare: Double(bare.pssBytes) / 1e6, target: target))
  }
}
