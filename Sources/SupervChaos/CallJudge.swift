/// Follows the calls that chaos makes, and what the daemon counts of all calls.
package struct CallJudge: Sendable {
  private struct Open {
    var text: String
    var deadlineSeconds: Double
    /// In seconds.
    var timeout: Double
  }

  /// How long after its deadline the end of a call may come, on a machine that is being broken.
  private static let slackSeconds = 5.0

  private var open: [Int64: Open] = [:]
  private var late: Set<Int64> = []
  package private(set) var madeCount = 0
  /// By how they ended: `ok`, `error`, or the kind of superv's error.
  package private(set) var ends: [String: Int] = [:]

  package init() {}

  package var openCount: Int { open.count }

  package mutating func begin(_ id: Int64, _ text: String, seconds: Double, timeout: Double) {
    madeCount += 1
    open[id] = Open(
      text: text, deadlineSeconds: seconds + timeout, timeout: timeout)
  }

  package mutating func end(_ id: Int64, as outcome: String, _ verdict: inout Verdict) {
    let call = open.removeValue(forKey: id)
    verdict.check(.calls, call != nil, "an answer (\(outcome)) to call \(id), which has ended")
    if call != nil { ends[outcome, default: 0] += 1 }
  }

  /// The connection is gone, and with it all that wait on it: their end is that.
  package mutating func connectionEnded(_ verdict: inout Verdict) {
    verdict.count(.calls, open.count)
    ends["unavailable", default: 0] += open.count
    open = [:]
  }

  /// There is no daemon that could take or end a call; the next one has the whole time for what it
  /// finds.
  package mutating func nobodyAnswers(seconds: Double) {
    for (id, call) in open { open[id]?.deadlineSeconds = seconds + call.timeout }
  }

  /// Looks for calls whose time is over.
  package mutating func look(seconds: Double, _ verdict: inout Verdict) {
    for (id, call) in open.sorted(by: { $0.key < $1.key })
    where seconds > call.deadlineSeconds + Self.slackSeconds && late.insert(id).inserted {
      verdict.violate(.calls, "call \(id) to \(call.text) has not ended in time")
    }
  }

  /// What the daemon has counted: whatever was begun has ended or is in flight.
  package func look(begun: UInt64, ended: UInt64, inFlight: UInt64, _ verdict: inout Verdict) {
    verdict.check(
      .calls, begun == ended + inFlight,
      "\(begun) calls were begun, \(ended) have ended, and \(inFlight) are in flight")
  }
}
