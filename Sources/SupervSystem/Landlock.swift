import CSuperv
import Glibc

/// What the kernel keeps a process, and all that it starts, from: a set of rules that a process can
/// put on itself and never take off (landlock(7)). What no rule allows is refused.
package struct LandlockRules: ~Copyable {
  /// What can be done with files. A set of rules refuses those that it was made for.
  package struct Files: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let execute = Self(rawValue: 1 << 0)
    package static let writeFile = Self(rawValue: 1 << 1)
    package static let readFile = Self(rawValue: 1 << 2)
    package static let readDirectory = Self(rawValue: 1 << 3)
    /// Making and removing entries of directories, whatever they are.
    package static let changeDirectory = Self(rawValue: 0x1ff0)
    /// Moving to, and linking from, another directory; version 2. Every set of rules refuses it.
    package static let refer = Self(rawValue: 1 << 13)
    /// Version 3.
    package static let truncate = Self(rawValue: 1 << 14)
    /// Talking to the driver of a device; version 5.
    package static let control = Self(rawValue: 1 << 15)

    package static let reading: Self = [.execute, .readFile, .readDirectory]
    package static let writing: Self = [.writeFile, .changeDirectory, .truncate, .control]
    /// Those that a rule for what is no directory may have.
    fileprivate static let ofFiles: Self = [.execute, .writeFile, .readFile, .truncate, .control]

    /// Those that a version knows.
    fileprivate func known(to version: Int) -> Self {
      var known = self
      if version < 2 { known.remove(.refer) }
      if version < 3 { known.remove(.truncate) }
      if version < 5 { known.remove(.control) }
      return known
    }
  }

  /// The first versions of the kernel's interface that know something.
  package enum Since {
    package static let truncate = 3
    package static let connect = 4
    package static let signals = 6
  }

  private static let connectTCP: UInt64 = 1 << 1
  private static let signals: UInt64 = 1 << 1

  /// The version of the kernel's interface; nil where there is none, or it is turned off.
  package static var version: Int? {
    let version = csv_landlock_version()
    return version > 0 ? Int(version) : nil
  }

  /// For `SpawnRequest.Confinement`. It can be used for any number of processes, and each one is
  /// then kept from the others.
  package let descriptor: Descriptor
  private let version: Int
  private let files: Files

  /// - Parameters:
  ///   - version: of the kernel's interface; what it does not know is left out.
  ///   - files: what is refused unless a rule allows it.
  ///   - connecting: whether TCP connections are.
  ///   - signals: whether signals to other processes are. Tracing them always is.
  package init(
    version: Int, files: Files, connecting: Bool, signals: Bool
  ) throws(SystemError) {
    self.version = version
    self.files = files.isEmpty ? [] : files.union(.refer).known(to: version)
    let network = connecting && version >= Since.connect ? Self.connectTCP : 0
    let scopes = signals && version >= Since.signals ? Self.signals : 0
    let (raw, number) = (self.files.rawValue, Int32(version))
    descriptor = Descriptor(
      owning: try retrying("landlock_create_ruleset") {
        csv_landlock_create(raw, network, scopes, number)
      })
  }

  /// Allows something for a file, or for a directory and all below it.
  ///
  /// - Throws: `SystemError`; `ENOENT`, …
  package func allow(_ wanted: Files, below path: String) throws(SystemError) {
    let place = try SupervSystem.Files.open(path, .pathOnly)
    var rights = wanted.intersection(files)
    if try place.status().kind != .directory { rights.formIntersection(.ofFiles) }
    guard !rights.isEmpty else { return }
    try retrying("landlock_add_rule", subject: path) {
      csv_landlock_allow_path(descriptor.number, place.number, rights.rawValue)
    }
  }

  /// Allows connections to a TCP port.
  package func allowConnecting(to port: UInt16) throws(SystemError) {
    try retrying("landlock_add_rule", subject: "port \(port)") {
      csv_landlock_allow_port(descriptor.number, port, Self.connectTCP)
    }
  }
}
