import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// `monitor`, `demonitor`, `down`, and calls of operators.
@Suite struct CallMonitorTests {
  private func downs(_ client: AgentClient) -> [String] {
    client.take().filter { $0.method == "down" }.map { heard in
      ["monitor", "agent", "incarnation", "reason"].compactMap { heard.member($0) }
        .joined(separator: " ")
    }
  }

  @Test func firesOnceWhenTheProcessEnds() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    let id = planner.request("monitor", #"{"agent":"writer"}"#)
    #expect(planner.result(of: id) == #"{"monitor":1}"#)
    #expect(downs(planner).isEmpty)
    world.end("writer", .exited(code: 3))
    #expect(downs(planner) == [#"1 "writer" 1 "exit code 3 (abnormal)""#])
    world.end("writer")
    #expect(downs(planner).isEmpty)
  }

  @Test func firesAtOnceWithoutAProcess() throws {
    let world = try World(
      CallTests.family + "\n[agent:idle]\ncommand = idle\nautostart = no",
      change: { $0.calls.acceptsAll = true })
    let planner = try world.connect(agent: "planner")
    planner.request("monitor", #"{"agent":"idle"}"#)
    #expect(downs(planner) == [#"1 "idle" 0 "it has no process: autostart is off""#])
  }

  @Test func watchesAllInstancesOnceEach() throws {
    let world = try World(
      "[supervisor:s]\nchildren = a, b\n[agent:a]\ncommand = a\n[agent:b]\ncommand = b\n"
        + "numprocs = 2")
    let a = try world.connect(agent: "a")
    a.request("monitor", #"{"agent":"b"}"#)
    world.end("b:1")
    world.end("b:1")
    #expect(downs(a).count == 1)
    world.end("b:0")
    #expect(downs(a).count == 1)
  }

  @Test func endsWithDemonitorAndWithItsConnection() throws {
    let world = try World(CallTests.family)
    let (planner, reader) = (
      try world.connect(agent: "planner"), try world.connect(agent: "reader")
    )
    planner.request("monitor", #"{"agent":"writer"}"#)
    planner.request("monitor", #"{"agent":"writer"}"#)
    // It is not reader's.
    reader.request("demonitor", #"{"monitor":2}"#)
    planner.request("demonitor", #"{"monitor":1}"#)
    reader.request("monitor", #"{"agent":"writer"}"#)
    reader.hangUp()
    world.end("writer")
    #expect(downs(planner).map { $0.prefix(1) } == ["2"])
    #expect(downs(reader).isEmpty)
  }

  @Test func connectionHasItsLimit() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    for _ in 0..<256 {
      #expect(planner.result(of: planner.request("monitor", #"{"agent":"writer"}"#)) != nil)
    }
    let id = planner.request("monitor", #"{"agent":"writer"}"#)
    #expect(planner.failure(of: id)?.kind == .overloaded)
    planner.request("demonitor", #"{"monitor":256}"#)
    #expect(planner.result(of: planner.request("monitor", #"{"agent":"writer"}"#)) != nil)
    world.end("writer")
    #expect(downs(planner).count == 256)
  }

  @Test func tableFollowsItsMonitors() {
    var table = MonitorTable()
    let (one, two) = (ConnectionID(.agent, number: 1), ConnectionID(.agent, number: 2))
    let (a, b) = (NodeID(index: 1), NodeID(index: 2))
    #expect(table.add([a, b], for: one) == 1)
    #expect(table.add([a], for: two) == 2)
    #expect(table.fire(a).map(\.number) == [1, 2])
    #expect(table.fire(a).isEmpty && table.count == 1)
    table.remove(1, of: two)
    #expect(table.count == 1)
    table.removeAll(of: one)
    #expect(table.count == 0 && table.fire(b).isEmpty)
  }

  // MARK: Operators

  @Test func operatorsMayCallAnybody() throws {
    let world = try World(CallTests.family)
    let vault = try world.serve("vault")
    let client = world.connect(process: 99)
    var sent = ""
    let id = client.request(
      "call", #"{"to":"vault","method":"open","params": {"a" : 1},"timeout_ms":100}"#)
    let handle = try vault.takeHandle()
    #expect(handle.member("from") == #""@operator""#)
    #expect(handle.member("params") == #"{"a" : 1}"#)
    let former = world.kernel.onSend
    world.kernel.onSend = { connection, bytes in
      sent = String(decoding: bytes, as: UTF8.self)
      former(connection, bytes)
    }
    vault.answer(handle, #"{"b" : 2}"#)
    #expect(sent == #"{"jsonrpc":"2.0","id":\#(id),"result":{"b" : 2}}"# + "\n")
    let late = client.request("call", #"{"to":"vault","method":"open","timeout_ms":100}"#)
    world.advance(.milliseconds(100))
    #expect(client.failure(of: late)?.kind == .timeout)
    let audit = try world.events().filter { $0.event == "control.call" }
    #expect(audit.map(\.agent) == ["vault", "vault"])
    // It leaves, and the callee need not go on.
    client.request("call", #"{"to":"vault","method":"open","timeout_ms":100000}"#)
    _ = vault.take()
    world.kernel.hangUp(client.id)
    world.settle()
    #expect(vault.take().map(\.method) == ["cancel"])
  }

  @Test func operatorsAreToldWhatIsWrong() throws {
    let world = try World(CallTests.family)
    let client = world.connect()
    #expect(
      client.failure(of: client.request("call", #"{"to":"vault","method":"m"}"#))?.message
        == "'timeout_ms' is missing")
    let id = client.request("call", #"{"to":"voult","method":"m","timeout_ms":1}"#)
    #expect(client.failure(of: id)?.kind == .noSuchAgent)
    let busy = client.request("call", #"{"to":"vault","method":"m","timeout_ms":1}"#)
    #expect(client.failure(of: busy)?.kind == .notReady)
  }
}
