import Foundation
import Testing

// These tests wait for processes, and block the thread that they run on. There are as many threads
// for concurrency as processors, and tests of other targets that only need a moment would wait for
// minutes: so these run on threads of their own.

extension Trait where Self == Aside {
  /// For suites whose tests block.
  static var aside: Self { Aside() }
}

struct Aside: SuiteTrait, TestTrait, TestScoping {
  let isRecursive = true

  func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @Sendable @concurrent () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(BlockingExecutor.shared) { try await function() }
  }
}

/// A few threads, and whatever waits for one of them.
private final class BlockingExecutor: TaskExecutor, @unchecked Sendable {
  static let shared = BlockingExecutor(width: 2)

  private let condition = NSCondition()
  nonisolated(unsafe) private var jobs: [UnownedJob] = []

  private init(width: Int) {
    for _ in 0..<width { Thread { self.work() }.start() }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    condition.withLock { unsafe jobs.append(job) }
    condition.signal()
  }

  private func work() -> Never {
    while true {
      let job = condition.withLock {
        while unsafe jobs.isEmpty { condition.wait() }
        return unsafe jobs.removeFirst()
      }
      unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
