import CSuperv
import Glibc

/// Who is at the other end of a Unix socket, as the kernel knows it: the process that connected
/// (or made the pair), with the ids it had then.
package struct PeerCredentials: Hashable, Sendable {
  package var process: Int32
  package var user: UInt32
  package var group: UInt32

  package init(process: Int32, user: UInt32, group: UInt32) {
    self.process = process
    self.user = user
    self.group = group
  }
}

extension Descriptor {
  /// The next connection of a listening socket, nonblocking; nil when none waits (accept4(2)).
  ///
  /// A connection that broke while it waited counts as none.
  package func accept() throws(SystemError) -> Descriptor? {
    do {
      guard let number = try unlessItWouldBlock("accept4", { csv_accept(number) }) else {
        return nil
      }
      return Descriptor(owning: number)
    } catch let error where error.code == ECONNABORTED {
      return nil
    }
  }

  /// Receives what is there, up to the size of `buffer` (recv(2)): as `read(into:)`, without what
  /// a read does for files.
  ///
  /// - Returns: The number of bytes; 0 when the peer has closed its end; nil when a nonblocking
  ///   socket has nothing yet.
  /// - Throws: `SystemError`; `ECONNRESET` when the peer has gone without reading all.
  package func receive(into buffer: inout MutableSpan<UInt8>) throws(SystemError) -> Int? {
    try unlessItWouldBlock("recv") {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe recv(number, bytes.baseAddress, bytes.count, 0)
      }
    }
  }

  /// Sends what fits (send(2)): as `write(_:)`, without what a write does for files.
  ///
  /// - Returns: The number of bytes taken, which may be fewer than given; nil when a nonblocking
  ///   socket takes none now.
  /// - Throws: `SystemError`; `EPIPE` when the peer has closed its end, without SIGPIPE.
  package func send(_ bytes: Span<UInt8>) throws(SystemError) -> Int? {
    try unlessItWouldBlock("send") {
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.send(number, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      }
    }
  }

  /// Who connected this Unix socket (`SO_PEERCRED`, unix(7)).
  package func peerCredentials() throws(SystemError) -> PeerCredentials {
    var process: pid_t = 0
    var user: uid_t = 0
    var group: gid_t = 0
    try retrying("getsockopt SO_PEERCRED") {
      unsafe csv_peer_credentials(number, &process, &user, &group)
    }
    return PeerCredentials(process: process, user: user, group: group)
  }

  /// A pidfd of the process that connected, which no reuse of its pid can fool; nil before
  /// Linux 6.5.
  ///
  /// - Throws: `SystemError`; anything but a lack of descriptors says that it has been reaped.
  package func peerProcess() throws(SystemError) -> Descriptor? {
    do {
      return Descriptor(owning: try retrying("getsockopt SO_PEERPIDFD") { csv_peer_pidfd(number) })
    } catch let error where error.code == ENOPROTOOPT {
      return nil
    }
  }

  /// Makes every message received here name its sender (`SO_PASSCRED`, unix(7)), and since Linux
  /// 6.5 bring a pidfd of it.
  package func receiveSenders() throws(SystemError) {
    try retrying("setsockopt SO_PASSCRED") { csv_pass_credentials(number) }
  }

  /// Says that no more will be written; what was written is still delivered (shutdown(2)).
  package func finishWriting() throws(SystemError) {
    try retrying("shutdown") { shutdown(number, Int32(SHUT_WR)) }
  }

  /// The port a TCP socket is bound to, for one that asked for port 0.
  package func localPort() throws(SystemError) -> UInt16 {
    UInt16(truncatingIfNeeded: try retrying("getsockname") { csv_local_port(number) })
  }

  /// Whether this TCP socket has got itself as its peer: the kernel may choose the very port for it
  /// that it connects to, when nobody listens there.
  package func isConnectedToItself() throws(SystemError) -> Bool {
    try retrying("getpeername") { csv_is_connected_to_itself(number) } == 1
  }

  /// Why a nonblocking connect that has become writable failed; nil when it did not.
  package func connectError(
    to subject: String? = nil
  ) throws(SystemError) -> SystemError? {
    let code = try retrying("getsockopt SO_ERROR") { csv_take_socket_error(number) }
    return code == 0 ? nil : SystemError("connect", code: code, subject: subject)
  }
}

/// TCP on IP literals; names are not looked up, since that blocks.
package enum TCPSocket {
  /// A nonblocking socket that waits for connections.
  ///
  /// - Parameters:
  ///   - address: An IPv4 or IPv6 literal without brackets; `::` does not take IPv4 along.
  ///   - port: 0 lets the kernel choose (`localPort()`).
  /// - Throws: `SystemError` with `ADDRESS:PORT`; `EINVAL` when it is not an IP literal.
  package static func listen(
    on address: String, port: UInt16, backlog: Int32 = 128
  ) throws(SystemError) -> Descriptor {
    let subject = text(address, port)
    let socket = try make(address, subject)
    try retrying("bind", subject: subject) { unsafe csv_tcp_bind(socket.number, address, port) }
    try retrying("listen", subject: subject) { Glibc.listen(socket.number, backlog) }
    return socket
  }

  /// A nonblocking socket that connects, or has connected: when it becomes writable,
  /// `connectError(to:)` says how it went.
  package static func connect(
    to address: String, port: UInt16
  ) throws(SystemError) -> Descriptor {
    let subject = text(address, port)
    let socket = try make(address, subject)
    do {
      try retrying("connect", subject: subject) {
        unsafe csv_tcp_connect(socket.number, address, port)
      }
    } catch let error where error.code == EINPROGRESS {}
    return socket
  }

  private static func make(
    _ address: String, _ subject: String
  ) throws(SystemError) -> Descriptor {
    let family = try retrying("socket", subject: subject) { unsafe csv_ip_family(address) }
    return Descriptor(
      owning: try retrying("socket", subject: subject) {
        csv_socket(family, Int32(SOCK_STREAM.rawValue), 1)
      })
  }

  private static func text(_ address: String, _ port: UInt16) -> String {
    address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
  }
}
