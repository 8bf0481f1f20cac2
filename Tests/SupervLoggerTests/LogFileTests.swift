import Glibc
import SupervLogger
import SupervSystem
import Testing

@Suite struct LogRotationTests {
  /// Lines of all lengths through small files: every line is there once and in order, and no file
  /// is larger than its limit.
  @Test(arguments: [LogFormat.text, .json]) func allBytesAreAccountedFor(format: LogFormat) throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let file = LogFileSettings(
      path: "\(scratch.path)/a.log", format: format, maximumBytes: 4096, maximumFiles: 1000)
    let lines = (0..<3000).map { "\($0):" + String(repeating: "x", count: $0 * 7 % 300) }
    do {
      let output = try harness.open(file)
      try harness.write(lines.joined(separator: "\n"), to: output)
    }
    try harness.finish()
    let names = try scratch.names()
    #expect(names.count > 50)
    for name in names {
      #expect(try Files.status(of: "\(scratch.path)/\(name)")?.size ?? 0 <= 4096)
    }
    var read: [String] = []
    try LogQuery(sources: [LogSource(path: file.path, name: "a")]).run {
      read.append(String(decoding: $0.message, as: UTF8.self))
      return true
    }
    #expect(read == lines)
  }

  @Test func aFileIsFilledToTheByte() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    do {
      // Two records of 34 bytes fit exactly.
      let output = try harness.open(
        LogFileSettings(path: "\(scratch.path)/a.log", maximumBytes: 68, maximumFiles: 2))
      try harness.write("1\n2\n3\n", to: output)
      #expect(try scratch.names() == ["a.log", "a.log.1"])
      #expect(try scratch.lines("a.log.1").map { $0.suffix(1) } == ["1", "2"])
      try harness.write("4\n5\n6\n7\n8\n9\n", to: output)
    }
    try harness.finish()
    #expect(try scratch.names() == ["a.log", "a.log.1", "a.log.2"])
    #expect(try scratch.lines("a.log.2").map { $0.suffix(1) } == ["5", "6"])
    #expect(try scratch.lines("a.log").map { $0.suffix(1) } == ["9"])
  }

  @Test func withoutRotatedFilesTheFullOneGoes() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    do {
      let output = try harness.open(
        LogFileSettings(path: "\(scratch.path)/a.log", maximumBytes: 68, maximumFiles: 0))
      try harness.write("1\n2\n3\n", to: output)
    }
    try harness.finish()
    #expect(try scratch.names() == ["a.log"])
    #expect(try scratch.lines("a.log").map { $0.suffix(1) } == ["3"])
  }

  @Test func rotatesOnRequestAndOpensAgainByName() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    let output = try harness.open(LogFileSettings(path: path, maximumBytes: 0))
    _ = try harness.link.send(.rotate(path: nil))
    try harness.write("1\n", to: output)
    for target: String? in [path, nil] {
      _ = try harness.link.send(.rotate(path: target))
      try harness.turn()
      try harness.write("2\n", to: output)
    }
    #expect(try scratch.names() == ["a.log", "a.log.1", "a.log.2"])
    // As logrotate does it: rename, then tell.
    try Files.rename(path, to: path + ".old")
    try harness.write("3\n", to: output)
    _ = try harness.link.send(.reopen)
    try harness.turn()
    try harness.write("4\n", to: output)
    #expect(try scratch.lines("a.log.old").map { $0.suffix(1) } == ["2", "3"])
    #expect(try scratch.lines("a.log").map { $0.suffix(1) } == ["4"])
  }

  @Test func theCapHoldsAcrossAgentsAndRestarts() throws {
    let scratch = try Scratch()
    for round in 0..<2 {
      let harness = try Harness(scratch.path, totalMaximumBytes: 20_000)
      let first = try harness.open(
        LogFileSettings(path: "\(scratch.path)/a.log", maximumBytes: 2000, maximumFiles: 100))
      let second = try harness.open(
        LogFileSettings(path: "\(scratch.path)/b.log", maximumBytes: 2000, maximumFiles: 100))
      for index in 0..<600 {
        harness.clock.advance(milliseconds: 1)
        let line = "\(round) \(index)\n"
        if index % 3 == 0 {
          try harness.write(line, to: first)
        } else {
          try harness.write(line, to: second)
        }
      }
      var total: Int64 = 0
      for name in try scratch.names() {
        total += try Files.status(of: "\(scratch.path)/\(name)")?.size ?? 0
      }
      #expect(total <= 20_000 && total > 16_000)
      #expect(try scratch.names().contains("a.log") && scratch.names().contains("b.log"))
    }
    // What is left is the newest of both, without a gap.
    var read: [String] = []
    try LogQuery(
      sources: ["a", "b"].map { LogSource(path: "\(scratch.path)/\($0).log", name: $0) }
    )
    .run {
      read.append(String(decoding: $0.message, as: UTF8.self))
      return true
    }
    #expect(read.last == "1 599")
  }

  /// The current files alone are over the cap: the one that grows is rotated early and deleted.
  @Test func theCapHoldsWithoutRotatedFiles() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, totalMaximumBytes: 10_000)
    let output = try harness.open(
      LogFileSettings(path: "\(scratch.path)/a.log", maximumBytes: 1 << 30))
    for index in 0..<1000 {
      try harness.write("\(index)\n", to: output)
      var total: Int64 = 0
      for name in try scratch.names() {
        total += try Files.status(of: "\(scratch.path)/\(name)")?.size ?? 0
      }
      #expect(total <= 10_000 + 40)
    }
    #expect(try scratch.lines("a.log").last?.hasSuffix("999") == true)
  }

  @Test func filesOfOthersAreNotDeleted() throws {
    let scratch = try Scratch()
    let foreign = ["notes.txt", "a.log.gz", "a.log.01"]
    for name in foreign {
      try Files.replace("\(scratch.path)/\(name)", with: [UInt8](repeating: 1, count: 5000).span)
    }
    let harness = try Harness(scratch.path, totalMaximumBytes: 2000)
    let output = try harness.open(
      LogFileSettings(path: "\(scratch.path)/a.log", maximumBytes: 500, maximumFiles: 100))
    for index in 0..<200 { try harness.write("\(index)\n", to: output) }
    #expect(try Set(foreign).isSubset(of: scratch.names()))
  }
}

@Suite struct FaultTests {
  /// A folder stands where the file should be.
  @Test(arguments: [LogFormat.text, .json]) func linesAreDroppedCountedAndMarked(
    format: LogFormat
  ) throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/a.log"
    try Files.makeDirectories(path)
    let output = try harness.open(LogFileSettings(path: path, format: format))
    try harness.write("1\n2\n", to: output)
    guard case .fault(path, EISDIR, let text, let since)? = harness.reports.first else {
      Issue.record("no fault: \(harness.reports)")
      return
    }
    #expect(text.contains("Is a directory") && since == harness.clock.realNanoseconds)
    try harness.write("3\n", to: output)
    // It grows: 250 ms, then 500 ms.
    for milliseconds: Int64 in [249, 1, 499] {
      harness.clock.advance(milliseconds: milliseconds)
      try harness.turn()
    }
    try Files.removeDirectory(path)
    try harness.turn()
    #expect(try scratch.names().isEmpty)
    harness.clock.advance(milliseconds: 1)
    try harness.turn()
    guard case .recovered(path, 3, let bytes)? = harness.reports.last else {
      Issue.record("not recovered: \(harness.reports)")
      return
    }
    try harness.write("4\n", to: output)
    let lines = try scratch.lines("a.log")
    let message = "3 lines (\(bytes) bytes) dropped: Is a directory"
    let later = stamp.replacing("00.123456", with: "00.873456")
    let mark =
      switch format {
      case .text, .bytes: "\(later) -- superv: \(message) --"
      case .json:
        #"{"time":"\#(later)","agent":"crawler","instance":0,"incarnation":3,"pid":4711,"#
          + #""stream":"superv","dropped":3,"dropped_bytes":\#(bytes),"message":"\#(message)"}"#
      }
    #expect(lines.count == 2)
    #expect(lines.first.map(String.init) == mark)
    #expect(harness.reports.count == 2)
  }

  @Test func theLastChanceIsTakenAtTheEnd() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    let path = "\(scratch.path)/events.ndjson"
    try Files.makeDirectories(path)
    do {
      let events = try harness.open(LogFileSettings(path: path), kind: .events)
      try harness.write("{}\n", to: events)
    }
    try harness.turn()
    try Files.removeDirectory(path)
    try harness.finish()
    #expect(
      try scratch.read("events.ndjson")
        == #"{"time":"\#(stamp)","event":"log.dropped","dropped":1,"dropped_bytes":3,"#
        + #""message":"1 lines (3 bytes) dropped: Is a directory"}"# + "\n")
    let closed = LoggerReport.closed(stream: 1, lines: 1, bytes: 3, droppedLines: 1)
    #expect(harness.reports.contains(closed))
  }

  @Test func aFolderThatIsRemovedIsMadeAgain() throws {
    let scratch = try Scratch()
    let harness = try Harness("\(scratch.path)/logs")
    let output = try harness.open(LogFileSettings(path: "\(scratch.path)/logs/a.log"))
    try harness.write("1\n", to: output)
    try Files.remove("\(scratch.path)/logs/a.log")
    try Files.removeDirectory("\(scratch.path)/logs")
    _ = try harness.link.send(.reopen)
    try harness.turn()
    try harness.write("2\n", to: output)
    #expect(try scratch.lines("logs/a.log").map { $0.suffix(1) } == ["2"])
  }

  @Test func whatIsNoRegularFileIsRefused() throws {
    let scratch = try Scratch()
    try Files.makeFIFO("\(scratch.path)/fifo.log")
    try Files.makeLink("\(scratch.path)/link.log", to: "/dev/null")
    let harness = try Harness(scratch.path)
    for name in ["fifo", "link"] {
      let output = try harness.open(LogFileSettings(path: "\(scratch.path)/\(name).log"))
      try harness.write("1\n", to: output)
    }
    #expect(harness.reports.count { if case .fault = $0 { true } else { false } } == 2)
  }

  /// A file system of 64 KiB: it fills up, agents go on, no line is torn, and when there is room
  /// again the log goes on with a mark.
  @Test func aFullDisk() throws {
    let scratch = try Scratch()
    let disk = "\(scratch.path)/disk"
    try Files.makeDirectories(disk)
    guard unsafe mount("tmpfs", disk, "tmpfs", 0, "size=64k") == 0 else {
      notTested("a full disk", because: "mounting a small one failed: \(errorText(errno))")
      return
    }
    defer { _ = unsafe umount2(disk, Int32(MNT_DETACH)) }
    let filler = "\(disk)/filler"
    try Files.replace(filler, with: [UInt8](repeating: 1, count: 30_000).span)
    let harness = try Harness(disk)
    let path = "\(disk)/a.log"
    let output = try harness.open(LogFileSettings(path: path))
    let lines = (0..<2000).map { "\($0) " + String(repeating: "x", count: $0 % 90) }
    try harness.write(lines.map { $0 + "\n" }.joined(), to: output)
    guard case .fault(path, ENOSPC, _, _)? = harness.reports.first else {
      Issue.record("no fault: \(harness.reports)")
      return
    }
    let kept = try Files.readText(path)
    #expect(kept.hasSuffix("\n"))
    let count = kept.split(separator: "\n").count
    #expect(kept.split(separator: "\n").map { String($0.dropFirst(32)) } == Array(lines[..<count]))

    try Files.remove(filler)
    harness.clock.advance(milliseconds: 30_000)
    try harness.turn()
    guard case .recovered(path, let dropped, _)? = harness.reports.last else {
      Issue.record("not recovered: \(harness.reports)")
      return
    }
    #expect(Int(dropped) + count == lines.count)
    try harness.write("again\n", to: output)
    let after = try Files.readText(path).split(separator: "\n").suffix(2)
    #expect(after.first?.contains("-- superv: \(dropped) lines (") == true)
    #expect(after.first?.hasSuffix("dropped: No space left on device --") == true)
    #expect(after.last?.hasSuffix(" out again") == true)
  }
}
