package import SupervConfig

/// What the use of a whole process tree means for its limits.
package enum LimitNews: Hashable, Sendable {
  /// Past `memory_high`; told once, and again when it has been well below meanwhile.
  case memoryHigh(bytes: Int64)
  /// Past `memory_max`, which the kernel does not keep.
  case memoryExceeded(bytes: Int64)
  /// Past `pids_max`, which the kernel does not keep.
  case tasksExceeded(count: Int)
}

/// Compares one incarnation's use with its limits. Pure.
package struct LimitJudge: Hashable, Sendable {
  /// Of the limits those that superv has to keep or to tell of.
  package let memoryHigh: Int64?
  package let memoryMaximum: Int64?
  package let taskMaximum: Int?
  private var isHigh = false
  /// It is being killed: nothing more is news.
  private var isOver = false

  /// - Parameter isKept: whether the kernel keeps a limit.
  package init(_ limits: TreeLimits, isKept: (TreeLimit) -> Bool) {
    memoryHigh = limits.memoryHighBytes
    memoryMaximum = isKept(.memoryMax) ? nil : limits.memoryMaximumBytes
    taskMaximum = isKept(.pidsMax) ? nil : limits.taskMaximum
  }

  package var isNeeded: Bool { watchesMemory || taskMaximum != nil }

  package var watchesMemory: Bool { memoryHigh != nil || memoryMaximum != nil }

  /// Less than this is no news, however exactly it is known.
  package var leastBytes: Int64 {
    let high = memoryHigh.map { isHigh ? Self.lower($0) : $0 }
    return min(high ?? .max, memoryMaximum ?? .max)
  }

  /// - Returns: what is new, if anything.
  package mutating func take(bytes: Int64?, taskCount: Int) -> LimitNews? {
    guard !isOver else { return nil }
    if let bytes, let memoryMaximum, bytes > memoryMaximum {
      isOver = true
      return .memoryExceeded(bytes: bytes)
    }
    if let taskMaximum, taskCount > taskMaximum {
      isOver = true
      return .tasksExceeded(count: taskCount)
    }
    guard let bytes, let memoryHigh else { return nil }
    if isHigh {
      if bytes < Self.lower(memoryHigh) { isHigh = false }
      return nil
    }
    isHigh = bytes > memoryHigh
    return isHigh ? .memoryHigh(bytes: bytes) : nil
  }

  /// One that goes up and down around its limit is told of it once.
  private static func lower(_ high: Int64) -> Int64 { high / 10 * 9 }
}
