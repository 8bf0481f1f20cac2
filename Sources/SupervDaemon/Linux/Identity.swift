import SupervSystem

// Who is at the other end of a socket. Only the kernel is asked: a process cannot lie about its
// pid, its session or its parents.

extension ProcessTable {
  /// How many parents are looked at: deeper trees of processes are not agents'.
  private static let maximumAncestors = 64

  /// The agent whose process opened a connection.
  ///
  /// - Throws: `SystemError` when the socket does not say who that was, or no descriptor is left.
  func identify(_ socket: borrowing Descriptor) throws(SystemError) -> Caller {
    let peer = try socket.peerCredentials()
    let owner = owner(of: peer.process)
    let isThere = try isUnreaped(peerOf: socket)
    guard let owner else {
      return .stranger(peer, why: "process \(peer.process) belongs to no agent")
    }
    // What was found may be about another process with its pid.
    guard isThere else { return .stranger(peer, why: "process \(peer.process) is gone") }
    return .agent(owner, peer)
  }

  /// Before Linux 6.5 the pid alone has to do.
  private func isUnreaped(peerOf socket: borrowing Descriptor) throws(SystemError) -> Bool {
    do {
      guard let process = try socket.peerProcess() else { return true }
      return Processes.isUnreaped(process)
    } catch let error where error.isOutOfDescriptors {
      throw error
    } catch {
      return false
    }
  }

  /// The agent that a process belongs to: it is the agent's own, or in its session, which agents
  /// lead, or descends from one that is, or is in its control group. Without control groups, who
  /// has left the session and lost all ancestors up to there, as daemons do, belongs to nobody: by
  /// what else it could be known (`TreeMark`) a process could make itself another agent's.
  func owner(of pid: Int32) -> ProcessKey? {
    if let key = roots[pid] ?? ownerByDescent(of: pid) { return key }
    return groups.owner(of: pid).flatMap { isRunning($0) ? $0 : nil }
  }

  private func ownerByDescent(of pid: Int32) -> ProcessKey? {
    guard pid > 1, var record = ProcessRecord.of(pid) else { return nil }
    for _ in 0..<Self.maximumAncestors {
      if let key = roots[record.session] ?? roots[record.parent] { return key }
      guard record.parent > 1, let parent = ProcessRecord.of(record.parent),
        // A parent that is younger has only got the pid of one that is gone.
        parent.startTime <= record.startTime
      else { return nil }
      record = parent
    }
    return nil
  }
}
