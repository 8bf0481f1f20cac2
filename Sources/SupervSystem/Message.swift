import CSuperv
import Glibc

/// What one `receiveMessage(into:)` brought.
package struct ReceivedMessage: ~Copyable {
  /// Bytes put into the buffer; 0 at the end of the connection.
  package let byteCount: Int
  /// Whether bytes or descriptors did not fit and are lost.
  package let isTruncated: Bool
  /// The pid of the sender, vouched for by the kernel, after `receiveSenders()`; otherwise nil.
  package let sender: Int32?
  private let witness: Int32
  private let senderWasGone: Bool
  private var descriptors: [Int32]

  init(_ received: csv_received, byteCount: Int, descriptors: [Int32]) {
    self.byteCount = byteCount
    isTruncated = received.truncated != 0
    sender = received.sender > 0 ? received.sender : nil
    witness = received.sender_pidfd
    senderWasGone = received.sender_gone != 0
    self.descriptors = descriptors
  }

  deinit {
    for number in descriptors { _ = close(number) }
    if witness >= 0 { _ = close(witness) }
  }

  /// Whether what is known about the sender's pid is about the sender: nobody has reaped it, so
  /// that the pid is not another's. Ask after looking it up. Before Linux 6.5 always true.
  package var senderHasItsPid: Bool {
    !senderWasGone && (witness < 0 || Processes.isUnreaped(witness))
  }

  /// The next descriptor that came along, in the order of sending; those not taken are closed.
  package mutating func takeDescriptor() -> Descriptor? {
    descriptors.isEmpty ? nil : Descriptor(owning: descriptors.removeFirst())
  }
}

extension Descriptor {
  /// At most so many descriptors travel with one message.
  package static let maximumPerMessage = Int(CSV_MESSAGE_DESCRIPTORS)

  /// Sends one message over a Unix socket with copies of descriptors (`SCM_RIGHTS`, unix(7)).
  ///
  /// - Parameter numbers: Open descriptors, at most `maximumPerMessage`; needs at least one byte.
  /// - Returns: The number of bytes taken; nil when a nonblocking socket takes none now.
  /// - Throws: `SystemError`; `EPIPE`, without a signal, when the peer is gone.
  package func sendMessage(
    _ bytes: Span<UInt8>, passing numbers: [Int32] = []
  ) throws(SystemError) -> Int? {
    try unlessItWouldBlock("sendmsg") {
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe csv_send_message(
          number, bytes.baseAddress, bytes.count, numbers, Int32(clamping: numbers.count))
      }
    }
  }

  /// Receives one message and the descriptors sent with it; nil when there is none now.
  package func receiveMessage(
    into buffer: inout MutableSpan<UInt8>
  ) throws(SystemError) -> ReceivedMessage? {
    var numbers = [Int32](repeating: -1, count: Self.maximumPerMessage)
    var received = csv_received()
    let count = try unlessItWouldBlock("recvmsg") {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe csv_receive_message(
          number, bytes.baseAddress, bytes.count, &numbers, &received)
      }
    }
    guard let count else { return nil }
    return ReceivedMessage(
      received, byteCount: count,
      descriptors: Array(numbers[..<Int(received.descriptor_count)]))
  }

  /// The same on a connection of packets whose peer may have died: that it left something unread
  /// comes as an error before what it had sent (unix(7)), and is none here.
  package func receivePacket(
    into buffer: inout MutableSpan<UInt8>
  ) throws(SystemError) -> ReceivedMessage? {
    do {
      return try receiveMessage(into: &buffer)
    } catch let error where error.code == ECONNRESET {
      return try receiveMessage(into: &buffer)
    }
  }
}
