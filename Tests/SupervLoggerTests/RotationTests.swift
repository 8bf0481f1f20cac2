import SupervLogger
import Testing

/// The files of one log as numbers and contents: file 0 has the newest, and so on.
private struct Files {
  var contents: [Int: Int]

  /// - Returns: false when a file would have been overwritten.
  mutating func apply(_ step: RotationPlan.Step) -> Bool {
    switch step {
    case .remove(let number): contents[number] = nil
    case .rename(let from, let to):
      guard contents[to] == nil, let moved = contents.removeValue(forKey: from) else {
        return false
      }
      contents[to] = moved
    }
    return true
  }

  var rotated: Set<Int> { Set(contents.keys).subtracting([0]) }

  /// From new to old.
  var order: [Int] { contents.sorted { $0.key < $1.key }.map(\.value) }
}

@Suite struct RotationTests {
  /// All sets of up to six rotated files, all settings, broken off after every step.
  @Test func keepsTheNewestInOrderWhereverItIsBrokenOff() {
    for set in 0..<64 {
      let present = Set((1...6).filter { set >> ($0 - 1) & 1 == 1 })
      for maximumFiles in 0...5 {
        let before = Files(
          contents: Dictionary(uniqueKeysWithValues: (present.sorted() + [0]).map { ($0, $0) }))
        let steps = RotationPlan.steps(present: present, maximumFiles: maximumFiles)
        for stop in 0...steps.count {
          var files = before
          for step in steps.prefix(stop) {
            let isHarmless = files.apply(step)
            #expect(isHarmless)
          }
          #expect(files.order == files.order.sorted(), "\(present) \(maximumFiles) \(stop)")
          let wanted = present.filter { $0 < maximumFiles }
          #expect(wanted.isSubset(of: files.order))
          if stop == steps.count {
            #expect(files.contents[0] == nil)
            #expect(files.contents.count <= maximumFiles)
            #expect(files.contents[1] == (maximumFiles == 0 ? nil : 0))
          }
        }
      }
    }
  }

  @Test func anOrdinaryRotation() {
    #expect(
      RotationPlan.steps(present: [1, 2, 3], maximumFiles: 3) == [
        .remove(3), .rename(from: 2, to: 3), .rename(from: 1, to: 2), .rename(from: 0, to: 1),
      ])
  }

  @Test func nothingIsKeptWhenNothingShallBe() {
    #expect(
      RotationPlan.steps(present: [1, 2], maximumFiles: 0) == [.remove(2), .remove(1), .remove(0)])
  }

  @Test func theCapTakesTheOldestFirstAndNoMoreThanItMust() {
    let files = [30, 10, 20].map {
      RotationPlan.Candidate(bytes: 100, modifiedNanoseconds: $0)
    }
    func removals(total: Int64, cap: Int64) -> [Int] {
      RotationPlan.removals(of: files, totalBytes: total, maximumBytes: cap)
    }
    #expect(removals(total: 1000, cap: 1000) == [])
    #expect(removals(total: 1001, cap: 1000) == [1])
    #expect(removals(total: 1100, cap: 1000) == [1])
    #expect(removals(total: 1101, cap: 1000) == [1, 2])
    #expect(removals(total: 5000, cap: 1000) == [1, 2, 0])
    #expect(removals(total: 5000, cap: 0) == [])
  }

  @Test(arguments: [
    ("a.log", "a.log", 0), ("a.log.1", "a.log", 1), ("a.0.log.12", "a.0.log", 12),
    ("events.ndjson", "events.ndjson", 0), ("events.ndjson.3", "events.ndjson", 3),
  ]) func knowsItsOwnFiles(name: String, base: String, number: Int) throws {
    let parsed = try #require(LogFileName(name))
    #expect(parsed.base == base && parsed.number == number)
  }

  @Test(arguments: [
    "a.log.0", "a.log.01", "a.log.-1", "a.log.+1", "a.log.gz", "a.txt", "a.txt.1", ".log",
    "a.log.99999999999", "a.log.1.2", "my.ndjson", "",
  ]) func leavesOtherFilesAlone(name: String) {
    #expect(LogFileName(name) == nil)
  }
}
