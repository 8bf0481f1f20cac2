import SupervConfig
import SupervSystem
import SupervisionTree

/// Looks once a second at what agents use that have limits which the kernel does not keep. Nobody
/// else is looked at, and without such agents nothing is done at all.
///
/// What the processes of an agent have in memory is an upper bound of what they use together, since
/// pages that they share count for each. It is cheap to know, and enough while it is below every
/// limit. Only past one the exact sum is asked for, from a process of its own (`MemoryGauge`).
final class LimitWatch {
  private struct Watched {
    let key: ProcessKey
    let leader: Int32
    var judge: LimitJudge
    /// Where the kernel counts the memory of all of it.
    let group: ControlGroup?
    /// How often the kernel has slowed it down.
    var highCount: UInt64 = 0
  }

  /// A walk over the processes of one agent, some at a time.
  private struct Walk {
    let key: ProcessKey
    var unread: [Int32]
    /// Whether the list is complete; else children are looked for.
    let isComplete: Bool
    var seen: Set<Int32> = []
    var residentBytes: Int64 = 0
    var taskCount = 0
  }

  private static let interval = Duration.seconds(1)
  /// No more of the time than one part in so many goes into it.
  private static let leisure: Int64 = 20
  /// So many processes in one turn: about a millisecond.
  private static let turnCount = 32
  /// More processes of one agent are not looked at.
  private static let maximumCount = 4096

  private var watched: [Watched] = []
  /// Whose turn it is in this round.
  private var queue: [ProcessKey] = []
  private var walk: Walk?
  private var nextRound = MonotonicTime(nanoseconds: 0)
  private var spent = Duration.zero
  private let gauge = MemoryGauge()

  func begin(_ launch: Launch, pid: Int32, _ groups: AgentCgroups) {
    let limits = launch.agent.treeLimits
    guard !limits.keys.isEmpty else { return }
    let judge = LimitJudge(limits, isKept: groups.isKept)
    guard judge.isNeeded else { return }
    watched.append(
      Watched(
        key: launch.key, leader: pid, judge: judge,
        group: groups.isKept(.memoryHigh) ? groups[launch.key] : nil))
  }

  func end(_ key: ProcessKey) {
    watched.removeAll { $0.key == key }
    if walk?.key == key { walk = nil }
  }

  /// When there is something to do; nil: nobody is watched.
  var due: MonotonicTime? {
    if let deadline = gauge.deadline { return deadline }
    return watched.isEmpty ? nil : nextRound
  }

  /// Whether it is in the middle of something that does not wait for anything else.
  var isBusy: Bool { gauge.deadline == nil && (walk != nil || !queue.isEmpty) }

  /// Whether a child of superv's is the gauge.
  func has(_ pid: Int32) -> Bool { gauge.has(pid) }

  /// Does a part.
  ///
  /// - Parameters:
  ///   - orphans: of each incarnation the processes whose parent superv has become.
  func advance(
    _ now: MonotonicTime, _ groups: AgentCgroups, orphans: () -> [ProcessKey: [Int32]],
    _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    gauge.giveUpIfDue(now)
    guard gauge.deadline == nil else { return }
    if walk == nil, queue.isEmpty {
      guard !watched.isEmpty, nextRound <= now else { return }
      queue = watched.map(\.key)
      nextRound = now + max(Self.interval, spent * Int(Self.leisure))
      spent = .zero
    }
    let began = Clock.monotonicNanoseconds
    if walk == nil, let key = queue.popLast() { beginWalk(key, groups, orphans) }
    advanceWalk(now, poll, &events)
    spent += .nanoseconds(Clock.monotonicNanoseconds - began)
  }

  private func beginWalk(
    _ key: ProcessKey, _ groups: AgentCgroups, _ orphans: () -> [ProcessKey: [Int32]]
  ) {
    guard let agent = watched.first(where: { $0.key == key }) else { return }
    if let group = groups[key] {
      walk = Walk(key: key, unread: group.members, isComplete: true)
    } else {
      walk = Walk(
        key: key, unread: [agent.leader] + (orphans()[key] ?? []), isComplete: false)
    }
  }

  private func advanceWalk(
    _ now: MonotonicTime, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    guard var walk, let index = watched.firstIndex(where: { $0.key == walk.key }) else {
      self.walk = nil
      return
    }
    for _ in 0..<Self.turnCount {
      guard let pid = walk.unread.popLast() else { break }
      guard walk.seen.count < Self.maximumCount, walk.seen.insert(pid).inserted,
        let record = ProcessRecord.of(pid), record.state != "Z"
      else { continue }
      walk.residentBytes += Int64(clamping: record.residentBytes)
      walk.taskCount += record.threadCount
      if !walk.isComplete { walk.unread += Processes.children(of: pid) }
    }
    guard walk.unread.isEmpty else {
      self.walk = walk
      return
    }
    self.walk = nil
    finish(walk, index, now, poll, &events)
  }

  private func finish(
    _ walk: Walk, _ index: Int, _ now: MonotonicTime, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) {
    let judge = watched[index].judge
    var bytes: Int64? = judge.watchesMemory ? walk.residentBytes : nil
    if let group = watched[index].group {
      bytes = group.number(in: "memory.current").map { Int64(clamping: $0) }
      let count = group.counter("high", in: "memory.events") ?? 0
      // What the kernel has slowed down at the limit does not get past it.
      if count > watched[index].highCount, let high = judge.memoryHigh {
        bytes = max(bytes ?? 0, high + 1)
      }
      watched[index].highCount = count
    } else if let upperBound = bytes, upperBound >= judge.leastBytes {
      if gauge.start(walk.key, walk.seen.sorted(), taskCount: walk.taskCount, now, poll) { return }
    }
    take(walk.key, bytes, walk.taskCount, &events)
  }

  /// The gauge has ended.
  func takeGauge(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard let reading = gauge.takeEnd(poll) else { return }
    take(reading.key, reading.bytes, reading.taskCount, &events)
  }

  private func take(
    _ key: ProcessKey, _ bytes: Int64?, _ taskCount: Int, _ events: inout [KernelEvent]
  ) {
    guard let index = watched.firstIndex(where: { $0.key == key }),
      let news = watched[index].judge.take(bytes: bytes, taskCount: taskCount)
    else { return }
    events.append(.limit(key, news))
  }
}
