package import SupervisionTree

// What a configuration comes to: the daemon's settings, one definition for every process to run,
// and the tree that supervises them. Every path in here is absolute, every default filled in.

/// A configuration without errors.
package struct Configuration: Hashable, Sendable {
  package var settings: DaemonSettings
  /// One per instance, in file order.
  package var agents: [AgentDefinition]
  package var tree: TreeSpecification
  /// Every file that was read, absolute, in reading order; the first is the main file.
  package var files: [String]

  package init(
    settings: DaemonSettings, agents: [AgentDefinition], tree: TreeSpecification, files: [String]
  ) {
    self.settings = settings
    self.agents = agents
    self.tree = tree
    self.files = files
  }
}

/// What `[superv]` says about the daemon itself.
package struct DaemonSettings: Hashable, Sendable {
  /// Sockets, lock and process table; at most 94 bytes, so that its sockets have a legal name.
  package var runtimeDirectory: String
  /// What outlives a restart of the machine.
  package var stateDirectory: String
  package var logDirectory: String
  package var http: HTTPAddress?
  /// All log files together.
  package var logTotalMaximumBytes: Int64 = 1 << 30
  /// The event log `events.ndjson`; agents have their own settings, with these as defaults.
  package var eventLog = LogSettings()
  /// How long stopping the whole tree may take before everything left is killed.
  package var shutdownTimeout: Duration = .seconds(60)
  /// The names of superv's own environment variables that agents get as well; `*` alone is all.
  package var passEnvironment: [String] = DaemonSettings.defaultPassEnvironment
  /// As many files agents may have open at least, as far as superv may raise that; nil: as many as
  /// superv was given.
  package var minimumOpenFiles: Int?
  /// The longest message on a socket.
  package var maximumMessageBytes = 1 << 20
  package var controlGroups: ControlGroupPolicy = .auto
  /// Whether it may be broken on purpose.
  package var allowsChaos = false
  /// What a configuration of supervisord says, from which all else was made.
  package var supervisord: SupervisordConfiguration?

  package var passesWholeEnvironment: Bool { passEnvironment == ["*"] }

  /// Where agents connect to superv.
  package var agentSocket: String { "\(runtimeDirectory)/agent.sock" }
  /// Where they send what sd_notify(3) says.
  package var notifySocket: String { "\(runtimeDirectory)/notify.sock" }

  /// Who and where the agent is, and its language: nothing that carries a secret.
  package static let defaultPassEnvironment = [
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
  ]

  package init(runtimeDirectory: String, stateDirectory: String, logDirectory: String) {
    self.runtimeDirectory = runtimeDirectory
    self.stateDirectory = stateDirectory
    self.logDirectory = logDirectory
  }
}

/// Where HTTP is served: always on this machine.
package enum HTTPAddress: Hashable, Sendable {
  /// A numeric loopback address (`127.0.0.1`, `::1`: no brackets) and a port.
  case tcp(host: String, port: UInt16)
  /// An absolute path of at most 107 bytes.
  case unix(path: String)
}

/// One agent instance: how it is supervised, and what its process is made of.
package struct AgentDefinition: Hashable, Sendable {
  package var specification: AgentSpecification
  /// The NAME of `[agent:NAME]`.
  package var agent: String
  /// From 0; 0 as well where there is only one.
  package var instance: Int
  /// The program and its arguments, as execve(2) takes them: at least one word, no shell. A program
  /// without a slash is looked up in the agent's own `PATH`.
  package var command: [String]
  /// The working directory; files set it always (default: the folder of the file). nil: superv's.
  package var directory: String?
  /// In file order, each name once; stronger than the environment file and what is passed on.
  package var environment: [EnvironmentVariable] = []
  /// Read at each start with `parseEnvironmentFile`.
  package var environmentFile: String?
  /// A user name or a number of one; nil: the user superv runs as.
  package var user: String?
  /// 0...0o777; nil: superv's.
  package var umask: UInt32?
  /// Each resource at most once.
  package var limits: [ResourceLimit] = []
  /// Of everything that it starts together.
  package var treeLimits = TreeLimits()
  /// Whether what has left its session outlives it.
  package var detachIsAllowed = false
  package var sandbox = SandboxSettings()
  /// -20...19; nil: superv's.
  package var nice: Int32?
  package var standardInput = StandardInput.path("/dev/null")
  package var signalTarget = SignalTarget.group
  /// Whether `HOME`, `USER`, `LOGNAME` and `SHELL` are those of `user`.
  package var hasUserVariables = true
  package var log = LogSettings()
  package var health = HealthSettings()
  package var calls = CallSettings()
  /// Whether it may be broken on purpose, where the tree may.
  package var allowsChaos = true
  /// It is run as supervisord runs it, where no key says so: its streams. Its paths are absolute.
  package var program: SupervisordProgram?

  package init(
    specification: AgentSpecification, agent: String, instance: Int = 0, command: [String],
    directory: String? = nil
  ) {
    self.specification = specification
    self.agent = agent
    self.instance = instance
    self.command = command
    self.directory = directory
  }
}

/// What an agent's standard input reads.
package enum StandardInput: Hashable, Sendable {
  /// A file, absolute.
  case path(String)
  /// A pipe that never ends.
  case pipe
  /// A socket on which all processes of a group accept.
  case socket(SupervisordGroup.FastCGISocket)
}

/// Whom `stopsignal`, and a signal that somebody sends, is for. SIGKILL is for everything that an
/// agent has started.
package enum SignalTarget: String, CaseIterable, Hashable, Sendable { case group, process }

/// `NAME=value` for a process's environment.
package struct EnvironmentVariable: Hashable, Sendable {
  package var name: String
  package var value: String

  package init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// A resource limit, as setrlimit(2) takes it.
package struct ResourceLimit: Hashable, Sendable {
  /// Named as in setrlimit(2), in lower case without `RLIMIT_`.
  package enum Resource: String, CaseIterable, Hashable, Sendable {
    case nofile, nproc, core, `as`, data, fsize, stack, cpu, memlock
  }

  package var resource: Resource
  /// Bytes, seconds (`cpu`) or a count (`nofile`, `nproc`); nil is unlimited.
  package var soft: UInt64?
  package var hard: UInt64?

  package init(_ resource: Resource, soft: UInt64?, hard: UInt64?) {
    self.resource = resource
    self.soft = soft
    self.hard = hard
  }
}

/// How an agent's output is written.
package struct LogSettings: Hashable, Sendable {
  package enum Format: String, CaseIterable, Hashable, Sendable { case text, json }

  package var format: Format = .text
  /// A file that would grow past this is rotated first.
  package var maximumBytes: Int64 = 10 << 20
  /// Rotated files kept beside the current one; 0 keeps none.
  package var maximumFiles = 5

  package init() {}
}
