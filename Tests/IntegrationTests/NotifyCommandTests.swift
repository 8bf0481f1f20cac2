import SupervSystem
import Testing

/// Agents that are shell scripts: `superv notify` and `superv call` within them, and `superv call`
/// from outside.
@Suite(.aside) struct NotifyCommandTests {
  /// What every script begins with: `await FILE` waits until the test has written it.
  private static let prelude = """
    superv=$1
    await() { until [ -e "$1" ]; do sleep 0.01; done; }

    """

  private static func script(_ name: String, keys: String = "") -> String {
    "[agent:\(name)]\ncommand = sh \(name).sh %(bin)s/superv\nstartsecs = 0\n\(keys)\n"
  }

  @Test func aScriptSaysWhatItIs() throws {
    let configuration = Self.script("a").replacing("startsecs = 0", with: "ready = declared")
    try withSuperv(configuration) { superv in
      try superv.write(
        "a.sh",
        Self.prelude + """
          await warm
          "$superv" notify status "40 of 200" && "$superv" notify ready
          await busy
          "$superv" notify not-ready "reloads its index"
          await calm
          "$superv" notify heartbeat "page 41" && "$superv" notify ready
          "$superv" notify redy; echo $? > mistake
          exec sleep 1000
          """)
      try superv.start()
      #expect(try superv.status()[agent: "a"]?.ready == false)
      try superv.write("warm", "")
      try superv.wait(for: "it is ready") { $0[agent: "a"]?.ready == true }
      try superv.write("busy", "")
      let event = try superv.waitForEvent("it is not") { $0.event == "agent.not_ready" }
      #expect(event.reason == "it says that it is not ready: reloads its index")
      let details = try superv("status", "a").output
      #expect(details.contains("no: reloads its index") && details.contains("40 of 200"))
      try superv.write("calm", "")
      try superv.wait(for: "it is again") { $0[agent: "a"]?.ready == true }
      try eventually("its mistake is told") { superv.read("mistake") == "2\n" }
      #expect(try superv.status()[agent: "a"]?.incarnation == 1)
    }
  }

  @Test func aScriptCallsAsTheAgentThatItIs() throws {
    let tree = """
      [supervisor:newsroom]
      children = writer, planner
      \(puppet("writer"))
      \(Self.script("planner"))
      \(Self.script("stranger"))
      """
    let caller =
      Self.prelude + """
        name=$SUPERV_AGENT
        await go
        echo '{"topic": "owls",
        "n": 1.50}' | "$superv" call writer draft - > $name.out 2> $name.err
        echo $? > $name.code
        exec sleep 1000
        """
    try withSuperv(tree) { superv in
      let stage = try PuppetStage(superv)
      for name in ["planner", "stranger"] { try superv.write("\(name).sh", caller) }
      try superv.start()
      let writer = try stage.next("writer")
      try writer.serve()
      try superv.write("go", "")
      let request = try writer.message()
      #expect(request.params["from"] as? String == "planner")
      #expect(request.line.contains(#""params":{"topic": "owls", "n": 1.50}"#))
      try writer.answer(request, #"{"text":  "Owls\u0021"}"#)
      try eventually("the scripts have their answers") {
        ["planner", "stranger"].allSatisfy { superv.read("\($0).code") != "" }
      }
      #expect(superv.read("planner.code") == "0\n")
      #expect(superv.read("planner.out") == #"{"text":  "Owls\u0021"}"# + "\n")
      #expect(superv.read("planner.err") == "")
      #expect(superv.read("stranger.code") == "1\n")
      #expect(superv.read("stranger.out") == "")
      #expect(superv.read("stranger.err").hasPrefix("superv: writer: denied: "))
    }
  }

  @Test func anOperatorMayCallEverybody() throws {
    try withSuperv(puppet("writer") + sleepers("silent")) { superv in
      let stage = try PuppetStage(superv)
      try superv.start()
      let writer = try stage.next("writer")
      try writer.serve()

      let asked = try superv.launch(["call", "writer", "draft", "[1]"])
      let request = try writer.message()
      #expect(request.params["from"] as? String == "@operator")
      try writer.say(
        #"{"jsonrpc":"2.0","id":\#(request.rawID),"error":{"code":7,"message":"no paper"}}"#)
      let refusal = try asked.end()
      #expect(refusal.code == 1 && refusal.output == "")
      #expect(refusal.errors == "superv: writer: error 7: no paper\n")

      let late = try superv("call", "writer", "draft", "--timeout", "100ms", "--json")
      #expect(late.code == 4)
      #expect(late.errors.hasPrefix("superv: writer: timeout: "))
      #expect(late.output.contains(#""kind":"timeout""#))
      #expect(try superv("call", "silent", "m").errors.hasPrefix("superv: silent: not_ready: "))
      #expect(
        try superv("call", "writter", "m").errors.hasPrefix("superv: writter: no_such_agent: "))
      let outside = try superv("notify", "ready")
      #expect(outside.code == 2 && outside.errors.contains("notify is for agents"))
    }
  }
}
