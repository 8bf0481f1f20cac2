// What a supervisord configuration says, as supervisor 4.3 reads it.

package struct SupervisordConfiguration: Hashable, Sendable {
  package var settings = SupervisordSettings()
  /// In start order.
  package var groups: [SupervisordGroup] = []
  package var servers: [SupervisordServer] = []
  package var interfaces: [SupervisordPlugin] = []
  /// nil: the main file has no `[supervisorctl]`.
  package var client: SupervisordClient?

  /// Where programs find the server: the first on a Unix socket, else the last on TCP.
  package var serverURL: String? {
    for case .unix(let path, _, _, _) in servers.map(\.address) { return "unix://\(path)" }
    for case .inet(let host, let port) in servers.map(\.address).reversed() {
      return "http://\(host.isEmpty ? "localhost" : host):\(port)"
    }
    return nil
  }
}

/// `[supervisord]`.
package struct SupervisordSettings: Hashable, Sendable {
  package enum LogLevel: String, CaseIterable, Hashable, Sendable {
    case critical, error, warn, info, debug, trace, blather
  }

  package var minimumDescriptors = 1024
  package var minimumProcesses = 200
  package var directory: String?
  package var user: String?
  package var umask: Int = 0o022
  /// Absolute, or `syslog`.
  package var logFile = ""
  package var logMaximumBytes = 50 << 20
  package var logBackups = 10
  package var logLevel = LogLevel.info
  package var pidFile = ""
  package var identifier = "supervisor"
  package var staysInForeground = false
  package var isSilent = false
  package var childLogDirectory = ""
  package var keepsChildLogs = false
  package var stripsANSI = false
  package var environment: [EnvironmentVariable] = []
}

/// What is started and stopped together.
package struct SupervisordGroup: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case programs
    case listeners(EventPool)
    case fastCGI(FastCGISocket)
  }

  /// The events that listeners get.
  package struct EventPool: Hashable, Sendable {
    /// In alphabetical order.
    package var events: [SupervisordEvent]
    package var bufferSize: Int
    /// `module:function` of Python.
    package var resultHandler: String
  }

  package struct FastCGISocket: Hashable, Sendable {
    /// `tcp://HOST:PORT` or `unix:///PATH`.
    package var url: String
    /// For a Unix socket; nil: superv's, or the user of the programs.
    package var owner: String?
    package var mode: Int?
    package var backlog: Int?
  }

  package var name: String
  package var priority: Int
  package var kind: Kind
  /// In the order in which the file names them; they start by priority, then by name.
  package var programs: [SupervisordProgram]

  package var programsInStartOrder: [SupervisordProgram] {
    programs.sorted(by: SupervisordProgram.startsBefore)
  }
}

/// One process.
package struct SupervisordProgram: Hashable, Sendable {
  package enum Restart: String, Hashable, Sendable {
    case always = "true"
    case never = "false"
    case unexpected
  }

  /// Where a stream goes.
  package enum LogFile: Hashable, Sendable {
    /// A file of a name that supervisord makes up.
    case automatic
    case none
    case path(String)
  }

  package struct Stream: Hashable, Sendable {
    package var file = LogFile.automatic
    package var maximumBytes = 50 << 20
    package var backups = 10
    package var goesToSyslog = false
    package var captureBytes = 0
    package var sendsEvents = false
  }

  package var name: String
  package var group: String
  package var command = ""
  package var directory: String?
  package var priority = 999
  package var startsAutomatically = true
  package var restart = Restart.unexpected
  package var startSeconds = 1
  package var startRetries = 3
  package var exitCodes = [0]
  package var stopSignal: Int32 = 15
  package var stopWaitSeconds = 10
  package var stopsGroup = false
  package var killsGroup = false
  package var redirectsErrors = false
  package var output = Stream()
  package var errors = Stream()
  package var environment: [EnvironmentVariable] = []
  package var user: String?
  package var umask: Int?
  package var serverURL: String?

  /// How supervisorctl calls it.
  package var fullName: String { group == name ? name : "\(group):\(name)" }
}

/// `[unix_http_server]` or `[inet_http_server]`.
package struct SupervisordServer: Hashable, Sendable {
  package enum Address: Hashable, Sendable {
    /// An empty host is every address.
    case inet(host: String, port: Int)
    case unix(path: String, mode: Int, user: String?, group: String?)
  }

  package var section: String
  package var address: Address
  package var userName: String?
  package var password: String?

  /// Whether it is served: on TCP only with a password.
  package var isServed: Bool {
    switch address {
    case .unix: true
    case .inet: !(password ?? "").isEmpty
    }
  }
}

/// `[rpcinterface:NAME]` or `[ctlplugin:NAME]`: code of Python's, with options for it.
package struct SupervisordPlugin: Hashable, Sendable {
  package var name: String
  package var factory: String
  package var options: [EnvironmentVariable]
}

/// `[supervisorctl]`.
package struct SupervisordClient: Hashable, Sendable {
  package var serverURL = "http://localhost:9001"
  package var prompt = "supervisor"
  package var userName: String?
  package var password: String?
  package var historyFile: String?
}

/// What listeners can be told of; the raw values are supervisord's names.
package enum SupervisordEvent: String, CaseIterable, Hashable, Sendable {
  case event = "EVENT"
  case processState = "PROCESS_STATE"
  case processStateStopped = "PROCESS_STATE_STOPPED"
  case processStateExited = "PROCESS_STATE_EXITED"
  case processStateStarting = "PROCESS_STATE_STARTING"
  case processStateStopping = "PROCESS_STATE_STOPPING"
  case processStateBackoff = "PROCESS_STATE_BACKOFF"
  case processStateFatal = "PROCESS_STATE_FATAL"
  case processStateRunning = "PROCESS_STATE_RUNNING"
  case processStateUnknown = "PROCESS_STATE_UNKNOWN"
  case processCommunication = "PROCESS_COMMUNICATION"
  case processCommunicationStdout = "PROCESS_COMMUNICATION_STDOUT"
  case processCommunicationStderr = "PROCESS_COMMUNICATION_STDERR"
  case processLog = "PROCESS_LOG"
  case processLogStdout = "PROCESS_LOG_STDOUT"
  case processLogStderr = "PROCESS_LOG_STDERR"
  case remoteCommunication = "REMOTE_COMMUNICATION"
  case supervisorStateChange = "SUPERVISOR_STATE_CHANGE"
  case supervisorStateChangeRunning = "SUPERVISOR_STATE_CHANGE_RUNNING"
  case supervisorStateChangeStopping = "SUPERVISOR_STATE_CHANGE_STOPPING"
  case tick = "TICK"
  case tick5 = "TICK_5"
  case tick60 = "TICK_60"
  case tick3600 = "TICK_3600"
  case processGroup = "PROCESS_GROUP"
  case processGroupAdded = "PROCESS_GROUP_ADDED"
  case processGroupRemoved = "PROCESS_GROUP_REMOVED"
}
