import SupervLogger
import SupervSystem
import Testing

/// The daemon dies, and the next one comes.
@Suite struct NextDaemonTests {
  private func stream(
    _ id: UInt64, _ path: String, _ kind: LogStreamKind = .stdout, pid: Int32 = 0
  ) -> LogStream {
    LogStream(
      id: id, kind: kind, origin: LogOrigin(name: "a", agent: "a", processID: pid),
      file: LogFileSettings(path: path, format: .json))
  }

  /// Opens a stream on a link and gives back the end to write to.
  private func open(_ stream: LogStream, on link: LoggerLink) throws -> Descriptor {
    try Pipe.make(nonblocking: true).split { (reader, writer) throws in
      #expect(try link.open(stream, pipe: reader) == .sent)
      return writer
    }
  }

  private func processes(in text: String) -> [Substring] {
    text.split(separator: "\n").compactMap { line in
      line.split(separator: ",").first { $0.hasPrefix("\"pid\":") }?.dropFirst(6)
    }
  }

  @Test func linesWaitUntilItIsKnownWhoWritesThem() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    do {
      let path = "\(scratch.path)/a.log"
      let output = try open(stream(7, path), on: harness.link)
      try output.writeAll("one\n")
      try harness.turn()
      #expect(try scratch.names() == [])
      _ = try harness.link.send(.identify([StreamProcess(stream: 7, processID: 42)]))
      try harness.turn()
      #expect(processes(in: try scratch.read("a.log")) == ["42"])
    }
    try harness.finish()
  }

  /// What comes aside wakes nobody up, and nothing that follows is done before it.
  @Test func whatComesAsideIsThereBeforeTheNextCommand() throws {
    let scratch = try Scratch()
    var harness: Harness? = try Harness(scratch.path)
    let loop = try #require(harness?.loop)
    let configure = LoggerCommand.configure(
      directory: scratch.path, totalMaximumBytes: 0, mirrorsToTerminal: false)
    #expect(try harness?.link.begin(configure) == .sent)
    var writers: [Int32] = []
    // More than the socket takes: the rest comes the other way.
    for id: UInt64 in 1...600 {
      let opened = stream(id, "\(scratch.path)/a.log")
      writers.append(
        try Pipe.make().split { (reader, writer) throws in
          #expect(try harness?.link.openAside(opened, pipe: reader) != .refused)
          try writer.writeAll("\(id)\n")
          return writer.release()
        })
      if id == 1 {
        _ = try harness?.link.send(.identify([StreamProcess(stream: 1, processID: 42)]))
        try harness?.turn()
        #expect(processes(in: try scratch.read("a.log")) == ["42"])
      }
    }
    while try harness?.link.flush() == false { try harness?.turn() }
    let some = (2...101).map { StreamProcess(stream: $0, processID: 7) }
    _ = try harness?.link.send(.identify(some))
    // The daemon dies without having said the rest.
    harness = nil
    for number in writers { Descriptor(owning: number).close() }
    while try loop.runOnce(timeoutMilliseconds: 0) {}
    let found = processes(in: try scratch.read("a.log"))
    #expect(found.count == 600 && found.count { $0 == "7" } == 100)
  }

  @Test func anAgentThatCouldNotBeStartedLeavesNoTrace() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    _ = try open(stream(7, "\(scratch.path)/a.log"), on: harness.link)
    _ = try harness.link.send(.identify([StreamProcess(stream: 7, processID: 0)]))
    try harness.turn()
    #expect(harness.reports == [.closed(stream: 7, lines: 0, bytes: 0, droppedLines: 0)])
    #expect(try scratch.names() == [])
    try harness.finish()
  }

  @Test func whatTheDaemonCannotSayAnyMoreIsNotWaitedFor() throws {
    let scratch = try Scratch()
    var harness: Harness? = try Harness(scratch.path)
    let loop = try #require(harness?.loop)
    do {
      let output = try open(
        stream(7, "\(scratch.path)/a.log"), on: try #require(harness?.link))
      try output.writeAll("last words")
      harness = nil
    }
    while try loop.runOnce() {}
    #expect(processes(in: try scratch.read("a.log")) == ["0"])
  }

  /// More streams than fit the socket at once, with what has changed since they were opened.
  @Test func theNextDaemonGetsEveryStreamBack() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door")
    let file = LogFileSettings(path: "\(scratch.path)/a.log")
    var writers: [Int32] = []
    for _ in 0..<400 { writers.append(try harness.open(file).release()) }
    let inodes = try writers.map { number in
      let inode = try Files.status(of: "/proc/self/fd/\(number)")?.inode
      return try #require(inode)
    }
    var changed = file
    changed.format = .json
    _ = try harness.link.send(.update(changed))
    try harness.turn()

    try harness.connectAgain()
    let adopted = try harness.adopt()
    #expect(adopted.map(\.stream.id) == Array(1...400))
    #expect(adopted.map(\.inode) == inodes)
    #expect(adopted.allSatisfy { $0.stream.file == changed && $0.stream.origin.processID == 4711 })
    // Nothing else has changed for the streams.
    for number in writers {
      let writer = Descriptor(owning: number)
      try writer.writeAll("x\n")
    }
    try harness.turn()
    #expect(try scratch.lines("a.log").count == 400)
    #expect(harness.reports.count == 400)
    try harness.finish()
  }

  /// A daemon that hangs, and streams that end before it has heard of them.
  @Test func whatHasEndedMeanwhileIsNotReported() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door")
    let file = LogFileSettings(path: "\(scratch.path)/a.log")
    var writers: [Int32] = []
    for _ in 0..<1000 { writers.append(try harness.open(file).release()) }
    try harness.connectAgain()
    try harness.turnWithoutReading()
    for number in writers { Descriptor(owning: number).close() }
    try harness.turnWithoutReading()
    let adopted = try harness.adopt()
    #expect((1..<1000).contains(adopted.count), "the socket took \(adopted.count) of them")
    try harness.turn()
    #expect(harness.reports.count == 1000, "each one is closed")
    try harness.finish()
  }

  @Test func whatAllDeadDaemonsHaveSentCounts() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door")
    // This one dies with reports unread, which the kernel tells the logger before its commands.
    _ = try harness.link.send(.reportUsage)
    try harness.turnWithoutReading()
    let first = try open(stream(10, "\(scratch.path)/1.log"), on: harness.link)
    let second: Descriptor
    do {
      let link = try harness.nextLink()
      second = try open(stream(20, "\(scratch.path)/2.log", pid: 2), on: link)
    }
    try harness.connectAgain()
    try first.writeAll("one\n")
    try second.writeAll("two\n")
    #expect(try harness.adopt().map(\.stream.id) == [10, 20])
    try harness.turn()
    #expect(try scratch.lines("1.log").count == 1 && scratch.lines("2.log").count == 1)
    _ = consume first
    _ = consume second
    try harness.finish()
  }

  @Test func aStreamThatIsHandedOverAgainIsTheSame() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    do {
      let known = stream(7, "\(scratch.path)/a.log", pid: 1)
      let output = try open(known, on: harness.link)
      try harness.turn()
      _ = try open(known, on: harness.link)
      try harness.write("one\n", to: output)
      #expect(harness.reports == [])
    }
    try harness.finish()
    #expect(try scratch.lines("a.log").count == 1)
  }

  /// The event log of the daemon before comes first, however late its lines are read, and what its
  /// death tore off is no line.
  @Test func theEventsOfTheDaemonBeforeComeFirst() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door") { $0.readBytes = 16 }
    let path = "\(scratch.path)/events.ndjson"
    let old = try open(stream(1, path, .events), on: harness.link)
    try harness.turn()
    try old.writeAll((0..<100).map { "{\"seq\":\($0)}\n" }.joined() + "{\"seq\":10")
    try harness.connectAgain()
    let new = try open(stream(2, path, .events), on: harness.link)
    try new.writeAll("{\"seq\":100}\n")
    #expect(try harness.adopt().map(\.stream.id) == [1])
    _ = consume old
    for _ in 0..<10 { try harness.turn() }
    #expect(try scratch.lines("events.ndjson") == (0...100).map { "{\"seq\":\($0)}" })
    #expect(harness.reports == [.closed(stream: 1, lines: 100, bytes: 1099, droppedLines: 1)])
    _ = consume new
    try harness.finish()
  }

  /// What one daemon has read of a process and what the next one has go through two pipes.
  @Test func outputThatIsPassedOnKeepsItsOrder() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door") { $0.readBytes = 16 }
    func output(_ id: UInt64, incarnation: UInt64) -> LogStream {
      LogStream(
        id: id, kind: .stdout,
        origin: LogOrigin(name: "a", agent: "a", incarnation: incarnation, processID: 1),
        file: LogFileSettings(path: "\(scratch.path)/a.log", format: .bytes))
    }
    let old = try open(output(1, incarnation: 1), on: harness.link)
    try harness.turn()
    let text = (0..<100).map { "\($0) " }.joined()
    try old.writeAll(text)
    try harness.connectAgain()
    let new = try open(output(2, incarnation: 1), on: harness.link)
    try new.writeAll("then")
    #expect(try harness.adopt().map(\.stream.id) == [1])
    for _ in 0..<10 { try harness.turn() }
    #expect(try scratch.read("a.log") == text)
    // Another incarnation does not wait for this one, whose descendants may hold its pipe for long.
    let other = try open(output(3, incarnation: 2), on: harness.link)
    try harness.write("|", to: other)
    #expect(try scratch.read("a.log") == text + "|")
    _ = consume old
    for _ in 0..<10 { try harness.turn() }
    #expect(try scratch.read("a.log") == text + "|then")
    _ = consume new
    _ = consume other
    try harness.finish()
  }

  @Test func withoutADaemonItEndsSomeTimeAfterItsStreams() throws {
    let scratch = try Scratch()
    var harness: Harness? = try Harness(scratch.path, door: "\(scratch.path)/door") {
      $0.orphanNanoseconds = 60_000_000_000
    }
    let clock = try #require(harness?.clock)
    let loop = try #require(harness?.loop)
    let output = try #require(harness).open(LogFileSettings(path: "\(scratch.path)/a.log"))
    harness = nil
    clock.advance(milliseconds: 59_999)
    #expect(try loop.runOnce(timeoutMilliseconds: 0))
    clock.advance(milliseconds: 1)
    #expect(try loop.runOnce(timeoutMilliseconds: 0), "a stream is open")
    clock.advance(milliseconds: 1_000_000)
    #expect(try loop.runOnce(timeoutMilliseconds: 0), "a stream is open")
    try output.writeAll("last words")
    _ = consume output
    while try loop.runOnce(timeoutMilliseconds: 0) {}
    #expect(try scratch.lines("a.log").count == 1)
    #expect(throws: SystemError.self) {
      _ = try UnixSocket.connect(to: "\(scratch.path)/door", kind: .packets)
    }
  }

  @Test func afterItsEndIsAnnouncedNobodyComesIn() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, door: "\(scratch.path)/door")
    do {
      let output = try harness.open(LogFileSettings(path: "\(scratch.path)/a.log"))
      _ = try harness.link.send(.finish(graceMilliseconds: 1000))
      try harness.turn()
      #expect(throws: SystemError.self) { try harness.nextLink() }
      try output.writeAll("last words")
    }
    try harness.finish()
    #expect(try scratch.lines("a.log").count == 1)
  }

  @Test func anotherUserIsRefused() throws {
    guard Processes.ownUser == 0, let nobody = try UserDatabase.ofSystem().user("nobody") else {
      return notTested("that other users are refused", because: "it needs root")
    }
    let scratch = try Scratch()
    let path = "\(scratch.path)/door"
    let harness = try Harness(scratch.path, door: path)
    var request = SpawnRequest(
      command: [
        "python3", "-c",
        """
        import socket
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.connect("\(path)")
        raise SystemExit(7 if link.recv(100) == b"" else 1)
        """,
      ], environment: ["PATH=/usr/local/bin:/usr/bin:/bin"])
    request.identity = nobody.identity
    request.directory = "/"
    let process = try spawn(request)
    while harness.loop.refusals == 0, try !process.pidfd.wait(timeoutMilliseconds: 0) {
      _ = try harness.loop.runOnce(timeoutMilliseconds: 10)
    }
    _ = try process.pidfd.wait(timeoutMilliseconds: nil)
    #expect(try Processes.reap(process.pidfd) == .exited(code: 7))
    #expect(harness.loop.refusals == 1)
    #expect(try harness.link.send(.reportUsage) == .sent, "its daemon is still there")
    try harness.turn()
    #expect(harness.reports == [.usage([], isLast: true)])
    try harness.finish()
  }
}
