import Foundation
import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// The configuration file that a daemon has been told, as values.
final class ConfigurationText: ConfigurationSource, Sendable {
  static let path = "/etc/superv/main.conf"

  private let lock = NSLock()
  nonisolated(unsafe) private var text: String

  init(_ text: String) { unsafe self.text = text }

  func replace(_ new: String) { lock.withLock { unsafe text = new } }

  func load() -> LoadedConfiguration { loadConfiguration(Self.path, from: self) }

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    guard path == Self.path else { throw SourceError("No such file or directory") }
    return Array(lock.withLock { unsafe text }.utf8)
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    throw SourceError("No such file or directory")
  }

  func kindOfFile(_ path: String) -> FileKind? {
    switch path {
    case Self.path, "/dev/null": .file
    case "/", "/etc", "/etc/superv": .folder
    default: nil
    }
  }

  func canonicalPath(_ path: String) -> String? { path }
  func environmentVariable(_ name: String) -> String? { nil }
  func userExists(_ name: String) -> Bool { ["root", "web", "nobody"].contains(name) }
  var binaryFolder: String { "/opt/superv/bin" }
}

/// A daemon on a scripted machine, and the turns it takes.
final class World {
  let kernel = FakeKernel()
  let text: ConfigurationText
  private(set) var daemon: Daemon<FakeKernel>
  private let options: DaemonOptions
  private var clients: [ConnectionID: Client] = [:]
  var agentClients: [ConnectionID: AgentClient] = [:]

  /// A daemon that has not begun.
  ///
  /// - Parameters:
  ///   - text: its configuration; lines are indented as the caller likes.
  ///   - manager: what a service manager has put into superv's environment.
  init(
    idle text: String, memory: DaemonMemory = DaemonMemory(), seed: UInt64 = 1,
    manager: [String: String] = [:], prepare: (FakeKernel) -> Void = { _ in },
    change: @escaping @Sendable (inout AgentDefinition) -> Void = { _ in },
    location: SourceLocation = #_sourceLocation
  ) throws {
    let source = ConfigurationText(text)
    @Sendable func load() -> ReadConfiguration {
      var read = ReadConfiguration(ConfigurationText.path, from: source)
      if var changed = read.loaded.configuration {
        for index in changed.agents.indices { change(&changed.agents[index]) }
        changed.tree.adoptReadiness(of: changed.agents)
        read.loaded.configuration = changed
      }
      return read
    }
    let read = load()
    let configuration = try #require(
      read.loaded.configuration, "\(read.loaded.diagnostics)", sourceLocation: location)
    prepare(kernel)
    self.text = source
    var options = DaemonOptions(
      configurationPath: ConfigurationText.path, pid: 42, jitterSeed: seed, load: load)
    options.serviceManager = ServiceManager(manager)
    self.options = options
    daemon = Daemon(
      configuration, of: [read.record], kernel: kernel, options: options, memory: memory)
    kernel.onSend = { [unowned self] id, bytes in
      clients[id]?.receive(bytes)
      agentClients[id]?.receive(bytes)
    }
  }

  /// A daemon that has begun.
  ///
  /// - Parameter change: what each definition is made into, with every reading.
  convenience init(
    _ text: String, memory: DaemonMemory = DaemonMemory(), seed: UInt64 = 1,
    manager: [String: String] = [:], prepare: (FakeKernel) -> Void = { _ in },
    change: @escaping @Sendable (inout AgentDefinition) -> Void = { _ in },
    location: SourceLocation = #_sourceLocation
  ) throws {
    try self.init(
      idle: text, memory: memory, seed: seed, manager: manager, prepare: prepare, change: change,
      location: location)
    daemon.begin()
  }

  // MARK: Time

  /// One turn with what has arrived.
  func turn() {
    let events = kernel.arrivals
    kernel.arrivals = []
    for event in events {
      if case .ended(let key, _) = event { kernel.report(key) }
      daemon.take(event)
    }
    daemon.endTurn()
    kernel.reapAll()
  }

  /// The daemon is killed, if it is not dead, and another one takes over from its journal.
  func replaceDaemon(location: SourceLocation = #_sourceLocation) throws {
    kernel.prepareForNextDaemon()
    let contents = try JournalContents(kernel.journal, boot: kernel.boot)
    let configuration = try #require(
      contents.loadConfiguration(), sourceLocation: location)
    daemon = Daemon(
      configuration, of: contents.configurations, kernel: kernel, options: options,
      memory: contents.memory, recovered: contents)
    daemon.begin()
    kernel.reapAll()
  }

  /// Turns until nothing arrives any more; the clock stands still.
  func settle() {
    while !kernel.arrivals.isEmpty { turn() }
  }

  /// Moves the clock, with a stop at every alarm on the way.
  func advance(_ span: Duration) {
    settle()
    let target = kernel.now + span
    while let alarm = kernel.alarm, alarm <= target, daemon.end == nil {
      kernel.now = max(kernel.now, alarm)
      kernel.arrivals.append(.alarm)
      settle()
    }
    kernel.now = target
  }

  func signal(_ signal: Signal) {
    kernel.arrivals.append(.signal(signal))
    turn()
  }

  /// A process ends by itself, and everything that follows at once.
  func end(
    _ name: String, _ termination: Termination = .exited(code: 1),
    location: SourceLocation = #_sourceLocation
  ) {
    guard let process = kernel.process(of: name) else {
      Issue.record("\(name) does not run", sourceLocation: location)
      return
    }
    kernel.end(process.key, termination)
    settle()
  }

  // MARK: People

  func connect(process: Int32 = 77) -> Client { connect(count: 1, process: process)[0] }

  /// So many connections that come in one turn.
  func connect(count: Int, process: Int32 = 77) -> [Client] {
    let new = (0..<count).map { _ in Client(self, kernel.connect(process: process)) }
    for client in new { clients[client.id] = client }
    turn()
    return new
  }

  /// Asks over a connection of its own, which stays open.
  func ask<Result: Decodable>(
    _ method: String, _ params: String = "{}", as type: Result.Type = Result.self,
    location: SourceLocation = #_sourceLocation
  ) throws -> Result {
    let client = connect()
    let id = client.request(method, params)
    settle()
    return try client.result(of: id, location: location)
  }

  func status(_ location: SourceLocation = #_sourceLocation) throws -> StatusReport {
    try ask("status", location: location)
  }

  func agent(
    _ name: String, location: SourceLocation = #_sourceLocation
  ) throws -> AgentStatus {
    try #require(
      status(location).agents.first { $0.name == name }, "\(name)", sourceLocation: location)
  }

  // MARK: What has happened

  /// Every event so far.
  func events(location: SourceLocation = #_sourceLocation) throws -> [EventRecord] {
    var lines: [Int64: [UInt8]] = [:]
    return try kernel.eventLines.compactMap { line in
      let event = try JSON.decode(EventRecord.self, from: line.span)
      // One daemon may have written what the next one writes again.
      if let first = lines.updateValue(line, forKey: event.seq) {
        #expect(first == line, "event \(event.seq) twice", sourceLocation: location)
        return nil
      }
      return event
    }
  }

  /// `event name` for every event so far.
  var story: [String] {
    get throws {
      try events().map {
        [$0.event, $0.agent ?? $0.supervisor].compactMap(\.self).joined(separator: " ")
      }
    }
  }

  /// The names of agents in the order of their successful starts.
  var starts: [String] {
    kernel.acts.compactMap { if case .start(let name) = $0 { name } else { nil } }
  }

  /// Signals and kills since the `first` act.
  func stops(from first: Int) -> [FakeKernel.Act] {
    kernel.acts[first...].filter { act in
      switch act {
      // What follows each signal of a stop, so that one that was stopped sees it.
      case .signal(_, Signal.resume.number): false
      case .signal, .kill: true
      case .start, .startFailure: false
      }
    }
  }

  func pid(of name: String) -> Int32? { kernel.process(of: name)?.value.pid }
}
