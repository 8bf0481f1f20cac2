import SupervProtocol
import SupervisionTree

final class CallHub {
  var nextDeadline: MonotonicTime? { nil }
}

extension Daemon {
  /// Its process has ended, after the tree has decided what follows.
  func endCalls(of process: ProcessKey, _ termination: Termination) {}

  func fireCallDeadlines() {}

  func call(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {}
  func cast(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {}
  func cancel(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {}
  func monitor(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {}
  func demonitor(
    _ message: Message, in line: Span<UInt8>, from session: Session
  ) throws(RPCError) {}
  func takeAnswer(_ message: Message, in line: Span<UInt8>, from session: Session) {}

  /// A session is gone: what it waited for nobody wants, what it had in its hands is lost.
  func sessionClosed(_ session: Session) {}
  /// Another session of the same process serves from now on.
  func stoppedServing(_ session: Session) {}
}
