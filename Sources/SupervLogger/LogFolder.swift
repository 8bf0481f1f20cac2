import SupervSystem

/// The log folder as far as its size matters: how large every log file is, so that the cap on all
/// of them holds without reading the folder again at each rotation.
///
/// The oldest rotated file goes first, whichever agent's it is. The files being written are never
/// deleted: when nothing else is left to delete and the folder is still over its cap, a file that
/// has more than an equal share of the cap is rotated early, and so becomes deletable.
final class LogFolder {
  /// One log: its current file and the rotated ones by number.
  final class Log {
    let path: String
    fileprivate(set) var currentBytes: Int64 = 0
    fileprivate(set) var rotated: [Int: RotationPlan.Candidate] = [:]

    fileprivate init(path: String) { self.path = path }
  }

  private static let mostRotated = 10_000

  private(set) var directory = ""
  private(set) var maximumBytes: Int64 = 0
  private(set) var totalBytes: Int64 = 0
  private var logs: [String: Log] = [:]
  private var rotatedCount = 0

  /// Sets the folder and its cap and looks at what is there. A folder that cannot be read counts as
  /// empty; opening a file in it will say what is wrong.
  func configure(directory: String, maximumBytes: Int64) {
    self.maximumBytes = maximumBytes
    guard directory != self.directory else { return prune() }
    self.directory = directory
    totalBytes = 0
    rotatedCount = 0
    for log in logs.values {
      log.rotated = [:]
      if isInFolder(log.path) { totalBytes += log.currentBytes }
    }
    for text in (try? Files.names(in: directory)) ?? [] {
      guard let name = LogFileName(text),
        let status = try? Files.status(of: "\(directory)/\(text)", followingLinks: false),
        status.kind == .regular
      else { continue }
      let log = log(at: "\(directory)/\(name.base)")
      if name.number == 0 {
        setCurrentBytes(status.size, of: log)
      } else {
        add(
          RotationPlan.Candidate(
            bytes: status.size, modifiedNanoseconds: status.modifiedNanoseconds),
          number: name.number, to: log)
      }
    }
    prune()
  }

  /// The log with this path. Only those in the folder are counted.
  func log(at path: String) -> Log {
    if let log = logs[path] { return log }
    let log = Log(path: path)
    logs[path] = log
    if !isInFolder(path) { findRotated(log) }
    return log
  }

  /// What another life has left of a log that lies elsewhere.
  private func findRotated(_ log: Log) {
    for number in 1...Self.mostRotated {
      let path = LogFileName.path(log.path, number: number)
      guard let status = try? Files.status(of: path, followingLinks: false) else { return }
      add(
        RotationPlan.Candidate(
          bytes: status.size, modifiedNanoseconds: status.modifiedNanoseconds),
        number: number, to: log)
    }
  }

  /// How large the current file may get: what its settings say, less when the cap demands it.
  func limit(for log: Log, maximumBytes limit: Int64) -> Int64 {
    let limit = limit > 0 ? limit : .max
    guard maximumBytes > 0, totalBytes > maximumBytes, rotatedCount == 0, isInFolder(log.path)
    else { return limit }
    return min(limit, max(1, maximumBytes / Int64(max(logs.count, 1))))
  }

  func setCurrentBytes(_ bytes: Int64, of log: Log) {
    if isInFolder(log.path) { totalBytes += bytes - log.currentBytes }
    log.currentBytes = bytes
    if maximumBytes > 0 && totalBytes > maximumBytes { prune() }
  }

  /// Rotates the files of a log. Nobody may have the current one open for writing.
  func rotate(_ log: Log, maximumFiles: Int, now: Int64) throws(SystemError) {
    let steps = RotationPlan.steps(
      present: Set(log.rotated.keys), maximumFiles: maximumFiles)
    for step in steps {
      switch step {
      case .remove(let number):
        try ignoringMissing { () throws(SystemError) in
          try Files.remove(LogFileName.path(log.path, number: number))
        }
        forget(number, of: log)
      case .rename(let number, let target):
        let moved = try ignoringMissing { () throws(SystemError) in
          try Files.rename(
            LogFileName.path(log.path, number: number),
            to: LogFileName.path(log.path, number: target))
        }
        let file =
          number == 0
          ? RotationPlan.Candidate(bytes: log.currentBytes, modifiedNanoseconds: now)
          : log.rotated[number]
        forget(number, of: log)
        if moved, let file { add(file, number: target, to: log) }
      }
    }
    prune()
  }

  /// Deletes rotated files until the folder is not over its cap.
  private func prune() {
    guard maximumBytes > 0, totalBytes > maximumBytes, rotatedCount > 0 else { return }
    var places: [(log: Log, number: Int)] = []
    var candidates: [RotationPlan.Candidate] = []
    for log in logs.values where isInFolder(log.path) {
      // Of two with the same time, the one with the higher number is older.
      for (number, candidate) in log.rotated.sorted(by: { $0.key > $1.key }) {
        places.append((log, number))
        candidates.append(candidate)
      }
    }
    let chosen = RotationPlan.removals(
      of: candidates, totalBytes: totalBytes, maximumBytes: maximumBytes)
    for index in chosen {
      let place = places[index]
      // One that cannot be deleted is forgotten as well: it must not be tried for every line.
      try? Files.remove(LogFileName.path(place.log.path, number: place.number))
      forget(place.number, of: place.log)
    }
  }

  private func add(_ file: RotationPlan.Candidate, number: Int, to log: Log) {
    forget(number, of: log)
    log.rotated[number] = file
    if isInFolder(log.path) {
      totalBytes += file.bytes
      rotatedCount += 1
    }
  }

  private func forget(_ number: Int, of log: Log) {
    if number == 0 {
      if isInFolder(log.path) { totalBytes -= log.currentBytes }
      log.currentBytes = 0
    } else if let file = log.rotated.removeValue(forKey: number), isInFolder(log.path) {
      totalBytes -= file.bytes
      rotatedCount -= 1
    }
  }

  private func isInFolder(_ path: String) -> Bool {
    path.utf8.count > directory.utf8.count + 1 && path.hasPrefix(directory)
      && path.utf8.dropFirst(directory.utf8.count).first == UInt8(ascii: "/")
  }

  @discardableResult
  private func ignoringMissing(
    _ body: () throws(SystemError) -> Void
  ) throws(SystemError) -> Bool {
    do {
      try body()
      return true
    } catch let error where error.isMissing {
      return false
    }
  }
}
