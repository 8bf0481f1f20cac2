import Glibc

extension Processes {
  /// The children of a process, ended ones included; none when it is gone.
  ///
  /// Their list is in `/proc/PID/task/TID/children` (proc_pid_task(5)). A kernel without it
  /// (`CONFIG_PROC_CHILDREN`) is asked about every process.
  package static func children(of parent: Int32) -> [Int32] {
    guard listsChildren else {
      return ((try? ProcessRecord.all()) ?? []).filter { $0.parent == parent }.map(\.pid)
    }
    let tasks = (try? Files.names(in: "/proc/\(parent)/task")) ?? []
    return tasks.flatMap { task in
      let list = try? Files.read("/proc/\(parent)/task/\(task)/children")
      return (list ?? []).split(separator: UInt8(ascii: " ")).compactMap {
        Int32(String(decoding: $0, as: UTF8.self))
      }
    }
  }

  private static let listsChildren: Bool = {
    let own = "/proc/self/task/\(ownPid)/children"
    return ((try? Files.status(of: own)) ?? nil) != nil
  }()

  /// Kills a child that leads a process group, the group, and everything below it, in groups and
  /// sessions of their own too. Whose parents have ended before this is not found.
  ///
  /// - Precondition: `leader` has not been reaped.
  package static func killTree(_ leader: Int32) {
    var hunt = ProcessHunt()
    hunt.add(leader, childOf: ownPid)
    while hunt.advance(by: 64) {}
    hunt.kill()
  }
}

/// Kills processes with everything below them, a part at a time.
///
/// Each one is stopped before its children are looked for, and its group with it, so that no new
/// ones come meanwhile: a storm of forks comes to a stand and then ends. Every process is named by
/// a pidfd that was opened before it was seen that the process is still who it was. Whatever forked
/// in between is found by the next hunt, as a child of whoever adopted it.
package struct ProcessHunt: Sendable {
  /// More processes are not looked for in one hunt.
  private static let maximumCount = 4096

  /// Those outside this session are left alone; nil: nobody is.
  private let session: Int32?
  private var unread: [(pid: Int32, parent: Int32)] = []
  private var seen: Set<Int32> = []
  /// Stopped, and in no group that was.
  private var single: [ProcessIdentity] = []
  private var groups: Set<Int32> = []
  /// Those that it has stopped.
  package private(set) var stopped: Set<Int32> = []

  package init(session: Int32? = nil) { self.session = session }

  /// Whether nothing was added.
  package var isEmpty: Bool { seen.isEmpty }

  package mutating func add(_ pid: Int32, childOf parent: Int32) {
    guard seen.count < Self.maximumCount, seen.insert(pid).inserted else { return }
    unread.append((pid, parent))
  }

  /// Stops so many processes.
  ///
  /// - Returns: whether there are more; else it is time to `kill`.
  package mutating func advance(by number: Int) -> Bool {
    for _ in 0..<number {
      guard let (pid, parent) = unread.popLast() else { return false }
      guard stop(pid, childOf: parent) else { continue }
      for child in Processes.children(of: pid) { add(child, childOf: pid) }
    }
    return !unread.isEmpty
  }

  /// Kills what it has stopped.
  package func kill() {
    for group in groups { _ = try? Processes.send(.kill, toGroup: group) }
    for identity in single {
      guard let process = (try? identity.open()) ?? nil else { continue }
      _ = try? Processes.send(.kill, to: process)
    }
  }

  /// - Returns: false when it is gone, and its pid perhaps another's.
  private mutating func stop(_ pid: Int32, childOf parent: Int32) -> Bool {
    guard let process = (try? Processes.open(pid: pid)) ?? nil, let record = ProcessRecord.of(pid),
      record.parent == parent, session == nil || session == record.session
    else { return false }
    if record.state != "Z" {
      _ = try? Processes.send(.stop, to: process)
      stopped.insert(pid)
    }
    // All processes of a group are in its session, and superv's own is nobody else's.
    guard record.group > 1, record.session != getsid(0) else {
      let identity = ProcessIdentity(pid: pid, startTime: record.startTime)
      single.append(identity)
      return true
    }
    // One call stops all of it, those that are being forked too.
    if groups.insert(record.group).inserted {
      _ = try? Processes.send(.stop, toGroup: record.group)
    }
    return true
  }
}
