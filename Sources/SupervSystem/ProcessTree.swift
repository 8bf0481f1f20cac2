extension Processes {
  /// More processes are not looked for: the rest of a fork storm has to do with its group's kill.
  private static let maximumTreeCount = 4096

  /// Kills a child that leads a process group, the group, and everything below it, in groups and
  /// sessions of their own too. Whose parents have ended before this is not found.
  ///
  /// Each one is stopped before its children are looked for, so that no new ones come meanwhile.
  /// Their list is in `/proc/PID/task/TID/children` (proc_pid_task(5)); a kernel without it
  /// (`CONFIG_PROC_CHILDREN`) leaves those outside the group alone.
  ///
  /// - Precondition: `leader` has not been reaped.
  package static func killTree(_ leader: Int32) {
    _ = try? send(.stop, toGroup: leader)
    var found: Set<Int32> = [leader]
    var unread = [leader]
    while let parent = unread.popLast(), found.count < maximumTreeCount {
      for child in children(of: parent) where !found.contains(child) {
        guard stop(child, childOf: parent) else { continue }
        found.insert(child)
        unread.append(child)
      }
    }
    _ = try? send(.kill, toGroup: leader)
    // What is stopped keeps its pid: only a kill from elsewhere could free it.
    for pid in found where pid != leader {
      guard let process = try? open(pid: pid), ProcessRecord.of(pid)?.state != "Z" else { continue }
      _ = try? send(.kill, to: process)
    }
  }

  private static func children(of parent: Int32) -> [Int32] {
    let tasks = (try? Files.names(in: "/proc/\(parent)/task")) ?? []
    return tasks.flatMap { task in
      let list = try? Files.readText("/proc/\(parent)/task/\(task)/children")
      return (list ?? "").split(separator: " ").compactMap { Int32($0) }
    }
  }

  /// - Returns: false when it is gone, and its pid perhaps another's.
  private static func stop(_ pid: Int32, childOf parent: Int32) -> Bool {
    guard let process = try? open(pid: pid), ProcessRecord.of(pid)?.parent == parent else {
      return false
    }
    return (try? send(.stop, to: process)) ?? false
  }
}
