import SupervSystem

/// Where the next daemon comes in when the one before has died.
final class LoggerDoor {
  private var listener: Descriptor?
  /// Connections of other users.
  private(set) var refusals: UInt64 = 0

  /// - Parameter listener: A listening SOCK_SEQPACKET socket; nil: nobody can come.
  init(_ listener: consuming Descriptor?) {
    self.listener = listener
  }

  var isOpen: Bool { listener != nil }

  func register(_ poll: borrowing EventPoll, token: UInt64) throws(SystemError) {
    switch listener {
    case .some(let listener):
      try listener.setNonblocking(true)
      try UnixSocket.takeOver(listener)
      try poll.add(listener, token: token, for: .readable)
    case .none: break
    }
  }

  /// The next daemon that waits. Who it is, is the kernel's word.
  func accept() -> Descriptor? {
    // Bounded by what may wait; those that break or are refused do not end the search.
    for _ in 0..<LoggerDoor.mostWaiting {
      guard let visitor = (try? listener?.accept()) ?? nil else { return nil }
      if (try? visitor.peerCredentials())?.user == Processes.ownUser { return visitor }
      refusals += 1
    }
    return nil
  }

  /// What listen(2) allows by default (`/proc/sys/net/core/somaxconn`).
  static let mostWaiting = 4096

  /// Nobody comes in any more.
  func close(_ poll: borrowing EventPoll) {
    switch listener {
    case .some(let listener): try? poll.remove(listener)
    case .none: break
    }
    listener = nil
  }
}
