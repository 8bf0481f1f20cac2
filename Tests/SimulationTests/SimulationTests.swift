import Foundation
import Testing

/// Whole histories of superv on a machine where everything goes wrong, each made from its seed.
///
/// - `SUPERV_SEEDS=100000`: so many of them.
/// - `SUPERV_SEED=123`: this one alone, told.
@Suite struct SimulationTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let only = environment["SUPERV_SEED"].flatMap { UInt64($0) }
  /// Somebody has asked for more than what every run does.
  static let isThorough = environment["SUPERV_SEEDS"] != nil
  private static let count = environment["SUPERV_SEEDS"].flatMap { UInt64($0) } ?? 1000
  /// Seeds are run by so many tests side by side.
  private static let groupCount: UInt64 = 20

  @Test(arguments: 0..<groupCount)
  func everythingHolds(group: UInt64) throws {
    guard Self.only == nil else { return }
    for seed in stride(from: group + 1, through: Self.count, by: Int(Self.groupCount)) {
      if let failure = Failure(Script(seed: seed)) {
        Issue.record("\(failure)")
        return
      }
    }
  }

  @Test(.enabled(if: only != nil))
  func oneSeed() throws {
    let script = Script(seed: Self.only ?? 1)
    if let failure = Failure(script) {
      Issue.record("\(failure)")
    } else {
      print("seed \(script.seed) holds:\n\(script)")
    }
  }

  @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 34] as [UInt64])
  func aSeedIsOneHistory(seed: UInt64) {
    let stories = (0..<2).map { _ in
      let box = Box(Script(seed: seed), isTelling: true)
      _ = box.run()
      return box.auditor.story
    }
    #expect(stories[0] == stories[1])
    #expect(stories[0].count > 20)
  }
}
