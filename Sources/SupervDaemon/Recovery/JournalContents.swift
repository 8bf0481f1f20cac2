package import SupervConfig
import SupervProtocol
package import SupervisionTree

/// What a journal says: the tree as it was when its daemon died, and what was known of its
/// processes. The tree is told again what it was told then, so that it is the very same.
package struct JournalContents: Sendable {
  package private(set) var configurations: [RecordedConfiguration] = []
  /// See `JournalEntry.groups`.
  package private(set) var groups: [ActiveGroup]?
  package private(set) var tree: SupervisionTree
  package private(set) var timers: [Int: MonotonicTime] = [:]
  /// The latest of each node.
  package private(set) var processes: [NodeID: ProcessFacts] = [:]
  /// What processes have written of themselves.
  private var pids: [ProcessKey: Int32] = [:]
  private var signals: [ProcessKey: Set<Int32>] = [:]
  private var health: [NodeID: (incarnation: UInt64, memory: HealthMemory)] = [:]
  package private(set) var held: [String] = []
  /// Announced or decided, and told nobody.
  package private(set) var untold: [Untold] = []
  /// Lines of the event log that may be written or not.
  package private(set) var telling: [String] = []
  package private(set) var nextEvent: Int64 = 1
  /// Lines that could not be read, the last one excepted, which may have been cut off.
  package private(set) var damagedLineCount = 0

  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - boot: as `JournalHeader` has it, of now.
  /// - Throws: `JournalFault`.
  package init(_ bytes: [UInt8], boot: String) throws(JournalFault) {
    var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)[...]
    // Without its newline it is not whole, even where it could be read.
    if bytes.last != UInt8(ascii: "\n") { lines = lines.dropLast() }
    guard let first = lines.popFirst(),
      case .header(let header)? = Self.entry(first)
    else { throw .damaged }
    guard JournalHeader.readableVersions.contains(header.version) else {
      throw .version(header.version, superv: header.superv)
    }
    guard header.boot == boot else { throw .otherBoot }
    var entries: [JournalEntry] = []
    var damaged = 0
    for line in lines {
      if let entry = Self.entry(line) { entries.append(entry) } else { damaged += 1 }
    }
    var start: SupervisionTree?
    for entry in entries {
      if case .tree(let tree) = entry { start = tree }
      if case .beginning(let beginning, let shape) = entry {
        start = try Self.tree(beginning, of: entries)
        guard start?.shape == shape else { throw .otherTree(superv: header.superv) }
      }
    }
    guard let start else { throw .damaged }
    tree = start
    damagedLineCount = damaged
    for entry in entries { take(entry) }
    guard !configurations.isEmpty else { throw .damaged }
  }

  private static func entry(_ line: ArraySlice<UInt8>) -> JournalEntry? {
    try? JSON.decode(JournalEntry.self, from: Array(line).span)
  }

  private static func tree(
    _ beginning: TreeBeginning, of entries: [JournalEntry]
  ) throws(JournalFault) -> SupervisionTree {
    for case .configuration(let record) in entries {
      if let made = record.load().configuration { return beginning.tree(of: made) }
    }
    throw .damaged
  }

  private mutating func take(_ entry: JournalEntry) {
    switch entry {
    case .header, .tree, .beginning: break
    case .groups(let active): groups = active
    case .configuration(let record): configurations.append(record)
    case .timer(let key, let time): timers[key] = time
    case .process(let facts): processes[facts.node] = facts
    case .event(let event, let time): replay(event, time)
    case .spawned(let facts, let time):
      processes[facts.node] = facts
      replay(.spawned(facts.node, incarnation: facts.incarnation), time)
    case .started(let node, let incarnation, let pid):
      pids[ProcessKey(node: NodeID(index: node), incarnation: incarnation)] = pid
    case .signalled(let node, let incarnation, let number):
      signals[ProcessKey(node: node, incarnation: incarnation), default: []].insert(number)
    case .health(let node, let incarnation, let memory): health[node] = (incarnation, memory)
    case .held(let names): held = names
    case .untold(let notes): untold += notes.map { .note($0) }
    case .announced(let events): untold += events.map { .event($0) }
    case .telling(let lines):
      telling = lines
      nextEvent += Int64(lines.count)
      untold = []
    case .told: telling = []
    case .nextEvent(let number): nextEvent = number
    }
  }

  private mutating func replay(_ event: Event, _ time: MonotonicTime) {
    if case .timer(let id) = event { timers[id.index] = nil }
    for effect in tree.handle(event, now: time) {
      switch effect {
      case .setTimer(let id, let due): timers[id.index] = due
      case .cancelTimer(let id): timers[id.index] = nil
      case .note(let note):
        untold.append(.note(note))
        noteReadiness(note, time)
      // Whether it was carried out shows in what is there.
      case .spawn, .askToStop, .signal, .kill, .treeStopped: break
      }
    }
  }

  private mutating func noteReadiness(_ note: Note, _ time: MonotonicTime) {
    guard let facts = processes[note.node], facts.incarnation == note.incarnation else { return }
    switch note.kind {
    case .agentReady:
      let age = (time - facts.startedAt).wholeNanoseconds
      processes[note.node]?.readyRealTimeNanoseconds = facts.startedRealTimeNanoseconds + age
    case .agentNotReady: processes[note.node]?.readyRealTimeNanoseconds = nil
    default: break
    }
  }

  /// The configuration that the daemon had; nil when this superv cannot make it any more.
  package func loadConfiguration() -> Configuration? {
    guard let first = configurations.first?.load().configuration else { return nil }
    if let groups { return configuration(of: groups, first) }
    guard configurations.count > 1 else { return first }
    return configurations.last?.load().configuration?.keepingFixedSettings(of: first)
  }

  private func configuration(of groups: [ActiveGroup], _ first: Configuration) -> Configuration? {
    let all = configurations.map { $0.load().configuration?.settings.supervisord?.groups ?? [] }
    let found = groups.compactMap { active -> SupervisordGroup? in
      guard all.indices.contains(active.record) else { return nil }
      return all[active.record].first { $0.name == active.name }
    }
    return found.count == groups.count ? first.keeping(found) : nil
  }

  /// What the daemon knew of lives before its own; the event log says nothing more.
  package var memory: DaemonMemory {
    var memory = DaemonMemory()
    memory.incarnations = tree.earlierIncarnations
    memory.lastSequence = nextEvent - 1 - Int64(telling.count)
    return memory
  }

  /// What is known of the process of an incarnation; nil when it never began.
  package func process(_ key: ProcessKey) -> ProcessFacts? {
    if let facts = processes[key.node], facts.key == key { return facts }
    // Its daemon died before it knew the process, and after the tree had decided this.
    return pids[key].map { pid in
      ProcessFacts(key, pid: pid, startedAt: tree.lastEventTime, startedRealTimeNanoseconds: 0)
    }
  }

  /// Whether it was sent this signal already.
  package func hasSignalled(_ key: ProcessKey, _ number: Int32) -> Bool {
    signals[key]?.contains(number) ?? false
  }

  /// Whether it has spoken the child protocol.
  package func hasHello(_ key: ProcessKey) -> Bool { health(of: key)?.hasHello ?? false }

  package func health(of key: ProcessKey) -> HealthMemory? {
    health[key.node].flatMap { $0.incarnation == key.incarnation ? $0.memory : nil }
  }
}

/// What is still to be told.
package enum Untold: Sendable {
  case note(Note)
  case event(StoryEvent)
}

/// Why a journal says nothing that could be gone on with.
package enum JournalFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// The machine was started anew since, or this is another container: nothing of it runs.
  case otherBoot
  case version(Int, superv: String)
  /// This superv makes something else of the configuration than that one has.
  case otherTree(superv: String)
  /// Its beginning is missing.
  case damaged

  package var description: String {
    switch self {
    case .otherBoot: "it is of an earlier boot"
    case .version(let number, let superv):
      "superv \(superv) wrote it in version \(number); this one reads versions up to "
        + "\(JournalHeader.currentVersion)"
    case .otherTree(let version):
      "superv \(version) wrote it, and made another tree of the configuration than this one does"
    case .damaged: "its beginning is missing"
    }
  }
}
