import CSuperv

/// What to start, and as whom and where.
package struct SpawnRequest: Sendable {
  /// So many descriptors a process can be given, with 0, 1 and 2.
  package static let mostDescriptors = Int(CSV_SPAWN_DESCRIPTORS)

  /// Where standard input comes from.
  package enum Input: Hashable, Sendable {
    /// A file, opened for reading in the new process: as its user, from its directory.
    case path(String)
    /// An open descriptor of this process.
    case descriptor(Int32)
  }

  /// An open descriptor of this process that becomes `target` in the new one.
  package struct Placement: Hashable, Sendable {
    package var source: Int32
    package var target: Int32

    package init(source: Int32, target: Int32) {
      self.source = source
      self.target = target
    }
  }

  /// Who the process is; needs privileges unless it is who we are.
  package struct Identity: Hashable, Sendable {
    package var user: UInt32
    package var group: UInt32
    /// All supplementary groups; those of this process are dropped.
    package var supplementaryGroups: [UInt32]

    package init(user: UInt32, group: UInt32, supplementaryGroups: [UInt32] = []) {
      self.user = user
      self.group = group
      self.supplementaryGroups = supplementaryGroups
    }
  }

  /// What the new process, and all that it starts, may not do.
  package struct Confinement: Hashable, Sendable {
    /// Whether exec gives it no more rights than it has (`PR_SET_NO_NEW_PRIVS`).
    package var forbidsNewPrivileges = false
    /// A descriptor of this process, of `LandlockRules`. Without `forbidsNewPrivileges` they need
    /// `CAP_SYS_ADMIN`.
    package var landlock: Int32?
    /// What it keeps of these rights; nil: what its user comes with.
    package var capabilities: Capabilities?
    /// Whether nothing that it executes can have others; needs `CAP_SETPCAP`.
    package var boundsCapabilities = true
    /// Whether what it executes gets them although its user is not 0.
    package var passesCapabilities = false

    package init() {}
  }

  /// What the new process writes down of itself before anything else, so that it is known even
  /// when this process dies before the call returns; 128 bytes at most. A process whose parent is
  /// dead by the time of its exec does not execute anything: whoever comes after starts the
  /// program anew.
  package struct Record: Hashable, Sendable {
    /// An open descriptor of this process, to be appended to.
    package var journal: Int32
    /// Before its pid, and after it.
    package var before: String
    package var after: String

    package init(journal: Int32, before: String, after: String) {
      self.journal = journal
      self.before = before
      self.after = after
    }
  }

  /// The program as it was asked for, for errors.
  package var program: String
  /// The files to execute: the first that exists and may be executed. One that is not absolute
  /// starts from `directory`.
  package var candidates: [String]
  /// From `argv[0]` on.
  package var arguments: [String]
  /// The whole environment, each one `NAME=value`.
  package var environment: [String]
  /// nil: the directory of this process.
  package var directory: String?
  /// nil: the one of this process. Permissions to leave out, 0...0o777.
  package var umask: UInt32?
  /// nil: as this process.
  package var identity: Identity?
  package var limits: [ProcessLimit] = []
  /// nil: that of this process; -20 (first) ... 19 (last).
  package var nice: Int32?
  package var standardInput: Input = .path("/dev/null")
  /// A descriptor of this process.
  package var standardOutput: Int32 = 1
  /// A descriptor of this process.
  package var standardError: Int32 = 2
  /// Further descriptors to numbers from 3 up, none twice. All others are closed.
  package var extraDescriptors: [Placement] = []
  package var confinement = Confinement()
  package var record: Record?
  /// A descriptor of a folder of cgroup v2 in which it starts; nil: where this process is.
  package var controlGroup: Int32?
  /// Whether it leads a session and a process group of its own, both numbered by its pid.
  package var newSession = true
  /// Does without clone3(2) and close_range(2), as on an old kernel or in a strict container,
  /// where this happens by itself.
  package var avoidsNewSystemCalls = false

  /// - Parameters:
  ///   - command: The program and its arguments; at least one word.
  ///   - environment: Each one `NAME=value`. Its `PATH` is searched for a program without a slash.
  /// - Precondition: `command` is not empty.
  package init(command: [String], environment: [String]) {
    precondition(!command.isEmpty, "a command has at least one word")
    program = command[0]
    arguments = command
    self.environment = environment
    let path = environment.last { $0.hasPrefix("PATH=") }.map { String($0.dropFirst(5)) }
    candidates = Self.candidates(for: command[0], path: path)
  }

  /// The files that a program can be, in the order to try, as execvp(3) does: `program` itself
  /// when it has a slash, else one for each folder of `path`. An empty folder is the current one.
  ///
  /// - Parameter path: nil searches `/usr/local/bin:/usr/bin:/bin`.
  package static func candidates(for program: String, path: String?) -> [String] {
    guard !program.isEmpty else { return [] }
    guard !program.contains("/") else { return [program] }
    return (path ?? "/usr/local/bin:/usr/bin:/bin")
      .split(separator: ":", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? "./\(program)" : "\($0)/\(program)" }
  }
}
