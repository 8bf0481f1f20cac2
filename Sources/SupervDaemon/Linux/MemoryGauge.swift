import SupervSystem
import SupervisionTree

/// Finds out what processes use together, each page counted once: their proportional set sizes
/// (proc_pid_smaps(5) `smaps_rollup`). The kernel looks at every page for that, about 20 ms for a
/// gigabyte, and waits where a process is just changing its memory; so superv runs itself as
/// `superv gauge`, one at a time.
final class MemoryGauge {
  struct Reading {
    let key: ProcessKey
    /// nil: it cannot be told.
    let bytes: Int64?
    let taskCount: Int
  }

  private final class Run {
    let key: ProcessKey
    let taskCount: Int
    let deadline: MonotonicTime
    let pid: Int32
    let pidfd: Descriptor
    let output: Descriptor
    var isGivenUp = false

    init(
      _ key: ProcessKey, taskCount: Int, deadline: MonotonicTime,
      _ process: consuming SpawnedProcess, _ output: consuming Descriptor
    ) {
      self.key = key
      self.taskCount = taskCount
      self.deadline = deadline
      pid = process.pid
      pidfd = process.takeDescriptor()
      self.output = output
    }
  }

  private static let patience = Duration.seconds(10)
  private var run: Run?

  /// When it is given up; nil: it does not run, or has been.
  var deadline: MonotonicTime? { run.flatMap { $0.isGivenUp ? nil : $0.deadline } }

  func has(_ pid: Int32) -> Bool { run?.pid == pid }

  /// - Returns: false when it cannot be started now.
  func start(
    _ key: ProcessKey, _ pids: [Int32], taskCount: Int, _ now: MonotonicTime,
    _ poll: borrowing EventPoll
  ) -> Bool {
    guard run == nil, let ends = try? Pipe.make() else { return false }
    let started = ends.split { (reader, writer) -> Run? in
      var request = SpawnRequest(
        command: ["superv", "gauge"] + pids.map { String($0) }, environment: [])
      request.candidates = ["/proc/self/exe"]
      request.directory = "/"
      request.standardOutput = writer.number
      guard let process = try? spawn(request) else { return nil }
      return Run(
        key, taskCount: taskCount, deadline: now + Self.patience, process, reader)
    }
    guard let started else { return false }
    run = started
    do {
      try poll.add(started.pidfd, token: LinuxKernel.Source.gauge.token(), for: .readable)
      return true
    } catch {
      // Nobody would see its end; it is reaped as orphans are.
      _ = try? Processes.send(.kill, to: started.pidfd)
      run = nil
      return false
    }
  }

  /// One that hangs stays until it ends, and nothing waits for it meanwhile.
  func giveUpIfDue(_ now: MonotonicTime) {
    guard let run, !run.isGivenUp, run.deadline <= now else { return }
    run.isGivenUp = true
    _ = try? Processes.send(.kill, to: run.pidfd)
  }

  /// - Returns: nil while it runs, and of one that was given up.
  func takeEnd(_ poll: borrowing EventPoll) -> Reading? {
    guard let ended = run, let status = (try? Processes.reap(ended.pidfd)) ?? nil else {
      return nil
    }
    try? poll.remove(ended.pidfd)
    run = nil
    if ended.isGivenUp { return nil }
    let text = (try? ended.output.readAll(maximumBytes: 64)) ?? []
    let bytes = status == .exited(code: 0) ? Int64(String(decoding: text, as: UTF8.self)) : nil
    return Reading(key: ended.key, bytes: bytes, taskCount: ended.taskCount)
  }
}

/// The role `superv gauge`: writes what processes use together, in bytes. Those that are gone use
/// nothing.
///
/// - Returns: the exit status; not 0 when one may not be looked into.
package func runGauge(pids: [Int32]) -> Int32 {
  var bytes: UInt64 = 0
  for pid in pids {
    do {
      let text = try Files.readText("/proc/\(pid)/smaps_rollup", maximumBytes: 64 << 10)
      bytes += proportionalBytes(text) ?? 0
    } catch {
      guard ProcessRecord.of(pid).map({ $0.state == "Z" }) ?? true else { return 1 }
    }
  }
  StandardOutput.write(String(bytes))
  return 0
}

/// The line `Pss:  1234 kB` of `smaps_rollup`.
package func proportionalBytes(_ text: String) -> UInt64? {
  for line in text.split(separator: "\n") where line.hasPrefix("Pss:") {
    return line.split { !$0.isNumber }.first.flatMap { UInt64($0) }.map { $0 * 1024 }
  }
  return nil
}
