import SupervProtocol

/// What an agent can say of itself with one word.
enum NotifyWord: String, CaseIterable, Sendable {
  case ready
  case notReady = "not-ready"
  case status, heartbeat

  /// The method of the child protocol.
  fileprivate var method: String { self == .notReady ? "not_ready" : rawValue }

  /// The member of the params that the text is for; nil where there is none.
  fileprivate var member: String? {
    switch self {
    case .ready: nil
    case .notReady: "reason"
    case .status: "text"
    case .heartbeat: "progress"
    }
  }
}

@Sendable func runNotify(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  guard let word = NotifyWord(rawValue: invocation.operands[0]) else {
    throw .usage("'\(invocation.operands[0])' is nothing that an agent says")
  }
  let text = invocation.operands.dropFirst().first
  if text != nil, word.member == nil { throw .usage("\(word.rawValue) takes no text") }
  if text == nil, word == .status { throw .usage("TEXT is missing: superv notify status TEXT") }
  guard let path = session.agentsSocket, !invocation.has("socket") else {
    throw .usage("notify is for agents: it speaks over SUPERV_SOCKET, which superv sets for them")
  }
  let params = word.member.flatMap { member in text.map { [member: $0] } } ?? [:]
  let deadline = try invocation.deadline()
  let client = try DaemonClient(connectingTo: path, by: deadline)
  _ = try client.call(word.method, params, by: deadline)
  return .ok
}
