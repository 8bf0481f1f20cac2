import SupervSystem
import Testing

/// Whatever a callee does, its caller gets one answer, at its deadline or sooner.
@Suite(.aside) struct DeadlineTests {
  private static let tree = """
    [supervisor:newsroom]
    children = planner, writer, silent

    \(puppet("planner"))
    \(puppet("writer", keys: "breaker_failures = 0"))
    [agent:silent]
    command = sleep 1000
    startsecs = 0
    """

  /// Long enough that only a deadline ends the call.
  private static let timeoutMilliseconds = 300

  private func withNewsroom(_ body: (Superv, PuppetStage, Puppet, Puppet) throws -> Void) throws {
    try withSuperv(Self.tree) { superv in
      let stage = try PuppetStage(superv)
      try superv.start()
      let planner = try stage.next("planner")
      let writer = try stage.next("writer")
      try writer.serve()
      try body(superv, stage, planner, writer)
    }
  }

  /// The call ends with this kind of error, and not before its time where it is a timeout.
  private func expectEnd(
    of id: Int, _ kind: String?, for caller: Puppet, sentAt start: Int64,
    location: SourceLocation = #_sourceLocation
  ) throws {
    let answer = try caller.message()
    let tookMilliseconds = (Clock.monotonicNanoseconds - start) / 1_000_000
    #expect(answer.id == "\(id)", "\(answer)", sourceLocation: location)
    #expect(answer.kind == kind, "\(answer)", sourceLocation: location)
    if kind == "timeout" {
      #expect(tookMilliseconds >= Self.timeoutMilliseconds, sourceLocation: location)
      let late = tookMilliseconds - Int64(Self.timeoutMilliseconds)
      print("a timeout was told \(late) ms after its deadline")
    }
  }

  /// Nothing but the answer to this very question has come for the caller meanwhile.
  private func expectNothingElse(
    for caller: Puppet, location: SourceLocation = #_sourceLocation
  ) throws {
    let id = try caller.ask("heartbeat")
    let answer = try caller.message()
    #expect(answer.id == "\(id)", "\(answer)", sourceLocation: location)
  }

  private func call(_ caller: Puppet, _ to: String = "writer") throws -> (id: Int, start: Int64) {
    let start = Clock.monotonicNanoseconds
    return (try caller.call(to, timeoutMilliseconds: Self.timeoutMilliseconds), start)
  }

  @Test func aCalleeThatSleepsAndAnswersLate() throws {
    try withNewsroom { superv, _, planner, writer in
      let (id, start) = try call(planner)
      let handle = try writer.message()
      try expectEnd(of: id, "timeout", for: planner, sentAt: start)
      #expect(try writer.message().method == "cancel")
      try writer.answer(handle)
      try writer.request("heartbeat")
      try expectNothingElse(for: planner)
    }
  }

  @Test func aFrozenCallee() throws {
    try withNewsroom { superv, _, planner, writer in
      try superv.send(.stop, to: "writer")
      let (id, start) = try call(planner)
      try expectEnd(of: id, "timeout", for: planner, sentAt: start)
      try superv.send(.resume, to: "writer")
    }
  }

  @Test func aCalleeThatIsKilled() throws {
    try withNewsroom { superv, stage, planner, writer in
      let start = Clock.monotonicNanoseconds
      let id = try planner.call("writer", timeoutMilliseconds: 86_400_000)
      _ = try writer.message()
      try superv.send(.kill, to: "writer")
      try expectEnd(of: id, "agent_died", for: planner, sentAt: start)
      // And the next one serves.
      let next = try stage.next("writer")
      try next.serve()
      let again = try planner.call("writer", timeoutMilliseconds: 86_400_000)
      try next.answer(try next.message())
      try expectEnd(of: again, nil, for: planner, sentAt: start)
    }
  }

  @Test func aCalleeThatIsRestarted() throws {
    try withNewsroom { superv, _, planner, writer in
      let start = Clock.monotonicNanoseconds
      let id = try planner.call("writer", timeoutMilliseconds: 86_400_000)
      _ = try writer.message()
      let restart = try superv.launch(["restart", "writer"])
      try expectEnd(of: id, "agent_died", for: planner, sentAt: start)
      #expect(try restart.end().code == 0)
    }
  }

  @Test func aCalleeThatSaysGarbage() throws {
    try withNewsroom { superv, _, planner, writer in
      let (id, start) = try call(planner)
      let handle = try writer.message()
      try writer.say(#"{"jsonrpc":"2.0","id":\#(handle.rawID),"result":"#)
      #expect(try writer.message().error["code"] as? Int == -32700)
      try writer.say(#"{"jsonrpc":"2.0","id":"made up","result":1}"#)
      try expectEnd(of: id, "timeout", for: planner, sentAt: start)
      try expectNothingElse(for: planner)
    }
  }

  @Test func aCalleeThatAnswersTwice() throws {
    try withNewsroom { superv, _, planner, writer in
      let (id, start) = try call(planner)
      let handle = try writer.message()
      try writer.answer(handle, "1")
      try writer.answer(handle, "2")
      try expectEnd(of: id, nil, for: planner, sentAt: start)
      try writer.request("heartbeat")
      try expectNothingElse(for: planner)
    }
  }

  @Test func aCalleeThatHasNeverConnected() throws {
    try withNewsroom { superv, _, planner, _ in
      let (id, start) = try call(planner, "silent")
      try expectEnd(of: id, "not_ready", for: planner, sentAt: start)
    }
  }

  /// 10,000 calls to twenty instances, one of which never answers: every call ends exactly once.
  @Test func everyCallEndsExactlyOnce() throws {
    let instanceCount = 20
    let tree = """
      [supervisor:newsroom]
      children = planner, writer

      \(puppet("planner"))
      \(puppet("writer", keys: "numprocs = \(instanceCount)\nenvironment = INSTANCES=20"))
      """
    try withSuperv(tree) { superv in
      let stage = try PuppetStage(superv)
      try superv.start()
      let planner = try stage.next("planner")
      var writers: [Puppet] = []
      for instance in 0..<instanceCount {
        writers.append(try stage.next("writer:\(instance)"))
        try writers[instance].serve()
      }
      var load = Load(planner: planner, writers: writers)
      try load.run(callCount: 10_000)
      #expect(load.ends.count == 10_000)
      #expect(load.ends.values.allSatisfy { $0 == 1 })
      print("of 10,000 calls: \(load.kinds.sorted { $0.key < $1.key })")
      try expectNothingElse(for: planner)
    }
  }
}

/// Keeps a number of calls in flight; the first writer takes them and is silent.
private struct Load {
  let planner: Puppet
  let writers: [Puppet]
  /// How often each call has ended, by its id.
  var ends: [Int: Int] = [:]
  var kinds: [String: Int] = [:]
  private var sentCount = 0

  init(planner: Puppet, writers: [Puppet]) {
    self.planner = planner
    self.writers = writers
  }

  mutating func run(callCount: Int) throws {
    let deadline = Clock.monotonicNanoseconds + patienceSeconds * 1_000_000_000
    while ends.count < callCount, Clock.monotonicNanoseconds < deadline {
      while sentCount < callCount, sentCount - ends.count < 200 {
        let writer = writers[sentCount % writers.count]
        try planner.call(writer.name, timeoutMilliseconds: 250)
        sentCount += 1
      }
      for writer in writers.dropFirst() { try answerAll(writer) }
      while try planner.hasInput(withinMilliseconds: 1) { try takeEnd() }
    }
  }

  private func answerAll(_ writer: Puppet) throws {
    while try writer.hasInput(withinMilliseconds: 0) {
      let message = try writer.message()
      if message.method == "handle" { try writer.answer(message) }
    }
  }

  private mutating func takeEnd() throws {
    let answer = try planner.message()
    let id = try #require(answer.id.flatMap { Int($0) }, "\(answer)")
    ends[id, default: 0] += 1
    kinds[answer.kind ?? "result", default: 0] += 1
  }
}
