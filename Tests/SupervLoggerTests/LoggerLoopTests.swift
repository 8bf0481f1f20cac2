import Glibc
import SupervLogger
import SupervSystem
import Testing

@Suite struct LoggerLoopTests {
  @Test func stdoutAndStderrOfAnInstanceShareAFile() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path + "/logs")
    let file = LogFileSettings(path: "\(scratch.path)/logs/crawler.log")
    do {
      let output = try harness.open(file)
      let errors = try harness.open(file, kind: .stderr)
      try harness.write("one\n", to: output)
      harness.clock.advance(milliseconds: 1)
      try harness.write("two\nthr", to: errors)
      try harness.write("four\n", to: output)
    }
    try harness.finish()
    let later = stamp.replacing("00.123456", with: "00.124456")
    #expect(
      try scratch.read("logs/crawler.log")
        == "\(stamp) out one\n\(later) err two\n\(later) out four\n\(later) err thr\n")
    #expect(
      Set(harness.reports) == [
        .closed(stream: 1, lines: 2, bytes: 9, droppedLines: 0),
        .closed(stream: 2, lines: 2, bytes: 7, droppedLines: 0),
      ])
    #expect(try Files.status(of: "\(scratch.path)/logs")?.mode == 0o750)
    #expect(try Files.status(of: "\(scratch.path)/logs/crawler.log")?.mode == 0o640)
  }

  @Test func eventsAreWrittenAsTheyAre() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    do {
      let events = try harness.open(
        LogFileSettings(path: "\(scratch.path)/events.ndjson", maximumBytes: 30), kind: .events)
      try harness.write(#"{"seq":1}"# + "\n" + #"{"se"#, to: events)
      #expect(try scratch.read("events.ndjson") == #"{"seq":1}"# + "\n")
      let long = String(repeating: "x", count: 200_000)
      try harness.write(#"q":2}"# + "\n" + long + "\n", to: events)
      #expect(try scratch.read("events.ndjson") == long + "\n")
      #expect(try scratch.read("events.ndjson.1") == "{\"seq\":1}\n{\"seq\":2}\n")
    }
    try harness.finish()
  }

  @Test func aFormatChangedByReloadHoldsForTheNextLine() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    var file = LogFileSettings(path: "\(scratch.path)/crawler.log")
    do {
      let output = try harness.open(file)
      try harness.write("one\n", to: output)
      file.format = .json
      _ = try harness.link.send(.update(file))
      try harness.turn()
      try harness.write("two\n", to: output)
    }
    try harness.finish()
    let lines = try scratch.lines("crawler.log")
    #expect(lines.count == 2 && lines[0].hasSuffix(" out one") && lines[1].hasPrefix("{\"time\""))
  }

  @Test func aTornLastLineIsEndedBeforeTheNextOne() throws {
    let scratch = try Scratch()
    for torn in ["torn", "whole\n", ""] {
      let path = "\(scratch.path)/crawler.log"
      try Files.replace(path, with: Array(torn.utf8).span)
      let harness = try Harness(scratch.path)
      do {
        let output = try harness.open(LogFileSettings(path: path))
        try harness.write("next\n", to: output)
      }
      try harness.finish()
      let before = torn.isEmpty || torn.hasSuffix("\n") ? torn : torn + "\n"
      #expect(try scratch.read("crawler.log") == before + "\(stamp) out next\n")
    }
  }

  @Test func aDaemonThatDiesCostsNoLine() throws {
    let scratch = try Scratch()
    var harness: Harness? = try Harness(scratch.path)
    let output = try harness?.open(LogFileSettings(path: "\(scratch.path)/crawler.log"))
    let loop = try #require(harness?.loop)
    harness = nil
    #expect(try loop.runOnce(timeoutMilliseconds: 0), "it left although a stream is open")
    try output?.writeAll("last words")
    _ = consume output
    while try loop.runOnce() {}
    #expect(try scratch.read("crawler.log") == "\(stamp) out last words\n")
  }

  @Test func itEndsWhenTheTimeIsUpWithWhatIsInThePipe() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path) { $0.readBytes = 16 }
    let output = try harness.open(LogFileSettings(path: "\(scratch.path)/crawler.log"))
    _ = try harness.link.send(.finish(graceMilliseconds: 500))
    #expect(try harness.turn())
    harness.clock.advance(milliseconds: 499)
    #expect(try harness.turn())
    try output.writeAll("one\ntwo two two two two\nthr")
    harness.clock.advance(milliseconds: 1)
    #expect(try !harness.loop.runOnce(timeoutMilliseconds: 0))
    #expect(
      try scratch.lines("crawler.log").map { $0.dropFirst(32) } == [
        "one", "two two two two two", "thr",
      ])
    harness.takeReports()
    #expect(harness.reports == [.closed(stream: 1, lines: 3, bytes: 27, droppedLines: 0)])
  }

  /// One agent fills its pipe again in every turn; the line of another one comes through at once.
  @Test func aSpammerDoesNotStarveTheOthers() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path) { $0.readBytes = 4096 }
    let spam = try harness.open(LogFileSettings(path: "\(scratch.path)/spam.log"))
    let quiet = try harness.open(LogFileSettings(path: "\(scratch.path)/quiet.log"))
    let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1023) + [10]
    while try spam.write(block.span) != nil {}
    try quiet.writeAll("hello\n")
    var turns = 0
    while try Files.status(of: "\(scratch.path)/quiet.log")?.size ?? 0 == 0 {
      while try spam.write(block.span) != nil {}
      _ = try harness.loop.runOnce(timeoutMilliseconds: 0)
      turns += 1
      try #require(turns < 3, "starved")
    }
  }

  @Test func whatIsNoCommandIsCountedAndSkipped() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    try harness.send([7, 7])
    // A stream without its pipe.
    let stream = LogStream(
      id: 1, kind: .raw, origin: LogOrigin(name: "a", agent: "a"),
      file: LogFileSettings(path: "\(scratch.path)/a.log"))
    try harness.send(try LoggerCommand.open(stream).encoded())
    #expect(try harness.turn())
    #expect(harness.loop.malformedCommands == 2)
    try harness.finish()
  }

  @Test func aDaemonThatDoesNotReadLosesReportsAndNoLines() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path) { $0.waitingReports = 2 }
    let file = LogFileSettings(path: "\(scratch.path)/crawler.log")
    var count: UInt64 = 0
    let enough: UInt64 = 2000
    while count < enough {
      count += 1
      let stream = LogStream(
        id: count, kind: .stdout, origin: LogOrigin(name: "a", agent: "a", processID: 1),
        file: file)
      let pipe = try Pipe.make()
      #expect(try harness.link.open(stream, pipe: pipe.first) == .sent)
      try pipe.second.writeAll("line\n")
      _ = try harness.loop.runOnce(timeoutMilliseconds: 0)
      _ = try harness.loop.runOnce(timeoutMilliseconds: 0)
    }
    try harness.turn()
    #expect(try scratch.lines("crawler.log").count == Int(enough))
    try harness.finish()
    let lost = harness.reports.reduce(into: UInt64(0)) { lost, report in
      if case .lost(let reports) = report { lost += reports }
    }
    let closed = harness.reports.count { if case .closed = $0 { true } else { false } }
    #expect(lost > 0 && lost + UInt64(closed) == enough)
  }

  @Test func moreFilesThanMayBeOpen() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path) { $0.openFiles = 3 }
    var numbers: [Int32] = []
    for index in 0..<10 {
      numbers.append(
        try harness.open(LogFileSettings(path: "\(scratch.path)/\(index).log")).release())
    }
    for round in 0..<3 {
      for (index, number) in numbers.enumerated() {
        let text = Array("\(round) \(index)\n".utf8)
        _ = unsafe text.withUnsafeBytes { unsafe write(number, $0.baseAddress, $0.count) }
      }
      try harness.turn()
    }
    for number in numbers { close(number) }
    try harness.finish()
    for index in 0..<10 {
      #expect(
        try scratch.lines("\(index).log").map { $0.dropFirst(32) }
          == (0..<3).map { "\($0) \(index)" })
    }
  }
}

@Suite struct MirrorTests {
  @Test func showsLinesWithPaddedNames() throws {
    let scratch = try Scratch()
    let shown = try Pipe.make(nonblocking: true).split { (reader, writer) in
      [reader.release(), writer.release()]
    }
    let reader = Descriptor(owning: shown[0])
    let harness = try Harness(scratch.path, mirror: Descriptor(owning: shown[1]))
    do {
      let long = try harness.open(
        LogFileSettings(path: "\(scratch.path)/writer.log"), agent: "writer:10")
      let short = try harness.open(LogFileSettings(path: "\(scratch.path)/a.log"), agent: "a")
      let events = try harness.open(
        LogFileSettings(path: "\(scratch.path)/events.ndjson"), kind: .events)
      try harness.write("hello\n", to: long)
      try harness.write("x\ny", to: short)
      try harness.write("{}\n", to: events)
    }
    try harness.finish()
    var buffer = [UInt8](repeating: 0, count: 1000)
    var span = buffer.mutableSpan
    let count = try reader.read(into: &span) ?? 0
    let text = String(decoding: buffer[..<count], as: UTF8.self)
    #expect(text == "writer:10 | hello\na         | x\na         | y\n")
  }

  @Test func aStoppedReaderCostsShownLinesOnly() throws {
    let scratch = try Scratch()
    let shown = try Pipe.make(nonblocking: true).split { (reader, writer) in
      [reader.release(), writer.release()]
    }
    let reader = Descriptor(owning: shown[0])
    let harness = try Harness(scratch.path, mirror: Descriptor(owning: shown[1]))
    let output = try harness.open(LogFileSettings(path: "\(scratch.path)/a.log"), agent: "a")
    let lines = (0..<30_000).map { "\($0) " + String(repeating: "x", count: 60) + "\n" }
    try harness.write(lines.joined(), to: output)
    #expect(try scratch.lines("a.log").count == 30_000)
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    var isEmpty = false
    while !isEmpty {
      var span = buffer.mutableSpan
      let count = try reader.read(into: &span)
      isEmpty = count == nil
      text += buffer[..<(count ?? 0)]
      try harness.turn()
    }
    let all = String(decoding: text, as: UTF8.self).split(separator: "\n")
    let mark = try #require(all.last?.split(separator: " "))
    let missing = try #require(mark.count > 2 ? Int(mark[2]) : nil)
    #expect(missing > 0 && missing + all.count - 1 == 30_000)
  }

  @Test func aClosedReaderTurnsItOff() throws {
    let scratch = try Scratch()
    try Signal.pipe.ignore()
    let shown = try Pipe.make().split { (reader, writer) in
      reader.close()
      return writer.release()
    }
    let harness = try Harness(scratch.path, mirror: Descriptor(owning: shown))
    do {
      let output = try harness.open(LogFileSettings(path: "\(scratch.path)/a.log"))
      for index in 0..<5 { try harness.write("\(index)\n", to: output) }
    }
    try harness.finish()
    #expect(try scratch.lines("a.log").count == 5)
  }
}
