import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

private func atMillisecond(_ milliseconds: Int64) -> MonotonicTime {
  MonotonicTime(nanoseconds: milliseconds * 1_000_000)
}

/// closed, open, half open.
@Suite struct CallBreakerTests {
  private func breaker(failures: Int = 3, successes: Int = 2) -> CircuitBreaker {
    var settings = BreakerSettings()
    settings.failures = failures
    settings.recovery = .seconds(30)
    settings.successes = successes
    return CircuitBreaker(settings)
  }

  /// One call that was let through, and its end.
  private func run(
    _ breaker: inout CircuitBreaker, _ verdict: CircuitBreaker.Verdict, at now: MonotonicTime
  ) -> [CircuitBreaker.Transition] {
    #expect(breaker.refusal(at: now) == nil)
    let (epoch, began) = breaker.begin(at: now)
    return [began, breaker.end(verdict, epoch: epoch, at: now)].compactMap { $0 }
  }

  @Test func opensAfterSoManyFailuresInARow() {
    var breaker = breaker()
    #expect(run(&breaker, .failure, at: atMillisecond(0)) == [])
    #expect(run(&breaker, .failure, at: atMillisecond(0)) == [])
    #expect(run(&breaker, .success, at: atMillisecond(0)) == [])
    #expect(run(&breaker, .failure, at: atMillisecond(0)) == [])
    #expect(run(&breaker, .failure, at: atMillisecond(0)) == [])
    // Nobody waited for it: it says nothing.
    #expect(run(&breaker, .none, at: atMillisecond(0)) == [])
    #expect(
      run(&breaker, .failure, at: atMillisecond(7)) == [
        .opened(failures: 3, recovery: .seconds(30))
      ])
    #expect(breaker.state(at: atMillisecond(7)) == .open)
    #expect(breaker.refusal(at: atMillisecond(8))?.retryAfter == .milliseconds(29_999))
    #expect(breaker.refusal(at: atMillisecond(30_006)) != nil)
    #expect(breaker.refusal(at: atMillisecond(30_007)) == nil)
    #expect(breaker.state(at: atMillisecond(30_007)) == .halfOpen)
  }

  @Test func oneAtATimeTriesItOut() {
    var breaker = breaker(failures: 1)
    _ = run(&breaker, .failure, at: atMillisecond(0))
    let (epoch, began) = breaker.begin(at: atMillisecond(30_000))
    #expect(began == .halfOpened)
    let refusal = breaker.refusal(at: atMillisecond(30_000))
    #expect(refusal != nil && refusal?.retryAfter == nil)
    #expect(breaker.end(.success, epoch: epoch, at: atMillisecond(30_001)) == nil)
    // One whose caller has left makes room and counts for nothing.
    #expect(run(&breaker, .none, at: atMillisecond(30_001)) == [])
    #expect(breaker.state(at: atMillisecond(30_001)) == .halfOpen)
    #expect(run(&breaker, .success, at: atMillisecond(30_002)) == [.closed(successes: 2)])
    #expect(breaker.state(at: atMillisecond(30_002)) == .closed)
  }

  @Test func aFailureOpensItAgain() {
    var breaker = breaker(failures: 1)
    _ = run(&breaker, .failure, at: atMillisecond(0))
    #expect(run(&breaker, .success, at: atMillisecond(30_000)) == [.halfOpened])
    #expect(
      run(&breaker, .failure, at: atMillisecond(30_000)) == [
        .opened(failures: 1, recovery: .seconds(30))
      ])
    #expect(breaker.refusal(at: atMillisecond(59_999)) != nil)
    #expect(breaker.refusal(at: atMillisecond(60_000)) == nil)
  }

  @Test func whatBeganBeforeSaysNothingAfter() {
    var breaker = breaker(failures: 1)
    let (old, _) = breaker.begin(at: atMillisecond(0))
    _ = run(&breaker, .failure, at: atMillisecond(0))
    #expect(breaker.end(.failure, epoch: old, at: atMillisecond(1)) == nil)
    let (trial, _) = breaker.begin(at: atMillisecond(30_000))
    #expect(breaker.end(.success, epoch: old, at: atMillisecond(30_000)) == nil)
    #expect(breaker.refusal(at: atMillisecond(30_000)) != nil)
    #expect(breaker.end(.success, epoch: trial, at: atMillisecond(30_000)) == nil)
    #expect(breaker.refusal(at: atMillisecond(30_000)) == nil)
  }

  @Test func zeroFailuresTurnItOff() {
    var breaker = breaker(failures: 0)
    for _ in 0..<100 { #expect(run(&breaker, .failure, at: atMillisecond(0)) == []) }
  }
}

/// W3C Trace Context, section 3.2.
@Suite struct CallTraceTests {
  private func read(_ text: String) -> TraceParent? {
    let bytes = Array(text.utf8)
    return TraceParent(0..<bytes.count, in: bytes.span)
  }

  private func text(_ trace: TraceParent) -> String {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: TraceParent.textBytes) { trace.append(to: &$0) }
    return String(decoding: bytes, as: UTF8.self)
  }

  static let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  @Test func whatIsReadIsWrittenAgain() throws {
    #expect(text(try #require(read(Self.good))) == Self.good)
    #expect(read(Self.good)?.parentID == 0x00f0_67aa_0ba9_02b7)
    // Flags that nobody knows are not passed on; later versions may be longer.
    #expect(read("\(Self.good.dropLast(2))ff").map(text)?.hasSuffix("-03") == true)
    #expect(read("cc\(Self.good.dropFirst(2))-more").map(text) == Self.good)
  }

  private static let bad: [String] = [
    "", "00", String(good.dropLast()), "\(good)0", "\(good)-more", "ff\(good.dropFirst(2))",
    "0G\(good.dropFirst(2))", good.uppercased(), good.replacing("-", with: "_"),
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "cc\(good.dropFirst(2))more",
    "\(good.dropLast(2))0x",
  ]

  @Test(arguments: bad)
  func whatIsNotValidIsNone(_ text: String) {
    #expect(read(text) == nil)
  }

  @Test func newTracesDifferAndDependOnTheSeedAlone() {
    var random = Jitter(seed: 7)
    var same = Jitter(seed: 7)
    let first = TraceParent(newTrace: &random, parentID: 1)
    #expect(text(first) != text(TraceParent(newTrace: &random, parentID: 1)))
    #expect(text(first) == text(TraceParent(newTrace: &same, parentID: 1)))
    #expect(read(text(first)) == first)
  }
}

/// Names, and who gets a call.
@Suite struct CallRouteTests {
  @Test func namesAreFoundByTheirBytes() {
    let names = (0..<500).map { "agent-\($0)" } + (0..<500).map { "pool:\($0)" }
    let table = RouteTable(names)
    for (index, name) in names.enumerated() {
      #expect(table.index(of: Array(name.utf8).span) == index)
    }
    for name in ["", "agent-", "agent-500", "pool", "pool:00", "agent-1\u{0}"] {
      #expect(table.index(of: Array(name.utf8).span) == nil)
    }
    #expect(RouteTable([]).index(of: Array("a".utf8).span) == nil)
  }

  private func pool(_ count: Int) -> CallRoute {
    CallRoute(to: 0, (0..<count).map { NodeID(index: $0 + 1) })
  }

  @Test func fewestInHandsAndInTurnWhereEqual() {
    let pool = pool(3)
    var table = CallTable(firstNumber: 1)
    let asker = Asker(ConnectionID(.agent, number: 1), of: nil, name: "a", in: &table)
    let none: [UInt8] = []
    var turn = 0
    func next() -> Int? {
      let taken = table.waitingCount(asker.number)
      let node = pool.choose(
        inTurn: &turn, by: { table.handsCount($0) }, where: { $0.index != 2 || taken > 2 })
      if let node {
        _ = table.add(
          Call(
            by: asker, callee: node, connection: asker.connection,
            startedAt: atMillisecond(0), deadline: atMillisecond(1)), callerID: none.span)
      }
      return node?.index
    }
    // The one in the middle cannot take any until three are under way.
    let chosen = (0..<8).map { _ in next() }
    #expect(chosen.prefix(3) == [1, 3, 1])
    let counts = pool.peers.map { table.handsCount($0) }
    #expect(counts == [3, 2, 3] || counts == [3, 3, 2])
    #expect(pool.choose(inTurn: &turn, by: { _ in 0 }, where: { _ in false }) == nil)
  }

  @Test func equalOnesTakeTurns() {
    let pool = pool(4)
    var turn = 0
    let chosen = (0..<8).map { _ in
      pool.choose(inTurn: &turn, by: { _ in 0 }, where: { _ in true })?.index
    }
    #expect(chosen == (0..<8).map { $0 % 4 + 1 })
  }
}

/// So many lines a minute.
@Suite struct CallRefusalLimiterTests {
  @Test func tenAMinuteForEachAndTheRestIsCounted() {
    var limiter = RefusalLimiter()
    let (one, other) = (NodeID(index: 1), NodeID(index: 2))
    for _ in 0..<10 { #expect(limiter.admit(one, at: atMillisecond(0)) == 0) }
    for _ in 0..<7 { #expect(limiter.admit(one, at: atMillisecond(59_999)) == nil) }
    #expect(limiter.admit(other, at: atMillisecond(0)) == 0)
    #expect(limiter.admit(nil, at: atMillisecond(0)) == 0)
    #expect(limiter.admit(one, at: atMillisecond(60_000)) == 7)
    #expect(limiter.admit(one, at: atMillisecond(60_000)) == 0)
  }
}
