import SupervProtocol
import SupervSystem

/// The socket of sd_notify(3). Who sent a datagram is the kernel's word.
final class NotifySocket {
  /// Taken within one turn: finding out about a sender costs tens of microseconds. The senders of
  /// the others wait, as the queue of such a socket is short.
  private static let turnCount = 32

  private let socket: Descriptor
  private var buffer = [UInt8](repeating: 0, count: Notification.maximumBytes + 1)
  /// Their descriptors say that everything before them was taken, by being closed
  /// (sd_notify_barrier(3)).
  private var barriers: Barrier?

  private final class Barrier {
    let descriptor: Descriptor
    let next: Barrier?

    init(_ descriptor: consuming Descriptor, _ next: Barrier?) {
      self.descriptor = descriptor
      self.next = next
    }
  }

  init(_ socket: consuming Descriptor) throws(SystemError) {
    try socket.receiveSenders()
    self.socket = socket
  }

  func watch(_ poll: borrowing EventPoll) throws(SystemError) {
    try poll.add(socket, token: LinuxKernel.Source.notifySocket.token(), for: .readable)
  }

  func take(_ processes: ProcessTable, _ events: inout [KernelEvent]) {
    for _ in 0..<Self.turnCount {
      var span = buffer.mutableSpan
      guard var message = (try? socket.receiveMessage(into: &span)) ?? nil else { return }
      while let descriptor = message.takeDescriptor() {
        barriers = Barrier(descriptor, barriers)
      }
      // All come with one, from before the first agent is started.
      guard let sender = message.sender else { continue }
      let owner = processes.owner(of: sender)
      events.append(
        .notified(
          message.senderHasItsPid ? owner : nil, sender: sender,
          Array(buffer[..<message.byteCount])))
    }
  }

  /// Everything that came in the turn before has been acted on.
  func releaseBarriers() { barriers = nil }
}
