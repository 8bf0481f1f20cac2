import SupervSystem

/// The streams that no logger has written to their end yet. The daemon keeps an end of each pipe
/// to read from until one has, so that the next logger can go on where one died.
struct LogStreamTable {
  private final class Entry {
    var facts: LogStream
    let pipe: LogPipe
    /// As far as the logger that has it now has said.
    var usage: StreamUsage?

    init(_ facts: LogStream, _ pipe: LogPipe) {
      self.facts = facts
      self.pipe = pipe
    }
  }

  private var entries: [UInt64: Entry] = [:]
  /// Above those of every daemon before in this boot, so that a logger that outlives one never
  /// sees a number twice.
  private var nextID = UInt64(clamping: Clock.monotonicNanoseconds)
  /// Not handed over, because there was no logger or the link was full.
  private var unsent: [UInt64] = []
  /// Handed over on a link that is gone: whether they arrived, the logger says when it reports
  /// what it has.
  private var uncertain: Set<UInt64> = []
  /// Whose processes are known now.
  private var identified: [StreamProcess] = []
  /// What the streams of an agent instance have brought that are over, by its name.
  private var pastUsage: [String: LogUsage] = [:]

  mutating func add(
    _ kind: LogStreamKind, _ origin: LogOrigin, _ file: LogFileSettings, _ pipe: LogPipe
  ) -> UInt64 {
    let id = nextID
    nextID += 1
    entries[id] = Entry(LogStream(id: id, kind: kind, origin: origin, file: file), pipe)
    unsent.append(id)
    return id
  }

  /// - Parameter processID: Which process writes to the stream; 0: none.
  mutating func identify(_ id: UInt64, as processID: Int32) {
    guard let entry = entries[id] else { return }
    entry.facts.origin.processID = processID
    identified.append(StreamProcess(stream: id, processID: processID))
  }

  /// So many are identified that the logger should be told before the turn ends: until then it
  /// does not read their lines, which get the time at which it does.
  var count: Int { entries.count }

  var hasManyIdentified: Bool { identified.count >= 32 }

  /// The logger has had this one from another daemon, or earlier from this one.
  mutating func adopt(_ stream: LogStream, pipe: consuming Descriptor) {
    uncertain.remove(stream.id)
    guard entries[stream.id] == nil else { return }
    entries[stream.id] = Entry(stream, LogPipe(reader: pipe))
    nextID = max(nextID, stream.id + 1)
  }

  mutating func close(_ final: StreamUsage) {
    uncertain.remove(final.stream)
    guard let entry = entries.removeValue(forKey: final.stream) else { return }
    pastUsage[entry.facts.origin.name, default: LogUsage()].add(final)
  }

  func update(_ file: LogFileSettings) {
    for entry in entries.values where entry.facts.file.path == file.path {
      entry.facts.file = file
    }
  }

  /// The streams whose pipes the kernel knows by these numbers.
  var byInode: [UInt64: LogStream] {
    Dictionary(
      entries.values.map { ($0.pipe.inode, $0.facts) }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: Which logger has what

  /// A new logger has nothing, and counts from zero.
  mutating func beginWithNewLogger() {
    for entry in entries.values {
      pastUsage[entry.facts.origin.name, default: LogUsage()].add(entry.usage)
      entry.usage = nil
    }
    unsent = entries.keys.sorted()
    uncertain = []
    identified = processes(of: unsent)
  }

  /// This logger is going to say what it has.
  mutating func beginWithOldLogger() {
    uncertain = Set(entries.keys).subtracting(unsent)
    identified = processes(of: entries.keys.sorted())
  }

  /// It has said all.
  mutating func endWithOldLogger() {
    let missing = uncertain.sorted()
    unsent += missing
    identified += processes(of: missing)
    uncertain = []
  }

  /// What has to be said of them again, as it may not have arrived: of a stream without a process
  /// nothing is read before.
  private func processes(of ids: [UInt64]) -> [StreamProcess] {
    ids.compactMap { entries[$0]?.facts }
      .map { StreamProcess(stream: $0.id, processID: $0.origin.processID) }
  }

  /// Gives the logger what it does not know yet, as far as the link takes it.
  mutating func handOver(on link: LoggerLink) {
    handOverPipes { (stream, pipe) throws(SystemError) in try link.open(stream, pipe: pipe) }
    if unsent.isEmpty { sendIdentified(on: link) }
  }

  /// The same for pipes only, and without waking the logger: `handOver` has to follow, with
  /// something that has been identified.
  mutating func handOverAside(on link: LoggerLink) {
    handOverPipes { (stream, pipe) throws(SystemError) in
      try link.openAside(stream, pipe: pipe)
    }
  }

  private mutating func handOverPipes(
    _ open: (LogStream, borrowing Descriptor) throws(SystemError) -> LoggerLink.Outcome
  ) {
    guard !unsent.isEmpty else { return }
    var sentCount = 0
    for id in unsent {
      // A full link takes the rest later; a broken one is seen at its end.
      if let entry = entries[id] {
        let outcome = try? open(entry.facts, entry.pipe.reader)
        guard let outcome, outcome != .refused else { break }
      }
      sentCount += 1
    }
    unsent.removeFirst(sentCount)
  }

  private mutating func sendIdentified(on link: LoggerLink) {
    while !identified.isEmpty {
      let some = Array(identified.prefix(LoggerCommand.mostStreamsPerPacket))
      guard let outcome = try? link.send(.identify(some)), outcome != .refused else { return }
      identified.removeFirst(some.count)
    }
  }

  // MARK: What they have brought

  func note(_ usages: [StreamUsage]) {
    for usage in usages { entries[usage.stream]?.usage = usage }
  }

  /// What every agent instance has said so far, by its name.
  var usage: [String: LogUsage] {
    var total = pastUsage
    for entry in entries.values {
      total[entry.facts.origin.name, default: LogUsage()].add(entry.usage)
    }
    return total
  }
}
