import CBench

/// One contestant at work, with all that it starts below one process of ours.
///
/// That process, the nest, reaps what loses its parent, as PID 1 would, and takes everything below
/// it along when it is ended; so nothing is left, and nobody else's process is ever touched.
final class PeerRun {
  let plan: Plan
  /// Just before the program was started.
  let started: Nanoseconds
  private let nest: Spawned
  private let barePath: String
  private let folder: String

  /// - Parameter isLog: whether it is about one program's output.
  init(_ entry: Entry, _ work: Work, isLog: Bool = false) throws(BenchError) {
    try makeFolder(work.folder)
    (folder, barePath) = (work.folder, work.barePath)
    let plan = isLog ? try entry.contestant.logPlan(work) : try entry.contestant.plan(work)
    guard let plan else { throw BenchError("keeps no output") }
    self.plan = plan
    for variable in plan.environment { setEnvironment(variable.name, variable.value) }
    let board = try Board(path: work.folder + "/nest.board", capacity: 1)
    nest = try Spawned([barePath, "nest", board.path] + plan.start)
    do {
      try board.wait(for: 1, seconds: 10)
    } catch {
      started = 0
      throw error
    }
    started = board.note(0).time
  }

  /// Everything that it started, and itself.
  var processes: [Int32] { descendants(of: nest.pid) { _ in true }.filter { $0 != nest.pid } }

  /// Of those, what is not the supervised program: the manager and all its helpers.
  var helpers: [Int32] {
    processes.filter { pid in program(of: pid).map { $0 != barePath } ?? false }
  }

  /// The bare tree is the supervised program's own file.
  var manager: Int32? {
    text(of: "/proc/\(nest.pid)/task/\(nest.pid)/children")?.split(separator: " ").first
      .flatMap { Int32($0) }
  }

  /// Asks it how all agents are, as an operator would.
  func ask() throws(BenchError) -> Finished? {
    guard let status = plan.status else { return nil }
    return try runToEnd(status, seconds: 30)
  }

  /// Stops it in its own way, agents and all; how long that took in milliseconds, or how many
  /// processes were left when the time was up.
  func stop(seconds: Int64) throws(BenchError) -> (milliseconds: Double, left: Int) {
    let all = Handles(
      of: processes.filter { pid in
        plan.staying.map { program(of: pid)?.hasSuffix("/" + $0) != true } ?? true
      })
    let agents = Handles(of: processes.filter { program(of: $0) == barePath })
    let manager = self.manager
    let began = now()
    let deadline = began + seconds * 1_000_000_000
    switch plan.stop {
    case .signal(let number):
      if let manager { _ = cbench_kill(manager, number) }
    case .command(let command, let number):
      // One that fails or takes too long shows in what is left.
      do { try runToEnd(command, seconds: seconds) } catch { try checkInterrupt() }
      if let number, let manager, agents.wait(until: deadline) == 0 {
        _ = cbench_kill(manager, number)
      }
    }
    let left = all.wait(until: deadline)
    try checkInterrupt()
    return (Double(now() - began) / 1e6, left)
  }

  /// Ends whatever is left of it.
  func end() {
    _ = cbench_kill(nest.pid, 15)
    if Handles(of: [nest.pid]).wait(until: now() + 30_000_000_000) > 0 {
      complain("superv-bench: processes are left below \(nest.pid)")
    }
    unsafe cbench_remove(folder)
  }
}

/// Processes, to be waited for without a look at each.
private struct Handles: ~Copyable {
  private let handles: [Int32]

  init(of pids: [Int32]) {
    var handles = [Int32](repeating: -1, count: pids.count)
    unsafe cbench_open_processes(pids, Int32(pids.count), &handles)
    self.handles = handles
  }

  deinit { unsafe cbench_close_processes(handles, Int32(handles.count)) }

  /// How many have not ended by then.
  func wait(until deadline: Nanoseconds) -> Int {
    Int(unsafe cbench_wait_ended(handles, Int32(handles.count), deadline))
  }
}
