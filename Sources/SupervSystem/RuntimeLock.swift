/// What keeps a second superv out of a runtime directory. Keeper and daemon hold it together, as
/// one open file (flock(2)): while either lives, no other superv starts there.
package enum RuntimeLock {
  private static func path(in directory: String) -> String { "\(directory)/superv.lock" }

  /// - Returns: nil when another superv holds it.
  package static func take(in directory: String) throws(SystemError) -> Descriptor? {
    let file = try Files.open(
      path(in: directory), [.readWrite, .append, .create, .noFollow], mode: 0o600)
    guard try file.lock() else { return nil }
    return file
  }

  /// The pid of the daemon that has signed it, as text; nil when nobody holds it.
  package static func holder(in directory: String) throws(SystemError) -> String? {
    do {
      let file = try Files.open(path(in: directory), [.readWrite, .noFollow])
      return try file.lock() ? nil : signature(in: directory)
    } catch  where error.isMissing {
      return nil
    }
  }

  /// Why it could not be taken, for people.
  package static func refusal(in directory: String) -> String {
    "superv already runs here, with pid \(signature(in: directory))"
  }

  private static func signature(in directory: String) -> String {
    String(((try? Files.readText(path(in: directory))) ?? "").prefix { $0.isNumber })
  }

  /// Puts the pid of this process, the daemon, into it.
  package static func sign(_ lock: borrowing Descriptor) throws(SystemError) {
    try lock.truncate(toBytes: 0)
    try lock.writeAll("\(Processes.ownPid)\n")
  }
}
