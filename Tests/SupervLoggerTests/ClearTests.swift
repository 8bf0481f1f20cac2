import SupervLogger
import SupervSystem
import Testing

/// Logs begin anew when they are cleared.
@Suite struct ClearTests {
  private func clear(_ path: String, _ harness: Harness) throws {
    #expect(try harness.link.send(.clear(path: path)) == .sent)
    try harness.turn()
  }

  @Test(arguments: [LogFormat.text, .bytes])
  func anOpenLogGoesOnWithoutWhatItHad(format: LogFormat) throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path, totalMaximumBytes: 100_000)
    let path = "\(scratch.path)/a.log"
    do {
      let output = try harness.open(
        LogFileSettings(path: path, format: format, maximumBytes: 100, maximumFiles: 9))
      for _ in 0..<30 { try harness.write("0123456789\n", to: output) }
      #expect(try scratch.names().count > 2)
      try clear(path, harness)
      #expect(try scratch.names() == [])
      try harness.write("new\n", to: output)
      #expect(try scratch.names() == ["a.log"])
      #expect(try scratch.read("a.log").hasSuffix("new\n"))
      #expect(try scratch.lines("a.log").count == 1)
      // It rotates as before.
      for _ in 0..<30 { try harness.write("0123456789\n", to: output) }
      #expect(try scratch.names().contains("a.log.1"))
    }
    try harness.finish()
    #expect(harness.reports.count == 1, "only that the stream has ended")
  }

  @Test func aLogThatNobodyHasOpenGoes() throws {
    let scratch = try Scratch()
    try Files.makeDirectories("\(scratch.path)/logs")
    let harness = try Harness("\(scratch.path)/logs")
    for name in ["out", "logs/a.log", "logs/other"] {
      for suffix in ["", ".1", ".2", ".4", ".old"] {
        try Files.replace("\(scratch.path)/\(name)\(suffix)", with: [1].span)
      }
      try clear("\(scratch.path)/\(name)", harness)
    }
    try clear("\(scratch.path)/nothing", harness)
    // What lies behind a gap is perhaps not the log's.
    #expect(try scratch.names() == ["logs", "out.4", "out.old"])
    #expect(
      try Files.names(in: "\(scratch.path)/logs") == [
        "a.log.4", "a.log.old", "other.4", "other.old",
      ]
    )
    #expect(harness.reports == [])
    try harness.finish()
  }

  @Test func whatIsNoFileStays() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    try Files.makeFIFO("\(scratch.path)/fifo")
    try Files.makeDirectories("\(scratch.path)/folder")
    for path in ["/dev/null", "/dev/stdout", "\(scratch.path)/fifo", "\(scratch.path)/folder"] {
      try clear(path, harness)
    }
    #expect(try scratch.names() == ["fifo", "folder"])
    #expect(try Files.status(of: "/dev/null")?.kind == .characterDevice)
    #expect(harness.reports == [])
    try harness.finish()
  }

  @Test func whatCannotBeRemovedIsSaid() throws {
    let scratch = try Scratch()
    let harness = try Harness(scratch.path)
    // In the place of a rotated file.
    try Files.replace("\(scratch.path)/a", with: [1].span)
    try Files.makeDirectories("\(scratch.path)/a.1")
    try clear("\(scratch.path)/a", harness)
    guard case .fault("\(scratch.path)/a", _, _, _)? = harness.reports.first else {
      return #expect(Bool(false), "\(harness.reports)")
    }
    #expect(harness.reports.count == 1)
    try harness.finish()
  }
}
