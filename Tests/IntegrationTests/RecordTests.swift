import SupervSystem
import Testing

/// What agents say for their log: among their lines, whatever becomes of the logger.
@Suite(.aside) struct RecordTests {
  private static let program = """
    import json, os, socket, sys, time

    end = socket.socket(socket.AF_UNIX)
    end.connect(os.environ["SUPERV_SOCKET"])
    answers = end.makefile()

    def log(message, **more):
        params = {"level": "info", "message": message, **more}
        request = {"jsonrpc": "2.0", "id": 1, "method": "log", "params": params}
        end.sendall((json.dumps(request) + "\\n").encode())
        return json.loads(answers.readline())

    """

  private func withSpeaker(
    _ program: String, keys: String = "", _ body: (Superv) throws -> Void
  ) throws {
    try withSuperv("[agent:a]\ncommand = python3 a.py\n\(keys)\n") { superv in
      try superv.write("a.py", Self.program + program)
      try superv.start()
      try body(superv)
    }
  }

  @Test(arguments: ["text", "json"]) func recordsStandAmongLines(format: String) throws {
    let program = """
      print("before", flush=True)
      log("fetched\\nit", task="t-17", fields={"url": "x", "n": 12})
      print("after", flush=True)
      time.sleep(1000)

      """
    try withSpeaker(program, keys: "log_format = \(format)") { superv in
      try eventually("it is all written") {
        let text = superv.read("state/logs/a.log")
        return ["before", "fetched", "after"].allSatisfy { text.contains($0) }
      }
      let shown = try superv("logs", "a", "--stream", "log", "--no-color").output
      #expect(shown.contains(#" log info fetched"#) && shown.contains("task=t-17 {"), "\(shown)")
      let json = try superv("logs", "a", "--stream", "log", "--json").output
      #expect(json.contains(#""level":"info""#) && json.contains(#""stream":"log""#))
      let fields = format == "json" ? #""fields":{"n":12,"url":"x"}"# : #""fields":null"#
      #expect(json.contains(fields), "\(json)")
    }
  }

  @Test func lastWordsAreWritten() throws {
    let program = """
      log("about to fall")
      os._exit(3)

      """
    try withSpeaker(program, keys: "restart = temporary") { superv in
      try superv.waitForEvent("the end") { $0.event == "agent.exited" }
      try eventually("its last words are written") {
        superv.read("state/logs/a.log").contains("log info about to fall")
      }
    }
  }

  /// A logger that stands still costs nobody else anything, and what is missing is counted.
  @Test func aFloodWhileTheLoggerStandsStill() throws {
    let program = """
      while not os.path.exists("go"):
          time.sleep(0.01)
      answered = 0
      for number in range(1000):
          answered += "result" in log(f"{number:04} " + "x" * 1000)
      open("answered", "w").write(str(answered))
      while not os.path.exists("thawed"):
          time.sleep(0.01)
      log("the last")
      time.sleep(1000)

      """
    try withSpeaker(program) { superv in
      let logger = try superv.logger()
      try superv.send(.stop, to: logger)
      try superv.write("go", "")
      try eventually("every record has its answer") { superv.read("answered") == "1000" }
      try superv.send(.resume, to: logger)
      // A mark stands where the queue was full: behind it there is room.
      try eventually("what is missing is told") {
        superv.read("state/logs/a.log").contains(" -- superv: ")
      }
      try superv.write("thawed", "")
      try eventually("the last is written") {
        superv.read("state/logs/a.log").contains("the last\n")
      }
      let lines = superv.read("state/logs/a.log").split(separator: "\n")
      let marks = lines.filter { $0.contains(" -- superv: ") }
      let lost = marks.compactMap { line in
        line.split(separator: " ").drop { $0 != "superv:" }.dropFirst().first.flatMap { Int($0) }
      }
      let written = lines.filter { $0.contains(" log info ") }.count
      #expect(!marks.isEmpty && written + lost.reduce(0, +) == 1001, "\(written) \(lost)")
    }
  }

  /// What the logger had taken and not written is the loss; the pipe is kept for the next one.
  @Test func theNextLoggerGoesOn() throws {
    let program = """
      log("one")
      while not os.path.exists("go"):
          time.sleep(0.01)
      log("two")
      time.sleep(1000)

      """
    try withSpeaker(program) { superv in
      try eventually("the first is written") { superv.read("state/logs/a.log").contains("one") }
      try superv.send(.kill, to: try superv.logger())
      try superv.write("go", "")
      try eventually("the second is written") { superv.read("state/logs/a.log").contains("two") }
    }
  }
}
