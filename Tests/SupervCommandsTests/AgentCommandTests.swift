import SupervCommands
import SupervProtocol
import SupervSystem
import Testing

/// `call`, `notify` and `hold`, against a daemon whose answers are scripted.
@Suite struct AgentCommandTests {
  private let folder: TemporaryFolder
  static let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

  init() throws { folder = try TemporaryFolder() }

  private func daemon(_ steps: [ScriptedDaemon.Step]...) throws -> ScriptedDaemon {
    try ScriptedDaemon(in: folder, steps)
  }

  @Test("a call passes params and result on byte for byte")
  func call() throws {
    let result = #"{ "b":1.50, "a":[null,"ü\u0041"] }"#
    let daemon = try daemon([.result(result)], [.result("null")], [.result(result)])
    let params = #" {"z": 1e3, "a":"\/"} "#
    let socket = daemon.socketPath
    #expect(
      run("call", "writer", "draft", params, "--socket", socket)
        == Run(status: 0, output: result + "\n", errors: ""))
    #expect(run("call", "a\"b", "m", "--timeout", "1.5s", "--socket", socket).output == "null\n")
    let json = run("call", "w", "m", "--json", "--timeout", "24h", "--socket", socket)
    #expect(json.output == result + "\n")
    #expect(
      daemon.requests == [
        #"call {"to":"writer","method":"draft","params":\#(params),"timeout_ms":30000}"#,
        #"call {"to":"a\"b","method":"m","timeout_ms":1500}"#,
        #"call {"to":"w","method":"m","timeout_ms":86400000}"#,
      ])
  }

  @Test("params from standard input come on one line")
  func input() throws {
    let daemon = try daemon([.result("1")])
    let text = "{\n  \"a\": [1,\r\n2]\n}\n"
    let read = run(
      words: ["call", "w", "m", "-", "--socket", daemon.socketPath], input: text)
    #expect(read.status == 0)
    #expect(daemon.requests.first?.contains(#""params":{   "a": [1,  2] } ,"#) == true)
    let none = run(words: ["call", "w", "m", "-", "--socket", daemon.socketPath], input: "")
    #expect(none.status == 2)
    #expect(none.errors == "superv: standard input: the text ends too early (byte 1)\n")
  }

  @Test("within an agent the agent calls, unless a daemon is named")
  func callers() throws {
    let daemon = try daemon([.result("1")], [.result("2")], [.result("3")])
    let agent = ["SUPERV_SOCKET": daemon.socketPath, "TRACEPARENT": Self.trace]
    #expect(run("call", "w", "m", environment: agent).output == "1\n")
    #expect(daemon.requests.first?.hasSuffix(#","trace":"\#(Self.trace)"}"#) == true)
    let elsewhere = ["SUPERV_SOCKET": "/nonexistent", "SUPERV_CONTROL": daemon.socketPath]
    #expect(run("call", "w", "m", environment: elsewhere).output == "2\n")
    let named = run(
      "call", "w", "m", "--socket", daemon.socketPath, environment: ["SUPERV_SOCKET": "/none"])
    #expect(named.output == "3\n")
    #expect(run("call", "w", "m", environment: ["SUPERV_SOCKET": "/none"]).status == 3)
  }

  @Test("an error is told with its kind, and a callee's own with its code")
  func errors() throws {
    let own = #"{"code":-32001,"message":"no \u001b paper","data":"A4"}"#
    let other = #"{"code":7,"message":"x","data":{"kind":5}}"#
    let daemon = try daemon(
      [.error(RPCError(.notReady, "no instance of writer is ready"))],
      [.line(#"{"jsonrpc":"2.0","id":1,"error":\#(own)}"#)],
      [.line(#"{"jsonrpc":"2.0","id":1,"error":\#(other)}"#)],
      [.error(RPCError(.timeout, "writer did not answer within 50 ms"))],
      [.line(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32008,"message":"too long"}}"#)])
    func call(_ words: String...) -> Run {
      run(words: ["call", "writer", "draft", "--socket", daemon.socketPath] + words)
    }
    #expect(
      call()
        == Run(
          status: 1, output: "",
          errors: "superv: writer: not_ready: no instance of writer is ready\n"))
    // Byte for byte for programs, without control characters for people.
    #expect(
      call("--json")
        == Run(
          status: 1, output: #"{"error":\#(own)}"# + "\n",
          errors: "superv: writer: error -32001: no   paper\n"))
    #expect(call().errors == "superv: writer: error 7: x\n")
    #expect(call().status == 4)
    #expect(call().errors == "superv: writer: error -32008: too long\n")
  }

  @Test("a daemon that does not answer ends the waiting, a little after the timeout")
  func silence() throws {
    let daemon = try daemon([.silence])
    let late = run("call", "w", "m", "--timeout", "10ms", "--socket", daemon.socketPath)
    #expect(
      late
        == Run(
          status: 4, output: "",
          errors: "superv: no answer within 10ms; --timeout gives it longer\n"))
  }

  @Test(
    "what is no call ends with 2",
    arguments: [
      (["{"], "JSON: the text ends too early (byte 2)"),
      ([#"{"a":1,}"#], "JSON: expected a key in quotes (byte 8)"),
      (["nul"], "JSON: expected 'null' (byte 1)"),
      (["1 2"], "JSON: more text after the value (byte 3)"),
      (["\"a\nb\""], "JSON: a control character in a string (byte 3)"),
      (["--timeout", "0"], "--timeout: every call ends; write 1ms to 24h"),
      (["--timeout", "25h"], "--timeout: every call ends; write 1ms to 24h"),
    ])
  func usage(words: [String], message: String) {
    let result = run(words: ["call", "w", "m", "--socket", "/nonexistent"] + words)
    #expect(result == Run(status: 2, output: "", errors: "superv: \(message)\n"))
  }

  /// What the daemon takes, 128 levels, counts the message and its params.
  @Test("params are nested as deep as a message may be, and no deeper")
  func depth() throws {
    let daemon = try daemon([.result("1")])
    func call(_ depth: Int) -> Run {
      let params = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
      return run("call", "w", "m", params, "--socket", daemon.socketPath)
    }
    #expect(call(127).status == 2)
    #expect(call(126).status == 0)
  }

  @Test("notify says it over the agents' socket and waits until it is taken")
  func notify() throws {
    let daemon = try daemon(
      [.result("{}")], [.result("{}")], [.result("{}")], [.result("{}")], [.result("{}")],
      [.error(RPCError(.denied, "no agent's process"))])
    let agent = ["SUPERV_SOCKET": daemon.socketPath]
    func notify(_ words: String...) -> Run { run(words: ["notify"] + words, environment: agent) }
    #expect(notify("ready") == Run(status: 0, output: "", errors: ""))
    #expect(notify("not-ready").status == 0)
    #expect(notify("not-ready", "reloads").status == 0)
    #expect(notify("status", "40 of \"200\"").status == 0)
    #expect(notify("heartbeat", "41").status == 0)
    #expect(
      notify("heartbeat") == Run(status: 1, output: "", errors: "superv: no agent's process\n"))
    #expect(
      daemon.requests == [
        "ready {}", "not_ready {}", #"not_ready {"reason":"reloads"}"#,
        #"status {"text":"40 of \"200\""}"#, #"heartbeat {"progress":"41"}"#, "heartbeat {}",
      ])
  }

  @Test("notify outside of an agent, or without sense, ends with 2")
  func notifyUsage() {
    let outside =
      "superv: notify is for agents: it speaks over SUPERV_SOCKET, which superv sets for them\n"
    #expect(run("notify", "ready") == Run(status: 2, output: "", errors: outside))
    let agent = ["SUPERV_SOCKET": "/nonexistent/agents.sock"]
    #expect(run("notify", "ready", "--socket", "/x", environment: agent).errors == outside)
    #expect(run("notify", "ready", "x", environment: agent).errors.contains("takes no text"))
    #expect(run("notify", "status", environment: agent).errors.contains("TEXT is missing"))
    #expect(run("notify", "redy", environment: agent).status == 2)
    #expect(run("notify", "ready", environment: agent).status == 3)
  }

  @Test("hold is an action")
  func hold() throws {
    let report = ActionReport(results: [.init(name: "a", ok: true, phase: "running")])
    let daemon = try daemon([ScriptedDaemon.encoded(report)], [ScriptedDaemon.encoded(report)])
    #expect(run("hold", "a", "--socket", daemon.socketPath).status == 0)
    #expect(run("hold", "--off", "a", "b", "--socket", daemon.socketPath).status == 0)
    #expect(
      daemon.requests == [
        #"hold {"names":["a"],"on":true}"#, #"hold {"names":["a","b"],"on":false}"#,
      ])
  }
}
