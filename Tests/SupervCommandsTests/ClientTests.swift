import SupervCommands
import SupervProtocol
import SupervSystem
import Testing

/// Commands against a daemon whose answers are scripted.
@Suite struct ClientTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func daemon(_ steps: [ScriptedDaemon.Step]...) throws -> ScriptedDaemon {
    try ScriptedDaemon(in: folder, steps)
  }

  @Test("status shows a table, and with --json the daemon's own bytes")
  func status() throws {
    let odd = #"{ "version":1,"daemon":{},"future":[1.0] }"#
    let daemon = try daemon([ScriptedDaemon.encoded(sampleStatus)], [.result(odd)])
    let table = run("status", "--socket", daemon.socketPath)
    #expect(table.status == 0 && table.errors.isEmpty)
    expectGolden("status.txt", table.output)
    let json = run("status", "--json", environment: ["SUPERV_CONTROL": daemon.socketPath])
    #expect(json == Run(status: 0, output: odd + "\n", errors: ""))
    #expect(daemon.requests.first == "status {}")
  }

  @Test("a narrow terminal with colors")
  func narrowStatus() throws {
    let daemon = try daemon(
      [ScriptedDaemon.encoded(sampleStatus)], [ScriptedDaemon.encoded(sampleStatus)])
    let style = Style(usesColor: true, width: 76)
    let table = run("status", "--socket", daemon.socketPath, style: style)
    expectGolden("status-narrow.txt", table.output)
    let plain = run("status", "--no-color", "--socket", daemon.socketPath, style: style)
    #expect(!plain.output.contains("\u{1B}"))
    #expect(plain.output.lines.dropLast().allSatisfy { $0.count <= 76 })
  }

  @Test("status of one, the tree, and why")
  func details() throws {
    let daemon = try daemon(
      [ScriptedDaemon.encoded(sampleStatus)], [ScriptedDaemon.encoded(sampleStatus)],
      [ScriptedDaemon.encoded(sampleWhy)], [ScriptedDaemon.encoded(try sampleLogs(in: folder))])
    expectGolden("status-details.txt", run("status", "x", "--socket", daemon.socketPath).output)
    expectGolden("tree.txt", run("tree", "--socket", daemon.socketPath).output)
    expectGolden("why.txt", run("why", "broken", "--socket", daemon.socketPath).output)
  }

  @Test("what keeps agents from being ready, and what they say")
  func healthOfAgents() throws {
    let daemon = try daemon(
      [ScriptedDaemon.encoded(sampleHealth)], [ScriptedDaemon.encoded(sampleHealth)])
    expectGolden("status-health.txt", run("status", "--socket", daemon.socketPath).output)
    let details = run("status", "x", "--socket", daemon.socketPath).output
    expectGolden("status-health-details.txt", details)
  }

  @Test("with --wait, an agent that is to run and does not is a no")
  func waiting() throws {
    var good = sampleStatus
    good.agents.removeAll { $0.phase == "failed" || $0.phase == "backoff" }
    let daemon = try daemon([ScriptedDaemon.encoded(sampleStatus)], [ScriptedDaemon.encoded(good)])
    #expect(run("status", "--wait", "ready", "--socket", daemon.socketPath).status == 1)
    #expect(run("status", "--wait", "up", "--json", "--socket", daemon.socketPath).status == 0)
    #expect(
      daemon.requests == [
        #"status {"wait":"ready"}"#, #"status {"wait":"up"}"#,
      ])
  }

  @Test("an error of the daemon is a no, with its words")
  func daemonError() throws {
    let error = RPCError(.noSuchAgent, "no agent 'crawlr'; did you mean 'crawler'?")
    let daemon = try daemon([.error(error)], [.error(error)], [.error(RPCError(.timeout, "late"))])
    let plain = run("why", "crawlr", "--socket", daemon.socketPath)
    #expect(
      plain
        == Run(
          status: 1, output: "", errors: "superv: no agent 'crawlr'; did you mean 'crawler'?\n"))
    let json = run("why", "crawlr", "--json", "--socket", daemon.socketPath)
    #expect(json.output.hasPrefix(#"{"error":{"code":-32602,"#))
    #expect(json.output.contains(#""message":"no agent 'crawlr'"#))
    #expect(json.status == 1 && json.output.contains(#""kind":"no_such_agent""#))
    #expect(run("up", "a", "--socket", daemon.socketPath).status == 4)
  }

  @Test("actions report each name, and one failure is a no")
  func actions() throws {
    let good = ActionReport(results: [.init(name: "a", ok: true, phase: "running")])
    let bad = ActionReport(
      results: good.results + [
        .init(name: "b", ok: false, phase: "failed", reason: "exec x: No such file")
      ])
    let daemon = try daemon(
      [ScriptedDaemon.encoded(good)], [ScriptedDaemon.encoded(bad)], [ScriptedDaemon.encoded(good)])
    #expect(run("up", "a", "--socket", daemon.socketPath).status == 0)
    let failed = run("restart", "a", "b", "--socket", daemon.socketPath)
    #expect(failed.status == 1)
    expectGolden("restart.txt", failed.output)
    #expect(run("signal", "sighup", "a", "--json", "--socket", daemon.socketPath).status == 0)
    #expect(
      daemon.requests == [
        #"up {"names":["a"]}"#, #"restart {"names":["a","b"]}"#,
        #"signal {"names":["a"],"signal":1}"#,
      ])
  }

  @Test("reload: planned, applied, refused")
  func reload() throws {
    let diagnostic = DiagnosticReport(
      severity: .error, file: "supervisor.conf", line: 3, column: 1, message: "unknown key",
      hint: "command")
    let daemon = try daemon(
      [
        ScriptedDaemon.encoded(
          ReloadReport(applied: false, start: ["new"], restart: ["a", "b"], unchanged: 7))
      ],
      [ScriptedDaemon.encoded(ReloadReport(applied: true, unchanged: 9))],
      [ScriptedDaemon.encoded(ReloadReport(applied: false, diagnostics: [diagnostic]))])
    let plan = run("reload", "--plan", "--socket", daemon.socketPath)
    #expect(plan.status == 0)
    #expect(plan.output == "start    new\nrestart  a, b\n3 changes planned, 7 unchanged\n")
    #expect(
      run("reload", "--socket", daemon.socketPath)
        == Run(status: 0, output: "0 changes applied, 9 unchanged\n", errors: ""))
    let refused = run("reload", "--socket", daemon.socketPath)
    #expect(refused.status == 1)
    #expect(
      refused.output
        == "supervisor.conf:3:1: error: unknown key\n  hint: command\n"
        + "refused: nothing was changed\n"
    )
  }

  @Test("health is its exit status")
  func health() throws {
    let agents = HealthReport.Agents(total: 2, ready: 1, failed: 1)
    let daemon = try daemon(
      [
        ScriptedDaemon.encoded(
          HealthReport(ready: true, state: .running, version: "1", agents: agents))
      ],
      [
        ScriptedDaemon.encoded(
          HealthReport(
            ready: false, state: .running, version: "1", agents: agents, reasons: ["b failed"]))
      ])
    #expect(run("health", "--socket", daemon.socketPath).status == 0)
    #expect(
      run("health", "--socket", daemon.socketPath)
        == Run(
          status: 1,
          output: "not ready: daemon running, 1 of 2 agents ready, 1 failed\n  b failed\n",
          errors: ""))
  }

  @Test("shutdown waits for the end of the connection")
  func shutdown() throws {
    let daemon = try daemon([
      .result(#"{"pid":2147483000}"#), .line(#"{"jsonrpc":"2.0","method":"x"}"#), .hangUp,
    ])
    #expect(
      run("shutdown", "--socket", daemon.socketPath)
        == Run(status: 0, output: "The daemon (pid 2147483000) has stopped.\n", errors: ""))
  }

  @Test("events as text, as the daemon's bytes, and followed until the daemon goes")
  func events() throws {
    let report = EventsReport(events: sampleEvents, nextSeq: 44, oldestSeq: 41)
    let next =
      #"{"jsonrpc":"2.0","method":"event","params":"#
      + #"{"seq":44,"time":"t","event":"daemon.stopping"}}"#
    let daemon = try daemon(
      [ScriptedDaemon.encoded(report)], [ScriptedDaemon.encoded(report), .line(next), .hangUp])
    expectGolden("events.txt", run("events", "--socket", daemon.socketPath).output)
    let followed = run(
      "events", "-f", "--json", "--since", "41", "crawler", "--socket", daemon.socketPath)
    #expect(followed.status == 3)
    let lines = followed.output.split(separator: "\n")
    #expect(lines.count == 5)
    #expect(
      lines[0]
        == #"{"event":"daemon.started","pid":4242,"seq":41,"time":"2026-11-21T07:20:00.123456Z"}"#)
    #expect(lines[3] == #"{"seq":44,"time":"t","event":"daemon.stopping"}"#)
    #expect(daemon.requests.last == #"events {"agent":"crawler","follow":true,"since":41}"#)
  }

  @Test("events that the daemon no longer holds come from the event log, oldest first")
  func olderEvents() throws {
    func line(_ seq: Int, _ agent: String) -> String {
      #"{"seq":\#(seq),"time":"t","event":"agent.ready","agent":"\#(agent)"}"#
    }
    _ = try folder.write("events.ndjson.2", "not an event\n\(line(1, "a"))\n\(line(2, "a"))\n")
    _ = try folder.write("events.ndjson.1", "\(line(3, "a"))\n\(line(4, "b"))\n")
    let path = try folder.write(
      "events.ndjson", "\(line(5, "a:0"))\n\(line(6, "a"))\n\(line(7, "a"))")
    let events = #"{"events":[\#(line(6, "a"))],"next_seq":7,"oldest_seq":6}"#
    let logs = LogsReport(directory: folder.path, files: [], events: path)
    let daemon = try daemon([.result(events)], [ScriptedDaemon.encoded(logs)])
    let result = run("events", "a", "--json", "--since", "1", "--socket", daemon.socketPath)
    #expect(result.errors.isEmpty)
    let expected = [line(2, "a"), line(3, "a"), line(5, "a:0"), line(6, "a")]
    #expect(result.output == expected.map { "\($0)\n" }.joined())
  }

  @Test("silence ends with 4, a broken connection and a dead socket with 3")
  func failures() throws {
    let daemon = try daemon([.silence], [.hangUp], [.line("hello")])
    let late = run("tree", "--timeout", "50ms", "--socket", daemon.socketPath)
    #expect(late.status == 4)
    #expect(late.errors == "superv: no answer within 50ms; --timeout gives it longer\n")
    #expect(run("tree", "--socket", daemon.socketPath).status == 3)
    let stranger = run("tree", "--socket", daemon.socketPath)
    #expect(stranger.status == 1)
    #expect(
      stranger.errors.hasPrefix("superv: what answers on the socket is no superv: not JSON")
    )
    let nobody = run("tree", "--socket", "\(folder.path)/nobody")
    #expect(nobody.status == 3)
    #expect(
      nobody.errors.hasSuffix("/nobody (No such file or directory); superv start FILE starts one\n")
    )
  }

  @Test("names for completion")
  func names() throws {
    let daemon = try daemon([ScriptedDaemon.encoded(sampleStatus)])
    let result = run("names", environment: ["SUPERV_CONTROL": daemon.socketPath])
    #expect(
      result.output.split(separator: "\n") == [
        "pipeline", "inner", "gateway", "researcher", "researcher:0", "researcher:1", "writer",
        "importer", "broken",
      ])
  }
}
