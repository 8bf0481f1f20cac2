/// What the activity log tells of the daemon itself.
package enum DaemonActivity: Hashable, Sendable {
  case started(pid: Int32)
  case couldNotWritePidFile(path: String)
  case daemonizing
  case changedDirectory(String)
  case couldNotChangeDirectory(String, reason: String)
  case runsAsRoot
  case becameUser(id: UInt32)
  case raisedLimit(name: String, to: Int)
  case includedFile(String)
  case includedNothing(pattern: String)
  case interfaceInitialized(String)
  /// The name is that of the server's section, such as `unix_http_server`.
  case serverWithoutAuthentication(String)
  case createdSocket(url: String)
  case closedSocket(url: String)
  case exitRequested(signal: Int32)
  case restartRequested(signal: Int32, isShuttingDown: Bool)
  case logReopenRequested(signal: Int32)
  case reopenedLogs
  /// A client had it reopen its log.
  case reopeningLogFile
  case childSignal(signal: Int32)
  case otherSignal(signal: Int32)
  /// Told every three seconds.
  case waitedForToDie([String])
  case reapedUnknown(pid: Int32, ActivityEnding)
  /// A warning about the configuration, in supervisord's words or superv's.
  case configurationWarning(String)

  var level: ActivityLevel {
    switch self {
    case .started, .daemonizing, .changedDirectory, .becameUser, .raisedLimit, .includedFile,
      .interfaceInitialized, .createdSocket, .closedSocket, .logReopenRequested, .reopenedLogs,
      .reopeningLogFile, .waitedForToDie, .reapedUnknown:
      .info
    case .includedNothing, .exitRequested, .restartRequested, .configurationWarning: .warn
    case .couldNotWritePidFile, .couldNotChangeDirectory, .runsAsRoot,
      .serverWithoutAuthentication:
      .critical
    case .childSignal: .debug
    case .otherSignal: .blather
    }
  }

  var text: String {
    switch self {
    case .started(let pid): return "supervisord started with pid \(pid)"
    case .couldNotWritePidFile(let path): return "could not write pidfile \(path)"
    case .daemonizing: return "daemonizing the supervisord process"
    case .changedDirectory(let path):
      return "set current directory: \(PythonText.literal(path))"
    case .couldNotChangeDirectory(let path, let reason):
      return "can't chdir into \(PythonText.literal(path)): \(reason)"
    case .runsAsRoot:
      return "Supervisor is running as root.  Privileges were not dropped because no user is "
        + "specified in the config file.  If you intend to run as root, you can set user=root in "
        + "the config file to avoid this message."
    case .becameUser(let id): return "Set uid to user \(id) succeeded"
    case .raisedLimit(let name, let limit): return "Increased \(name) limit to \(limit)"
    case .includedFile(let path): return "Included extra file \"\(path)\" during parsing"
    case .includedNothing(let pattern): return "No file matches via include \"\(pattern)\""
    case .interfaceInitialized(let name):
      return "RPC interface \(PythonText.literal(name)) initialized"
    case .serverWithoutAuthentication(let section):
      return
        "Server \(PythonText.literal(section)) running without any HTTP authentication checking"
    case .createdSocket(let url): return "Creating socket \(url)"
    case .closedSocket(let url): return "Closing socket \(url)"
    case .exitRequested(let signal):
      return "received \(SignalName.text(signal)) indicating exit request"
    case .restartRequested(let signal, false):
      return "received \(SignalName.text(signal)) indicating restart request"
    case .restartRequested(let signal, true):
      return "ignored \(SignalName.text(signal)) indicating restart request "
        + "(shutdown in progress)"
    case .logReopenRequested(let signal):
      return "received \(SignalName.text(signal)) indicating log reopen request"
    case .reopenedLogs: return "supervisord logreopen"
    case .reopeningLogFile: return "reopening log file"
    case .childSignal(let signal):
      return "received \(SignalName.text(signal)) indicating a child quit"
    case .otherSignal(let signal):
      return "received \(SignalName.text(signal)) indicating nothing"
    case .waitedForToDie(let names):
      return "waiting for \(names.joined(separator: ", ")) to die"
    case .reapedUnknown(let pid, let ending):
      return "reaped unknown pid \(pid) (\(ending.text))"
    case .configurationWarning(let text): return text
    }
  }
}
