import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Thousands of calls among agents that hang, die, cancel, leave, and answer late, twice, for
/// others or with rubbish: every call ends exactly once, and nothing of it stays.
@Suite struct CallRandomTests {
  private static let names = ["a", "b:0", "b:1", "c", "d"]
  private static let tree = """
    [supervisor:s]
    children = a, b, c, d
    intensity = 1000000
    backoff_base = 0
    [agent:a]
    command = a
    [agent:b]
    command = b
    numprocs = 2
    [agent:c]
    command = c
    [agent:d]
    command = d
    """

  /// One connection, and what it has asked for.
  private final class Party {
    let client: AgentClient
    var calls: [String] = []
    var handles: [AgentClient.Heard] = []
    init(_ client: AgentClient) { self.client = client }
  }

  private final class Play {
    let world: World
    var random: Jitter
    var parties: [String: Party] = [:]
    var old: [Party] = []
    var pastHandles: [AgentClient.Heard] = []
    var callCount = 0

    init(seed: UInt64) throws {
      random = Jitter(seed: seed)
      world = try World(
        CallRandomTests.tree, seed: seed,
        change: {
          $0.calls.queueLength = 20
          $0.calls.breaker.failures = 50
          $0.calls.breaker.recovery = .milliseconds(50)
        })
      for name in CallRandomTests.names { try join(name) }
    }

    func join(_ name: String) throws {
      if let former = parties[name] { old.append(former) }
      parties[name] = Party(try world.serve(name))
    }

    func chance(_ percent: Int) -> Bool { Int(random.next() % 100) < percent }

    func pick<Element>(_ list: [Element]) -> Element {
      list[Int(random.next() % UInt64(list.count))]
    }

    func step() throws {
      let name = pick(CallRandomTests.names)
      guard let party = parties[name] else { return }
      party.handles += party.client.take().filter { $0.method == "handle" && $0.id != nil }
      switch random.next() % 100 {
      case 0..<50: call(party)
      case 50..<75: answer(party)
      case 75..<80: cancel(party)
      case 80..<84: rubbish(party)
      case 84..<85:
        world.end(name, .signalled(9, coreDumped: false))
        world.advance(.zero)
        try join(name)
      case 85..<86:
        party.client.hangUp()
        try join(name)
      case 86..<87: try join(name)
      default: world.advance(.milliseconds(Int(random.next() % 10)))
      }
    }

    private func call(_ party: Party) {
      let to = pick(["a", "b", "b:1", "c", "d"])
      let trace = party.handles.isEmpty || chance(50) ? nil : pick(party.handles).trace
      let lines = (0..<Int(random.next() % 4) + 1).map { _ in
        party.client.line(
          "call",
          AgentClient.params(to, timeout: Int(random.next() % 50) + 1, trace: trace))
      }
      party.calls += lines.map(\.id)
      callCount += lines.count
      party.client.send(lines.map(\.text).joined())
    }

    private func answer(_ party: Party) {
      guard !party.handles.isEmpty else { return }
      let handle = party.handles.remove(at: Int(random.next() % UInt64(party.handles.count)))
      party.client.answer(handle)
      if chance(10) { party.client.answer(handle) }
      pastHandles.append(handle)
    }

    private func cancel(_ party: Party) {
      guard !party.calls.isEmpty else { return }
      party.client.send(
        #"{"jsonrpc":"2.0","method":"cancel","params":{"id":\#(pick(party.calls))}}"# + "\n")
    }

    private func rubbish(_ party: Party) {
      switch random.next() % 3 {
      case 0: if !pastHandles.isEmpty { party.client.answer(pick(pastHandles)) }
      case 1:
        // What another one has in its hands.
        let others = parties.values.flatMap(\.handles).sorted { ($0.id ?? "") < ($1.id ?? "") }
        if !others.isEmpty { party.client.answer(pick(others)) }
      default: party.client.send(#"{"jsonrpc":"2.0","id":"\#(random.next())","result":0}"# + "\n")
      }
    }
  }

  @Test(arguments: 1...5 as ClosedRange<UInt64>)
  func everyCallEndsExactlyOnce(_ seed: UInt64) throws {
    let play = try Play(seed: seed)
    while play.callCount < 2000 { try play.step() }
    play.world.advance(.seconds(1))
    let names = Self.names
    let isLiving = Set(names.compactMap { play.parties[$0]?.client.id })
    for party in play.old + names.compactMap({ play.parties[$0] }) {
      for id in party.calls {
        let count = party.client.answers[id]?.count ?? 0
        // One that has left may have missed its answers, and gets none twice.
        if count > 1 || (count == 0 && isLiving.contains(party.client.id)) {
          Issue.record("seed \(seed): call \(id) ended \(count) times")
        }
      }
      #expect(party.client.faults.isEmpty)
    }
    for status in try play.world.status().agents { #expect(status.callsInFlight == 0) }
    #expect(play.world.kernel.violations.isEmpty)
  }
}
