import SupervDaemon
import SupervSystem
import Testing

/// Daemons are killed, agents and the logger go on, and every line is there once.
@Suite(.serialized) struct LoggerAdoptionTests {
  /// One that says `one`, and `two` once there is a file `go`.
  private static let waiting = "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two"

  @Test func noLineIsLostOrDoubledWhileDaemonsDie() throws {
    let folder = try LoggerFolder()
    var daemon = try PlayedDaemon(folder)
    let logger = try #require(daemon.logs.pid)
    let agent = try daemon.start(
      """
      for thousand in $(seq 0 99); do
        seq -f %06.0f $((thousand * 1000)) $((thousand * 1000 + 999))
        sleep 0.005
      done
      """)
    var deaths = 0
    while try deaths < 200 && !agent.hasEnded {
      deaths += 1
      daemon.writeEvent(deaths)
      // Some die before they have heard from the logger.
      for _ in 0..<deaths % 4 { try daemon.turn() }
      daemon = try PlayedDaemon(folder)
      daemon.logs.adoptStreams([agent.output])
    }
    try agent.end()
    try daemon.turn { daemon.logs.pid == logger }
    daemon.finish()
    let lines = (0..<100_000).map { String(String(1_000_000 + $0).dropFirst()) }
    #expect(folder.messages.elementsEqual(lines), "\(deaths) deaths")
    #expect(folder.eventNumbers == Array(1...deaths))
    #expect(ProcessIdentity.of(logger) == nil, "the logger has ended")
    #expect(try !folder.socketIsThere)
    #expect(daemon.news.isEmpty)
    print("DEATHS: \(deaths) of the daemon in 100000 lines")
  }

  @Test func whenBothDieAnAgentThatRunsOnIsHeardAgain() throws {
    let folder = try LoggerFolder()
    var daemon = try PlayedDaemon(folder)
    let agent = try daemon.start("echo zero >&2; " + Self.waiting + "; sleep 1000")
    try daemon.turn { Set(folder.messages) == ["zero", "one"] }
    let logger = try #require(daemon.logs.pid)
    daemon = try PlayedDaemon(folder, begins: false)
    try kill(logger)
    try folder.write("go")
    daemon = try PlayedDaemon(folder)
    daemon.logs.adoptStreams([agent.output])
    try daemon.turn { folder.messages.contains("two") }
    #expect(Set(folder.messages) == ["zero", "one", "two"] && folder.messages.count == 3)
    try agent.kill()
    daemon.finish()
    #expect(daemon.news.isEmpty)
  }

  @Test func whatTheLoggerNeverGotIsFoundAgain() throws {
    let folder = try LoggerFolder()
    var daemon = try PlayedDaemon(folder)
    let known = try daemon.start(Self.waiting)
    try daemon.turn { folder.messages == ["one"] }
    let logger = daemon.logs.pid
    // This one dies before it has said anything to the logger.
    daemon = try PlayedDaemon(folder, begins: false)
    let unknown = try daemon.start(Self.waiting)
    daemon = try PlayedDaemon(folder)
    daemon.logs.adoptStreams([known.output, unknown.output])
    try daemon.turn { folder.messages == ["one", "one"] }
    #expect(daemon.logs.pid == logger)
    try folder.write("go")
    try known.end()
    try unknown.end()
    daemon.finish()
    #expect(folder.messages == ["one", "one", "two", "two"])
  }

  @Test func theSettingsOfTheNewDaemonHold() throws {
    let folder = try LoggerFolder()
    var daemon = try PlayedDaemon(folder)
    let agent = try daemon.start(Self.waiting)
    try daemon.turn { folder.messages == ["one"] }
    daemon = try PlayedDaemon(folder)
    agent.output.file.format = .json
    daemon.logs.adoptStreams([agent.output])
    // What the logger has from before it says before it reads what is new.
    let mark = try daemon.start("echo mark")
    try daemon.turn { folder.messages.count == 2 }
    try daemon.turn()
    try folder.write("go")
    try agent.end()
    try mark.end()
    daemon.finish()
    let last = try Files.readText("\(folder.path)/logs/a.log").split(separator: "\n").last
    let pid = agent.output.origin.processID
    #expect(
      last?.hasSuffix(#""pid":\#(pid),"stream":"stdout","message":"two"}"#) == true, "\(last ?? "")"
    )
  }

  /// Its disk hangs: daemons come and go meanwhile, and none waits for it.
  @Test func aLoggerThatStandsStillIsAdopted() throws {
    let folder = try LoggerFolder()
    var daemon = try PlayedDaemon(folder)
    let logger = try #require(daemon.logs.pid)
    daemon.writeEvent(0)
    try daemon.turn { folder.eventNumbers == [0] }
    let pidfd = try open(logger)
    try Processes.send(.stop, to: pidfd)
    var agents: [PlayedAgent] = []
    for number in 1...5 {
      agents.append(try daemon.start("echo \(number)"))
      daemon.writeEvent(number)
      try daemon.turn()
      daemon = try PlayedDaemon(folder)
      daemon.logs.adoptStreams(agents.map(\.output))
    }
    for agent in agents { try agent.end() }
    try Processes.send(.resume, to: pidfd)
    try daemon.turn { folder.messages.count == 5 }
    #expect(daemon.logs.pid == logger)
    daemon.finish()
    #expect(folder.messages.sorted() == ["1", "2", "3", "4", "5"])
    #expect(folder.eventNumbers == [0, 1, 2, 3, 4, 5])
  }

  /// Somebody else of the same user has connected in between.
  @Test func aLinkThatIsTakenAwayIsTakenBack() throws {
    let folder = try LoggerFolder()
    let daemon = try PlayedDaemon(folder)
    let logger = daemon.logs.pid
    let agent = try daemon.start(Self.waiting)
    try daemon.turn { folder.messages == ["one"] }
    do {
      let other = try UnixSocket.connect(to: "\(folder.path)/logger.sock", kind: .packets)
      _ = try other.wait(timeoutMilliseconds: nil)
      daemon.writeEvent(1)
    }
    let second = try daemon.start("echo three")
    try daemon.turn { folder.messages == ["one", "three"] }
    try folder.write("go")
    try agent.end()
    try second.end()
    #expect(daemon.logs.pid == logger)
    daemon.finish()
    #expect(folder.messages == ["one", "three", "two"])
    #expect(folder.eventNumbers == [1])
  }

  private struct NoLogger: Error {}

  private func open(_ logger: Int32) throws -> Descriptor {
    guard let pidfd = try Processes.open(pid: logger) else { throw NoLogger() }
    return pidfd
  }

  /// Kills a logger that this process has started.
  private func kill(_ logger: Int32) throws {
    let pidfd = try open(logger)
    try Processes.send(.kill, to: pidfd)
    _ = try pidfd.wait(timeoutMilliseconds: nil)
    _ = try Processes.reap(pidfd)
  }
}
