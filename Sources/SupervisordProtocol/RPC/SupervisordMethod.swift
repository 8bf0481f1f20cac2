/// Every method of supervisord's XML-RPC interface, by the name under which it is called.
enum SupervisordMethod: String, CaseIterable {
  case addProcessGroup = "supervisor.addProcessGroup"
  case clearAllProcessLogs = "supervisor.clearAllProcessLogs"
  case clearLog = "supervisor.clearLog"
  case clearProcessLog = "supervisor.clearProcessLog"
  case clearProcessLogs = "supervisor.clearProcessLogs"
  case getAPIVersion = "supervisor.getAPIVersion"
  case getAllConfigInfo = "supervisor.getAllConfigInfo"
  case getAllProcessInfo = "supervisor.getAllProcessInfo"
  case getIdentification = "supervisor.getIdentification"
  case getPID = "supervisor.getPID"
  case getProcessInfo = "supervisor.getProcessInfo"
  case getState = "supervisor.getState"
  case getSupervisorVersion = "supervisor.getSupervisorVersion"
  case getVersion = "supervisor.getVersion"
  case readLog = "supervisor.readLog"
  case readMainLog = "supervisor.readMainLog"
  case readProcessLog = "supervisor.readProcessLog"
  case readProcessStderrLog = "supervisor.readProcessStderrLog"
  case readProcessStdoutLog = "supervisor.readProcessStdoutLog"
  case reloadConfig = "supervisor.reloadConfig"
  case removeProcessGroup = "supervisor.removeProcessGroup"
  case restart = "supervisor.restart"
  case sendProcessStdin = "supervisor.sendProcessStdin"
  case sendRemoteCommEvent = "supervisor.sendRemoteCommEvent"
  case shutdown = "supervisor.shutdown"
  case signalAllProcesses = "supervisor.signalAllProcesses"
  case signalProcess = "supervisor.signalProcess"
  case signalProcessGroup = "supervisor.signalProcessGroup"
  case startAllProcesses = "supervisor.startAllProcesses"
  case startProcess = "supervisor.startProcess"
  case startProcessGroup = "supervisor.startProcessGroup"
  case stopAllProcesses = "supervisor.stopAllProcesses"
  case stopProcess = "supervisor.stopProcess"
  case stopProcessGroup = "supervisor.stopProcessGroup"
  case tailProcessLog = "supervisor.tailProcessLog"
  case tailProcessStderrLog = "supervisor.tailProcessStderrLog"
  case tailProcessStdoutLog = "supervisor.tailProcessStdoutLog"
  case listMethods = "system.listMethods"
  case methodHelp = "system.methodHelp"
  case methodSignature = "system.methodSignature"
  case multicall = "system.multicall"

  /// Whether it answers while supervisord shuts down.
  var worksDuringShutdown: Bool {
    self == .sendRemoteCommEvent || rawValue.hasPrefix("system.")
  }

  /// What `system.methodHelp` says: a sentence, the parameters and the result.
  var help: String {
    let description = description
    let parameters = description.parameters.map { "@param \($0.type) \($0.name)  \($0.text)\n" }
    return """
      \(description.summary)

      \(parameters.joined())@return \(description.result.type)  \(description.result.text)
      """
  }

  /// The type of the result, and those of the parameters.
  var signature: [String] {
    [description.result.type] + description.parameters.map(\.type)
  }

  func takes(_ count: Int) -> Bool {
    let needed = description.parameters.count { !$0.isOptional }
    return (needed...description.parameters.count).contains(count)
  }
}
