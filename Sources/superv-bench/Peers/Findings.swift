import BenchPage

/// What is measured of each contestant.
enum Measure: CaseIterable {
  case coldFew, coldSome, coldMany, restart, allKilled, memory, processes, wakeUps, processor
  case status, logRate, logLost, stop
}

/// What was found about one contestant.
struct Findings {
  var samples: [Measure: [Double]] = [:]
  /// What was not done within its time, and what is said instead of a figure.
  var bounds: [Measure: Bound] = [:]
  /// What did not work, each said once.
  private(set) var problems: [String] = []

  struct Bound {
    /// At least so much it would have been, or at most where more is better.
    var value: Double
    var text: String
  }

  mutating func add(_ value: Double, to measure: Measure) {
    samples[measure, default: []].append(value)
  }

  mutating func complain(_ problem: String) {
    if !problems.contains(problem) { problems.append(problem) }
  }

  func value(_ measure: Measure, _ quantile: Double = 0.5) -> Double? {
    bounds[measure] == nil ? samples[measure]?.quantile(quantile) : nil
  }
}

/// How long things may take, in seconds, and how often they are done.
struct PeerSizes {
  /// Agents in the small, the middle and the large tree.
  var counts: [Int]
  var agentCount: Int
  var rounds: Int
  var restarts: Int
  var restartSeconds: Int64
  var startSeconds: Int64
  var stopSeconds: Int64
  var logBytes: Int
  var logSeconds: Int64
  var idleSeconds: Int64
  var statusCount: Int
  /// A contestant that needs longer for its turn has one turn only.
  var turnSeconds: Int64
  /// After that nobody has another turn.
  var totalSeconds: Int64

  init(_ options: Options) {
    agentCount = options.isQuick ? min(options.agentCount, 20) : options.agentCount
    counts = [10, 100].filter { [agentCount] in $0 < agentCount }
    let block = 65_500
    logBytes = min(options.logBytes, 1 << 27) / block * block
    if options.isQuick {
      (rounds, restarts, restartSeconds, idleSeconds, statusCount) = (1, 2, 3, 1, 2)
      (startSeconds, stopSeconds, logSeconds, turnSeconds, totalSeconds) = (10, 5, 5, 5, 60)
    } else {
      (rounds, restarts, restartSeconds, idleSeconds, statusCount) = (3, 60, 12, 4, 9)
      (startSeconds, stopSeconds, logSeconds, turnSeconds, totalSeconds) = (60, 30, 20, 25, 1100)
    }
  }
}
