import SupervConfig
import SupervDaemon
import SupervSystem
import SupervisionTree
import Testing

/// The whole kernel of a daemon, with real processes and the real logger. It takes every child of
/// its process for its own, so that it needs a process of its own: an exit test. There a failure is
/// an error that is thrown. To let go of it is what `kill -9` is to a daemon.
final class PlayedKernel {
  let kernel: LinuxKernel
  private let house: DaemonHouse
  private let folder: LoggerFolder
  private let program: AgentDefinition
  private(set) var events: [KernelEvent] = []
  /// Gives back what it reads of tapped outputs, as a daemon does.
  var passesOn = true

  init(_ folder: LoggerFolder) throws {
    self.folder = folder
    // Programs are told from agents by what a configuration of supervisord says.
    let path = "\(folder.path)/supervisord.conf"
    let text = "[supervisord]\n[program:a]\ncommand = /bin/true\n"
    try Files.replace(path, with: Array(text.utf8).span)
    let source = SystemConfigurationSource(
      environment: ["PATH": "/usr/local/bin:/usr/bin:/bin"], startedIn: folder.path)
    guard var configuration = ReadConfiguration(path, from: source).loaded.configuration,
      let program = configuration.agents.first
    else { throw Unplayable("the configuration cannot be read") }
    self.program = program
    var settings = DaemonSettings(
      runtimeDirectory: folder.path, stateDirectory: folder.path,
      logDirectory: "\(folder.path)/logs")
    settings.controlGroups = .off
    configuration.settings = settings
    var start = DaemonStart(configurationPath: path, mirrorsOutput: false)
    start.executable = Files.parent(of: CommandLine.arguments[0]) + "/superv"
    house = try DaemonHouse(configuration, start)
    kernel = try house.makeKernel(start)
  }

  func launch(
    _ script: String, incarnation: UInt64 = 1, taps: Set<OutputChannel> = [.stdout],
    change: (inout AgentDefinition) -> Void = { _ in }
  ) -> Launch {
    var agent = program
    agent.command = ["/bin/sh", "-c", script]
    agent.directory = folder.path
    change(&agent)
    return Launch(
      key: ProcessKey(node: NodeID(index: 1), incarnation: incarnation), agent: agent,
      environment: ["PATH=/usr/local/bin:/usr/bin:/bin"],
      log: LogFileSettings(path: "\(folder.path)/logs/out", format: .bytes, maximumBytes: 0),
      errorLog: LogFileSettings(path: "\(folder.path)/logs/err", format: .bytes), taps: taps)
  }

  private func wait() -> [KernelEvent] {
    var arrivals: [KernelEvent] = []
    kernel.wait(&arrivals)
    events += arrivals
    return arrivals
  }

  /// One turn, which does not wait for long.
  func turn() {
    kernel.setAlarm(at: kernel.now + .milliseconds(20))
    let arrivals = wait()
    guard passesOn else { return }
    for case .output(let process, let channel, let bytes) in arrivals {
      kernel.writeOutput(bytes, of: process, channel)
    }
  }

  func turn(_ what: String, until isSo: () throws -> Bool) throws {
    let deadline = Clock.monotonicNanoseconds + 120 * 1_000_000_000
    while try !isSo() {
      guard Clock.monotonicNanoseconds < deadline else { throw Unplayable("in 120 s: \(what)") }
      turn()
    }
  }

  /// Turns in each of which a connection has something to say.
  func busyTurns(
    _ talker: borrowing Descriptor, _ what: String, until isSo: () throws -> Bool
  ) throws {
    let deadline = Clock.monotonicNanoseconds + 120 * 1_000_000_000
    while try !isSo() {
      guard Clock.monotonicNanoseconds < deadline else { throw Unplayable("in 120 s: \(what)") }
      try talker.writeAll("\n")
      _ = wait()
    }
  }

  func connect() throws -> Descriptor {
    try UnixSocket.connect(to: "\(folder.path)/control.sock")
  }

  // MARK: What happened

  /// What has come of an output, up to the end of its process.
  func output(_ channel: OutputChannel = .stdout) -> [UInt8] {
    var bytes: [UInt8] = []
    for event in events {
      if case .output(_, channel, let more) = event { bytes += more }
      if case .ended = event { break }
    }
    return bytes
  }

  var outputText: String { String(decoding: output(), as: UTF8.self) }

  var hasEnded: Bool { endCount > 0 }

  var endCount: Int { events.count { if case .ended = $0 { true } else { false } } }

  var inputWasClosed: Bool {
    events.contains { if case .inputClosed = $0 { true } else { false } }
  }

  var hasAlarm: Bool { events.contains { if case .alarm = $0 { true } else { false } } }

  var hasSurvey: Bool { events.contains { if case .surveyed = $0 { true } else { false } } }

  var probeEnds: Int { events.count { if case .probeEnded = $0 { true } else { false } } }

  var notificationCount: Int { events.count { if case .notified = $0 { true } else { false } } }

  /// What was said of files that were read.
  var readings: [FileRead] {
    events.compactMap { if case .fileRead(_, let found) = $0 { found } else { nil } }
  }

  /// What the log files have.
  func file(_ name: String) -> [UInt8] {
    (try? Files.read("\(folder.path)/logs/\(name)", maximumBytes: 1 << 30)) ?? []
  }

  func text(of name: String) -> String { String(decoding: file(name), as: UTF8.self) }

  /// A child of this process by the words of its command line.
  func child(_ words: String...) throws -> Descriptor {
    let line = words.joined(separator: "\0") + "\0"
    for pid in Processes.children(of: Processes.ownPid)
    where (try? Files.readText("/proc/\(pid)/cmdline")) == line {
      if let pidfd = try Processes.open(pid: pid) { return pidfd }
    }
    throw Unplayable("there is no process `\(words.joined(separator: " "))`")
  }
}

/// The body of an exit test: what that throws is not shown, and this is.
func play(_ body: (LoggerFolder) throws -> Void) throws {
  do {
    try body(try LoggerFolder())
  } catch {
    Issue.record(error)
    throw error
  }
}

/// Why a test cannot go on.
struct Unplayable: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// Bytes that do not repeat for long, made fast.
func sampleBytes(_ count: Int) -> [UInt8] {
  var bytes = (0..<9973).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
  while bytes.count < count { bytes += bytes }
  return Array(bytes[..<count])
}

/// Stops the test, as a requirement of it is not met.
func demand(
  _ isMet: Bool, _ what: @autoclosure () -> String, line: Int = #line
) throws(Unplayable) {
  guard isMet else { throw Unplayable("line \(line): \(what())") }
}
