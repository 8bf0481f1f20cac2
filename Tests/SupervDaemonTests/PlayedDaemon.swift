import SupervConfig
import SupervDaemon
import SupervSystem
import SupervisionTree
import Testing

/// The part of a daemon that has to do with the logger, in this process, with the real logger as
/// its child. To let go of it is what `kill -9` is to a daemon.
final class PlayedDaemon {
  let logs: LoggerProcess
  private let poll: EventPoll
  private let folder: LoggerFolder
  private(set) var news: [KernelEvent] = []
  private var events: [EventPoll.Event] = []

  /// - Parameter begins: whether it lives long enough to have a logger.
  init(_ folder: LoggerFolder, begins: Bool = true) throws {
    self.folder = folder
    poll = try EventPoll()
    let settings = DaemonSettings(
      runtimeDirectory: folder.path, stateDirectory: folder.path,
      logDirectory: "\(folder.path)/logs")
    let superv = CommandLine.arguments.first.map { Files.parent(of: $0) + "/superv" }
    logs = try LoggerProcess(settings, mirrorsOutput: false, executable: try #require(superv))
    if begins { try logs.begin(Self.now, poll) }
  }

  private static var now: MonotonicTime {
    MonotonicTime(nanoseconds: Clock.monotonicNanoseconds)
  }

  func turn() throws {
    logs.handOver()
    logs.watchLink(poll)
    try poll.wait(&events, timeoutMilliseconds: 10)
    logs.takeReports(Self.now, poll, &news)
    logs.takeEnd(Self.now, poll)
    logs.takeNews(&news)
    logs.restartIfDue(Self.now, poll)
    logs.flushEvents(poll)
  }

  func turn(until isSo: () throws -> Bool) throws {
    let deadline = Clock.monotonicNanoseconds + 120 * 1_000_000_000
    while try !isSo() {
      try #require(Clock.monotonicNanoseconds < deadline, "\(news)")
      try turn()
    }
  }

  func writeEvent(_ number: Int) { logs.writeEvent(Array("{\"seq\":\(number)}".utf8), poll) }

  func finish() { logs.finish(poll) }

  /// Starts a script as an agent, in the folder.
  func start(_ script: String) throws -> PlayedAgent {
    let pipes = try LogPipes()
    let file = LogFileSettings(path: "\(folder.path)/logs/a.log")
    var origin = LogOrigin(name: "a", agent: "a", incarnation: 1)
    let prepared = logs.prepare(origin, file, pipes)
    var request = SpawnRequest(
      command: ["/bin/sh", "-c", script], environment: ["PATH=/usr/local/bin:/usr/bin:/bin"])
    request.directory = folder.path
    request.standardOutput = pipes.output.writerNumber
    request.standardError = pipes.errors.writerNumber
    let process = try spawn(request)
    logs.settle(prepared, pid: process.pid)
    origin.processID = process.pid
    let output = RunningOutput(
      origin: origin, file: file, outputInode: pipes.output.inode,
      errorsInode: pipes.errors.inode)
    return PlayedAgent(process, output)
  }
}

/// An agent, which outlives its daemon.
final class PlayedAgent {
  var output: RunningOutput
  private let pidfd: Descriptor

  init(_ process: consuming SpawnedProcess, _ output: RunningOutput) {
    self.output = output
    pidfd = process.takeDescriptor()
  }

  var hasEnded: Bool { get throws { try pidfd.wait(timeoutMilliseconds: 0) } }

  /// Waits for its end.
  func end() throws {
    _ = try pidfd.wait(timeoutMilliseconds: nil)
    _ = try Processes.reap(pidfd)
  }

  func kill() throws {
    try Processes.send(.kill, toGroup: output.origin.processID)
    try end()
  }
}

/// Where daemons, one after the other, and their loggers live.
final class LoggerFolder {
  let path = "/tmp/superv-next-\(Processes.ownPid)-\(UInt64.random(in: 0 ... .max))"

  init() throws { try Files.makeDirectories("\(path)/logs", mode: 0o755) }

  deinit {
    for folder in ["\(path)/logs", path] {
      for name in (try? Files.names(in: folder)) ?? [] { try? Files.remove("\(folder)/\(name)") }
      try? Files.removeDirectory(folder)
    }
  }

  var socketIsThere: Bool {
    get throws { try Files.status(of: "\(path)/logger.sock") != nil }
  }

  func write(_ name: String) throws {
    try Files.replace("\(path)/\(name)", with: [UInt8]().span)
  }

  /// What an agent has said, line by line.
  var messages: [String] {
    let text = (try? Files.readText("\(path)/logs/a.log")) ?? ""
    return text.split(separator: "\n").map { String($0.dropFirst(32)) }
  }

  var eventNumbers: [Int] {
    let text = (try? Files.readText("\(path)/logs/events.ndjson")) ?? ""
    return text.split(separator: "\n").compactMap { Int($0.dropFirst(7).dropLast()) }
  }
}
