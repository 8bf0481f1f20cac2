/// What to do with the files of one log when the current one is full: pure, so that every case can
/// be tried.
///
/// `NAME.log` has number 0, `NAME.log.1` is the newest rotated file, and so on.
package enum RotationPlan {
  package enum Step: Hashable, Sendable {
    case remove(Int)
    case rename(from: Int, to: Int)
  }

  /// The steps in their order; no step overwrites a file that is still wanted, so that a rotation
  /// broken off anywhere has lost nothing and the next one goes on from there.
  ///
  /// - Parameters:
  ///   - present: The numbers of the rotated files that are there; 0 is always there.
  ///   - maximumFiles: How many rotated files may be there afterwards. 0: the current one goes.
  package static func steps(present: Set<Int>, maximumFiles: Int) -> [Step] {
    guard maximumFiles > 0 else {
      return (present.sorted(by: >) + [0]).map(Step.remove)
    }
    var steps = present.filter { $0 > maximumFiles }.sorted(by: >).map(Step.remove)
    // Only the files up to the first gap have to move.
    var last = 0
    while last < maximumFiles && present.contains(last + 1) { last += 1 }
    if last == maximumFiles {
      steps.append(.remove(last))
      last -= 1
    }
    for number in (0...last).reversed() { steps.append(.rename(from: number, to: number + 1)) }
    return steps
  }

  /// A rotated file that the cap on the whole folder may take.
  package struct Candidate: Hashable, Sendable {
    package var bytes: Int64
    /// When it was last written.
    package var modifiedNanoseconds: Int64

    package init(bytes: Int64, modifiedNanoseconds: Int64) {
      self.bytes = bytes
      self.modifiedNanoseconds = modifiedNanoseconds
    }
  }

  /// Which rotated files to delete, oldest first, until the folder is not over its cap.
  ///
  /// - Parameters:
  ///   - totalBytes: Of all log files, current ones included; those are never deleted.
  ///   - maximumBytes: 0 or less: no cap.
  /// - Returns: indices into `candidates`.
  package static func removals(
    of candidates: [Candidate], totalBytes: Int64, maximumBytes: Int64
  ) -> [Int] {
    var excess = totalBytes - maximumBytes
    guard maximumBytes > 0, excess > 0 else { return [] }
    var chosen: [Int] = []
    let oldestFirst = candidates.indices.sorted {
      (candidates[$0].modifiedNanoseconds, $0) < (candidates[$1].modifiedNanoseconds, $1)
    }
    for index in oldestFirst where excess > 0 {
      chosen.append(index)
      excess -= candidates[index].bytes
    }
    return chosen
  }
}

/// The name of a log file, taken apart: `crawler.log.3` is number 3 of `crawler.log`.
package struct LogFileName: Hashable, Sendable {
  package var base: String
  /// 0 is the file that is being written.
  package var number: Int

  /// - Returns: nil when the name is none that superv gives to a log file. Only such files are
  ///   counted and deleted.
  package init?(_ name: String) {
    base = name
    number = 0
    if let dot = name.lastIndex(of: ".") {
      let digits = name[name.index(after: dot)...]
      if let number = Int32(digits), number > 0, String(number) == digits {
        base = String(name[..<dot])
        self.number = Int(number)
      }
    }
    guard base.utf8.count > 4, base.hasSuffix(".log") || base == "events.ndjson" else { return nil }
  }

  /// The path of file `number` of the log at `path`.
  package static func path(_ path: String, number: Int) -> String {
    number == 0 ? path : "\(path).\(number)"
  }
}
