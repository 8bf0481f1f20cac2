import SupervProtocol
import SupervisionTree

/// What an agent says of its readiness, whichever way it says it.
enum Declaration: Hashable, Sendable {
  case ready
  case notReady(String)
}

final class HealthHub {
  var nextDeadline: MonotonicTime? { nil }
}

extension Daemon {
  /// The process of an incarnation runs.
  func beginHealth(of process: ProcessKey) {}

  /// It has ended.
  func endHealth(of process: ProcessKey) {}

  func fireHealthTimers() {}

  /// It said hello: from now on its own word counts.
  func declareReadiness(of process: ProcessKey) {
    feed(.declaresReadiness(process.node, incarnation: process.incarnation))
  }

  func say(_ declaration: Declaration, of process: ProcessKey) {
    guard isCurrent(process) else { return }
    let (node, incarnation) = (process.node, process.incarnation)
    switch declaration {
    case .ready: feed(.ready(node, incarnation: incarnation, why: .health(.saidReady)))
    case .notReady(let why):
      feed(.notReady(node, incarnation: incarnation, why: .health(.saidNotReady(why))))
    }
  }

  func setStatus(_ text: String, of process: ProcessKey) {}

  func heartbeat(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {}

  func beginOperation(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {}

  func endOperation(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {}

  func takeNotification(_ bytes: [UInt8], from process: ProcessKey?, sender: Int32) {}
}
