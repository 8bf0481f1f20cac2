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
  var parameters: [Parameter]
  var result: Outcome

  init(_ summary: String, _ parameters: Parameter..., returns result: Outcome) {
    self.summary = summary
    self.parameters = parameters
    self.result = result
  }
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
      .init("The version of this interface.", returns: .string("a version"))
    case .getSupervisorVersion:
      .init(
        "The release of supervisord that this server behaves like.", returns: .string("a version"))
    case .getIdentification:
      .init("The identifier given in the configuration.", returns: .string("the identifier"))
    case .getState:
      .init(
        "Whether the server runs, restarts or shuts down.",
        returns: .structure("statecode and statename"))
    case .getPID:
      .init("The server's process.", returns: .int("a process ID"))
    case .readLog, .readMainLog:
      .init("A part of the main log.", .offset, .length, returns: .log)
    case .clearLog:
      .init("Begins the main log anew.", returns: .success)
    case .shutdown:
      .init("Stops all processes and the server.", returns: .success)
    case .restart:
      .init("Stops all processes and starts the server again.", returns: .success)
    case .reloadConfig:
      .init(
        "Reads the configuration and says what differs from the active groups.",
        returns: .array("one array: the names of groups added, changed and removed"))
    case .addProcessGroup:
      .init("Makes a group of the configuration active.", .group, returns: .success)
    case .removeProcessGroup:
      .init(
        "Takes away an active group whose processes are all stopped.", .group, returns: .success)
    case .startProcess:
      .init("Starts a process.", .processes, .start, returns: .success)
    case .startProcessGroup:
      .init(
        "Starts what is down in a group, lowest priority first.", .group, .start,
        returns: .statuses)
    case .startAllProcesses:
      .init("Starts all that is down, lowest priority first.", .start, returns: .statuses)
    case .stopProcess:
      .init("Stops a process.", .processes, .stop, returns: .success)
    case .stopProcessGroup:
      .init("Stops what is up in a group.", .group, .stop, returns: .statuses)
    case .stopAllProcesses:
      .init("Stops all that is up.", .stop, returns: .statuses)
    case .signalProcess:
      .init("Sends a signal to a process.", .processes, .signal, returns: .success)
    case .signalProcessGroup:
      .init("Sends a signal to what is up in a group.", .group, .signal, returns: .statuses)
    case .signalAllProcesses:
      .init("Sends a signal to all that is up.", .signal, returns: .statuses)
    case .getAllConfigInfo:
      .init(
        "All processes of the configuration that was read last, active or not.",
        returns: .array("a struct with the settings of each"))
    case .getProcessInfo:
      .init(
        "What a process is doing.", .process,
        returns: .structure("its state, times, exit status and logs, and a line about it"))
    case .getAllProcessInfo:
      .init("What every process is doing.", returns: .array("of each the struct of getProcessInfo"))
    case .readProcessLog, .readProcessStdoutLog:
      .init(
        "A part of what a process wrote to standard output.", .process, .offset, .length,
        returns: .log)
    case .readProcessStderrLog:
      .init(
        "A part of what a process wrote to standard error.", .process, .offset, .length,
        returns: .log)
    case .tailProcessLog, .tailProcessStdoutLog:
      .init(
        "The end of what a process wrote to standard output, for asking repeatedly.", .process,
        .tailOffset, .tailLength,
        returns: .tail)
    case .tailProcessStderrLog:
      .init(
        "The end of what a process wrote to standard error, for asking repeatedly.", .process,
        .tailOffset, .tailLength,
        returns: .tail)
    case .clearProcessLog, .clearProcessLogs:
      .init("Empties both logs of a process.", .process, returns: .success)
    case .clearAllProcessLogs:
      .init("Empties the logs of all processes.", returns: .statuses)
    case .sendProcessStdin:
      .init("Writes to the standard input of a process.", .process, .characters, returns: .success)
    case .sendRemoteCommEvent:
      .init(
        "Sends a REMOTE_COMMUNICATION event to the listeners.", .eventType, .eventData,
        returns: .success)
    case .listMethods:
      .init("All methods of this server.", returns: .array("their names, sorted"))
    case .methodHelp:
      .init("What a method is for.", .method, returns: .string("a text"))
    case .methodSignature:
      .init(
        "The types a method works with.", .method,
        returns: .array("the type of its result, then those of its parameters"))
    case .multicall:
      .init(
        "Makes several calls, one after the other.", .calls,
        returns: .array("of each call its result, or a struct with faultCode and faultString"))
    }
  }
}
