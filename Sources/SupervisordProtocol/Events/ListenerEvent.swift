/// Something that happened, as supervisord tells its listeners of it.
package enum ListenerEvent: Hashable, Sendable {
  case processState(EventProcess, from: SupervisordState, ProcessStateEntry)
  /// A message between `<!--XSUPERVISOR:BEGIN-->` and `<!--XSUPERVISOR:END-->`.
  case processCommunication(EventProcess, pid: Int32, EventChannel, [UInt8])
  /// Output, of programs with `stdout_events_enabled` or `stderr_events_enabled`.
  case processLog(EventProcess, pid: Int32, EventChannel, [UInt8])
  /// A client called `supervisor.sendRemoteCommEvent`.
  case remoteCommunication(type: String, data: String)
  case supervisorRunning
  case supervisorStopping
  /// `whenSeconds`: when the period began, in seconds since 1970.
  case tick(TickPeriod, whenSeconds: Int64)
  case groupAdded(String)
  case groupRemoved(String)
}

/// Whom an event is about, in supervisord's terms.
package struct EventProcess: Hashable, Sendable {
  package var name: String
  package var group: String

  package init(name: String, group: String) {
    self.name = name
    self.group = group
  }
}

/// Where a program wrote.
package enum EventChannel: String, Codable, Hashable, Sendable {
  case stdout, stderr
}

/// How often a tick comes; the raw value is in seconds.
package enum TickPeriod: Int64, CaseIterable, Hashable, Sendable {
  case fiveSeconds = 5
  case minute = 60
  case hour = 3600
}

/// The state that a process came to, with what supervisord tells of it.
package enum ProcessStateEntry: Hashable, Sendable {
  /// `pid`: of the process that ended, 0 if there was none.
  case stopped(pid: Int32)
  /// `tries`: how often it was started in vain before, since it last ran.
  case starting(tries: Int)
  case running(pid: Int32)
  /// `tries`: as in `starting`, this one included.
  case backoff(tries: Int)
  case stopping(pid: Int32)
  /// `isExpected`: its exit status is one of `exitcodes`.
  case exited(pid: Int32, isExpected: Bool)
  case fatal
  case unknown
}

extension ListenerEvent {
  package var type: ListenerEventType {
    switch self {
    case .processState(_, _, let entry): entry.eventType
    case .processCommunication(_, _, .stdout, _): .processCommunicationStdout
    case .processCommunication(_, _, .stderr, _): .processCommunicationStderr
    case .processLog(_, _, .stdout, _): .processLogStdout
    case .processLog(_, _, .stderr, _): .processLogStderr
    case .remoteCommunication: .remoteCommunication
    case .supervisorRunning: .supervisorStateChangeRunning
    case .supervisorStopping: .supervisorStateChangeStopping
    case .tick(.fiveSeconds, _): .tick5
    case .tick(.minute, _): .tick60
    case .tick(.hour, _): .tick3600
    case .groupAdded: .processGroupAdded
    case .groupRemoved: .processGroupRemoved
    }
  }

  /// What follows the header. Output that is no UTF-8 is shown as Python shows bytes, after
  /// `Undecodable: `, as supervisord does.
  package var payload: String {
    switch self {
    case .processState(let process, let from, let entry):
      "\(process.words) from_state:\(from.name)\(entry.words)"
    case .processCommunication(let process, let pid, _, let data):
      "\(process.words) pid:\(pid)\n\(PythonText.decoded(data))"
    case .processLog(let process, let pid, let channel, let data):
      "\(process.words) pid:\(pid) channel:\(channel.rawValue)\n\(PythonText.decoded(data))"
    case .remoteCommunication(let type, let data): "type:\(type)\n\(data)"
    case .supervisorRunning, .supervisorStopping: ""
    case .tick(_, let seconds): "when:\(seconds)"
    case .groupAdded(let group), .groupRemoved(let group): "groupname:\(group)\n"
    }
  }
}

extension EventProcess {
  fileprivate var words: String { "processname:\(name) groupname:\(group)" }
}

extension ProcessStateEntry {
  fileprivate var eventType: ListenerEventType {
    switch self {
    case .stopped: .processStateStopped
    case .starting: .processStateStarting
    case .running: .processStateRunning
    case .backoff: .processStateBackoff
    case .stopping: .processStateStopping
    case .exited: .processStateExited
    case .fatal: .processStateFatal
    case .unknown: .processStateUnknown
    }
  }

  fileprivate var words: String {
    switch self {
    case .stopped(let pid), .running(let pid), .stopping(let pid): " pid:\(pid)"
    case .starting(let tries), .backoff(let tries): " tries:\(tries)"
    case .exited(let pid, let isExpected): " expected:\(isExpected ? 1 : 0) pid:\(pid)"
    case .fatal, .unknown: ""
    }
  }
}
