import BenchPage
import CBench

/// Calls from agent to agent through superv, and through a relay in C that speaks the same protocol
/// with the same two agents.
extension Benchmark {
  mutating func measureCalls() throws {
    let agents = try CallAgents(options, in: "\(folder)/calls")
    let tree = try Tree(
      options, in: "\(folder)/calls/tree", agents: agents.sections, areTogether: true)
    defer { stop(tree, agents.board) }
    try agents.waitUntilReady()
    let bareAgents = try CallAgents(options, in: "\(folder)/bare-calls")
    let bare = try BareRelay(options, in: "\(folder)/bare-calls", for: bareAgents)
    report.conditions.append(
      "Calls go from agent to relay to agent and back, 200 bytes a line; bare is a relay in C.")
    for placement in Placement.allCases {
      try agents.place(placement, relay: tree.processes)
      try bareAgents.place(placement, relay: [bare.pid])
      for window in [1, 64] {
        let count = options.calls(inFlight: window)
        var superv: [CallFigures] = []
        var inC: [CallFigures] = []
        // One more than counts, for what the first calls pay for.
        for round in 0...options.roundCount * 2 + 1 {
          let measured = try agents.call(count, inFlight: window, relay: tree.processes)
          let beside = try bareAgents.call(count, inFlight: window, relay: [bare.pid])
          if round == 0 { continue }
          superv.append(measured)
          inC.append(beside)
        }
        addCalls(inFlight: window, placement, superv, bare: inC)
      }
    }
    _ = consume bare
  }

  private mutating func addCalls(
    inFlight window: Int, _ placement: Placement, _ superv: [CallFigures], bare: [CallFigures]
  ) {
    let parts: [(String, String, KeyPath<CallFigures, Double>, Figure.Target)] = [
      ("p50", "us", \.p50, window == 1 ? .ratioAtMost(1.2) : .none),
      ("p99", "us", \.p99, .none),
      ("throughput", "/s", \.perSecond, window == 1 ? .none : .ratioAtLeast(0.9)),
      ("processor time of the relay", "us each", \.relayTime, .none),
    ]
    for (name, unit, part, target) in parts {
      add(
        Figure(
          name: "calls, \(placement.rawValue), \(window) in flight: \(name)", unit: unit,
          value: superv.map { $0[keyPath: part] }.quantile(0.5) ?? 0,
          bare: bare.map { $0[keyPath: part] }.quantile(0.5), target: target))
    }
  }
}

extension Options {
  func calls(inFlight window: Int) -> Int { min(callCount * (window == 1 ? 1 : 10), 900_000) }
}

/// Where the relay and its two agents run. With one processor for all, what is compared is work;
/// with several, the kernel's choice of who wakes where weighs more than the relay does.
enum Placement: String, CaseIterable {
  case one = "one processor"
  case any = "any processor"
}

/// What a round of calls came to; times in microseconds.
struct CallFigures {
  var p50: Double
  var p99: Double
  var perSecond: Double
  /// Of a processor, for each call.
  var relayTime: Double
}

/// An agent that calls when it is told to, and one that answers.
struct CallAgents: ~Copyable {
  let board: Board
  private let options: Options
  private let folder: String
  private let orders: Int32
  private let answers: Int32

  init(_ options: Options, in folder: String) throws(BenchError) {
    try makeFolder(folder)
    let orders = unsafe cbench_open_fifo(folder + "/orders")
    let answers = unsafe cbench_open_fifo(folder + "/answers")
    if orders < 0 || answers < 0 { throw BenchError("cannot make FIFOs in \(folder)") }
    board = try Board(path: folder + "/board", capacity: 16)
    (self.options, self.folder) = (options, folder)
    (self.orders, self.answers) = (orders, answers)
  }

  deinit {
    cbench_close(orders)
    cbench_close(answers)
  }

  var callee: [String] { [options.barePath, "answer", board.path, "callee"] }

  var caller: [String] {
    [options.barePath, "call", board.path, "caller", folder + "/orders", folder + "/answers"]
  }

  /// The two as agents of superv.
  var sections: [Tree.Agent] {
    [
      Tree.Agent(name: "callee", command: callee),
      Tree.Agent(name: "caller", command: caller),
    ]
  }

  func waitUntilReady() throws(BenchError) { try board.wait(for: 2, seconds: 20) }

  func place(_ placement: Placement, relay: [Int32]) throws(BenchError) {
    for pid in relay + board.notes.map(\.pid) where cbench_pin(pid, placement == .one) != 0 {
      throw BenchError("cannot choose the processor of \(pid)")
    }
  }

  func call(
    _ count: Int, inFlight window: Int, relay: [Int32]
  ) throws(BenchError) -> CallFigures {
    var calls = cbench_calls()
    let order = cbench_order(window: Int32(window), count: Int32(count))
    let before = processorTime(of: relay)
    let result = unsafe cbench_order_calls(orders, answers, order, now() + 60_000_000_000, &calls)
    let used = processorTime(of: relay) - before
    try checkInterrupt()
    guard result == 0, calls.answered == count, calls.refused == 0 else {
      throw BenchError("\(calls.answered) of \(count) calls answered, \(calls.refused) refused")
    }
    return CallFigures(
      p50: Double(calls.p50) / 1e3, p99: Double(calls.p99) / 1e3,
      perSecond: Double(count) / (Double(calls.elapsed) / 1e9),
      relayTime: Double(used) / 1e3 / Double(count))
  }
}

/// The same agents as plain programs, with a relay in C between them.
struct BareRelay: ~Copyable {
  private let relay: Spawned
  private let callee: Spawned
  private let caller: Spawned

  var pid: Int32 { relay.pid }

  init(_ options: Options, in folder: String, for agents: borrowing CallAgents) throws(BenchError) {
    let socket = folder + "/relay.sock"
    let relay = try Spawned([options.barePath, "relay", socket])
    try waitForSocket(socket)
    setEnvironment("SUPERV_SOCKET", socket)
    let callee = try Spawned(agents.callee)
    let caller = try Spawned(agents.caller)
    try agents.waitUntilReady()
    self.relay = relay
    self.callee = callee
    self.caller = caller
  }
}

/// What processes have used of the processors so far.
func processorTime(of pids: [Int32]) -> Nanoseconds {
  pids.map { cbench_processor_time($0) }.reduce(0, +)
}
