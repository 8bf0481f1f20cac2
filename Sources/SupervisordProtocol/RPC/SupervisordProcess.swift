/// The group and the name of a process.
package struct SupervisordProcessID: Hashable, Sendable {
  package var group: String
  package var name: String

  package init(group: String, name: String) {
    self.group = group
    self.name = name
  }

  /// `group:name`, or `name` for a process in a group of that name; nil when it means a whole
  /// group.
  package init?(namespec: String) {
    guard case .process(let id) = SupervisordNamespec(namespec) else { return nil }
    self = id
  }

  /// The shortest text that means this process.
  package var namespec: String { group == name ? name : "\(group):\(name)" }
}

/// What the `name` of a call means.
enum SupervisordNamespec: Hashable {
  case process(SupervisordProcessID)
  /// `group:*` or `group:`.
  case group(String)

  init(_ text: String) {
    guard let colon = text.firstIndex(of: ":") else {
      self = .process(SupervisordProcessID(group: text, name: text))
      return
    }
    let group = String(text[..<colon])
    let name = String(text[text.index(after: colon)...])
    let isGroup = name.isEmpty || name == "*"
    self = isGroup ? .group(group) : .process(SupervisordProcessID(group: group, name: name))
  }
}

/// An active process group.
package struct SupervisordGroup: Hashable, Sendable {
  package struct Member: Hashable, Sendable {
    package var name: String
    package var priority: Int

    package init(name: String, priority: Int) {
      self.name = name
      self.priority = priority
    }
  }

  package var name: String
  package var priority: Int
  /// In the order of the configuration.
  package var members: [Member]

  package init(name: String, priority: Int, members: [Member]) {
    self.name = name
    self.priority = priority
    self.members = members
  }
}

/// What is known of one process now.
package struct SupervisordProcess: Hashable, Sendable {
  package var state: SupervisordState
  /// 0 when there is none.
  package var pid: Int
  /// When it was last started, Unix seconds; 0 if never.
  package var started: Int
  /// When it last ended, Unix seconds; 0 if never.
  package var stopped: Int
  /// Why it could not be started, or ended otherwise than expected; empty when there is nothing to
  /// say. A start clears it.
  package var spawnError: String
  /// Of its last end; -1 after a signal, 0 while it runs. One that ended before it was up counts as
  /// never run: supervisord says 0 of it.
  package var exitStatus: Int
  /// Nil when the output is not kept, or not here.
  package var stdoutLogPath: String?
  package var stderrLogPath: String?

  package init(
    state: SupervisordState, pid: Int, started: Int, stopped: Int, spawnError: String,
    exitStatus: Int, stdoutLogPath: String?, stderrLogPath: String?
  ) {
    self.state = state
    self.pid = pid
    self.started = started
    self.stopped = stopped
    self.spawnError = spawnError
    self.exitStatus = exitStatus
    self.stdoutLogPath = stdoutLogPath
    self.stderrLogPath = stderrLogPath
  }
}

extension SupervisordState {
  /// Whether nothing is left of the process, and nothing under way.
  package var isStopped: Bool {
    switch self {
    case .stopped, .exited, .fatal, .unknown: true
    case .starting, .running, .backoff, .stopping: false
    }
  }

  /// Whether there is somebody who could take a signal.
  package var isSignallable: Bool {
    switch self {
    case .starting, .running, .stopping: true
    case .stopped, .backoff, .exited, .fatal, .unknown: false
    }
  }
}

/// Why a command cannot be run, which is seen before it is tried.
package enum SupervisordCommandFault: Hashable, Sendable {
  case notFound(path: String)
  case isDirectory(path: String)
  case notExecutable(path: String)
  case notPermitted(path: String)

  /// As supervisord says it, here and in the `spawnerr` of a process.
  package var text: String {
    switch self {
    case .notFound(let path): "can't find command \(PythonText.literal(path))"
    case .isDirectory(let path): "command at \(PythonText.literal(path)) is a directory"
    case .notExecutable(let path): "command at \(PythonText.literal(path)) is not executable"
    case .notPermitted(let path): "no permission to run command \(PythonText.literal(path))"
    }
  }

  var fault: SupervisordFault {
    switch self {
    case .notFound: SupervisordFault(.noFile, text)
    case .isDirectory, .notExecutable, .notPermitted: SupervisordFault(.notExecutable, text)
    }
  }
}
