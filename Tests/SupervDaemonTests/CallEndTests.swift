import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Each row of "what ends a call early", and every kind of refusal.
@Suite struct CallEndTests {
  private func stage(
    _ text: String = CallTests.family,
    change: @escaping @Sendable (inout AgentDefinition) -> Void = { _ in }
  ) throws -> (world: World, planner: AgentClient, writer: AgentClient) {
    let world = try World(text, change: change)
    return (world, try world.connect(agent: "planner"), try world.serve("writer"))
  }

  private func inFlight(_ world: World, _ name: String = "writer") throws -> Int {
    try world.agent(name).callsInFlight
  }

  @Test func calleeDies() throws {
    let (world, planner, _) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    #expect(try inFlight(world) == 1)
    world.end("writer", .signalled(9, coreDumped: false))
    #expect(planner.failure(of: id)?.kind == .agentDied)
    #expect(
      planner.failure(of: id)?.message == "writer has ended before it answered: SIGKILL")
    #expect(try inFlight(world) == 0)
    #expect(planner.failure(of: planner.call("writer"))?.kind == .notReady)
  }

  @Test func calleeLetsGoOfItsConnectionAndLives() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    writer.hangUp()
    #expect(planner.failure(of: planner.call("writer"))?.kind == .notReady)
    #expect(planner.failure(of: id) == nil)
    world.advance(.milliseconds(50))
    #expect(planner.failure(of: id)?.kind == .unavailable)
    // The same process comes back.
    let again = try world.serve("writer")
    let next = planner.call("writer")
    again.answer(try again.takeHandle())
    #expect(planner.result(of: next) == "{}")
  }

  @Test func connectionClosesJustBeforeItsProcessEnds() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    writer.hangUp()
    world.advance(.milliseconds(1))
    world.end("writer")
    #expect(planner.failure(of: id)?.kind == .agentDied)
    world.advance(.seconds(1))
    #expect(planner.answers[id]?.count == 1)
  }

  @Test func callerLeaves() throws {
    let (world, planner, writer) = try stage()
    planner.call("writer", timeout: 86_400_000)
    let handle = try writer.takeHandle()
    planner.hangUp()
    let cancel = try #require(writer.take().first)
    #expect(cancel.method == "cancel" && cancel.member("id") == handle.id)
    #expect(try inFlight(world) == 0)
    writer.answer(handle)
    #expect(writer.faults.isEmpty)
  }

  @Test func callerCancels() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    let handle = try writer.takeHandle()
    planner.send(#"{"jsonrpc":"2.0","method":"cancel","params":{"id":\#(id)}}"# + "\n")
    #expect(planner.failure(of: id)?.kind == .cancelled)
    #expect(writer.take().map(\.method) == ["cancel"])
    writer.answer(handle)
    #expect(planner.answers[id]?.count == 1)
    // As a request it says whether there was one.
    let again = planner.request("cancel", #"{"id":\#(id)}"#)
    #expect(planner.failure(of: again)?.kind == .invalid)
    let next = planner.call("writer")
    #expect(planner.result(of: planner.request("cancel", #"{"id":\#(next)}"#)) == "{}")
    #expect(planner.failure(of: next)?.kind == .cancelled)
    #expect(try inFlight(world) == 0)
    // Another connection cannot cancel it, whatever it calls it.
    let third = planner.call("writer")
    let other = try world.connect(agent: "reader")
    other.request("cancel", #"{"id":\#(third)}"#)
    #expect(planner.answers[third] == nil)
  }

  @Test func supervStops() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    let handle = try writer.takeHandle()
    world.kernel.stubborn = ["writer", "planner"]
    world.signal(.terminate)
    #expect(planner.failure(of: planner.call("writer"))?.kind == .unavailable)
    let second = planner.request("cast", #"{"to":"writer","method":"m"}"#)
    #expect(planner.failure(of: second)?.kind == .unavailable)
    // What was under way may still be answered.
    writer.answer(handle, "1")
    #expect(planner.result(of: id) == "1")
  }

  @Test func aCallUnderWayWhenSupervStopsIsUnavailable() throws {
    let (world, planner, _) = try stage()
    let id = planner.call("writer", timeout: 86_400_000)
    world.kernel.stubborn = ["planner"]
    world.signal(.terminate)
    // The writer does not heed the message, and is signalled once `drain` is over.
    world.advance(.seconds(5))
    #expect(planner.failure(of: id)?.kind == .unavailable)
  }

  @Test func aNewServingConnectionLeavesTheOldOneItsCalls() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer")
    let handle = try writer.takeHandle()
    let new = try world.serve("writer")
    new.answer(handle)
    #expect(planner.answers[id] == nil)
    writer.answer(handle, "1")
    #expect(planner.result(of: id) == "1")
    planner.call("writer")
    #expect(writer.take().isEmpty)
    #expect(new.take().count == 1)
  }

  @Test func stoppingOrNotReadyIsNotCalled() throws {
    let (world, planner, writer) = try stage()
    writer.request("not_ready", #"{"reason":"busy"}"#)
    let id = planner.call("writer")
    #expect(planner.failure(of: id)?.kind == .notReady)
    #expect(planner.failure(of: id)?.isRetryable == true)
    writer.request("ready")
    world.kernel.stubborn = ["writer"]
    let client = world.connect()
    client.request("down", #"{"names":["writer"]}"#)
    #expect(planner.failure(of: planner.call("writer"))?.kind == .notReady)
  }

  @Test func answersFromOthersAreDropped() throws {
    let (world, planner, writer) = try stage()
    let id = planner.call("writer")
    let handle = try writer.takeHandle()
    let (helper, reader) = (
      try world.connect(agent: "writer", process: 4000), try world.serve("reader")
    )
    helper.answer(handle)
    reader.answer(handle)
    planner.answer(handle)
    writer.send(#"{"jsonrpc":"2.0","id":"\#(id)","result":1}"# + "\n")
    writer.send(#"{"jsonrpc":"2.0","id":7,"result":1}"# + "\n")
    writer.send(#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":""}}"# + "\n")
    #expect(planner.answers[id] == nil)
    writer.answer(handle, "2")
    #expect(planner.answers[id] == [.result("2")])
  }
}
