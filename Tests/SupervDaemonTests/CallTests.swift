import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

/// Calls and casts that go well.
@Suite struct CallTests {
  static let family = """
    [supervisor:family]
    children = planner, writer, reader
    [agent:planner]
    command = planner
    [agent:writer]
    command = writer
    [agent:reader]
    command = reader
    [agent:vault]
    command = vault
    """

  @Test func callIsHandedOverAndItsResultComesBack() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let id = planner.call("writer", "draft", timeout: 5000, params: #"{"topic": "owls"}"#)
    let handle = try writer.takeHandle()
    #expect(handle.member("from") == #""planner""#)
    #expect(handle.member("method") == #""draft""#)
    #expect(handle.member("params") == #"{"topic": "owls"}"#)
    #expect(handle.member("deadline_ms") == "5000")
    #expect(handle.member("task") == nil)
    #expect(handle.trace.count == 55)
    #expect(planner.answers.isEmpty)
    writer.answer(handle, #"{"text": 1e0}"#)
    #expect(planner.answers == [id: [.result(#"{"text": 1e0}"#)]])
    // A second answer is one too many.
    writer.answer(handle)
    #expect(planner.answers[id]?.count == 1)
    #expect(world.kernel.alarm == nil || world.daemon.end == nil)
  }

  @Test func whatIsPassedOnComesByteForByte() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let odd = #"{ "a\u0041" : [ 1e-7 ,null, "é\n" ] , "a\u0041":2}"#
    planner.send(
      #"{"id": "x\u0041","params":{"x":{"to":"]"},"timeout_ms":9,"params": \#(odd) ,"task":"t\"1","#
        + #""method":"m\u0041","to":"writer"},"jsonrpc":"2.0","method":"call"}"# + "\n")
    let handle = try writer.takeHandle()
    #expect(handle.member("params") == odd)
    #expect(handle.member("method") == #""m\u0041""#)
    #expect(handle.member("task") == #""t\"1""#)
    let error = #"{"code":-1 ,"message":"it is \u0041 secret","data":[1]}"#
    var sent: [UInt8] = []
    world.kernel.onSend = { _, bytes in sent = bytes }
    writer.send(#"{"jsonrpc":"2.0","error":\#(error),"id":\#(handle.id ?? "")}"# + "\n")
    #expect(
      String(decoding: sent, as: UTF8.self)
        == #"{"jsonrpc":"2.0","id":"x\u0041","error":\#(error)}"# + "\n")
  }

  @Test func deadlineIsKeptByTheClock() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let id = planner.call("writer", timeout: 300)
    let handle = try writer.takeHandle()
    world.advance(.milliseconds(299))
    #expect(planner.answers.isEmpty)
    world.advance(.milliseconds(1))
    #expect(planner.failure(of: id)?.kind == .timeout)
    #expect(planner.failure(of: id)?.message == "writer did not answer within 300 ms")
    let cancel = try #require(writer.take().first)
    #expect(cancel.method == "cancel" && cancel.member("id") == handle.id)
    writer.answer(handle)
    #expect(planner.answers[id]?.count == 1)
  }

  @Test func castIsHandedOverWithoutIDAndDeadline() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let id = planner.request("cast", #"{"to":"writer","method":"note","params":["owls"]}"#)
    #expect(planner.result(of: id) == "{}")
    let handle = try writer.takeHandle()
    #expect(handle.id == nil && handle.member("deadline_ms") == nil)
    #expect(handle.member("params") == #"["owls"]"#)
    planner.send(
      #"{"jsonrpc":"2.0","method":"cast","params":{"to":"writer","method":"note"}}"# + "\n")
    #expect(try writer.takeHandle().member("params") == nil)
    #expect(planner.answers.count == 1)
  }

  @Test func messagesOfOneConnectionKeepTheirOrder() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let lines = (0..<100).map { number in
      let params = AgentClient.params("writer", timeout: 1000, params: "\(number)")
      return planner.line(number % 3 == 0 ? "cast" : "call", params).text
    }
    planner.send(lines.joined())
    #expect(writer.take().compactMap { $0.member("params") } == (0..<100).map(String.init))
  }

  /// In an answer `params` is a member that is not known, whatever it holds.
  @Test(
    arguments: [
      "[1]", "7", "null", #"{"to":"reader","method":"a"}"#, #"{"to":1,"to":2,"t\u006f":3}"#,
    ],
    [true, false])
  func paramsBesideAResultAreIgnored(_ params: String, comeFirst: Bool) throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let id = planner.call("writer")
    let handle = try writer.takeHandle()
    let known = writer.answers
    let members = [#""params":\#(params)"#, #""result":{"text": 1e0}"#]
    let body = (comeFirst ? members : members.reversed()).joined(separator: ",")
    writer.send(#"{"jsonrpc":"2.0","id":\#(handle.id ?? ""),\#(body)}"# + "\n")
    #expect(planner.answers == [id: [.result(#"{"text": 1e0}"#)]])
    #expect(writer.take().isEmpty && writer.answers == known && writer.faults.isEmpty)
  }

  @Test func callWithoutIDIsIgnored() throws {
    let world = try World(Self.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    planner.send(
      #"{"jsonrpc":"2.0","method":"call","params":{"to":"writer","method":"a","timeout_ms":1}}"#
        + "\n")
    #expect(writer.take().isEmpty && planner.answers.isEmpty && planner.faults.isEmpty)
  }
}
