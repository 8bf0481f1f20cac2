import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// A daemon that is killed, and the one that comes after it.
@Suite struct RecoveryTests {
  private static let pair = """
    [supervisor:s]
    strategy = one_for_all
    intensity = 2
    period = 60s
    backoff_base = 0
    children = a, b
    [agent:a]
    command = /bin/a
    startsecs = 0
    [agent:b]
    command = /bin/b
    startsecs = 0
    """

  @Test func nobodyNotices() throws {
    let world = try World(Self.pair)
    let before = try world.status()
    let acts = world.kernel.acts
    world.kernel.now = world.kernel.now + .seconds(3)
    try world.replaceDaemon()
    let after = try world.status()
    #expect(world.kernel.acts == acts)
    #expect(after.agents.map(\.pid) == before.agents.map(\.pid))
    #expect(after.agents.map(\.startedAt) == before.agents.map(\.startedAt))
    #expect(after.agents.map(\.readyAt) == before.agents.map(\.readyAt))
    #expect(after.agents.map(\.incarnation) == before.agents.map(\.incarnation))
    #expect(try world.events().last?.event == "daemon.recovered")
  }

  @Test func theRestartWindowGoesOn() throws {
    let world = try World(Self.pair)
    world.end("a")
    try world.replaceDaemon()
    world.end("b")
    #expect(try world.status().supervisors.first?.restartsInPeriod == 2)
    try world.replaceDaemon()
    world.end("a")
    #expect(try world.story.contains("supervisor.gave_up s"))
  }

  @Test func whatEndedMeanwhileIsFound() throws {
    let world = try World(Self.pair)
    let process = try #require(world.kernel.process(of: "a"))
    world.kernel.end(process.key, .exited(code: 7))
    try world.replaceDaemon()
    world.settle()
    let exit = try #require(try world.agent("a").exit)
    #expect(exit.code == 7)
    #expect(try world.agent("a").incarnation == 2)
  }

  @Test func aBackoffEndsWhenItWouldHave() throws {
    let world = try World(
      """
      [superv]
      backoff_base = 10s
      [agent:a]
      command = /bin/a
      """)
    world.end("a")
    world.end("a")
    let alarm = try #require(world.kernel.alarm)
    try world.replaceDaemon()
    #expect(world.kernel.alarm == alarm)
    world.advance(alarm - world.kernel.now)
    #expect(try world.agent("a").incarnation == 3)
  }

  @Test func whatAnOperatorStoppedOrHeldStaysSo() throws {
    let world = try World(Self.pair)
    _ = try world.ask("down", #"{"names":["a"]}"#, as: ActionReport.self)
    _ = try world.ask("hold", #"{"names":["b"],"on":true}"#, as: ActionReport.self)
    try world.replaceDaemon()
    world.settle()
    #expect(try world.agent("a").phase == "stopped")
    #expect(try world.agent("b").held == true)
  }

  @Test func theConfigurationIsTheOneThatWasRead() throws {
    let world = try World(Self.pair)
    world.text.replace("[agent:other]\ncommand = /bin/other\n")
    try world.replaceDaemon()
    #expect(try world.status().agents.map(\.name) == ["a", "b"])
    _ = try world.ask("reload", as: ReloadReport.self)
    world.settle()
    try world.replaceDaemon()
    world.settle()
    #expect(try world.status().agents.map(\.name) == ["other"])
  }

  /// Dies at each step of a start, a restart and a stop, one after the other.
  @Test func everyStepCanBeTheLast() throws {
    var deaths = 0
    for fuse in 0..<400 {
      let world = try World(idle: Self.pair)
      world.kernel.fuse = fuse
      world.daemon.begin()
      if world.kernel.journal.isEmpty { continue }
      func goOn() throws {
        guard world.kernel.isDead else { return }
        deaths += 1
        try world.replaceDaemon()
        world.settle()
      }
      try goOn()
      world.settle()
      try goOn()
      #expect(world.kernel.living.count == 2, "fuse \(fuse)")
      if let process = world.kernel.process(of: "a") {
        world.kernel.end(process.key, .exited(code: 1))
      }
      world.settle()
      try goOn()
      #expect(try world.agent("a").incarnation == 2, "fuse \(fuse)")
      #expect(try world.status().supervisors.first?.restartsInPeriod == 1, "fuse \(fuse)")
      world.signal(.terminate)
      world.settle()
      if world.kernel.isDead {
        try goOn()
        if world.daemon.end == nil, try world.status().daemon.state != .stopping {
          world.signal(.terminate)
          world.settle()
        }
      }
      #expect(world.daemon.end != nil && world.kernel.living.isEmpty, "fuse \(fuse)")
      #expect(world.kernel.violations.isEmpty, "fuse \(fuse): \(world.kernel.violations)")
      let events = try world.events()
      #expect(events.map(\.seq) == Array(1...Int64(events.count)), "fuse \(fuse)")
      #expect(events.count { $0.event == "agent.exited" } == 4, "fuse \(fuse)")
      if !world.kernel.isDead && world.kernel.fuse != nil { break }
    }
    #expect(deaths > 100, "\(deaths) deaths")
  }

  /// Whoever stops an agent is named exactly when the agent is stopped.
  @Test(arguments: 0..<30)
  func whatWasAskedForAndWhoAskedGoTogether(fuse: Int) throws {
    let world = try World(Self.pair)
    let client = world.connect(process: 99)
    world.kernel.fuse = fuse
    client.request("down", #"{"names":["a"]}"#)
    world.settle()
    try world.replaceDaemon()
    world.settle()
    let asked = try world.events().count { $0.event == "control.down" }
    let isDown = try world.agent("a").phase != "running"
    #expect(asked == (isDown ? 1 : 0))
    let lines = world.kernel.eventLines.map { String(decoding: $0, as: UTF8.self) }
    let isNamed = lines.filter { $0.contains(#""control.down""#) }
      .allSatisfy { $0.contains(#""pid":99"#) }
    #expect(isNamed)
    world.signal(.terminate)
    world.settle()
    let orders = try world.events().filter { $0.event == "daemon.stopping" }
    #expect(orders.count == 1)
  }

  @Test(arguments: 0..<12)
  func aStopIsToldByWhoeverComesToIt(fuse: Int) throws {
    let world = try World(Self.pair)
    world.kernel.fuse = fuse
    world.signal(.terminate)
    world.settle()
    try world.replaceDaemon()
    world.settle()
    let isStopping = try world.daemon.end != nil || world.status().daemon.state == .stopping
    #expect(try world.events().count { $0.event == "daemon.stopping" } == (isStopping ? 1 : 0))
  }

  @Test func aJournalCanBeCutAnywhere() throws {
    let world = try World(Self.pair)
    world.end("a")
    let first = world.kernel.journal
    try world.replaceDaemon()
    world.end("a")
    for journal in [first, world.kernel.journal] {
      let lines = journal.split(separator: UInt8(ascii: "\n"))
      // Header, configuration, and the tree or what makes it.
      let treeEnd = lines.prefix(3).reduce(0) { $0 + $1.count + 1 }
      for end in stride(from: 0, to: journal.count, by: 37) {
        do {
          _ = try JournalContents(Array(journal[..<end]), boot: world.kernel.boot)
        } catch {
          #expect(error == .damaged && end < treeEnd, "cut at \(end): \(error)")
        }
      }
      #expect(throws: JournalFault.otherBoot) {
        _ = try JournalContents(journal, boot: "another one")
      }
    }
  }

  @Test func whoMakesAnotherTreeOfTheConfigurationDoesNotGoOn() throws {
    let world = try World(Self.pair)
    let journal = String(decoding: world.kernel.journal, as: UTF8.self)
    #expect(journal.contains(#""shape":"#))
    let other = journal.replacing(#""shape":"#, with: #""shape":1"#)
    #expect(throws: JournalFault.otherTree(superv: supervVersion)) {
      _ = try JournalContents(Array(other.utf8), boot: world.kernel.boot)
    }
  }

  @Test func whatIsWrittenByHandReadsAsIfCoded() throws {
    let key = ProcessKey(node: NodeID(index: 7), incarnation: 3)
    let time = MonotonicTime(nanoseconds: 12_345_678_901)
    var facts = ProcessFacts(
      key, pid: 4711, startedAt: time, startedRealTimeNanoseconds: 1_700_000_000_000_000_001)
    var entries: [JournalEntry] = [.spawned(facts, at: time)]
    facts.inode = .max
    facts.startTime = 99
    facts.outputInodes = [1, 2]
    facts.readyRealTimeNanoseconds = -1
    entries += [.spawned(facts, at: time), .process(facts)]
    let ends: [Termination] = [
      .exited(code: 78), .signalled(9, coreDumped: false), .signalled(11, coreDumped: true),
      .outOfMemory, .unknown,
    ]
    entries += ends.map { .event(.exited(key.node, incarnation: key.incarnation, $0), at: time) }
    entries += [
      .event(.timer(key.node), at: time), .event(.begin, at: time),
      .signalled(node: key.node, incarnation: key.incarnation, 15), .telling([]),
      .telling([#"{"reason":"\u0001 \"é\""}"#, "{}"]), .told, .nextEvent(5),
    ]
    for entry in entries {
      var line: [UInt8] = []
      entry.appendLine(to: &line)
      let text = String(decoding: line, as: UTF8.self)
      #expect(text == String(decoding: JSON.encode(entry), as: UTF8.self) + "\n")
      let read = try JSON.decode(JournalEntry.self, from: line.span)
      #expect(JSON.encode(read) == JSON.encode(entry), "\(text)")
    }
    let started = JournalEntry.startedText(key)
    let line = Array((started.before + "4711" + started.after).utf8)
    let read = try JSON.decode(JournalEntry.self, from: line.span)
    #expect(JSON.encode(read) + [UInt8(ascii: "\n")] == line)
  }
}
