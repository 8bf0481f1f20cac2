import SupervSystem

/// One log file that is being written.
///
/// It only ever grows by whole records: what a full disk took half of is cut off again, and a file
/// that ends in the middle of a line (a logger was killed) goes on with a new one. While it cannot
/// be written, records are dropped and counted, and it is tried again after a growing interval; the
/// first thing written then is a mark that says how much is missing.
///
/// It is opened for appending: the size is taken from the kernel after each write, so that somebody
/// who truncates it, or a second logger on the same file, does no harm.
final class LogFile {
  /// Records are being dropped since then.
  struct Fault {
    var error: SystemError
    var sinceNanoseconds: Int64
    var droppedRecords: UInt64 = 0
    var droppedBytes: UInt64 = 0
    /// Monotonic.
    var retryNanoseconds: Int64
    var intervalNanoseconds: Int64
  }

  private enum State {
    case writable
    case faulted(Fault)
  }

  private(set) var settings: LogFileSettings
  /// What a mark looks like here.
  var mark = DropMark.text
  /// How many streams write to it.
  var streamCount = 0
  /// When it was last written, for the choice of whom to close.
  private(set) var lastUse: UInt64 = 0

  private unowned let store: LogStore
  private let log: LogFolder.Log
  private let device: DeviceFile?
  private var systemLog: SystemLog?
  private var descriptor: Descriptor?
  /// The file ends in the middle of a line.
  private var isTorn = false
  private var state = State.writable

  init(_ settings: LogFileSettings, store: LogStore) {
    self.settings = settings
    self.store = store
    log = store.folder.log(at: settings.path)
    device = settings.format == .bytes ? DeviceFile(at: settings.path) : nil
    systemLog = settings.systemLogName.map { SystemLog(name: $0) }
  }

  var isOpen: Bool { descriptor != nil }

  var isWritable: Bool {
    if case .writable = state { true } else { false }
  }

  /// When to try again, in monotonic nanoseconds; nil while it can be written.
  var retryNanoseconds: Int64? {
    if case .faulted(let fault) = state { fault.retryNanoseconds } else { nil }
  }

  func update(_ settings: LogFileSettings) {
    if settings.systemLogName != self.settings.systemLogName {
      systemLog = settings.systemLogName.map { SystemLog(name: $0) }
    }
    self.settings = settings
  }

  func close() {
    if descriptor != nil { store.didClose(self) }
    descriptor = nil
  }

  /// Writes what a retry is due for: the mark. `force` tries in any case.
  func retry(force: Bool = false) {
    guard case .faulted(var fault) = state else { return }
    let now = store.options.monotonicClock()
    guard force || now >= fault.retryNanoseconds else { return }
    do {
      let text = mark.bytes(fault, time: store.options.realTimeClock())
      try unsafe text.withUnsafeBufferPointer { (bytes) throws(SystemError) in
        try unsafe put(bytes)
      }
      state = .writable
      store.report(
        .recovered(
          path: settings.path, droppedLines: fault.droppedRecords,
          droppedBytes: fault.droppedBytes))
    } catch {
      close()
      let longest = store.options.longestRetryNanoseconds
      fault.error = error
      fault.intervalNanoseconds = min(fault.intervalNanoseconds * 2, longest)
      fault.retryNanoseconds = now + fault.intervalNanoseconds
      state = .faulted(fault)
    }
  }

  /// Rotates now, unless there is nothing to rotate.
  func rotate() {
    guard isWritable else { return }
    do {
      try open()
      if log.currentBytes > 0 { try rotateFiles() }
    } catch {
      fail(error, dropping: 0, bytes: 0)
    }
  }

  /// Removes what there is of it; what is written next begins a new file.
  func clear() {
    guard DeviceFile(at: settings.path) == nil else { return }
    close()
    do {
      try store.folder.clear(log)
    } catch {
      return fail(error, dropping: 0, bytes: 0)
    }
    // That may be what a full disk has waited for.
    retry(force: true)
  }

  private func rotateFiles() throws(SystemError) {
    close()
    try store.folder.rotate(
      log, maximumFiles: settings.maximumFiles, now: store.options.realTimeClock())
    try open()
  }

  /// Opens the file, unless it is open.
  private func open() throws(SystemError) {
    lastUse = store.nextUse()
    guard descriptor == nil else { return }
    let opened = try store.open(settings.path)
    let status = try opened.status()
    guard status.kind == .regular else { throw .notRegular(settings.path) }
    var last: [UInt8] = [UInt8(ascii: "\n")]
    if status.size > 0 {
      var span = last.mutableSpan
      _ = try opened.read(into: &span, at: status.size - 1)
    }
    isTorn = settings.format != .bytes && last[0] != UInt8(ascii: "\n")
    descriptor = consume opened
    store.didOpen(self)
    store.folder.setCurrentBytes(status.size, of: log)
  }

  /// Writes records, rotating between two of them where the size demands it.
  ///
  /// - Throws: `SystemError` after having moved `records` past what is written.
  private func put(_ records: UnsafeBufferPointer<UInt8>) throws(SystemError) {
    var rest = unsafe records[...]
    try unsafe put(&rest)
  }

  private func put(_ rest: inout Slice<UnsafeBufferPointer<UInt8>>) throws(SystemError) {
    if let device {
      guard !device.isOwnOutput || store.isInForeground else { return }
      return try unsafe device.write(UnsafeBufferPointer(rebasing: rest))
    }
    while unsafe !rest.isEmpty {
      try open()
      let limit = store.folder.limit(for: log, maximumBytes: settings.maximumBytes)
      let torn = isTorn ? 1 : 0
      let room = limit - log.currentBytes - Int64(torn)
      var chunk = unsafe rest
      if room < Int64(unsafe rest.count) {
        let fitting = unsafe RecordBounds.lastEnd(rest.prefix(Int(max(room, 0))))
        if fitting == nil && log.currentBytes > 0 {
          try rotateFiles()
          continue
        }
        unsafe chunk = rest.prefix(
          upTo: fitting ?? RecordBounds.firstEnd(rest) ?? rest.endIndex)
      }
      let written = try unsafe writeWhole(chunk)
      unsafe rest = rest[written...]
    }
  }

  /// Writes a run of whole records to the end of the file.
  ///
  /// - Returns: the index behind what is written. That is less than all of it after an error in the
  ///   middle, which the next attempt will meet again; what it left of a record is cut off.
  private func writeWhole(_ chunk: Slice<UnsafeBufferPointer<UInt8>>) throws(SystemError) -> Int {
    if isTorn {
      _ = try writeOnce([UInt8(ascii: "\n")].span)
      isTorn = false
    }
    let (start, end) = unsafe (chunk.startIndex, chunk.endIndex)
    var index = start
    while index < end {
      do {
        let rest = unsafe UnsafeBufferPointer(rebasing: chunk[index...])
        index += try writeOnce(unsafe rest.span)
      } catch {
        if settings.format == .bytes, index > start { return index }
        let whole = unsafe RecordBounds.lastEnd(chunk[..<index]) ?? start
        if index > whole { cutOff(Int64(index - whole)) }
        if whole > start { return whole }
        throw error
      }
    }
    return index
  }

  private func writeOnce(_ bytes: Span<UInt8>) throws(SystemError) -> Int {
    guard let count = try descriptor?.write(bytes), count > 0, let end = try descriptor?.position()
    else { throw .wroteNothing(settings.path) }
    store.folder.setCurrentBytes(end, of: log)
    return count
  }

  /// Takes the beginning of a record away from the end of the file.
  private func cutOff(_ bytes: Int64) {
    let size = log.currentBytes - bytes
    do {
      try descriptor?.truncate(toBytes: size)
      store.folder.setCurrentBytes(size, of: log)
    } catch {
      isTorn = true
    }
  }

  private func fail(_ error: SystemError, dropping records: UInt64, bytes: UInt64) {
    switch state {
    case .faulted(var fault):
      fault.droppedRecords += records
      fault.droppedBytes += bytes
      state = .faulted(fault)
    case .writable:
      close()
      let interval = store.options.firstRetryNanoseconds
      let now = store.options.realTimeClock()
      state = .faulted(
        Fault(
          error: error, sinceNanoseconds: now, droppedRecords: records, droppedBytes: bytes,
          retryNanoseconds: store.options.monotonicClock() + interval,
          intervalNanoseconds: interval))
      store.didFail(self)
      store.report(
        .fault(
          path: settings.path, code: error.code, text: error.description, sinceNanoseconds: now))
    }
  }
}

extension LogFile: RecordSink {
  /// Writes records, or drops them: it never fails.
  func write(_ records: UnsafeBufferPointer<UInt8>) -> UInt64 {
    try? unsafe systemLog?.write(records)
    retry()
    var rest = unsafe records[...]
    if case .faulted(let fault) = state { return unsafe drop(rest, fault.error) }
    do {
      try unsafe put(&rest)
      return 0
    } catch {
      return unsafe drop(rest, error)
    }
  }

  private func drop(_ records: Slice<UnsafeBufferPointer<UInt8>>, _ error: SystemError) -> UInt64 {
    let count = unsafe RecordBounds.count(records)
    fail(error, dropping: count, bytes: UInt64(unsafe records.count))
    return count
  }
}

/// Where records begin and end: each one ends in the only line feed it has.
private enum RecordBounds {
  private static let lineFeed = UInt8(ascii: "\n")

  /// Behind the first record.
  static func firstEnd(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    unsafe bytes.firstIndex(of: lineFeed).map { $0 + 1 }
  }

  /// Behind the last whole record.
  static func lastEnd(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
    unsafe bytes.lastIndex(of: lineFeed).map { $0 + 1 }
  }

  static func count(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> UInt64 {
    unsafe bytes.reduce(0) { $0 + ($1 == lineFeed ? 1 : 0) }
  }
}
