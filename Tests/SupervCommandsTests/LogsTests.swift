import SupervCommands
import SupervProtocol
import SupervSystem
import Testing

/// `superv logs` over files as the logger writes them.
@Suite struct LogsTests {
  private let folder: TemporaryFolder
  private let daemon: ScriptedDaemon

  init() throws {
    folder = try TemporaryFolder()
    let first = try folder.write(
      "a.log",
      """
      2026-11-21T07:20:00.000001Z out one
      2026-11-21T07:20:02.000000Z err three \u{1B}[31m\tred

      """)
    let record =
      #"{"time":"2026-11-21T07:20:01.000000Z","agent":"b","instance":1,"incarnation":3,"pid":77,"#
      + #""stream":"stdout","message":"two é"}"#
    let second = try folder.write("b.1.log", record + "\n")
    let files = [
      LogsReport.File(agent: "a", path: first, format: .text),
      LogsReport.File(agent: "b:1", path: second, format: .json),
    ]
    let report = LogsReport(directory: folder.path, files: files, events: "/none")
    let steps = Array(repeating: [ScriptedDaemon.encoded(report)], count: 3)
    daemon = try ScriptedDaemon(in: folder, steps)
  }

  @Test("lines of several agents in the order of their time")
  func merged() {
    let result = run("logs", "--socket", daemon.socketPath)
    let expected = """
      2026-11-21 07:20:00.000 a   out one
      2026-11-21 07:20:01.000 b:1 out two é
      2026-11-21 07:20:02.000 a   err three  [31m\tred

      """
    #expect(result == Run(status: 0, output: expected, errors: ""))
    #expect(daemon.requests == ["logs {}"])
  }

  @Test("as JSON, in one shape whatever the file's format is")
  func json() {
    let result = run("logs", "a", "b", "--json", "-n2", "--socket", daemon.socketPath)
    let expected =
      #"{"agent":"b","dropped":null,"fields":null,"incarnation":3,"instance":1,"level":null,"#
      + #""message":"two é","partial":false,"pid":77,"stream":"stdout","task":null,"#
      + #""time":"2026-11-21T07:20:01.000000Z"}"# + "\n"
      + #"{"agent":"a","dropped":null,"fields":null,"incarnation":null,"instance":0,"level":null,"#
      + #""message":"three \u001b[31m\tred","partial":false,"pid":null,"stream":"stderr","#
      + #""task":null,"time":"2026-11-21T07:20:02.000000Z"}"# + "\n"
    #expect(result == Run(status: 0, output: expected, errors: ""))
    #expect(daemon.requests == [#"logs {"names":["a","b"]}"#])
  }

  @Test("filters by time, stream and text")
  func filters() {
    func lines(_ words: String...) -> Int {
      let all = words + ["--socket", daemon.socketPath]
      return run(words: ["logs"] + all).output.lines.count
    }
    #expect(lines("--since", "2026-11-21T07:20:01Z", "--until", "2026-11-21T08:20:01.5+01:00") == 1)
    #expect(lines("--stream", "err") == 1)
    #expect(lines("--grep", "t", "--stream", "out") == 1)
  }

  @Test("times and counts that are none")
  func mistakes() {
    #expect(run("logs", "--since", "yesterday").status == 2)
    #expect(run("logs", "--lines", "-1").status == 2)
  }

  @Test("following ends quietly when nobody reads any more")
  func closedPipe() {
    let result = run(
      words: ["logs", "-f", "--socket", daemon.socketPath], closesOutput: true)
    #expect(result == Run(status: 0, output: "", errors: ""))
  }
}
