import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Calls that are not made: rules, limits, chains, breakers.
@Suite struct CallRefusalTests {
  @Test func strangersNeedToBeNamed() throws {
    func kind(_ accept: @escaping @Sendable (inout CallSettings) -> Void) throws -> ErrorKind? {
      let world = try World(
        CallTests.family,
        change: { definition in
          if definition.agent == "vault" { accept(&definition.calls) }
        })
      let planner = try world.connect(agent: "planner")
      _ = try world.serve("vault")
      return planner.failure(of: planner.call("vault"))?.kind
    }
    #expect(try kind { _ in } == .denied)
    #expect(try kind { $0.acceptedNames = ["writer"] } == .denied)
    #expect(try kind { $0.acceptedNames = ["planner"] } == nil)
    #expect(try kind { $0.acceptedNames = ["writer", "family"] } == nil)
    #expect(try kind { $0.acceptsAll = true } == nil)
  }

  @Test func childrenOfTheRootAreNoSiblings() throws {
    let world = try World("[agent:a]\ncommand = a\n[agent:b]\ncommand = b\nnumprocs = 2")
    _ = try world.serve("b:0")
    let (a, other) = (try world.connect(agent: "a"), try world.connect(agent: "b:1"))
    #expect(a.failure(of: a.call("b"))?.kind == .denied)
    #expect(other.failure(of: other.call("b:0"))?.kind == .denied)
    #expect(a.failure(of: a.request("monitor", #"{"agent":"b"}"#))?.kind == .denied)
  }

  @Test func deniedCallsAreToldWithinBounds() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    for _ in 0..<25 { planner.call("vault") }
    let told = try world.events().filter { $0.event == "call.denied" }
    #expect(told.count == 10)
    #expect(told.first?.agent == "planner")
    #expect(told.first?.reason == "vault takes no calls from planner")
    world.advance(.seconds(60))
    planner.call("vault")
    let last = try #require(try world.events().last { $0.event == "call.denied" })
    #expect(last.reason?.hasSuffix("; 15 refusals before it are left out") == true)
  }

  @Test func unknownNamesHaveANearestOne() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    let error = planner.failure(of: planner.call("writter"))
    #expect(error?.kind == .noSuchAgent && error?.code == RPCError.invalidParametersCode)
    #expect(error?.message == "there is no agent 'writter'; did you mean 'writer'?")
    #expect(planner.failure(of: planner.call("family"))?.kind == .noSuchAgent)
  }

  @Test func queueOfTheCalleeHasItsLimit() throws {
    let world = try World(CallTests.family, change: { $0.calls.queueLength = 3 })
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    for _ in 0..<3 { #expect(planner.failure(of: planner.call("writer")) == nil) }
    #expect(planner.failure(of: planner.call("writer"))?.kind == .overloaded)
    // A cast is in nobody's hands.
    let cast = planner.request("cast", #"{"to":"writer","method":"m"}"#)
    #expect(planner.result(of: cast) == "{}")
    writer.answer(try #require(writer.take().first))
    #expect(planner.failure(of: planner.call("writer")) == nil)
  }

  @Test func connectionHasItsLimitOfWaitingCalls() throws {
    let world = try World(CallTests.family, change: { $0.calls.queueLength = 10_000 })
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    let lines = (0...1024).map { _ in
      planner.line("call", AgentClient.params("writer", timeout: 1000))
    }
    planner.send(lines.map(\.text).joined())
    #expect(planner.answers.count == 1)
    #expect(planner.failure(of: try #require(lines.last?.id))?.kind == .overloaded)
    let second = try world.connect(agent: "planner")
    #expect(second.failure(of: second.call("writer")) == nil)
    #expect(writer.take().count == 1025)
    world.advance(.seconds(1))
    #expect(planner.answers.count == 1025)
    #expect(try world.agent("writer").callsInFlight == 0)
  }

  @Test func calleeThatDoesNotReadIsOverloadedAndStays() throws {
    let world = try World(CallTests.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    world.kernel.full = [writer.id]
    #expect(planner.failure(of: planner.call("writer"))?.kind == .overloaded)
    let cast = planner.request("cast", #"{"to":"writer","method":"m"}"#)
    #expect(planner.failure(of: cast)?.kind == .overloaded)
    world.kernel.full = []
    #expect(planner.failure(of: planner.call("writer")) == nil)
    #expect(world.kernel.closed.isEmpty)
    #expect(try world.agent("writer").callsInFlight == 1)
  }

  @Test func callerThatDoesNotReadIsCutOffAndItsCallsEnd() throws {
    let world = try World(CallTests.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    for _ in 0..<5 { planner.call("writer") }
    let handles = writer.take()
    world.kernel.full = [planner.id]
    writer.answer(handles[2])
    #expect(world.kernel.closed == [planner.id])
    #expect(writer.take().map(\.method) == Array(repeating: "cancel", count: 4))
    #expect(try world.agent("writer").callsInFlight == 0)
  }

  // MARK: Chains

  @Test func nestedCallsGetWhatIsLeft() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    let (writer, reader) = (try world.serve("writer"), try world.serve("reader"))
    let outer = planner.call("writer", timeout: 1000)
    let handle = try writer.takeHandle()
    world.advance(.milliseconds(400))
    let nested = writer.call("reader", timeout: 5000, trace: handle.trace)
    let inner = try reader.takeHandle()
    #expect(inner.member("deadline_ms") == "600")
    // The same trace, with a span of its own.
    #expect(inner.trace.prefix(36) == handle.trace.prefix(36) && inner.trace != handle.trace)
    writer.call("reader", timeout: 500, trace: handle.trace)
    #expect(try reader.takeHandle().member("deadline_ms") == "500")
    // A trace that it was not given is passed on and names no chain.
    reader.call("writer", timeout: 5000, trace: handle.trace)
    #expect(writer.take().last?.member("deadline_ms") == "5000")
    world.advance(.milliseconds(600))
    #expect(planner.failure(of: outer)?.kind == .timeout)
    #expect(writer.failure(of: nested)?.message == "reader did not answer within 600 ms")
  }

  @Test func cyclesAreRefusedAtOnce() throws {
    let world = try World(CallTests.family)
    let (planner, writer, reader) = (
      try world.serve("planner"), try world.serve("writer"), try world.serve("reader")
    )
    #expect(planner.failure(of: planner.call("planner"))?.kind == .cycle)
    planner.call("writer")
    let first = try writer.takeHandle()
    writer.call("reader", trace: first.trace)
    let second = try reader.takeHandle()
    for name in ["planner", "writer", "reader"] {
      #expect(reader.failure(of: reader.call(name, trace: second.trace))?.kind == .cycle)
    }
    // Without the trace nobody can know.
    #expect(reader.failure(of: reader.call("planner")) == nil)
    // Nobody waits for a cast.
    let cast = #"{"to":"planner","method":"m","trace":"\#(second.trace)"}"#
    #expect(reader.result(of: reader.request("cast", cast)) == "{}")
    // Once the first call is over, its caller does not wait any more.
    writer.answer(first)
    #expect(reader.failure(of: reader.call("planner", trace: second.trace)) == nil)
  }

  @Test func chainsHaveALimit() throws {
    let count = 34
    let names = (0..<count).map { "a\($0)" }
    let world = try World(
      "[supervisor:s]\nchildren = \(names.joined(separator: ", "))\n"
        + names.map { "[agent:\($0)]\ncommand = \($0)\n" }.joined())
    let clients = try names.map { try world.serve($0) }
    var trace: String?
    for index in 0..<32 {
      #expect(
        clients[index].failure(of: clients[index].call(names[index + 1], trace: trace)) == nil)
      trace = try clients[index + 1].takeHandle().trace
    }
    let id = clients[32].call(names[33], trace: trace)
    #expect(clients[32].failure(of: id)?.kind == .cycle)
    #expect(clients[32].failure(of: id)?.message == "a chain may have 32 calls at most")
  }

  @Test func chainGoesAroundBusyInstances() throws {
    let world = try World(
      """
      [supervisor:s]
      children = a, b
      [agent:a]
      command = a
      [agent:b]
      command = b
      numprocs = 2
      """)
    let a = try world.serve("a")
    let b = [try world.serve("b:0"), try world.serve("b:1")]
    a.call("b")
    let first = try b[0].takeHandle()
    b[0].call("b", trace: first.trace)
    let second = try b[1].takeHandle()
    #expect(b[1].failure(of: b[1].call("b", trace: second.trace))?.kind == .cycle)
  }

  // MARK: The breaker

  @Test func breakerRefusesAndLetsInAgain() throws {
    let world = try World(CallTests.family)
    let (planner, writer) = (try world.connect(agent: "planner"), try world.serve("writer"))
    for _ in 0..<5 {
      let id = planner.call("writer", timeout: 10)
      world.advance(.milliseconds(10))
      #expect(planner.failure(of: id)?.kind == .timeout)
    }
    #expect(try world.agent("writer").breaker == "open")
    let refused = planner.failure(of: planner.call("writer"))
    #expect(refused?.kind == .circuitOpen && refused?.retryAfterMilliseconds == 30_000)
    // A cast does not ask.
    let cast = planner.request("cast", #"{"to":"writer","method":"m"}"#)
    #expect(planner.result(of: cast) == "{}")
    world.advance(.seconds(30))
    #expect(try world.agent("writer").breaker == "half_open")
    _ = writer.take()
    for _ in 0..<2 {
      planner.call("writer")
      #expect(planner.failure(of: planner.call("writer"))?.kind == .circuitOpen)
      writer.answer(try writer.takeHandle())
    }
    #expect(try world.agent("writer").breaker == "closed")
    let told = try world.story.filter { $0.hasPrefix("breaker") }
    #expect(told == ["breaker.opened writer", "breaker.half_open writer", "breaker.closed writer"])
  }

  @Test func breakerStaysThroughAReload() throws {
    let world = try World(CallTests.family)
    let planner = try world.connect(agent: "planner")
    let writer = try world.serve("writer")
    let first = planner.call("writer", timeout: 86_400_000)
    for _ in 0..<5 { planner.call("writer", timeout: 10) }
    let handle = try #require(writer.take().first)
    world.advance(.milliseconds(10))
    world.text.replace(CallTests.family + "\n[agent:more]\ncommand = more")
    world.signal(.hangUp)
    #expect(try world.agent("writer").breaker == "open")
    #expect(try world.agent("writer").callsInFlight == 1)
    writer.answer(handle)
    #expect(planner.result(of: first) == "{}")
    #expect(planner.failure(of: planner.call("more"))?.kind == .denied)
  }

  @Test func removedAgentEndsWhatItBegan() throws {
    let world = try World(CallTests.family)
    let (planner, writer) = (try world.serve("planner"), try world.serve("writer"))
    let id = planner.call("writer")
    let handle = try writer.takeHandle()
    world.kernel.stubborn = ["writer"]
    world.text.replace(
      CallTests.family.replacing("planner, writer, reader", with: "planner, reader")
        .replacing("[agent:writer]\ncommand = writer\n", with: ""))
    world.signal(.hangUp)
    #expect(planner.failure(of: planner.call("writer"))?.kind == .noSuchAgent)
    #expect(writer.failure(of: writer.call("planner"))?.kind == .denied)
    writer.answer(handle)
    #expect(planner.result(of: id) == "{}")
  }
}
