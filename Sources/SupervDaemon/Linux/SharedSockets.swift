import SupervConfig
import SupervSystem

/// The sockets of supervisord's `[fcgi-program:x]`: all processes of a group accept on the same
/// one, which each has as its standard input. They stay open for as long as superv runs.
final class SharedSockets {
  private final class Entry {
    let descriptor: Descriptor
    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
  }

  /// By address.
  private var entries: [String: Entry] = [:]

  /// Opens those of a configuration, unless the daemon before has done so.
  init(_ groups: [SupervisordGroup], _ inherited: InheritedDescriptors) throws(SystemError) {
    for group in groups {
      guard case .fastCGI(let socket) = group.kind, entries[socket.url] == nil else { continue }
      let descriptor =
        if let given = inherited.take(Self.name(of: socket.url)) {
          given
        } else {
          try Self.open(socket)
        }
      entries[socket.url] = Entry(descriptor)
    }
  }

  /// For the next daemon.
  var kept: [InheritedDescriptor] {
    entries.map {
      InheritedDescriptor(name: Self.name(of: $0.key), number: $0.value.descriptor.number)
    }
  }

  func number(of socket: SupervisordGroup.FastCGISocket) throws(LaunchError) -> Int32 {
    if let entry = entries[socket.url] { return entry.descriptor.number }
    do {
      let entry = Entry(try Self.open(socket))
      entries[socket.url] = entry
      return entry.descriptor.number
    } catch {
      throw LaunchError("socket \(socket.url): \(error)")
    }
  }

  private static func name(of url: String) -> String {
    var hash = StableHash()
    hash.combine(url)
    return "fcgi-\(String(hash.value, radix: 16))"
  }

  private static func open(
    _ socket: SupervisordGroup.FastCGISocket
  ) throws(SystemError) -> Descriptor {
    let backlog = Int32(clamping: socket.backlog ?? 128)
    if let path = socket.path {
      let mode = UInt32(truncatingIfNeeded: socket.mode ?? 0o700) & 0o777
      let descriptor = try UnixSocket.listen(at: path, mode: mode, backlog: backlog)
      try descriptor.setNonblocking(false)
      if let owner = socket.owner, let identity = try? UserDatabase.ofSystem().identity(owner) {
        try Files.setOwner(path, user: identity.user, group: identity.group)
      }
      return descriptor
    }
    let (host, port) = socket.hostAndPort
    let descriptor = try TCPSocket.listen(
      on: SupervisordSockets.numeric(host), port: port, backlog: backlog)
    try descriptor.setNonblocking(false)
    return descriptor
  }
}

extension SupervisordGroup.FastCGISocket {
  fileprivate var path: String? {
    url.hasPrefix("unix://") ? String(url.dropFirst("unix://".count)) : nil
  }

  fileprivate var hostAndPort: (String, UInt16) {
    let address = url.dropFirst("tcp://".count)
    guard let colon = address.lastIndex(of: ":") else { return (String(address), 0) }
    return (String(address[..<colon]), UInt16(address[address.index(after: colon)...]) ?? 0)
  }
}
