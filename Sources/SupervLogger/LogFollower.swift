package import SupervSystem

/// Answers a query and goes on answering it while the logs grow (`superv logs -f`).
///
/// Every record comes once: a file is followed by its inode through every rotation, and read to its
/// end before the next one. Only a reader so slow that a file is deleted before it has opened it
/// loses that file.
package final class LogFollower {
  private let watch: FileWatch
  /// By watch, then by the name of the current file.
  private var sources: [Int32: [String: [Int]]] = [:]
  private var merge: LogMerge
  private var first: ArraySlice<LogRecord> = []

  /// Begins with the records that `query` asks for; `tail: 0` shows new ones only.
  ///
  /// - Throws: `SystemError`; `ENOENT` when a log folder does not exist.
  package init(_ query: LogQuery) throws(SystemError) {
    watch = try FileWatch()
    // Watched first, then read: what is written in between is seen twice by us, never missed.
    for (index, log) in query.sources.enumerated() {
      let number = try watch.add(
        Files.parent(of: log.path),
        for: [.modified, .created, .removed, .movedHere, .movedAway])
      let name = log.path.split(separator: "/").last.map(String.init) ?? log.path
      sources[number, default: [:]][name, default: []].append(index)
    }
    guard let tail = query.tail else {
      merge = LogMerge(query, cursors: try query.cursorsAtStart())
      return
    }
    var readers: [LogTailReader] = []
    let cursors = try query.sources.enumerated().map { (index, log) throws(SystemError) in
      let cursor = LogCursor(log, source: index)
      if let reader = try cursor.seekToEnd() { readers.append(reader) }
      return cursor
    }
    merge = LogMerge(query, cursors: cursors)
    first = try query.last(tail, of: readers)[...]
  }

  /// The next record; nil when there is none yet.
  package func next() throws(SystemError) -> LogRecord? {
    if let record = first.popFirst() { return record }
    if let record = try merge.next() { return record }
    for event in try watch.events() {
      if event.changes.contains(.overflow) {
        for source in sources.values.flatMap(\.values).joined() { merge.wake(source) }
      } else if let name = event.name.flatMap(LogFileName.init)?.base {
        for source in sources[event.watch]?[name] ?? [] { merge.wake(source) }
      }
    }
    return try merge.next()
  }

  /// Waits until there may be a next record.
  ///
  /// - Parameter timeoutMilliseconds: nil waits for ever.
  /// - Returns: false when the time is up.
  package func wait(timeoutMilliseconds: Int64? = nil) throws(SystemError) -> Bool {
    try watch.descriptor.wait(timeoutMilliseconds: timeoutMilliseconds)
  }
}
