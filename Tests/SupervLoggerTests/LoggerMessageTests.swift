import SupervSystem
import Testing

private func readCommand(_ packet: [UInt8]) throws(LoggerMessageError) -> LoggerCommand {
  try LoggerCommand(decoding: packet.span)
}

private func readReport(_ packet: [UInt8]) throws(LoggerMessageError) -> LoggerReport {
  try LoggerReport(decoding: packet.span)
}

@Suite struct LoggerMessageTests {
  private static let file = LogFileSettings(
    path: "/var/log/é.log", format: .json, maximumBytes: -1, maximumFiles: 7)
  private static let stream = LogStream(
    id: .max, kind: .stderr,
    origin: LogOrigin(
      name: "a:2", agent: "a", instance: 2, incarnation: 1 << 40, processID: .max),
    file: file)
  static let commands: [LoggerCommand] = [
    .configure(directory: "/var/log", totalMaximumBytes: 1 << 40, mirrorsToTerminal: true),
    .configure(directory: "/", totalMaximumBytes: .min, mirrorsToTerminal: false),
    .open(stream), .update(file), .rotate(path: nil), .rotate(path: "/a"), .reopen,
    .finish(graceMilliseconds: .max), .reportUsage, .clear(path: "/a"), .identify([]),
    .identify([
      StreamProcess(stream: .max, processID: 1), StreamProcess(stream: 0, processID: .max),
    ]),
  ]
  static let reports: [LoggerReport] = [
    .closed(stream: 1, lines: .max, bytes: 2, droppedLines: 3),
    .fault(path: "/a", code: -28, text: "No space left on device", sinceNanoseconds: .min),
    .recovered(path: "/a", droppedLines: 1, droppedBytes: .max), .lost(reports: 9),
    .adopted(stream), .adoptedAll,
  ]

  @Test(arguments: commands) func commandsReadBack(command: LoggerCommand) throws {
    #expect(try readCommand(command.encoded()) == command)
  }

  @Test(arguments: reports) func reportsReadBack(report: LoggerReport) throws {
    #expect(try readReport(report.encoded()) == report)
  }

  @Test func whatIsCutOffOrTooLongIsRefused() throws {
    let packets = try Self.commands.map { try $0.encoded() } + Self.reports.map { try $0.encoded() }
    for packet in packets {
      for count in 0..<packet.count {
        let cut = Array(packet[..<count])
        #expect(throws: LoggerMessageError.malformed) { try readCommand(cut) }
        #expect(throws: LoggerMessageError.malformed) { try readReport(cut) }
      }
    }
    for command in Self.commands {
      let longer = try command.encoded() + [0]
      #expect(throws: LoggerMessageError.malformed) { try readCommand(longer) }
    }
  }

  /// Every byte of every message, set to every value: a message or an error, never a trap. What is
  /// taken for a message can be said again.
  @Test func changedMessagesNeverTrap() throws {
    for command in Self.commands {
      let packet = try command.encoded()
      for index in packet.indices {
        for value in UInt8.min...UInt8.max {
          var changed = packet
          changed[index] = value
          if let read = try? readCommand(changed) {
            #expect(try read.encoded() == changed)
          }
          _ = try? readReport(changed)
        }
      }
    }
  }

  @Test func aNulInAPathIsRefused() throws {
    let packet = try LoggerCommand.rotate(path: "/a\0b").encoded()
    #expect(throws: LoggerMessageError.malformed) { try readCommand(packet) }
  }

  @Test func theLongestTextIsTakenAndOneByteMoreIsNot() throws {
    let longest = String(repeating: "p", count: 4096)
    let packet = try LoggerCommand.rotate(path: longest).encoded()
    #expect(try readCommand(packet) == .rotate(path: longest))
    #expect(throws: LoggerMessageError.tooLong) {
      try LoggerCommand.rotate(path: longest + "p").encoded()
    }
  }
}

@Suite struct LoggerLinkTests {
  @Test func queuesWhatTheSocketDoesNotTakeAndRefusesWhatTheQueueDoesNot() throws {
    let pair = try UnixSocket.pair()
    let numbers = pair.split { (first, second) in [first.release(), second.release()] }
    let link = try LoggerLink(socket: Descriptor(owning: numbers[0]), queueLimit: 3)
    let logger = Descriptor(owning: numbers[1])
    try logger.setNonblocking(true)
    var sent: UInt32 = 0
    while try link.send(.finish(graceMilliseconds: sent)) == .sent { sent += 1 }
    let pipe = try Pipe.make()
    let stream = LogStream(
      id: 1, kind: .raw, origin: LogOrigin(name: "a", agent: "a"),
      file: LogFileSettings(path: "/a"))
    #expect(try link.open(stream, pipe: pipe.first) == .queued)
    #expect(try link.send(.reopen) == .queued)
    #expect(try link.send(.reopen) == .refused)
    #expect(link.refused == 1 && link.queuedCount == 3 && link.hasQueued)
    #expect(try !link.flush())

    var received: [LoggerCommand] = []
    var pipes = 0
    while received.count < Int(sent) + 3 {
      guard let (command, hasPipe) = try Self.receive(logger) else {
        _ = try link.flush()
        continue
      }
      received.append(command)
      if hasPipe { pipes += 1 }
    }
    #expect(!link.hasQueued)
    let inOrder = (0...sent).map { LoggerCommand.finish(graceMilliseconds: $0) }
    #expect(received == inOrder + [.open(stream), .reopen])
    #expect(pipes == 1)
  }

  private static func receive(
    _ logger: borrowing Descriptor
  ) throws -> (command: LoggerCommand, hasPipe: Bool)? {
    var buffer = [UInt8](repeating: 0, count: LoggerLink.longestPacketBytes)
    var span = buffer.mutableSpan
    guard var message = try logger.receiveMessage(into: &span) else { return nil }
    let command = try LoggerCommand(decoding: buffer.span.extracting(..<message.byteCount))
    return (command, message.takeDescriptor() != nil)
  }

  @Test func tellsTheEndFromGarbageFromNothing() throws {
    let numbers = try UnixSocket.pair().split { (first, second) in
      [first.release(), second.release()]
    }
    let link = try LoggerLink(socket: Descriptor(owning: numbers[0]))
    #expect(try link.receive() == .wouldBlock)
    try Self.sendAndLeave(
      [[9, 9, 9], [UInt8](repeating: 1, count: 20_000), LoggerReport.lost(reports: 1).encoded()],
      Descriptor(owning: numbers[1]))
    #expect(try link.receive() == .malformed)
    #expect(try link.receive() == .malformed)
    #expect(try link.receive() == .report(.lost(reports: 1)))
    #expect(try link.receive() == .ended)
    #expect(throws: SystemError.self) { try link.send(.reopen) }
  }

  private static func sendAndLeave(
    _ packets: [[UInt8]], _ logger: consuming Descriptor
  ) throws {
    for packet in packets { _ = try logger.sendMessage(packet.span) }
  }
}
