import SupervSystem

/// What a logger does not decide itself; tests give other clocks.
package struct LoggerOptions {
  /// How much is read from one pipe before the others have their turn, in bytes.
  package var readBytes = 128 * 1024
  /// Files kept open. Pipes must be open all the time, files need not: 1 000 agents have 2 000
  /// pipes, and opening a file again costs some microseconds, so that the rest of the descriptors
  /// is not spent on files that are written once an hour.
  package var openFiles = 256
  /// Reports that may wait for the daemon.
  package var waitingReports = 8192
  package var firstRetryNanoseconds: Int64 = 250_000_000
  package var longestRetryNanoseconds: Int64 = 30_000_000_000
  /// How long a logger without streams waits for another daemon when it has lost its own.
  package var orphanNanoseconds: Int64 = 60_000_000_000
  package var realTimeClock: () -> Int64 = { Clock.realTimeNanoseconds }
  package var monotonicClock: () -> Int64 = { Clock.monotonicNanoseconds }

  package init() {}
}

/// All files that are being written, and which of them are open.
final class LogStore {
  let options: LoggerOptions
  let folder = LogFolder()
  /// Whether standard output and standard error are somebody's to read.
  var isInForeground = false
  /// What has to be told to the daemon.
  var report: (LoggerReport) -> Void = { _ in }

  private var files: [String: LogFile] = [:]
  private var open: [LogFile] = []
  private var faulted: [LogFile] = []
  private var uses: UInt64 = 0

  init(options: LoggerOptions) {
    self.options = options
  }

  /// The file for a stream that begins. Its settings apply from now on to every stream on it.
  func file(for stream: LogStream) -> LogFile {
    let file = files[stream.file.path] ?? LogFile(stream.file, store: self)
    files[stream.file.path] = file
    file.update(stream.file)
    file.mark = DropMark(stream)
    file.streamCount += 1
    return file
  }

  func file(at path: String) -> LogFile? { files[path] }

  /// One stream less writes to the file.
  func release(_ file: LogFile) {
    file.streamCount -= 1
    forgetIfUnused(file)
  }

  func rotate(path: String?) {
    let chosen = path.map { path in files[path].map { [$0] } ?? [] } ?? Array(files.values)
    for file in chosen { file.rotate() }
  }

  func closeAll() {
    for file in open { file.close() }
  }

  /// Tries the files again whose time has come. `force` tries all of them: the last chance.
  func retry(force: Bool = false) {
    guard !faulted.isEmpty else { return }
    for file in faulted { file.retry(force: force) }
    let recovered = faulted.filter(\.isWritable)
    faulted.removeAll(where: \.isWritable)
    for file in recovered { forgetIfUnused(file) }
  }

  /// When `retry` is next needed, in monotonic nanoseconds.
  var nextRetryNanoseconds: Int64? { faulted.compactMap(\.retryNanoseconds).min() }

  // MARK: What files ask for

  func nextUse() -> UInt64 {
    uses += 1
    return uses
  }

  func open(_ path: String) throws(SystemError) -> Descriptor {
    if open.count >= options.openFiles { closeLeastRecentlyUsed() }
    do {
      return try openOnce(path)
    } catch let error where error.isOutOfDescriptors && !open.isEmpty {
      closeLeastRecentlyUsed()
    } catch let error where error.isMissing {
      try Files.makeDirectories(Files.parent(of: path), mode: 0o750)
    }
    return try openOnce(path)
  }

  private func openOnce(_ path: String) throws(SystemError) -> Descriptor {
    // Nonblocking, so that a named pipe in the place of the file does not stop the logger.
    try Files.open(
      path, [.readWrite, .append, .create, .noFollow, .nonblocking], mode: 0o640)
  }

  func didOpen(_ file: LogFile) { open.append(file) }

  func didClose(_ file: LogFile) {
    if let index = open.firstIndex(where: { $0 === file }) {
      open.swapAt(index, open.count - 1)
      open.removeLast()
    }
  }

  func didFail(_ file: LogFile) {
    if !faulted.contains(where: { $0 === file }) { faulted.append(file) }
  }

  private func closeLeastRecentlyUsed() {
    open.min { $0.lastUse < $1.lastUse }?.close()
  }

  private func forgetIfUnused(_ file: LogFile) {
    guard file.streamCount == 0, file.isWritable else { return }
    file.close()
    files[file.settings.path] = nil
  }
}
