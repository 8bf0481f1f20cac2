import Glibc

/// /etc/passwd and /etc/group, read by hand: getpwnam(3) loads name-service modules, which a
/// static executable cannot. Users that only LDAP and the like know need numbers: `1000:1000`.
package struct UserDatabase: Sendable {
  /// One line of passwd(5), with the groups that list the user in group(5).
  package struct User: Hashable, Sendable {
    package var name: String
    package var user: UInt32
    package var group: UInt32
    package var home: String
    package var shell: String
    /// As initgroups(3) has them: its own group first.
    package var supplementaryGroups: [UInt32]

    /// Who a process of this user is.
    package var identity: SpawnRequest.Identity {
      .init(user: user, group: group, supplementaryGroups: supplementaryGroups)
    }
  }

  /// Why a text does not say who a process is to be.
  package enum LookupError: Error, Hashable, Sendable, CustomStringConvertible {
    case noSuchUser(String)
    case noSuchGroup(String)

    package var description: String {
      switch self {
      case .noSuchUser(let name): "no such user: \(name)"
      case .noSuchGroup(let name): "no such group: \(name)"
      }
    }
  }

  private struct Group: Sendable {
    var name: String
    var id: UInt32
    var members: [Substring]
  }

  package private(set) var users: [User] = []
  private var groups: [Group] = []

  /// Reads the files of the system. One that does not exist, as in a minimal container, is empty.
  package static func ofSystem() throws(SystemError) -> UserDatabase {
    func content(_ path: String) throws(SystemError) -> String {
      try Files.status(of: path) == nil ? "" : try Files.readText(path)
    }
    return UserDatabase(
      passwd: try content("/etc/passwd"), group: try content("/etc/group"))
  }

  /// Reads the text of a passwd(5) and of a group(5). Lines that are not entries are passed over.
  package init(passwd: String, group: String) {
    for line in Self.entries(group, fields: 4) {
      guard let id = UInt32(line[2]) else { continue }
      groups.append(
        Group(name: String(line[0]), id: id, members: line[3].split(separator: ",")))
    }
    for line in Self.entries(passwd, fields: 7) {
      guard let user = UInt32(line[2]), let group = UInt32(line[3]) else { continue }
      let others = groups.filter { $0.members.contains(line[0]) && $0.id != group }.map { $0.id }
      users.append(
        User(
          name: String(line[0]), user: user, group: group, home: String(line[5]),
          shell: String(line[6]), supplementaryGroups: [group] + others))
    }
  }

  private static func entries(_ text: String, fields: Int) -> [[Substring]] {
    text.split(separator: "\n")
      .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
      .filter { $0.count == fields && !$0[0].isEmpty && !$0[0].hasPrefix("#") }
  }

  /// The user with this name or number; nil without one. A name goes before a number.
  package func user(_ nameOrNumber: String) -> User? {
    users.first { $0.name == nameOrNumber }
      ?? UInt32(nameOrNumber).flatMap { number in users.first { $0.user == number } }
  }

  /// The number of the group with this name or number; a number needs no entry.
  package func group(_ nameOrNumber: String) -> UInt32? {
    groups.first { $0.name == nameOrNumber }?.id ?? UInt32(nameOrNumber)
  }

  /// Understands `USER` and `USER:GROUP`, names or numbers. A number without an entry has the group
  /// of the same number and no supplementary ones; in `USER:GROUP` the group takes the place of the
  /// user's own.
  package func identity(_ text: String) throws(LookupError) -> SpawnRequest.Identity {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts.first ?? "")
    let entry = user(name)
    guard parts.count == 2 else {
      if let entry { return entry.identity }
      guard let number = UInt32(name), number != .max else { throw .noSuchUser(name) }
      return .init(user: number, group: number)
    }
    // All ones means "leave as it is" to setresuid(2), which would keep us root.
    guard let number = entry?.user ?? UInt32(name), number != .max else { throw .noSuchUser(name) }
    guard let group = group(String(parts[1])), group != .max else {
      throw .noSuchGroup(String(parts[1]))
    }
    guard let entry else { return .init(user: number, group: group) }
    let others = entry.supplementaryGroups.dropFirst().filter { $0 != group }
    return .init(user: number, group: group, supplementaryGroups: [group] + others)
  }
}
