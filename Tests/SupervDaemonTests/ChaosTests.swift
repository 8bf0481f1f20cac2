import SupervConfig
import SupervDaemon
import SupervProtocol
import Testing

/// What `superv chaos` may have the daemon do, and that it ends by itself.
@Suite struct ChaosTests {
  private static let family = "[superv]\nchaos = yes\n" + CallTests.family

  private func stage() throws -> (
    world: World, chaos: Client, planner: AgentClient, writer: AgentClient
  ) {
    let world = try World(Self.family)
    return (
      world, world.connect(), try world.connect(agent: "planner"), try world.serve("writer")
    )
  }

  private func disturb(
    _ chaos: Client, _ fault: String, _ agent: String? = "writer", amount: Int = 0
  ) -> RPCError? {
    let target = agent.map { #","agent":"\#($0)""# } ?? ""
    let id = chaos.request(
      "chaos.disturb", #"{"fault":"\#(fault)","for_ms":1000,"amount":\#(amount)\#(target)}"#)
    return chaos.failure(of: id)
  }

  private func facts(_ chaos: Client) throws -> ChaosFacts {
    try chaos.result(of: chaos.request("chaos.facts"))
  }

  @Test func nothingIsDoneToATreeThatHasNotAgreed() throws {
    let world = try World(CallTests.family)
    let chaos = world.connect()
    for method in ["chaos.facts", "chaos.calm"] {
      #expect(chaos.failure(of: chaos.request(method))?.kind == .denied)
    }
    #expect(disturb(chaos, "drop")?.kind == .denied)
  }

  @Test func nothingIsDoneToAnAgentThatHasNotAgreed() throws {
    let world = try World(Self.family, change: { $0.allowsChaos = false })
    let chaos = world.connect()
    #expect(disturb(chaos, "drop")?.kind == .denied)
    #expect(try facts(chaos).agents.allSatisfy { !$0.allowed })
    #expect(disturb(chaos, "drop", "nobody")?.kind == .noSuchAgent)
    #expect(disturb(chaos, "drop", nil)?.kind == .invalid)
  }

  @Test func droppedAnswersEndAsTimeouts() throws {
    let (world, chaos, planner, writer) = try stage()
    #expect(disturb(chaos, "drop") == nil)
    #expect(try facts(chaos).faults == ["drop writer"])
    let id = planner.call("writer", timeout: 500)
    writer.answer(try writer.takeHandle())
    #expect(planner.answers[id] == nil)
    world.advance(.milliseconds(500))
    #expect(planner.failure(of: id)?.kind == .timeout)
    world.advance(.milliseconds(500))
    #expect(try facts(chaos).faults.isEmpty)
    let next = planner.call("writer", timeout: 500)
    writer.answer(try writer.takeHandle())
    #expect(planner.result(of: next) == "{}")
    let calls = try facts(chaos).calls
    #expect(calls.begun == 2 && calls.ended == 2 && calls.inFlight == 0)
  }

  @Test func delayedAnswersComeLater() throws {
    let (world, chaos, planner, writer) = try stage()
    #expect(disturb(chaos, "delay", amount: 300) == nil)
    let id = planner.call("writer", timeout: 5000)
    writer.answer(try writer.takeHandle())
    world.advance(.milliseconds(299))
    #expect(planner.answers[id] == nil)
    world.advance(.milliseconds(1))
    #expect(planner.result(of: id) == "{}")
  }

  @Test func doubledAnswersAreOneToTheCaller() throws {
    let (world, chaos, planner, writer) = try stage()
    #expect(disturb(chaos, "duplicate") == nil)
    let id = planner.call("writer", timeout: 5000)
    writer.answer(try writer.takeHandle())
    world.advance(.milliseconds(10))
    #expect(planner.answers[id]?.count == 1)
  }

  @Test func calmLetsInWhatIsHeldBack() throws {
    let (_, chaos, planner, writer) = try stage()
    #expect(disturb(chaos, "delay", amount: 60_000) == nil)
    let id = planner.call("writer", timeout: 5000)
    writer.answer(try writer.takeHandle())
    chaos.request("chaos.calm")
    #expect(planner.result(of: id) == "{}")
    #expect(try facts(chaos).faults.isEmpty)
  }

  @Test func theClockIsOffForAWhile() throws {
    let (world, chaos, _, _) = try stage()
    func lastTime() throws -> String {
      let report: EventsReport = try chaos.result(of: chaos.request("events"))
      return report.events.last { $0.event == "chaos.disturbed" }?.time ?? ""
    }
    #expect(disturb(chaos, "drop") == nil)
    let before = try lastTime()
    #expect(disturb(chaos, "clock", nil, amount: 86_400_000) == nil)
    let off = try lastTime()
    #expect(off > before)
    world.advance(.seconds(1))
    #expect(disturb(chaos, "drop") == nil)
    #expect(try lastTime() < off)
  }
}
