import Foundation
import SupervLogger
import SupervSystem
import Testing

extension LogRecord {
  fileprivate var text: String { String(decoding: message, as: UTF8.self) }
}

extension LogQuery {
  fileprivate func records() throws -> [LogRecord] {
    var found: [LogRecord] = []
    try run {
      found.append($0)
      return true
    }
    return found
  }
}

extension LogFollower {
  /// What is there now.
  fileprivate func texts() throws -> [String] {
    var found: [String] = []
    while let record = try next() { found.append(record.text) }
    return found
  }
}

@Suite struct LogRecordParserTests {
  private static let time: Int64 = 1_795_245_600_123_456_000

  private func parse(_ line: String) -> LogRecord {
    LogRecordParser.parse(Array(line.utf8)[...], source: 1, time: 42)
  }

  @Test(arguments: [
    ("out hello", LogRecord.Stream.stdout, false, "hello"), ("err  hi ", .stderr, false, " hi "),
    ("out+ long", .stdout, true, "long"), ("err+ long", .stderr, true, "long"),
    ("out ", .stdout, false, ""),
    (
      "-- superv: 7 lines (9 bytes) dropped: x --", .superv, false,
      "superv: 7 lines (9 bytes) dropped: x --"
    ),
  ]) func readsText(rest: String, stream: LogRecord.Stream, isPartial: Bool, message: String) {
    let record = parse("\(stamp) \(rest)")
    #expect(record.timeNanoseconds == Self.time && record.stream == stream)
    #expect(record.isPartial == isPartial && record.text == message && record.source == 1)
    #expect(record.droppedLines == (stream == .superv ? 7 : nil))
  }

  @Test func readsWhatAnAgentLogs() {
    let text = parse("\(stamp) log warning it is late task=t {\"a\":1}")
    #expect(text.stream == .log && text.level == "warning" && text.timeNanoseconds == Self.time)
    #expect(text.text == "it is late task=t {\"a\":1}" && text.fields == nil)
    let json = parse(
      #"{"time":"\#(stamp)","agent":"a","instance":0,"incarnation":3,"pid":47,"stream":"log","#
        + #""level":"info","message":"x","task":"t\n1","fields":{"a":{"b":"}\"{"},"c":[1]}}"#)
    #expect(json.stream == .log && json.level == "info" && json.text == "x")
    #expect(json.task == "t\n1" && json.processID == 47)
    #expect(json.fields == Array(#"{"a":{"b":"}\"{"},"c":[1]}"#.utf8))
  }

  @Test func readsJSON() {
    let record = parse(
      #"{"time":"\#(stamp)","agent":"a","instance":0,"incarnation":3,"pid":47,"stream":"stderr","#
        + #""partial":true,"message":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00é"}"#)
    #expect(record.timeNanoseconds == Self.time && record.stream == .stderr && record.isPartial)
    #expect(record.incarnation == 3 && record.processID == 47)
    #expect(record.text == "\"\\/\u{8}\u{C}\n\r\tAé😀é")
  }

  @Test(arguments: [
    "", "hello", stamp, "\(stamp) ", "\(stamp) xyz hello", "\(stamp)  out hello", "{", "{}",
    #"{"time":"\#(stamp)""#, #"{"time":"x","message":"y"}"#, #"{"message":"y"}"#,
    #"{"time":"\#(stamp)","message":"\x"}"#, #"{"time":"\#(stamp)","message":"\u12"}"#,
    #"{"time":"\#(stamp)","message":"\ud800"}"#, #"{"time":"\#(stamp)","message":{"a":1}}"#,
    "\(stamp) log info", #"{"time":"\#(stamp)","message":"a","fields":{"a":1}"#,
    #"{"time":"\#(stamp)","message":"a"} "#, #"{"time":"\#(stamp)",}"#,
  ]) func whatIsNoRecordIsKeptAsItIs(line: String) {
    let record = parse(line)
    #expect(record.stream == .unknown && record.text == line && record.timeNanoseconds == 42)
  }
}

@Suite struct LogQueryTests {
  /// Three agents, several rotations each, both formats; line n of all is written in millisecond n.
  private func fill(_ directory: String) throws -> [LogSource] {
    let harness = try Harness(directory)
    let formats: [LogFormat] = [.text, .json, .text]
    let sources = (0..<3).map { LogSource(path: "\(directory)/\($0).log", name: "agent \($0)") }
    do {
      var pipes: [Int32] = []
      for (index, source) in sources.enumerated() {
        let file = LogFileSettings(
          path: source.path, format: formats[index], maximumBytes: 2500, maximumFiles: 50)
        pipes.append(try harness.open(file).release())
        pipes.append(try harness.open(file, kind: .stderr).release())
      }
      let owners = pipes.map { number in LogPipe(Descriptor(owning: number)) }
      for index in 0..<300 {
        harness.clock.advance(milliseconds: 1)
        try owners[index % 6].write("line \(index)\n", harness)
      }
    }
    try harness.finish()
    return sources
  }

  private final class LogPipe {
    private let pipe: Descriptor
    init(_ pipe: consuming Descriptor) { self.pipe = pipe }
    func write(_ text: String, _ harness: Harness) throws { try harness.write(text, to: pipe) }
  }

  @Test func mergesInTheOrderOfTime() throws {
    let scratch = try Scratch()
    let sources = try fill(scratch.path)
    let all = try LogQuery(sources: sources).records()
    #expect(all.map(\.text) == (0..<300).map { "line \($0)" })
    #expect(all.map(\.source) == (0..<300).map { $0 % 6 / 2 })
    #expect(all.map(\.stream) == (0..<300).map { $0 % 2 == 0 ? .stdout : .stderr })
    #expect(zip(all, all.dropFirst()).allSatisfy { $0.timeNanoseconds < $1.timeNanoseconds })
  }

  @Test func theTailIsTheEndOfAll() throws {
    let scratch = try Scratch()
    let sources = try fill(scratch.path)
    let filters = [
      LogFilter(), LogFilter(streams: [.stderr]), LogFilter(containing: Array("7".utf8)),
      LogFilter(streams: []),
    ]
    for filter in filters {
      let all = try LogQuery(sources: sources, filter: filter).records()
      for tail in [0, 1, 2, 7, 100, 299, 300, 1000] {
        let found = try LogQuery(sources: sources, filter: filter, tail: tail).records()
        #expect(found == all.suffix(tail))
      }
    }
  }

  @Test func filtersByTimeStreamAndText() throws {
    let scratch = try Scratch()
    let sources = try fill(scratch.path)
    let all = try LogQuery(sources: sources).records()
    let filter = LogFilter(
      streams: [.stdout], from: all[50].timeNanoseconds, to: all[250].timeNanoseconds,
      containing: Array("line 1".utf8))
    let expected = (50...250).filter { $0 % 2 == 0 && String($0).hasPrefix("1") }
    for tail in [nil, 1000] {
      let found = try LogQuery(sources: sources, filter: filter, tail: tail).records()
      #expect(found.map(\.text) == expected.map { "line \($0)" })
    }
  }

  @Test func stopsWhenToldAndStandsMissingLogs() throws {
    let scratch = try Scratch()
    var sources = try fill(scratch.path)
    sources.append(LogSource(path: "\(scratch.path)/none.log", name: "none"))
    var found = 0
    try LogQuery(sources: sources).run { _ in
      found += 1
      return found < 5
    }
    #expect(found == 5)
    #expect(try LogQuery(sources: sources, tail: 3).records().count == 3)
    #expect(try LogQuery(sources: []).records().isEmpty)
  }

  /// What programs of supervisord's have written has no times, and is not looked into.
  @Test func bareLinesAreShownAsTheyAre() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/a.log"
    let lines = ["one", "\(stamp) out two", #"{"time":"\#(stamp)","message":"three"}"#]
    try Files.replace(path, with: Array(lines.map { "\($0)\n" }.joined().utf8).span)
    let source = LogSource(path: path, name: "a", bareStream: .stderr)
    for tail in [nil, 3, 2] {
      let found = try LogQuery(sources: [source], tail: tail).records()
      #expect(found.map(\.text) == lines.suffix(tail ?? 3))
      #expect(found.allSatisfy { !$0.hasTime && $0.stream == .stderr && $0.timeNanoseconds > 0 })
    }
  }

  /// Lines longer than the blocks that are read, forwards and backwards.
  @Test func longLinesAreRead() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/a.log"
    let messages = (0..<20).map { String(repeating: "\($0)", count: $0 * 6000) }
    let text = messages.map { "\(stamp) out \($0)\n" }.joined() + "torn"
    try Files.replace(path, with: Array(text.utf8).span)
    for tail in [nil, 20] {
      let found = try LogQuery(sources: [LogSource(path: path, name: "a")], tail: tail).records()
      #expect(found.map(\.text) == messages)
    }
  }
}

@Suite struct LogFollowerTests {
  /// Small files, so that nearly every turn rotates; the follower looks only now and then, at times
  /// several rotations later.
  @Test(arguments: [1, 2, 3, 5, 8]) func everyLineOnceThroughRotations(pace: Int) throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    let output = try harness.open(
      LogFileSettings(path: path, maximumBytes: 150, maximumFiles: 10))
    try harness.write("before\n", to: output)
    let follower = try LogFollower(
      LogQuery(sources: [LogSource(path: path, name: "a")], tail: 1))
    var found = try follower.texts()
    for index in 0..<200 {
      try harness.write("\(index)\n", to: output)
      if index % pace == 0 { found += try follower.texts() }
    }
    found += try follower.texts()
    #expect(found == ["before"] + (0..<200).map(String.init))
    #expect(try follower.texts().isEmpty)
    #expect(try !follower.wait(timeoutMilliseconds: 0))
  }

  /// A logger on another thread that rotates all the time, and a follower that races with it.
  @Test func everyLineOnceBesideARunningLogger() throws {
    let scratch = try Scratch()
    let path = "\(scratch.path)/a.log"
    let count = 10_000
    let follower = try LogFollower(LogQuery(sources: [LogSource(path: path, name: "a")], tail: 0))
    let thread = Thread {
      do {
        let loop = try LoggerLoop(link: nil)
        let ends = try SupervSystem.Pipe.make(nonblocking: true).split { (reader, writer) in
          [reader.release(), writer.release()]
        }
        let file = LogFileSettings(path: path, maximumBytes: 4000, maximumFiles: 1000)
        loop.open(
          LogStream(id: 1, kind: .stdout, origin: LogOrigin(name: "a", agent: "a"), file: file),
          pipe: Descriptor(owning: ends[0]))
        let output = Descriptor(owning: ends[1])
        for index in 0..<count {
          try output.writeAll("\(index)\n")
          if index % 50 == 0 { _ = try loop.runOnce(timeoutMilliseconds: 0) }
        }
        _ = consume output
        try loop.run()
      } catch {
        Issue.record(error)
      }
    }
    thread.start()
    var expected = 0
    while expected < count {
      while let record = try follower.next() {
        try #require(record.text == "\(expected)")
        expected += 1
      }
      guard expected < count else { break }
      let hasMore = try follower.wait(timeoutMilliseconds: 60_000)
      try #require(hasMore, "nothing after \(expected)")
    }
  }

  @Test func beginsWithTheTailOrWithAll() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    let output = try harness.open(LogFileSettings(path: path, maximumBytes: 100, maximumFiles: 10))
    for index in 0..<10 { try harness.write("\(index)\n", to: output) }
    let sources = [LogSource(path: path, name: "a")]
    for (tail, expected) in [(0, 10..<10), (3, 7..<10), (nil, 0..<10)] as [(Int?, Range<Int>)] {
      let follower = try LogFollower(LogQuery(sources: sources, tail: tail))
      #expect(try follower.texts() == expected.map(String.init))
    }
  }

  @Test func waitsForALogThatDoesNotExistYet() throws {
    let scratch = try Scratch()
    let sources = ["a", "b"].map { LogSource(path: "\(scratch.path)/\($0).log", name: $0) }
    let follower = try LogFollower(LogQuery(sources: sources, tail: 10))
    #expect(try follower.texts().isEmpty)
    let harness = try Harness(scratch.path)
    for index in [1, 0] {
      let output = try harness.open(LogFileSettings(path: sources[index].path))
      try harness.write("\(index)\n", to: output)
      #expect(try follower.wait(timeoutMilliseconds: 0))
      #expect(try follower.texts() == ["\(index)"])
    }
  }

  @Test func goesOnAfterTruncation() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    let output = try harness.open(LogFileSettings(path: path))
    let follower = try LogFollower(LogQuery(sources: [LogSource(path: path, name: "a")]))
    try harness.write("one\ntwo\n", to: output)
    #expect(try follower.texts() == ["one", "two"])
    try Files.open(path, [.writeOnly]).truncate(toBytes: 0)
    try harness.write("three\n", to: output)
    #expect(try follower.texts() == ["three"])
  }

  @Test func withoutRotatedFilesNothingIsLostEither() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    let output = try harness.open(LogFileSettings(path: path, maximumBytes: 100, maximumFiles: 0))
    try harness.write("x\n", to: output)
    let follower = try LogFollower(LogQuery(sources: [LogSource(path: path, name: "a")], tail: 0))
    var found: [String] = []
    for index in 0..<50 {
      try harness.write("\(index)\n", to: output)
      found += try follower.texts()
    }
    #expect(found == (0..<50).map(String.init))
  }
}
