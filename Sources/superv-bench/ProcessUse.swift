/// What processes have used so far.
struct ProcessUse {
  /// Context switches: each one is the end of a wake-up.
  var wakeUps = 0
  var cpuTicks = 0
  /// Proportional share of memory, in bytes.
  var pssBytes = 0

  /// - Throws: when one of them is gone.
  init(of pids: [Int32]) throws(BenchError) {
    for pid in pids {
      guard let memory = text(of: "/proc/\(pid)/smaps_rollup"),
        let statistics = Statistics(pid)
      else { throw BenchError("process \(pid) is gone") }
      // The file of the process itself has those of its first thread only.
      for thread in names(in: "/proc/\(pid)/task") {
        guard let status = text(of: "/proc/\(pid)/task/\(thread)/status") else { continue }
        wakeUps += Self.number("voluntary_ctxt_switches:", in: status)
        wakeUps += Self.number("nonvoluntary_ctxt_switches:", in: status)
      }
      cpuTicks += statistics.cpuTicks
      pssBytes += Self.number("Pss:", in: memory) * 1024
    }
  }

  private static func number(_ key: String, in text: String) -> Int {
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
    return 0
  }
}

/// The fields of /proc/PID/stat that we use (proc_pid_stat(5)).
struct Statistics {
  var parent: Int32
  var cpuTicks: Int
  /// When it started, in nanoseconds since boot, as coarse as a tick of 10 ms.
  var startedAfterBoot: Nanoseconds

  init?(_ pid: Int32) {
    // The second field, the name, may hold anything: count from its closing parenthesis.
    guard let text = text(of: "/proc/\(pid)/stat"), let name = text.lastIndex(of: ")") else {
      return nil
    }
    let fields = text[text.index(after: name)...].split(separator: " ").map { Int64($0) ?? 0 }
    guard fields.count > 19 else { return nil }
    parent = Int32(fields[1])
    cpuTicks = Int(fields[11] + fields[12])
    startedAfterBoot = fields[19] * 10_000_000
  }
}

/// The program a process runs; nil when it is gone or another user's.
func program(of pid: Int32) -> String? {
  linkTarget("/proc/\(pid)/exe")
}

/// Every process of this daemon's tree that runs the same program: keeper, daemon, logger.
func supervProcesses(daemon: Int32) -> [Int32] {
  guard let own = program(of: daemon), let parent = Statistics(daemon)?.parent else { return [] }
  let children = names(in: "/proc").compactMap { Int32($0) }.filter { pid in
    Statistics(pid)?.parent == daemon && program(of: pid) == own
  }
  return (program(of: parent) == own ? [parent] : []) + [daemon] + children
}

/// A process and everything below it whose program is wanted.
func descendants(of root: Int32, where isWanted: (String) -> Bool) -> [Int32] {
  let parents = names(in: "/proc").compactMap { Int32($0) }.map { pid in
    (pid: pid, parent: Statistics(pid)?.parent)
  }
  var found = [root]
  var next = 0
  while next < found.count {
    found += parents.filter { $0.parent == found[next] }.map(\.pid)
    next += 1
  }
  return found.filter { pid in program(of: pid).map(isWanted) ?? false }
}
