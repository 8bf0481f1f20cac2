import SupervDaemon
import SupervSystem
import SupervisionTree
import Testing

/// Real control groups, and a clock of the test's own.
@Suite struct SpareGroupTests {
  @Test func whoRunsHasOneASecondLater() throws {
    try withFolder { folder in
      var spares = SpareGroups()
      let next = folder.group("a.2")
      spares.begin(next: next)
      #expect(spares.hasNews)
      spares.tidy(.seconds(10))
      #expect(!spares.hasNews && spares.due == .seconds(11))
      spares.tidy(.seconds(10.9))
      #expect(folder.children.isEmpty)
      spares.tidy(.seconds(11))
      #expect(folder.children == [next] && spares.due == nil)

      let isAnother = spares.take(folder.group("a.3"))
      let isMade = spares.take(next)
      let isMadeTwice = spares.take(next)
      #expect(!isAnother && isMade && !isMadeTwice, "it is the incarnation's now")
      #expect(next.remove())
    }
  }

  @Test func aRestartMovesItOn() throws {
    try withFolder { folder in
      var spares = SpareGroups()
      spares.begin(next: folder.group("a.2"))
      spares.tidy(.seconds(1))
      spares.tidy(.seconds(2))
      spares.end(folder.group("a.1"))
      let isMade = spares.take(folder.group("a.2"))
      #expect(isMade)
      spares.begin(next: folder.group("a.3"))
      spares.tidy(.seconds(2))
      spares.tidy(.seconds(3))
      #expect(
        Set(folder.children.map(\.path)) == [folder.group("a.2").path, folder.group("a.3").path])
      #expect(folder.group("a.2").remove())
      spares.finish()
      #expect(folder.children.isEmpty)
    }
  }

  @Test func whoHasEndedForGoodKeepsNone() throws {
    try withFolder { folder in
      var spares = SpareGroups()
      spares.begin(next: folder.group("a.2"))
      spares.tidy(.seconds(1))
      spares.tidy(.seconds(2))
      #expect(folder.children.count == 1)
      spares.end(folder.group("a.1"))
      spares.tidy(.seconds(3))
      spares.tidy(.seconds(4))
      #expect(folder.children.isEmpty && spares.due == nil)
    }
  }

  @Test func manyAreMadeAFewAtATime() throws {
    try withFolder { folder in
      var spares = SpareGroups()
      for index in 0..<20 {
        spares.begin(next: folder.group("a\(index).2"))
      }
      spares.tidy(.seconds(1))
      var counts: [Int] = []
      while spares.due != nil, counts.count < 10 {
        spares.tidy(.seconds(2))
        counts.append(folder.children.count)
      }
      #expect(counts == [8, 16, 20])
      spares.finish()
      #expect(folder.children.isEmpty)
    }
  }

  private func withFolder(_ body: (ControlGroup) throws -> Void) throws {
    let folder: ControlGroup
    do {
      folder = try ControlGroupHome.find().group.group(
        "superv-test-\(Processes.ownPid)-\(UInt32.random(in: 0 ... .max))")
    } catch {
      return print("NOT TESTED: spare control groups, because \(error)")
    }
    try folder.make()
    defer { #expect(folder.remove()) }
    try body(folder)
  }
}

extension MonotonicTime {
  fileprivate static func seconds(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: Int64(seconds * 1e9))
  }
}
