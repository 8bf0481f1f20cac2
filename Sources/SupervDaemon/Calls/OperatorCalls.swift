import SupervProtocol
import SupervisionTree

extension Daemon {
  /// `call` of the control socket: the answer is the callee's own, byte for byte.
  func call(
    _ message: Message, in line: Span<UInt8>, _ requestID: [UInt8], askedBy id: ConnectionID
  ) throws(RPCError) {
    guard let connection = control.connections[id] else { return }
    var message = message
    let params = try CallParams(of: &message, in: line)
    let name = text(of: params.to, in: line)
    let method = text(of: params.method, in: line)
    if calls.route(to: line.extracting(params.to)) != nil {
      tell(StoryEvent("control.call", .agent, name: name, reason: "method \(method)")) {
        $0.peer = peer(id)
      }
    }
    try begin(params, callerID: requestID.span, by: connection.asker, in: line)
  }
}
