import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

/// What the daemon keeps about one agent instance. An object, as a definition is large: copying one
/// takes its time, and every event of an agent would do it several times.
final class AgentSlot {
  let definition: AgentDefinition
  let log: LogFileSettings
  /// nil: the same.
  let errorLog: LogFileSettings?
  /// The latest one, also when it has ended.
  var process: AgentProcess?

  init(
    definition: AgentDefinition, log: LogFileSettings, errorLog: LogFileSettings?,
    process: AgentProcess?
  ) {
    self.definition = definition
    self.log = log
    self.errorLog = errorLog
    self.process = process
  }
}

struct AgentProcess {
  var facts: ProcessFacts
  var isAlive = true

  init(_ facts: ProcessFacts) { self.facts = facts }

  var pid: Int32 { facts.pid }
  var incarnation: UInt64 { facts.incarnation }
  var startedAt: MonotonicTime { facts.startedAt }
}

extension AgentSlot {
  /// Those that can be read back.
  var logFiles: [LogsReport.File] {
    let name = definition.specification.name
    guard let errorLog else {
      return [.init(agent: name, path: log.path, format: log.format == .json ? .json : .text)]
    }
    var files = [(log, "stdout")]
    if errorLog.path != log.path { files.append((errorLog, "stderr")) }
    return files.filter { !$0.0.isDevice }.map { file, stream in
      LogsReport.File(agent: name, path: file.path, format: .bytes, stream: stream)
    }
  }
}

extension LogFileSettings {
  /// One file an instance, `NAME.log` or `NAME.0.log`; of a program of supervisord's, the one that
  /// its output goes to.
  init(of agent: AgentDefinition, in directory: String) {
    if let program = agent.program {
      self.init(of: program.output, program.name)
      return
    }
    let name = agent.specification.name.replacing(":", with: ".")
    self.init(
      path: "\(directory)/\(name).log", format: agent.log.format == .json ? .json : .text,
      maximumBytes: agent.log.maximumBytes, maximumFiles: agent.log.maximumFiles)
  }

  /// What supervisord's kind of log file is here.
  init(of stream: ProgramSettings.Stream, _ name: String) {
    let other = stream.goesToSyslog ? "\(Self.systemLogMark)\(name)" : "/dev/null"
    let file: String? = if case .path(let path) = stream.file { path } else { nil }
    self.init(
      path: file ?? other, format: .bytes, maximumBytes: Int64(stream.maximumBytes),
      maximumFiles: max(0, stream.backups),
      systemLogName: file != nil && stream.goesToSyslog ? name : nil)
  }
}
