import Glibc

/// The list of a user's running daemons: a folder of theirs with one file each, named by pid.
///
/// A command that is told no socket asks here which daemon there is. The folder is the user's own
/// and closed to others, or it is not used: whoever could write to it could send an operator's
/// commands to a socket of their own.
package struct Registry: Sendable {
  /// A daemon that runs.
  package struct Entry: Hashable, Sendable {
    package var process: ProcessIdentity
    package var controlSocket: String
    package var configuration: String

    package init(process: ProcessIdentity, controlSocket: String, configuration: String) {
      self.process = process
      self.controlSocket = controlSocket
      self.configuration = configuration
    }
  }

  /// An entry is two paths and a number: anything larger is not ours.
  private static let maximumEntryBytes = 16 << 10

  package let directory: String

  package init(directory: String) { self.directory = directory }

  /// The registry of the user that runs this process: `$XDG_RUNTIME_DIR/superv`, or where that
  /// variable has no absolute path `/tmp/superv-UID` (XDG Base Directory Specification).
  package init(environment: [String: String]) {
    if let base = environment["XDG_RUNTIME_DIR"], base.hasPrefix("/") {
      directory = base.hasSuffix("/") ? "\(base)superv" : "\(base)/superv"
    } else {
      directory = "/tmp/superv-\(Processes.ownUser)"
    }
  }

  /// Adds a daemon, in place of what is there under its pid.
  ///
  /// - Throws: `SystemError`; `EPERM` when the folder is somebody else's, a link, or open to
  ///   others, `EINVAL` for a path with a newline.
  package func register(_ entry: Entry) throws(SystemError) {
    try Files.makeDirectories(directory, mode: 0o700)
    guard try isTrusted() else { throw SystemError("open", code: ENOENT, subject: directory) }
    let lines = ["\(entry.process.startTime)", entry.controlSocket, entry.configuration]
    guard !lines.contains(where: { $0.contains("\n") }) else {
      throw SystemError("register", code: EINVAL, subject: entry.controlSocket)
    }
    let content = Array((lines.joined(separator: "\n") + "\n").utf8)
    try Files.replace(path(of: entry.process.pid), with: content.span, mode: 0o600)
  }

  /// Takes a daemon off the list; nothing happens when it is not on it.
  package func unregister(_ process: ProcessIdentity) throws(SystemError) {
    guard try isTrusted(), entry(of: process.pid)?.process == process else { return }
    try Files.remove(path(of: process.pid))
  }

  /// The daemons that run, by pid. Entries of those that have gone are removed.
  ///
  /// - Throws: `SystemError`; `EPERM` when the folder is somebody else's, a link, or open to
  ///   others.
  package func runningDaemons() throws(SystemError) -> [Entry] {
    guard try isTrusted() else { return [] }
    var running: [Entry] = []
    for pid in try Files.names(in: directory).compactMap({ Int32($0) }).sorted() {
      if let entry = entry(of: pid), isRunning(entry.process) {
        running.append(entry)
      } else {
        // Whether somebody else was faster does not matter.
        try? Files.remove(path(of: pid))
      }
    }
    return running
  }

  /// One that was killed may stay a zombie for long: not every process 1 reaps.
  private func isRunning(_ process: ProcessIdentity) -> Bool {
    guard let record = ProcessRecord.of(process.pid) else { return false }
    return record.startTime == process.startTime && record.state != "Z"
  }

  /// Whether there is a folder; one that others could have prepared is an error.
  private func isTrusted() throws(SystemError) -> Bool {
    guard let status = try Files.status(of: directory, followingLinks: false) else { return false }
    guard status.kind == .directory, status.user == Processes.ownUser, status.mode & 0o077 == 0
    else { throw SystemError("open", code: EPERM, subject: directory) }
    return true
  }

  private func path(of pid: Int32) -> String { "\(directory)/\(pid)" }

  private func entry(of pid: Int32) -> Entry? {
    guard let file = try? Files.open(path(of: pid), [.readOnly, .noFollow, .nonblocking]),
      let content = try? file.readAll(maximumBytes: Self.maximumEntryBytes)
    else { return nil }
    let lines = String(decoding: content, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard lines.count == 4, lines[3].isEmpty, let startTime = UInt64(lines[0]) else { return nil }
    return Entry(
      process: ProcessIdentity(pid: pid, startTime: startTime), controlSocket: String(lines[1]),
      configuration: String(lines[2]))
  }
}
