package import SupervSystem

/// A question to the logs of one or more instances, answered in the order of time.
///
/// Memory is bounded, however large the logs are: one block for each log, and the last records when
/// only those are asked for. Each log keeps one file open; with more logs than descriptors, raise
/// the limit first (`ProcessLimit.raiseOpenFiles`).
package struct LogQuery: Hashable, Sendable {
  package var sources: [LogSource]
  package var filter: LogFilter
  /// Only the last so many records that the filter accepts; nil: all.
  package var tail: Int?

  package init(sources: [LogSource], filter: LogFilter = LogFilter(), tail: Int? = nil) {
    self.sources = sources
    self.filter = filter
    self.tail = tail
  }

  /// Hands on what the logs have now, oldest first, until `body` returns false.
  ///
  /// - Throws: `SystemError` when a file that is there cannot be read; a missing one is empty.
  package func run(_ body: (LogRecord) -> Bool) throws(SystemError) {
    if let tail {
      var readers: [LogTailReader] = []
      for (index, log) in sources.enumerated() {
        if let reader = try LogCursor(log, source: index).seekToEnd() { readers.append(reader) }
      }
      for record in try last(tail, of: readers) where !body(record) { return }
      return
    }
    var merge = try LogMerge(self, cursors: cursorsAtStart())
    while let record = try merge.next() {
      if !body(record) { return }
    }
  }

  func cursorsAtStart() throws(SystemError) -> [LogCursor] {
    try sources.enumerated().map { (index, log) throws(SystemError) in
      let cursor = LogCursor(log, source: index)
      try cursor.seekToStart(from: filter.from)
      return cursor
    }
  }

  /// The last records of several logs, oldest first.
  func last(_ count: Int, of readers: [LogTailReader]) throws(SystemError) -> [LogRecord] {
    var heads = MergeHeap<(record: LogRecord, reader: LogTailReader)> {
      ($0.record.timeNanoseconds, $0.record.source) > ($1.record.timeNanoseconds, $1.record.source)
    }
    for reader in readers {
      if let record = try nextAccepted(reader) { heads.insert((record, reader)) }
    }
    var found: [LogRecord] = []
    while found.count < count, let (record, reader) = heads.popFirst() {
      found.append(record)
      if let next = try nextAccepted(reader) { heads.insert((next, reader)) }
    }
    return found.reversed()
  }

  private func nextAccepted(_ reader: LogTailReader) throws(SystemError) -> LogRecord? {
    while let record = try reader.next(), !filter.isBefore(record.timeNanoseconds) {
      if filter.accepts(record) { return record }
    }
    return nil
  }
}

/// Merges logs in the order of time; within one log the order is that of the file, even where the
/// clock was set back.
struct LogMerge {
  private let filter: LogFilter
  private let cursors: [LogCursor]
  private var heads = MergeHeap<LogRecord> {
    ($0.timeNanoseconds, $0.source) < ($1.timeNanoseconds, $1.source)
  }
  /// Logs that may have a record and have none among the heads.
  private var awake: Set<Int>
  private var hasHead: Set<Int> = []

  init(_ query: LogQuery, cursors: [LogCursor]) {
    filter = query.filter
    self.cursors = cursors
    awake = Set(cursors.indices)
  }

  /// The oldest of what the logs have now; nil when they have nothing more.
  mutating func next() throws(SystemError) -> LogRecord? {
    while let source = awake.popFirst() {
      while let record = try cursors[source].next() {
        guard filter.accepts(record) else { continue }
        heads.insert(record)
        hasHead.insert(source)
        break
      }
    }
    guard let record = heads.popFirst() else { return nil }
    hasHead.remove(record.source)
    awake.insert(record.source)
    return record
  }

  /// Something has happened to this log.
  mutating func wake(_ source: Int) {
    if !hasHead.contains(source) { awake.insert(source) }
  }
}

/// A binary heap whose first element is the one that no other comes before.
struct MergeHeap<Element> {
  private var elements: [Element] = []
  private let comesBefore: (Element, Element) -> Bool

  init(comesBefore: @escaping (Element, Element) -> Bool) {
    self.comesBefore = comesBefore
  }

  mutating func insert(_ element: Element) {
    elements.append(element)
    var child = elements.count - 1
    while child > 0, comesBefore(elements[child], elements[(child - 1) / 2]) {
      elements.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func popFirst() -> Element? {
    guard let first = elements.first else { return nil }
    let last = elements.removeLast()
    guard !elements.isEmpty else { return first }
    elements[0] = last
    var parent = 0
    while true {
      let children = (2 * parent + 1)..<min(2 * parent + 3, max(elements.count, 2 * parent + 1))
      guard
        let child = children.min(by: { comesBefore(elements[$0], elements[$1]) }),
        comesBefore(elements[child], elements[parent])
      else { return first }
      elements.swapAt(child, parent)
      parent = child
    }
  }
}
