/// A method's parameters, its result, and what it is for.
struct MethodDescription {
  struct Parameter {
    var type: String
    var name: String
    var text: String
    var isOptional = false
  }

  struct Outcome {
    var type: String
    var text: String

    static func string(_ text: String) -> Self { Self(type: "string", text: text) }
    static func int(_ text: String) -> Self { Self(type: "int", text: text) }
    static func array(_ text: String) -> Self { Self(type: "array", text: text) }
    static func structure(_ text: String) -> Self { Self(type: "struct", text: text) }
    static let success = Self(type: "boolean", text: "true; what goes wrong is a fault")
    static let statuses = array("of each process concerned: name, group, status and description")
    static let log = string("the bytes of the log, as text")
    static let tail = array("the text, the length of the log, and whether more than that is new")
  }

  var summary: String
  var parameters: [Parameter] = []
  var result: Outcome
}

extension MethodDescription.Parameter {
  fileprivate static let process = Self(
    type: "string", name: "name", text: "a process: its name or group:name")
  fileprivate static let processes = Self(
    type: "string", name: "name", text: "a process: its name or group:name; or group:* for a group")
  fileprivate static let group = Self(type: "string", name: "name", text: "a process group")
  fileprivate static let method = Self(type: "string", name: "name", text: "a method's full name")
  fileprivate static let signal = Self(
    type: "string", name: "signal", text: "a signal: HUP, SIGHUP or 1")
  fileprivate static let start = Self(
    type: "boolean", name: "wait", text: "whether to answer only once it is up", isOptional: true)
  fileprivate static let stop = Self(
    type: "boolean", name: "wait", text: "whether to answer only once it has ended",
    isOptional: true)
  fileprivate static let offset = Self(
    type: "int", name: "offset", text: "where to begin; below 0 that many bytes before the end")
  fileprivate static let length = Self(
    type: "int", name: "length", text: "how many bytes; 0 for all that is left")
  fileprivate static let tailOffset = Self(
    type: "int", name: "offset", text: "the length of the log that the last answer gave")
  fileprivate static let tailLength = Self(
    type: "int", name: "length", text: "how many bytes at most")
  fileprivate static let characters = Self(
    type: "string", name: "chars", text: "what to write, as UTF-8")
  fileprivate static let eventType = Self(
    type: "string", name: "type", text: "the type in the event's body")
  fileprivate static let eventData = Self(
    type: "string", name: "data", text: "the rest of the event's body")
  fileprivate static let calls = Self(
    type: "array", name: "calls", text: "structs with a methodName and an array of params")
}

extension SupervisordMethod {
  var description: MethodDescription {
    switch self {
    case .getAPIVersion, .getVersion:
      MethodDescription(summary: "The version of this interface.", result: .string("a version"))
    case .getSupervisorVersion:
      MethodDescription(
        summary: "The release of supervisord that this server behaves like.",
        result: .string("a version"))
    case .getIdentification:
      MethodDescription(
        summary: "The identifier given in the configuration.", result: .string("the identifier"))
    case .getState:
      MethodDescription(
        summary: "Whether the server runs, restarts or shuts down.",
        result: .structure("statecode and statename"))
    case .getPID:
      MethodDescription(summary: "The server's process.", result: .int("a process ID"))
    case .readLog, .readMainLog:
      MethodDescription(
        summary: "A part of the main log.", parameters: [.offset, .length], result: .log)
    case .clearLog:
      MethodDescription(summary: "Begins the main log anew.", result: .success)
    case .shutdown:
      MethodDescription(summary: "Stops all processes and the server.", result: .success)
    case .restart:
      MethodDescription(
        summary: "Stops all processes and starts the server again.", result: .success)
    case .reloadConfig:
      MethodDescription(
        summary: "Reads the configuration and says what differs from the active groups.",
        result: .array("one array: the names of groups added, changed and removed"))
    case .addProcessGroup:
      MethodDescription(
        summary: "Makes a group of the configuration active.", parameters: [.group],
        result: .success)
    case .removeProcessGroup:
      MethodDescription(
        summary: "Takes away an active group whose processes are all stopped.",
        parameters: [.group], result: .success)
    case .startProcess:
      MethodDescription(
        summary: "Starts a process.", parameters: [.processes, .start], result: .success)
    case .startProcessGroup:
      MethodDescription(
        summary: "Starts what is down in a group, lowest priority first.",
        parameters: [.group, .start], result: .statuses)
    case .startAllProcesses:
      MethodDescription(
        summary: "Starts all that is down, lowest priority first.", parameters: [.start],
        result: .statuses)
    case .stopProcess:
      MethodDescription(
        summary: "Stops a process.", parameters: [.processes, .stop], result: .success)
    case .stopProcessGroup:
      MethodDescription(
        summary: "Stops what is up in a group.", parameters: [.group, .stop], result: .statuses)
    case .stopAllProcesses:
      MethodDescription(
        summary: "Stops all that is up.", parameters: [.stop], result: .statuses)
    case .signalProcess, .signalProcessGroup, .signalAllProcesses: signalling
    case .getAllConfigInfo:
      MethodDescription(
        summary: "All processes of the configuration that was read last, active or not.",
        result: .array("a struct with the settings of each"))
    case .getProcessInfo:
      MethodDescription(
        summary: "What a process is doing.", parameters: [.process],
        result: .structure("its state, times, exit status and logs, and a line about it"))
    case .getAllProcessInfo:
      MethodDescription(
        summary: "What every process is doing.",
        result: .array("of each the struct of getProcessInfo"))
    case .readProcessLog, .readProcessStdoutLog, .readProcessStderrLog, .tailProcessLog,
      .tailProcessStdoutLog, .tailProcessStderrLog, .clearProcessLog, .clearProcessLogs,
      .clearAllProcessLogs:
      logs
    case .sendProcessStdin:
      MethodDescription(
        summary: "Writes to the standard input of a process.",
        parameters: [.process, .characters], result: .success)
    case .sendRemoteCommEvent:
      MethodDescription(
        summary: "Sends a REMOTE_COMMUNICATION event to the listeners.",
        parameters: [.eventType, .eventData], result: .success)
    case .listMethods, .methodHelp, .methodSignature, .multicall: introspection
    }
  }

  private var signalling: MethodDescription {
    switch self {
    case .signalProcess:
      MethodDescription(
        summary: "Sends a signal to a process.", parameters: [.processes, .signal],
        result: .success)
    case .signalProcessGroup:
      MethodDescription(
        summary: "Sends a signal to what is up in a group.", parameters: [.group, .signal],
        result: .statuses)
    default:
      MethodDescription(
        summary: "Sends a signal to all that is up.", parameters: [.signal], result: .statuses)
    }
  }

  private var logs: MethodDescription {
    switch self {
    case .readProcessLog, .readProcessStdoutLog:
      MethodDescription(
        summary: "A part of what a process wrote to standard output.",
        parameters: [.process, .offset, .length], result: .log)
    case .readProcessStderrLog:
      MethodDescription(
        summary: "A part of what a process wrote to standard error.",
        parameters: [.process, .offset, .length], result: .log)
    case .tailProcessLog, .tailProcessStdoutLog:
      MethodDescription(
        summary: "The end of what a process wrote to standard output, for asking repeatedly.",
        parameters: [.process, .tailOffset, .tailLength], result: .tail)
    case .tailProcessStderrLog:
      MethodDescription(
        summary: "The end of what a process wrote to standard error, for asking repeatedly.",
        parameters: [.process, .tailOffset, .tailLength], result: .tail)
    case .clearAllProcessLogs:
      MethodDescription(summary: "Empties the logs of all processes.", result: .statuses)
    default:
      MethodDescription(
        summary: "Empties both logs of a process.", parameters: [.process], result: .success)
    }
  }

  private var introspection: MethodDescription {
    switch self {
    case .listMethods:
      MethodDescription(
        summary: "All methods of this server.", result: .array("their names, sorted"))
    case .methodHelp:
      MethodDescription(
        summary: "What a method is for.", parameters: [.method], result: .string("a text"))
    case .methodSignature:
      MethodDescription(
        summary: "The types a method works with.", parameters: [.method],
        result: .array("the type of its result, then those of its parameters"))
    default:
      MethodDescription(
        summary: "Makes several calls, one after the other.", parameters: [.calls],
        result: .array("of each call its result, or a struct with faultCode and faultString"))
    }
  }
}
