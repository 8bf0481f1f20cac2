import SupervSystem

// Who is at the other end of a socket. Only the kernel is asked: a process cannot lie about its
// pid, its session or its parents.

extension ProcessTable {
  /// How many parents are looked at: deeper trees of processes are not agents'.
  private static let maximumAncestors = 64

  /// The agent whose process opened a connection.
  ///
  /// - Throws: `SystemError` when the socket does not say who that was.
  func identify(_ socket: borrowing Descriptor) throws(SystemError) -> Caller {
    let peer = try socket.peerCredentials()
    // Taken before the look at /proc: as long as it has not ended, the pid is its own.
    let witness = socket.peerProcess()
    guard let owner = owner(of: peer.process) else {
      return .stranger(peer, why: "process \(peer.process) belongs to no agent")
    }
    switch witness {
    case .some(let process):
      // Readable: it has ended, and what was found may be about another one.
      let hasEnded = (try? process.wait(timeoutMilliseconds: 0)) ?? true
      if hasEnded {
        return .stranger(peer, why: "process \(peer.process) has ended")
      }
    // Before Linux 6.5 the pid alone has to do.
    case .none: break
    }
    return .agent(owner, peer)
  }

  /// The agent that a process belongs to: it is the agent's own, or in its session, which agents
  /// lead, or descends from one that is.
  func owner(of pid: Int32) -> ProcessKey? {
    if let key = roots[pid] { return key }
    var next = pid
    for _ in 0..<Self.maximumAncestors {
      guard next > 1, let record = ProcessRecord.of(next) else { return nil }
      if let key = roots[record.session] ?? roots[record.parent] { return key }
      next = record.parent
    }
    return nil
  }
}
