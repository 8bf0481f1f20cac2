import SupervSystem
import Testing

/// Runs a test against a superv of its own and clears up after it, whatever the test does.
///
/// - Parameters:
///   - configuration: the text of its `superv.conf`. Agents run in the folder of that file.
///   - user: who runs superv; nil for whoever runs the tests.
func withSuperv(
  _ configuration: String, as user: UserDatabase.User? = nil,
  at location: SourceLocation = #_sourceLocation, _ body: (Superv) throws -> Void
) throws {
  let superv = try Superv(configuration, as: user)
  defer { superv.finish(at: location) }
  do {
    try body(superv)
  } catch {
    Issue.record("\(superv.folder): \(error)\n\(superv.tail)", sourceLocation: location)
  }
}

/// Sections of agents that sleep, and are ready as soon as they run.
func sleepers(_ names: String..., keys: String = "") -> String {
  names.map { "[agent:\($0)]\ncommand = sleep 1000\nstartsecs = 0\n\(keys)\n" }.joined()
}

/// The real program in a folder of its own, with its own registry: no test sees another's daemon.
final class Superv {
  /// Short, so that sockets in it have short paths; on memory where there is a tmpfs.
  let folder: String
  private let user: UserDatabase.User?
  private var commandCount = 0
  private var running: [Command] = []
  private var daemon: ProcessIdentity?
  private var openStory: Story?
  private var openControl: ControlConnection?

  /// The program that was built beside this test.
  static let executable = CommandLine.arguments.first.map { Files.parent(of: $0) + "/superv" } ?? ""

  init(_ configuration: String, as user: UserDatabase.User? = nil) throws {
    let base = try Files.status(of: "/dev/shm") == nil ? "/tmp" : "/dev/shm"
    folder = "\(base)/sv-\(Processes.ownPid)-\(UInt32.random(in: 0 ... .max))"
    self.user = user
    try Files.makeDirectories("\(folder)/xdg", mode: 0o700)
    try write("superv.conf", configuration)
    if let user {
      try Files.setOwner(folder, user: user.user, group: user.group)
      try Files.setOwner("\(folder)/xdg", user: user.user, group: user.group)
    }
  }

  var configuration: String { "\(folder)/superv.conf" }
  var controlSocket: String { "\(folder)/run/control.sock" }

  /// Writes a file into the folder.
  func write(_ name: String, _ text: String) throws {
    try Files.replace("\(folder)/\(name)", with: Array(text.utf8).span)
  }

  /// Makes an executable file of a file: by a process of its own, as what this one writes may just
  /// then be open in a child that another test starts, and is not executed (`ETXTBSY`).
  ///
  /// - Returns: its path.
  func installProgram(_ name: String, from path: String) throws -> String {
    let own = "\(folder)/\(name)"
    let answer = try Command(
      ["/usr/bin/install", "-m", "755", path, own], output: "\(folder)/install", directory: folder,
      environment: [], as: nil
    ).end()
    guard answer.code == 0 else { throw Refused(answer: answer) }
    return own
  }

  /// The text of a file in the folder; empty without it.
  func read(_ name: String) -> String { (try? Files.readText("\(folder)/\(name)")) ?? "" }
}

// MARK: - Commands

extension Superv {
  /// Runs `superv WORDS` to its end.
  @discardableResult
  func callAsFunction(_ words: String...) throws -> Answer { try launch(words).end() }

  /// Starts `superv WORDS` and does not wait.
  func launch(_ words: [String]) throws -> Command {
    commandCount += 1
    let command = try Command(
      [Self.executable] + words, output: "\(folder)/out-\(commandCount)", directory: folder,
      environment: [
        "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=\(folder)", "XDG_RUNTIME_DIR=\(folder)/xdg",
      ], as: user)
    running.append(command)
    return command
  }

  /// `superv start`, which has to succeed. Afterwards `status`, `wait` and `events` can be used.
  @discardableResult
  func start(_ options: String...) throws -> Answer {
    let answer = try launch(["start", configuration] + options).end()
    guard answer.code == 0 else { throw Refused(answer: answer) }
    try connect()
    return answer
  }

  /// Follows the daemon that has just been started by `start` or `run`.
  func connect() throws {
    let since = (openStory?.events.last?.seq ?? 0)
    openControl = try ControlConnection(controlSocket)
    openStory = try Story(controlSocket, since: since)
    daemon = ProcessIdentity.of(try status().daemon.pid)
  }

  /// `superv shutdown`, which has to succeed. The story then has every event.
  func shutdown() throws {
    let answer = try self("shutdown")
    guard answer.code == 0 else { throw Refused(answer: answer) }
    try waitForEnd()
  }

  /// Waits for the end of the daemon. The story then has every event.
  func waitForEnd() throws {
    let story = try story()
    while !story.isOver { try story.read(withinMilliseconds: 1000) }
    if let pidfd = try daemon?.open() {
      let hasEnded = try pidfd.wait(timeoutMilliseconds: patienceSeconds * 1000)
      guard hasEnded else { throw TimedOut("the daemon ends") }
    }
    openControl = nil
    daemon = nil
  }

  /// Kills daemon and keeper at once, with nobody there who could start another daemon.
  func killAll() throws {
    let daemon = try status().daemon
    var open: [OwnedProcess] = []
    for pid in [daemon.keeperPid, daemon.pid].compactMap(\.self) {
      if let pidfd = try Processes.open(pid: pid) { open.append(OwnedProcess(pidfd)) }
    }
    for process in open { try Processes.send(.stop, to: process.pidfd) }
    for process in open { try Processes.send(.kill, to: process.pidfd) }
    for process in open {
      let hasEnded = try process.pidfd.wait(timeoutMilliseconds: patienceSeconds * 1000)
      guard hasEnded else { throw TimedOut("superv is dead") }
    }
    openControl = nil
    self.daemon = nil
  }

  /// Sends a signal to the daemon.
  func sendToDaemon(_ signal: Signal) throws {
    if let pidfd = try daemon?.open() { try Processes.send(signal, to: pidfd) }
  }
}

private final class OwnedProcess {
  let pidfd: Descriptor
  init(_ pidfd: consuming Descriptor) { self.pidfd = pidfd }
}

/// A command that should have succeeded.
struct Refused: Error, CustomStringConvertible {
  var answer: Answer
  var description: String { "\(answer.status)\n\(answer.output)\(answer.errors)" }
}

/// The test has neither called `start` nor `connect`.
struct NotConnected: Error {}

/// What a command wrote and how it ended.
struct Answer {
  var status: SupervSystem.ExitStatus
  var output: String
  var errors: String

  /// The exit code; nil when a signal ended it.
  var code: Int32? { if case .exited(let code) = status { code } else { nil } }
  var lines: [Substring] { output.split(separator: "\n") }
}

/// A process of a test's own, which writes to files.
final class Command {
  let pid: Int32
  private let process: SpawnedProcess
  private let path: String
  private var ended: SupervSystem.ExitStatus?

  init(
    _ words: [String], output path: String, directory: String, environment: [String],
    as user: UserDatabase.User?
  ) throws {
    self.path = path
    let output = try Files.open(path, [.writeOnly, .create, .append])
    let errors = try Files.open("\(path).err", [.writeOnly, .create, .append])
    var request = SpawnRequest(command: words, environment: environment)
    request.directory = directory
    request.standardOutput = output.number
    request.standardError = errors.number
    request.identity = user?.identity
    process = try spawn(request)
    pid = process.pid
  }

  var output: String { (try? Files.readText(path)) ?? "" }
  var errors: String { (try? Files.readText("\(path).err")) ?? "" }

  func send(_ signal: Signal) throws { try Processes.send(signal, to: process.pidfd) }

  /// Waits for its end.
  func end(withinSeconds seconds: Int64 = patienceSeconds) throws -> Answer {
    if ended == nil {
      guard try process.pidfd.wait(timeoutMilliseconds: seconds * 1000) else {
        throw TimedOut("\(path) ends; so far\n\(output)\(errors)")
      }
      ended = try Processes.reap(process.pidfd)
    }
    return Answer(status: try #require(ended), output: output, errors: errors)
  }

  /// Ends it the hard way if it is still there.
  func clear() {
    guard ended == nil else { return }
    _ = try? Processes.send(.kill, to: process.pidfd)
    _ = try? end()
  }
}

// MARK: - Watching

extension Superv {
  /// How everything is now, asked on the control socket.
  func status() throws -> Status { try control().call("status", as: Status.self) }

  /// The connection on which the fixture itself asks.
  func control() throws -> ControlConnection {
    guard let openControl else { throw NotConnected() }
    return openControl
  }

  private func story() throws -> Story {
    guard let openStory else { throw NotConnected() }
    return openStory
  }

  /// Every event so far.
  var events: [Event] {
    get throws {
      let story = try story()
      if let openControl {
        // The two connections are two: what is known on this one may still come on the other.
        let last = try openControl.call("events", #"{"since":\#(Int32.max)}"#, as: Position.self)
        while (story.events.last?.seq ?? 0) < last.nextSeq - 1, !story.isOver {
          try story.read(withinMilliseconds: 1000)
        }
      }
      return story.events
    }
  }

  private struct Position: Decodable { var nextSeq: Int }

  /// Every event there has ever been, also those that only the files still have.
  func allEvents() throws -> [Event] {
    try self("events", "--json", "--since", "0").lines.map { try Event(json: $0) }
  }

  /// Waits until the status is as wanted; looks again after every event.
  @discardableResult
  func wait(for what: String, until isSo: (Status) throws -> Bool) throws -> Status {
    let story = try story()
    let deadline = Clock.monotonicNanoseconds + patienceSeconds * 1_000_000_000
    while true {
      let status = try status()
      if try isSo(status) { return status }
      guard Clock.monotonicNanoseconds < deadline else {
        throw TimedOut("\(what); \(status.phases)")
      }
      try story.read(withinMilliseconds: 200)
    }
  }

  /// Waits for the first event after number `seq` that is as wanted.
  @discardableResult
  func waitForEvent(
    _ what: String, after seq: Int = 0, where isWanted: (Event) -> Bool
  ) throws -> Event {
    let story = try story()
    let deadline = Clock.monotonicNanoseconds + patienceSeconds * 1_000_000_000
    while true {
      if let event = story.events.first(where: { $0.seq > seq && isWanted($0) }) { return event }
      guard Clock.monotonicNanoseconds < deadline, !story.isOver else { throw TimedOut(what) }
      try story.read(withinMilliseconds: 200)
    }
  }

  /// What has happened after an event, each as `agent.started a 2`.
  func story(after seq: Int) throws -> [String] {
    try events.filter { $0.seq > seq }.map(\.description)
  }

  /// The number of the latest event.
  func lastEvent() throws -> Int { try events.last?.seq ?? 0 }

  /// Waits until an agent runs in its `incarnation`.
  @discardableResult
  func wait(for agent: String, incarnation: Int) throws -> Status {
    try wait(for: "\(agent) runs as incarnation \(incarnation)") {
      $0[agent: agent]?.incarnation == incarnation && $0[agent: agent]?.phase == "running"
    }
  }

  /// Sends a signal to the process of an agent, past superv.
  func send(_ signal: Signal, to agent: String) throws {
    let pid = try #require(try status()[agent: agent]?.pid, "\(agent) has a process")
    if let pidfd = try Processes.open(pid: pid) { try Processes.send(signal, to: pidfd) }
  }

  /// The end of the story, for a test that failed.
  fileprivate var tail: String {
    let events = (try? events) ?? []
    return events.suffix(15).map { "  \($0.seq) \($0): \($0.reason ?? "")" }
      .joined(separator: "\n") + "\n" + read("run/daemon.log")
  }
}

// MARK: - The end

extension Superv {
  /// Processes whose working directory is in the fixture's folder: every agent and whatever it
  /// started, wherever it has got to. The folder's name is nobody else's.
  func processesInFolder() throws -> [ProcessRecord] {
    try ProcessRecord.all().filter { record in
      guard record.state != "Z", record.pid != Processes.ownPid,
        let place = try? Files.linkTarget("/proc/\(record.pid)/cwd")
      else { return false }
      return place == folder || place.hasPrefix("\(folder)/")
    }
  }

  /// Stops what is left and removes the folder.
  fileprivate func finish(at location: SourceLocation) {
    if daemon != nil { _ = try? self("shutdown", "--timeout", "30s") }
    for command in running { command.clear() }
    // One that has ended may wait for process 1 to reap it.
    if let daemon, let pidfd = try? daemon.open(),
      (try? pidfd.wait(timeoutMilliseconds: 0)) == false
    {
      Issue.record("the daemon did not end", sourceLocation: location)
      _ = try? Processes.send(.kill, to: pidfd)
    }
    let left = (try? processesInFolder()) ?? []
    for record in left {
      Issue.record("\(record.command) (\(record.pid)) is left", sourceLocation: location)
      let identity = ProcessIdentity(pid: record.pid, startTime: record.startTime)
      if let pidfd = try? identity.open() { _ = try? Processes.send(.kill, to: pidfd) }
    }
    Self.clear(folder)
  }

  private static func clear(_ path: String) {
    for name in (try? Files.names(in: path)) ?? [] {
      let inside = "\(path)/\(name)"
      let kind = try? Files.status(of: inside, followingLinks: false)?.kind
      if kind == .directory { clear(inside) } else { _ = try? Files.remove(inside) }
    }
    _ = try? Files.removeDirectory(path)
  }
}

/// Says aloud that something was not tested.
func notTested(_ what: String, because reason: String) {
  print("NOT TESTED: \(what), because \(reason)")
}
