import SupervConfig
import SupervSystem

/// The HTTP servers of a supervisord configuration.
///
/// One on TCP without a password is not opened: whoever reaches it could run anything as superv's
/// user. `superv check` warns of it.
enum SupervisordSockets {
  static func open(
    _ servers: [SupervisordServer], _ inherited: InheritedDescriptors, _ users: UserDatabase?
  ) throws(SystemError) -> [ListeningSocket] {
    var sockets: [ListeningSocket] = []
    for (index, server) in servers.enumerated() where server.isServed {
      let name = "supervisord-\(index)"
      let descriptor =
        if let given = inherited.take(name) { given } else { try open(server.address, users) }
      sockets.append(ListeningSocket(.supervisord, descriptor, name: name, server: index))
    }
    return sockets
  }

  private static func open(
    _ address: SupervisordServer.Address, _ users: UserDatabase?
  ) throws(SystemError) -> Descriptor {
    switch address {
    case .inet(let host, let port):
      return try TCPSocket.listen(on: numeric(host), port: UInt16(clamping: port))
    case .unix(let path, let mode, let user, let group):
      let socket = try UnixSocket.listen(at: path, mode: UInt32(truncatingIfNeeded: mode) & 0o777)
      guard let user, let owner = users?.user(user) else { return socket }
      let owningGroup = group.flatMap { users?.group($0) } ?? owner.group
      try Files.setOwner(path, user: owner.user, group: owningGroup)
      return socket
    }
  }

  static func numeric(_ host: String) -> String {
    switch host {
    case "", "*": return "0.0.0.0"
    case "localhost": return "127.0.0.1"
    default:
      let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
      return isBracketed ? String(host.dropFirst().dropLast()) : host
    }
  }
}
