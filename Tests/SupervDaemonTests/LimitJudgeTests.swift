import SupervConfig
import SupervDaemon
import Testing

@Suite struct LimitJudgeTests {
  private static func judge(
    high: Int64? = nil, maximum: Int64? = nil, tasks: Int? = nil, kept: Set<TreeLimit> = []
  ) -> LimitJudge {
    var limits = TreeLimits()
    limits.memoryHighBytes = high
    limits.memoryMaximumBytes = maximum
    limits.taskMaximum = tasks
    return LimitJudge(limits) { kept.contains($0) }
  }

  @Test func onlyWhatTheKernelDoesNotKeepIsWatched() {
    #expect(!Self.judge().isNeeded)
    #expect(!Self.judge(maximum: 1, tasks: 1, kept: [.memoryMax, .pidsMax]).isNeeded)
    // Nobody but superv tells the agent.
    #expect(Self.judge(high: 1, kept: Set(TreeLimit.allCases)).isNeeded)
    #expect(Self.judge(tasks: 1).isNeeded && !Self.judge(tasks: 1).watchesMemory)
  }

  @Test func highIsToldOnceUntilItHasBeenWellBelow() {
    var judge = Self.judge(high: 100, maximum: 200)
    #expect(judge.leastBytes == 100)
    let steps: [(Int64, LimitNews?)] = [
      (100, nil), (101, .memoryHigh(bytes: 101)), (150, nil), (95, nil), (120, nil), (90, nil),
      (101, nil), (89, nil), (102, .memoryHigh(bytes: 102)), (200, nil),
      (201, .memoryExceeded(bytes: 201)), (500, nil), (1, nil), (500, nil),
    ]
    for (index, (bytes, news)) in steps.enumerated() {
      #expect(judge.take(bytes: bytes, taskCount: 1) == news, "step \(index)")
    }
  }

  @Test func whatIsBelowTheLeastIsNeverNews() {
    for high in [nil, 50 as Int64?] {
      var judge = Self.judge(high: high, maximum: 100)
      for bytes in [10, 60, 44, 46, 30, 80, 20] as [Int64] {
        let least = judge.leastBytes
        var other = judge
        let news = judge.take(bytes: bytes, taskCount: 0)
        if bytes < least {
          #expect(news == nil)
          // An upper bound below it says as much as the exact number.
          _ = other.take(bytes: 0, taskCount: 0)
          #expect(other == judge || bytes >= 45)
        }
      }
    }
  }

  @Test func tasksAndUnknownMemory() {
    var judge = Self.judge(high: 1, maximum: 2, tasks: 3)
    #expect(judge.take(bytes: nil, taskCount: 3) == nil)
    #expect(judge.take(bytes: nil, taskCount: 4) == .tasksExceeded(count: 4))
    #expect(judge.take(bytes: 9, taskCount: 9) == nil)
  }

  @Test func proportionalSetSize() {
    let text =
      "00400000-7ffd ---p 00000000 00:00 0  [rollup]\nRss:  900 kB\nPss:   123 kB\nPss_Anon: 7"
    #expect(proportionalBytes(text) == 123 * 1024)
    #expect(proportionalBytes("") == nil)
  }
}
