import SupervConfig
import SupervSystem
import SupervisionTree

/// Sees to it that nothing an agent has started outlives it.
///
/// When the process of an incarnation has ended, its end is held back until everything that it left
/// behind is gone too. In its control group that takes one write. Without one, what is left has
/// come to superv, its subreaper, as children: their list is read, each stranger among them is put
/// to its agent by its mark or its session, and hunted with all that is below it, round after round
/// until none is left. No turn does more than a part of that.
final class TreeKiller {
  /// What is known of an incarnation from its start until nothing of it is left.
  private struct Incarnation {
    var leader: Int32
    var mark: UInt64?
    var mayDetach: Bool
    var hasEnded = false
  }

  /// An incarnation whose process has ended, while something of it may be left.
  private struct Ending {
    let key: ProcessKey
    /// nil: its end was told long ago, and something of it has turned up.
    let termination: Termination?
    let since: MonotonicTime
    var hunt: ProcessHunt?
    var killed: Set<Int32> = []
    var due: MonotonicTime
    var delay = TreeKiller.firstDelay
    var isSettled = false
  }

  /// How long an end is held back: what cannot be killed waits for a disk, perhaps for ever.
  private static let patience = Duration.seconds(5)
  private static let firstDelay = Duration.milliseconds(1)
  private static let longestDelay = Duration.milliseconds(64)
  /// Processes that one turn stops: about a millisecond.
  private static let turnCount = 32

  let groups: AgentCgroups
  /// Whose children orphans become.
  var reapers = [Processes.ownPid]
  private let runtimeDirectory: String
  private let ownLimit: ProcessLimit?
  private var incarnations: [ProcessKey: Incarnation] = [:]
  private var byMark: [UInt64: ProcessKey] = [:]
  private var bySession: [Int32: ProcessKey] = [:]
  private var endings: [Ending] = []
  /// As the last look found them.
  private(set) var orphans: [ProcessKey: [Int32]] = [:]
  /// Those of which the last look has found somebody dead: what that one left may have come to
  /// superv after the kernel had listed its children.
  private var bereaved: Set<ProcessKey> = []
  /// A look costs as much as superv has children; no more than a fifth of the time goes into it.
  private var nextLook = MonotonicTime(nanoseconds: 0)

  init(_ settings: DaemonSettings) throws(HouseError) {
    groups = try AgentCgroups(settings)
    runtimeDirectory = settings.runtimeDirectory
    ownLimit = try? ProcessLimit.current(.locks)
  }
}

// MARK: - The life of an incarnation

extension TreeKiller {
  /// Prepares what the process of an agent is started with.
  ///
  /// - Throws: `LaunchError` when the agent asks for limits that cannot be kept.
  func prepare(
    _ launch: Launch, _ request: inout SpawnRequest
  ) throws(LaunchError) -> OpenGroup? {
    mark(&request, launch)
    let group = try groups.make(launch)
    request.controlGroup = group?.descriptor.number
    // Those have no CLONE_INTO_CGROUP.
    if group?.wasKilled == true { request.avoidsNewSystemCalls = true }
    return group
  }

  /// Whatever it starts is the agent's.
  func mark(_ request: inout SpawnRequest, _ launch: Launch) {
    if let mark = mark(launch) { request.limits.append(mark.limit) }
  }

  private func mark(_ launch: Launch) -> TreeMark? {
    TreeMark(
      runtimeDirectory: runtimeDirectory, agent: launch.agent,
      incarnation: launch.key.incarnation, own: ownLimit)
  }

  /// Its process runs: one that has just been started, or one that an earlier daemon has.
  func begin(_ launch: Launch, pid: Int32) {
    let key = launch.key
    let mark = mark(launch)?.value
    if groups[key] == nil { groups.adopt(key, launch.agent) }
    incarnations[key] = Incarnation(
      leader: pid, mark: mark, mayDetach: launch.agent.detachIsAllowed)
    if let mark { byMark[mark] = key }
    bySession[pid] = key
  }

  /// It could not be started.
  func abandon(_ key: ProcessKey) { groups.retire(key) }

  /// Its process has ended and was reaped; `advance` tells of the end.
  func leaderEnded(_ key: ProcessKey, _ termination: Termination, _ now: MonotonicTime) {
    incarnations[key]?.hasEnded = true
    var termination = termination
    if case .signalled(Signal.kill.number, _) = termination, groups.outOfMemoryKills(of: key) > 0 {
      termination = .outOfMemory
    }
    endings.append(Ending(key: key, termination: termination, since: now, due: now))
  }

  /// Kills an incarnation that runs, with everything that is in its group.
  func kill(_ key: ProcessKey) {
    if incarnations[key]?.mayDetach == false { try? groups[key]?.kill() }
  }

  private func forget(_ key: ProcessKey) {
    guard let incarnation = incarnations.removeValue(forKey: key) else { return }
    if let mark = incarnation.mark, byMark[mark] == key { byMark[mark] = nil }
    // A pid may be used again when its session is empty.
    if bySession[incarnation.leader] == key { bySession[incarnation.leader] = nil }
  }
}

// MARK: - Whose is it

extension TreeKiller {
  /// The incarnation that a process without a parent of its own came from, dead ones included.
  func origin(of pid: Int32) -> ProcessKey? {
    for mark in TreeMark.values(of: pid) {
      if let key = byMark[mark] { return key }
    }
    if let session = ProcessRecord.of(pid)?.session, let key = bySession[session] { return key }
    return groups.owner(of: pid)
  }

  /// Finds every orphan there is, and reaps those that are dead.
  private func look(_ isOwn: (Int32) -> Bool) {
    let began = Clock.monotonicNanoseconds
    var found: [ProcessKey: [Int32]] = [:]
    bereaved = []
    for reaper in reapers {
      for pid in Processes.children(of: reaper) where !isOwn(pid) {
        let key = origin(of: pid)
        let isAlive = isAlive(pid, childOf: reaper)
        guard let key else { continue }
        if isAlive { found[key, default: []].append(pid) } else { bereaved.insert(key) }
      }
    }
    orphans = found
    let unsettled = Set(endings.lazy.map(\.key))
    for (key, incarnation) in incarnations
    where incarnation.hasEnded && found[key] == nil && !unsettled.contains(key) {
      forget(key)
    }
    let now = Clock.monotonicNanoseconds
    nextLook = MonotonicTime(nanoseconds: now + 4 * (now - began))
  }

  private func isAlive(_ pid: Int32, childOf reaper: Int32) -> Bool {
    guard reaper == Processes.ownPid else {
      return ProcessRecord.of(pid).map { $0.state != "Z" } ?? false
    }
    do {
      return try Processes.reap(pid: pid) == nil
    } catch {
      return false
    }
  }

  /// Of each incarnation, the living processes that have come to superv. Fresh unless it was looked
  /// just now.
  func orphans(_ now: MonotonicTime, _ isOwn: (Int32) -> Bool) -> [ProcessKey: [Int32]] {
    if nextLook <= now { look(isOwn) }
    return orphans
  }

  /// After an end, when there is time: finds what has got away from its group, or came late.
  func sweep(_ now: MonotonicTime, _ isOwn: (Int32) -> Bool) {
    groups.retryRetired()
    guard incarnations.values.contains(where: \.hasEnded) else { return }
    look(isOwn)
    for key in orphans.keys where !endings.contains(where: { $0.key == key }) {
      guard let incarnation = incarnations[key], incarnation.hasEnded, !incarnation.mayDetach else {
        continue
      }
      endings.append(Ending(key: key, termination: nil, since: now, due: now))
    }
  }
}

// MARK: - Until nothing is left

extension TreeKiller {
  /// When `advance` has something to do; nil: not before something ends.
  /// Incarnations whose processes are known, or looked for.
  var count: Int { incarnations.count + endings.count }

  var due: MonotonicTime? { endings.map { $0.hunt == nil ? max($0.due, nextLook) : $0.due }.min() }

  /// Whether `advance` is in the middle of something.
  var isBusy: Bool { endings.contains { $0.hunt != nil } }

  /// Does a part, and tells of the incarnations of which nothing is left.
  ///
  /// - Parameter isOwn: whether a child of superv's is one that superv itself has started.
  func advance(_ now: MonotonicTime, _ isOwn: (Int32) -> Bool, _ events: inout [KernelEvent]) {
    if endings.isEmpty { return }
    var hasLooked = false
    for index in endings.indices where endings[index].due <= now {
      if endings[index].hunt != nil {
        advanceHunt(index, now)
      } else if let group = groups[endings[index].key], !mayDetach(index) {
        if group.isPopulated == true {
          endings[index].killed.formUnion(group.members.filter { isLeftBehind($0, index) })
          try? group.kill()
          wait(index, now)
        } else {
          settle(index, &events)
        }
      } else {
        // One look serves all that have ended meanwhile.
        if !hasLooked, now < nextLook { continue }
        if !hasLooked { look(isOwn) }
        hasLooked = true
        beginHunt(index, now, &events)
      }
    }
    for index in endings.indices
    where !endings[index].isSettled && now - endings[index].since > Self.patience {
      settle(index, &events)
    }
    endings.removeAll(where: \.isSettled)
  }

  private func mayDetach(_ index: Int) -> Bool {
    incarnations[endings[index].key]?.mayDetach ?? false
  }

  private func beginHunt(_ index: Int, _ now: MonotonicTime, _ events: inout [KernelEvent]) {
    let key = endings[index].key
    let session = mayDetach(index) ? incarnations[key]?.leader : nil
    var hunt = ProcessHunt(session: session)
    var isAnyoneLeft = false
    for pid in orphans[key] ?? [] {
      guard let record = ProcessRecord.of(pid), session == nil || record.session == session else {
        continue
      }
      isAnyoneLeft = true
      // What joined that group after its kill does not go by itself.
      let isLate = endings[index].delay > Self.firstDelay * 8
      if isLate || isLeftBehind(pid, index) { hunt.add(pid, childOf: record.parent) }
    }
    if !isAnyoneLeft, !bereaved.contains(key) {
      settle(index, &events)
    } else if hunt.isEmpty {
      wait(index, now)
    } else {
      endings[index].hunt = hunt
      advanceHunt(index, now)
    }
  }

  /// The group of its leader was killed with it, and is only on its way out.
  private func isLeftBehind(_ pid: Int32, _ index: Int) -> Bool {
    guard let record = ProcessRecord.of(pid), record.state != "Z" else { return false }
    return record.group != incarnations[endings[index].key]?.leader
  }

  private func advanceHunt(_ index: Int, _ now: MonotonicTime) {
    if endings[index].hunt?.advance(by: Self.turnCount) == true { return }
    endings[index].hunt?.kill()
    endings[index].killed.formUnion(endings[index].hunt?.stopped ?? [])
    endings[index].hunt = nil
    wait(index, now)
  }

  private func wait(_ index: Int, _ now: MonotonicTime) {
    endings[index].due = now + endings[index].delay
    endings[index].delay = min(endings[index].delay * 2, Self.longestDelay)
  }

  private func settle(_ index: Int, _ events: inout [KernelEvent]) {
    let ending = endings[index]
    endings[index].isSettled = true
    groups.retire(ending.key)
    if !ending.killed.isEmpty { events.append(.leftBehind(ending.key, ending.killed.count)) }
    if let termination = ending.termination { events.append(.ended(ending.key, termination)) }
  }

  /// At the end of superv: kills what is still below it, whoever it belongs to, and waits for that.
  func killAll(_ isOwn: (Int32) -> Bool) {
    groups.killAll()
    let deadline = Clock.monotonicNanoseconds + Self.patience.wholeNanoseconds
    // Every round sees the children of those that the round before has killed.
    while Clock.monotonicNanoseconds < deadline {
      var hunt = ProcessHunt()
      var last: Int32?
      for reaper in reapers {
        for pid in Processes.children(of: reaper) where !isOwn(pid) && isAlive(pid, childOf: reaper)
        {
          hunt.add(pid, childOf: reaper)
          last = pid
        }
      }
      guard let last else { break }
      while hunt.advance(by: Self.turnCount) {}
      hunt.kill()
      if let process = (try? Processes.open(pid: last)) ?? nil {
        _ = try? process.wait(timeoutMilliseconds: 100)
      }
    }
    groups.finish()
  }
}
