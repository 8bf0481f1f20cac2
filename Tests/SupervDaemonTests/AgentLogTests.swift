import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// What agents say for their log, and what line comes of it.
@Suite struct AgentLogTests {
  /// What a request comes to: its line without the time, or why there is none.
  private func log(
    _ params: String, format: String = "text", _ change: (World) -> Void = { _ in }
  ) throws -> String {
    let world = try World("[agent:writer]\ncommand = w\nnumprocs = 2\nlog_format = \(format)")
    let client = try world.connect(agent: "writer:1")
    change(world)
    let id = client.request("log", params)
    if let error = client.failure(of: id) { return error.message }
    #expect(client.result(of: id) == "{}" && world.kernel.logLines.count == 1)
    let (place, line) = try #require(world.kernel.logLines.first)
    #expect(place.origin.name == "writer:1" && place.file.path.hasSuffix("/writer.1.log"))
    #expect(!line.contains("\n"))
    return line.replacing("2026-11-21T07:20:01.000000Z", with: "TIME")
  }

  @Test(arguments: [
    (#"{"level":"info","message":"fetched"}"#, "info fetched"),
    (
      #"{"level":"error","message":"no","fields":{"url":"a b","n":[1, {}]},"task":"t-17"}"#,
      #"error no task=t-17 {"url":"a b","n":[1, {}]}"#
    ),
    (#"{"level":"debug","message":"a\nb\u0000\u001b[1mc\"\\"}"#, #"debug a\nb\u0000\u001b[1mc"\"#),
    (#"{"level":"warning","message":"","task":"a\nb","fields":null}"#, #"warning  task=a\nb"#),
    (
      "{\"level\":\"info\",\"message\":\"x\",\"fields\":{\t\"a\" :\r\"b\\n\"}}",
      #"info x {"a" :"b\n"}"#
    ),
  ]) func asText(params: String, line: String) throws {
    #expect(try log(params) == "TIME log \(line)")
  }

  @Test(arguments: [
    (#"{"level":"info","message":"fetched"}"#, #""level":"info","message":"fetched""#),
    (
      #"{"message":"a\n\"b\"","level":"error","fields":{"x":{"y":"}"}},"task":"t\\1"}"#,
      #""level":"error","message":"a\n\"b\"","task":"t\\1","fields":{"x":{"y":"}"}}"#
    ),
  ]) func asJSON(params: String, members: String) throws {
    let line = try log(params, format: "json")
    let pid = try #require(line.split(separator: #""pid":"#).last?.prefix { $0.isNumber })
    #expect(
      line
        == #"{"time":"TIME","agent":"writer","instance":1,"incarnation":1,"pid":\#(pid),"#
        + #""stream":"log",\#(members)}"#)
  }

  @Test(arguments: [
    (#"{"level":"loud","message":"x"}"#, "'level' has an unknown value"),
    (#"{"level":"info"}"#, "'message' is missing"),
    (#"{"level":"info","message":"x","fields":[1]}"#, "'fields' is not an object"),
    (#"{"level":"info","message":"x","fields":"{}"}"#, "'fields' is not an object"),
    (
      #"{"level":"info","message":"x","task":"\#(String(repeating: "t", count: 129))"}"#,
      "'task' may have 128 bytes at most"
    ),
    (
      #"{"level":"info","message":"\#(String(repeating: "m", count: 65_536))"}"#,
      "a record may have 65536 bytes at most"
    ),
  ]) func whatDoesNotFit(params: String, message: String) throws {
    #expect(try log(params).hasPrefix(message))
  }

  @Test func withoutDescriptorsItIsRefused() throws {
    let answer = try log(#"{"level":"info","message":"x"}"#) { $0.kernel.logsAreOpen = false }
    #expect(answer.contains("no descriptors left"))
  }

  /// What it said just before it ended is read after its end is known.
  @Test func lastWordsCount() throws {
    let world = try World("[agent:a]\ncommand = a\nrestart = temporary")
    let client = try world.connect(agent: "a")
    let line = client.line("log", #"{"level":"error","message":"this is it"}"#)
    let process = try #require(world.kernel.process(of: "a"))
    world.kernel.arrivals.append(.ended(process.key, .exited(code: 1)))
    world.kernel.arrivals.append(.received(client.id, Array(line.text.utf8)))
    world.turn()
    let logged = try #require(world.kernel.logLines.first)
    #expect(logged.line.hasSuffix(" log error this is it"))
    #expect(logged.place.origin.processID == process.value.pid)
  }

  @Test(arguments: ["text", "json"]) func aMark(format: String) throws {
    let world = try World("[agent:a]\ncommand = a\nlog_format = \(format)")
    _ = try world.connect(agent: "a").request("log", #"{"level":"info","message":"x"}"#)
    let place = try #require(world.kernel.logLines.first).place
    let mark = place.mark(lostRecords: 3, lostBytes: 40, realTimeNanoseconds: 0)
    let text = "3 lines (40 bytes) dropped: more than the logger could take"
    #expect(
      String(decoding: mark, as: UTF8.self)
        == (format == "text"
          ? "1970-01-01T00:00:00.000000Z -- superv: \(text) --"
          : #"{"time":"1970-01-01T00:00:00.000000Z","agent":"a","instance":0,"incarnation":1,"#
            + #""pid":\#(place.origin.processID),"stream":"superv","dropped":3,"dropped_bytes":40,"#
            + #""message":"\#(text)"}"#))
  }
}
