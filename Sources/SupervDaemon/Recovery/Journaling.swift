import SupervProtocol
import SupervisionTree
import SupervisordProtocol

// The daemon's side of the journal: what is decided is written down before it is done.

/// How long the journal is, and what of it does not change.
struct JournalState {
  /// It is written anew when it has grown by so much, and by several times what it began with.
  private static let grownBytes = 1 << 20
  private static let grownFactor = 4
  private static let mendingPause = Duration.seconds(1)
  /// What a node takes in a snapshot, about.
  static let nodeByteCount = 1 << 10

  /// What the configuration was made of: at the start of superv, and by the last reload.
  var records: [RecordedConfiguration]
  /// The groups of supervisord's that are active, where these are not all of the last one.
  var groups: [ActiveGroup]?
  /// Decided, and not told yet.
  var untold: [Note] = []
  /// Announced, and not told yet.
  var announced: [StoryEvent] = []
  /// How many of the latest of these go with the next line, in the same write.
  var unwrittenCount = 0
  /// When it is written anew because it lacks what could not be written; nil: it is whole.
  private(set) var mendAt: MonotonicTime?
  private var snapshotByteCount = 0
  private var byteCount = 0

  init(_ records: [RecordedConfiguration]) { self.records = records }

  mutating func hasGrown(by count: Int) { byteCount += count }

  mutating func hasBegun(with count: Int) {
    snapshotByteCount = count
    byteCount = 0
  }

  /// The disk may have room again at once; if not, it is tried again now and then.
  mutating func hasLost(_ now: MonotonicTime) { mendAt = mendAt ?? now }

  mutating func wasWritten(whole isWhole: Bool, _ now: MonotonicTime) {
    mendAt = isWhole ? nil : now + Self.mendingPause
  }

  var isLong: Bool { byteCount > Self.grownBytes + Self.grownFactor * snapshotByteCount }
}

extension Daemon {
  func write(_ entry: JournalEntry) {
    var lines: [UInt8] = []
    if journal.unwrittenCount > 0 {
      JournalEntry.announced(journal.announced.suffix(journal.unwrittenCount))
        .appendLine(to: &lines)
      journal.unwrittenCount = 0
    }
    entry.appendLine(to: &lines)
    journal.hasGrown(by: lines.count)
    if !kernel.appendToJournal(lines) { journal.hasLost(kernel.now) }
  }

  /// Writes the journal anew where what has happened is not for a line of it, before the effects
  /// are carried out.
  func writeDown(_ effects: [Effect]) {
    var notes: [Note] = []
    for effect in effects {
      switch effect {
      case .setTimer(let node, let time): timers.set(node.index, at: time)
      case .cancelTimer(let node): timers.cancel(node.index)
      case .note(let note): notes.append(note)
      case .spawn, .askToStop, .signal, .kill, .treeStopped: break
      }
    }
    writeSnapshot(deciding: notes)
  }

  /// Writes the journal anew, from what is.
  ///
  /// - Parameter notes: what has just been decided has more to tell.
  func writeSnapshot(deciding notes: [Note] = []) {
    var entries: [JournalEntry] = [
      .header(JournalHeader(superv: supervVersion, boot: kernel.boot))
    ]
    entries += journal.records.map { .configuration($0) }
    if let groups = journal.groups { entries.append(.groups(groups)) }
    if let listeners = listening.listeners, !listeners.pools.isEmpty {
      entries.append(.listeners(listeners))
    }
    entries += [.tree(tree), .nextEvent(events.nextSequence)]
    entries += timers.deadlines.map { .timer(key: $0.key, at: $0.time) }
    entries += agents.compactMap(\.self).compactMap(\.process).filter(\.isAlive)
      .flatMap { process -> [JournalEntry] in
        let facts = process.facts
        guard let memory = health.record(of: facts.key)?.health.memory else {
          return [.process(facts)]
        }
        return [
          .process(facts),
          .health(node: facts.node, incarnation: facts.incarnation, memory),
        ]
      }
    entries += departing.values.filter { tree.isExpected($0.node, $0.incarnation) }
      .map { .process($0) }
    entries.append(.held(health.heldNames.sorted()))
    if !journal.announced.isEmpty { entries.append(.announced(journal.announced)) }
    journal.unwrittenCount = 0
    entries.append(.untold(journal.untold + notes))
    var lines: [UInt8] = []
    for entry in entries { entry.appendLine(to: &lines) }
    journal.hasBegun(with: lines.count)
    journal.wasWritten(whole: kernel.replaceJournal(lines), kernel.now)
  }

  /// Writes the journal of a tree to which nothing has happened.
  func writeBeginning() {
    let entries: [JournalEntry] =
      [.header(JournalHeader(superv: supervVersion, boot: kernel.boot))]
      + journal.records.map { .configuration($0) }
      + [.beginning(beginning, shape: tree.shape), .nextEvent(events.nextSequence)]
    var lines: [UInt8] = []
    for entry in entries { entry.appendLine(to: &lines) }
    journal.hasBegun(with: lines.count + tree.nodeCount * JournalState.nodeByteCount)
    journal.wasWritten(whole: kernel.replaceJournal(lines), kernel.now)
  }

  /// Without what it lacks a daemon that comes after this one would go on from something else.
  func mendJournal() {
    if journal.isLong || journal.mendAt.map({ $0 <= kernel.now }) == true { writeSnapshot() }
  }
}
