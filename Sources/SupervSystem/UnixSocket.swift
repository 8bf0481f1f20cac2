import CSuperv
import Glibc

/// Sockets in the file system (unix(7)).
package enum UnixSocket {
  package enum Kind: Sendable {
    case stream
    /// Message boundaries are kept, and the end of the connection is seen.
    case packets
    /// Messages from anybody, as sd_notify(3) sends them.
    case datagrams

    var type: Int32 {
      switch self {
      case .stream: Int32(SOCK_STREAM.rawValue)
      case .packets: Int32(SOCK_SEQPACKET.rawValue)
      case .datagrams: Int32(SOCK_DGRAM.rawValue)
      }
    }
  }

  /// The longest path, in bytes, that fits an address. Longer ones work here, by way of
  /// `/proc/self/fd/N/NAME`, but not for programs that connect without such a detour.
  package static let longestPath = 107

  /// A nonblocking socket at `path` that waits for connections (or, `.datagrams`, messages).
  ///
  /// The file never has more than its mode: bind(2) takes it from the socket's own inode, less the
  /// umask, and nobody can connect before it is exactly `mode`. A file left by a process that is
  /// gone is replaced; one that somebody still listens on is not. Two processes that do this at
  /// once need a lock around it.
  ///
  /// - Throws: `SystemError`; `EADDRINUSE` when somebody listens there or it is not a socket.
  package static func listen(
    at path: String, kind: Kind = .stream, mode: UInt32 = 0o600, backlog: Int32 = 128
  ) throws(SystemError) -> Descriptor {
    let socket = try make(kind, nonblocking: true)
    try retrying("fchmod", subject: path) { fchmod(socket.number, mode) }
    do {
      try bind(socket, to: path)
    } catch let error where error.code == EADDRINUSE && isStale(path, kind) {
      try Files.remove(path)
      try bind(socket, to: path)
    }
    try Files.setMode(path, mode)
    guard kind != .datagrams else { return socket }
    try retrying("listen", subject: path) { Glibc.listen(socket.number, backlog) }
    return socket
  }

  /// Says that it is this process, and no longer the one that made the socket, which those who
  /// connect from now on find there (`peerCredentials`); unix(7).
  package static func takeOver(_ listener: borrowing Descriptor) throws(SystemError) {
    try retrying("listen") { Glibc.listen(listener.number, SOMAXCONN) }
  }

  /// A connection to the socket at `path`.
  ///
  /// - Parameter nonblocking: Also for the connecting itself.
  /// - Throws: `SystemError`; `ENOENT` without such a file, `ECONNREFUSED` when nobody listens,
  ///   `EAGAIN` (nonblocking only) when its queue is full.
  package static func connect(
    to path: String, kind: Kind = .stream, nonblocking: Bool = false
  ) throws(SystemError) -> Descriptor {
    let socket = try make(kind, nonblocking: nonblocking)
    try withShortPath(path, "connect") { short throws(SystemError) in
      try retrying("connect", subject: path) { unsafe csv_unix_connect(socket.number, short) }
    }
    return socket
  }

  /// The same with a name that is in no folder, but in the network namespace (unix(7), "abstract").
  package static func connect(
    toAbstract name: String, kind: Kind = .stream, nonblocking: Bool = false
  ) throws(SystemError) -> Descriptor {
    let socket = try make(kind, nonblocking: nonblocking)
    try retrying("connect", subject: "@\(name)") {
      unsafe csv_unix_connect_abstract(socket.number, name)
    }
    return socket
  }

  /// Two sockets that are connected with each other (socketpair(2)).
  package static func pair(
    kind: Kind = .packets, nonblocking: Bool = false
  ) throws(SystemError) -> DescriptorPair {
    var ends: (Int32, Int32) = (-1, -1)
    try retrying("socketpair") {
      unsafe withUnsafeMutableBytes(of: &ends) { ends in
        unsafe csv_socket_pair(
          kind.type, nonblocking ? 1 : 0, ends.assumingMemoryBound(to: Int32.self).baseAddress)
      }
    }
    return DescriptorPair(Descriptor(owning: ends.0), Descriptor(owning: ends.1))
  }

  private static func make(_ kind: Kind, nonblocking: Bool) throws(SystemError) -> Descriptor {
    Descriptor(
      owning: try retrying("socket") { csv_socket(AF_UNIX, kind.type, nonblocking ? 1 : 0) })
  }

  private static func bind(
    _ socket: borrowing Descriptor, to path: String
  ) throws(SystemError) {
    let number = socket.number
    try withShortPath(path, "bind") { short throws(SystemError) in
      try retrying("bind", subject: path) { unsafe csv_unix_bind(number, short) }
    }
  }

  /// Whether the file is a socket that nobody listens on. connect(2) alone does not tell: it is
  /// refused by a regular file too.
  private static func isStale(_ path: String, _ kind: Kind) -> Bool {
    do {
      guard try Files.status(of: path, followingLinks: false)?.kind == .socket else { return false }
      _ = try connect(to: path, kind: kind, nonblocking: true)
      return false
    } catch {
      return error.code == ECONNREFUSED
    }
  }

  /// Runs `body` with a path to the same file that fits an address.
  private static func withShortPath(
    _ path: String, _ call: String, _ body: (String) throws(SystemError) -> Void
  ) throws(SystemError) {
    guard path.utf8.count > longestPath else { return try body(path) }
    guard let slash = path.lastIndex(of: "/") else {
      throw SystemError(call, code: ENAMETOOLONG, subject: path)
    }
    let folder = try retrying("open", subject: path) {
      unsafe csv_open_path(String(path[...slash]))
    }
    let directory = Descriptor(owning: folder)
    try body("/proc/self/fd/\(directory.number)/\(path[path.index(after: slash)...])")
  }
}
