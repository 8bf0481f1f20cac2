import SupervSystem

/// What the processes of one incarnation use together: the one that superv started and everything
/// below it, or in its session.
package struct ProcessUse: Hashable, Sendable {
  package var processCount = 0
  package var threadCount = 0
  /// Descriptors of all of them.
  package var openFileCount = 0
  /// Pages that they share are counted for each.
  package var residentBytes: UInt64 = 0
  /// Of those that live and of the children that they have waited for.
  package var processorNanoseconds: UInt64 = 0

  package init() {}
}

/// What an agent instance has written to its log in this life of superv.
package struct LogUsage: Hashable, Sendable {
  package var lines: UInt64 = 0
  /// As they came out of the pipes.
  package var bytes: UInt64 = 0
  package var droppedLines: UInt64 = 0

  package init() {}

  mutating func add(_ usage: StreamUsage?) {
    guard let usage else { return }
    lines += usage.lines
    bytes += usage.bytes
    droppedLines += usage.droppedLines
  }
}

/// What everything that superv runs uses.
package struct Survey: Hashable, Sendable {
  package var agents: [ProcessKey: ProcessUse] = [:]
  /// By the name of the instance.
  package var logs: [String: LogUsage] = [:]
  package var daemon = ProcessUse()

  package init() {}
}

/// Looks at every process of the machine, some at a time: a thousand of them cost tens of
/// milliseconds, which nobody else should have to wait for.
struct ProcessSurvey {
  /// So many in one turn: about a millisecond.
  private static let sliceLength = 32

  /// The processes that superv has started.
  private let roots: [Int32: ProcessKey]
  /// Those, and what has come to superv from them.
  private var known: [Int32: ProcessKey]
  private var unread: ArraySlice<Int32>
  private var records: [Int32: ProcessRecord] = [:]
  private var owned: ArraySlice<(pid: Int32, owner: ProcessKey)>?
  private(set) var survey = Survey()

  init(_ roots: [Int32: ProcessKey], orphans: [ProcessKey: [Int32]]) {
    self.roots = roots
    known = roots
    for (key, pids) in orphans {
      for pid in pids { known[pid] = key }
    }
    unread = ((try? Files.names(in: "/proc")) ?? []).compactMap { Int32($0) }[...]
  }

  /// - Returns: whether there is more to do.
  mutating func advance() -> Bool {
    if !unread.isEmpty {
      for pid in unread.prefix(Self.sliceLength) { records[pid] = ProcessRecord.of(pid) }
      unread = unread.dropFirst(Self.sliceLength)
      return true
    }
    guard let left = owned else {
      owned = findOwners()[...]
      return true
    }
    for (pid, owner) in left.prefix(Self.sliceLength) { add(pid, to: owner) }
    owned = left.dropFirst(Self.sliceLength)
    guard owned?.isEmpty == true else { return true }
    if let record = records[Processes.ownPid] { survey.daemon.add(record) }
    return false
  }

  private mutating func add(_ pid: Int32, to owner: ProcessKey) {
    guard let record = records[pid] else { return }
    survey.agents[owner, default: ProcessUse()].add(record)
  }

  /// By session, which agents lead, else by the nearest ancestor that belongs to one or did.
  private func findOwners() -> [(pid: Int32, owner: ProcessKey)] {
    var owners = known
    var found: [(Int32, ProcessKey)] = []
    for pid in records.keys.sorted() {
      var path: [Int32] = []
      var next = pid
      var owner: ProcessKey?
      // Parents may have changed while they were read: no path is longer than all processes.
      while path.count < records.count, let record = records[next], next > 1 {
        owner = owners[next] ?? roots[record.session]
        path.append(next)
        if owner != nil { break }
        next = record.parent
      }
      guard let owner else { continue }
      for passed in path { owners[passed] = owner }
      found.append((pid, owner))
    }
    return found
  }
}

extension ProcessUse {
  fileprivate mutating func add(_ record: ProcessRecord) {
    // A zombie has neither memory nor files, and its time is counted where it is waited for.
    processCount += 1
    threadCount += record.threadCount
    residentBytes += record.residentBytes
    processorNanoseconds += record.processorNanoseconds
    openFileCount += ProcessRecord.openFileCount(of: record.pid)
  }
}
