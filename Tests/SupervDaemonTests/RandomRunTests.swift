import SupervDaemon
import SupervProtocol
import SupervSystem
import SupervisionTree
import Testing

/// Anything in any order, and what must hold whatever comes.
@Suite struct RandomRunTests {
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func everythingHolds(seed: UInt64) throws {
    let run = try RandomRun(seed)
    for _ in 0..<120 {
      run.step()
      if run.world.daemon.end != nil { break }
    }
    try run.calmDown()
    try run.shutDown()
    try run.checkStory()
  }

  /// The same, with a daemon that dies again and again, at any step.
  @Test(arguments: 1...60 as ClosedRange<UInt64>)
  func everythingHoldsWhenDaemonsDie(seed: UInt64) throws {
    let run = try RandomRun(seed)
    for _ in 0..<120 {
      run.setFuse()
      run.step()
      if run.world.kernel.isDead { try run.takeOver() }
      if run.world.daemon.end != nil { break }
    }
    try run.takeOver()
    try run.calmDown()
    try run.shutDown()
    try run.checkStory()
  }
}

/// One run, fixed by its seed.
private final class RandomRun {
  private struct Asked {
    var client: Client
    var id: Int64
    var method: String
    var names: [String]
  }

  let seed: UInt64
  let world: World
  private var random: Jitter
  private var clients: [Client] = []
  private var asked: [Asked] = []
  private var gone: Set<ConnectionID> = []

  init(_ seed: UInt64) throws {
    self.seed = seed
    var random = Jitter(seed: seed)
    world = try World(idle: RandomConfiguration.text(&random), seed: seed)
    self.random = random
    breakStarts()
    world.daemon.begin()
    clients = world.connect(count: 3)
  }

  // MARK: What happens

  func setFuse() {
    if chance(0.3, &random) { world.kernel.fuse = Int.random(in: 0..<20, using: &random) }
  }

  func takeOver() throws {
    gone.formUnion(clients.map(\.id))
    try world.replaceDaemon()
    clients = world.connect(count: 3)
  }

  /// One to three things, in one turn.
  func step() {
    for _ in 0..<Int.random(in: 1...3, using: &random) { happen() }
    world.turn()
    if chance(0.5, &random) { world.settle() }
  }

  private func happen() {
    switch Int.random(in: 0..<20, using: &random) {
    case 0..<6: endOne()
    case 6..<11: ask(pick(["up", "down", "restart"], &random))
    case 11: ask("signal")
    case 12: ask(pick(["status", "events", "why", "health", "logs"], &random))
    case 13: breakStarts()
    case 14: changeWills()
    case 15..<18: advance()
    case 18: reload()
    default: changeClients()
    }
  }

  private var living: [(key: ProcessKey, value: FakeKernel.Process)] {
    world.kernel.living.map { ($0.key, $0.value) }.sorted { $0.1.pid < $1.1.pid }
  }

  private func endOne() {
    guard let process = living.randomElement(using: &random) else { return }
    let code = pick([0, 0, 1, 1, 2, 75, 78] as [Int32], &random)
    let end: Termination =
      chance(0.2, &random) ? .signalled(9, coreDumped: false) : .exited(code: code)
    world.kernel.end(process.key, end)
  }

  private func ask(_ method: String) {
    guard let client = clients.randomElement(using: &random) else { return }
    let names = (0..<Int.random(in: 1...2, using: &random)).map { _ in
      pick(RandomConfiguration.names, &random)
    }
    let list = names.map { "\"\($0)\"" }.joined(separator: ",")
    let params =
      switch method {
      case "signal": #"{"names":[\#(list)],"signal":"\#(pick(["HUP", "USR1", "KILL"], &random))"}"#
      case "status": #"{"wait":"\#(pick(["up", "ready"], &random))"}"#
      case "events": #"{"follow":true}"#
      case "why": #"{"name":"\#(names[0])"}"#
      default: #"{"names":[\#(list)]}"#
      }
    let line = client.line(method, params)
    asked.append(
      Asked(client: client, id: client.lastID, method: method, names: names))
    world.kernel.arrivals.append(.received(client.id, Array(line.utf8)))
  }

  private func breakStarts() {
    world.kernel.failingStarts = [:]
    for name in RandomConfiguration.agents + ["a0:0", "a0:1"] where chance(0.2, &random) {
      let number = Int.random(in: 0...6, using: &random)
      world.kernel.failingStarts[name] = [number: "cannot start"]
    }
  }

  private func changeWills() {
    let names = RandomConfiguration.agents + ["a0:0", "a0:1"]
    world.kernel.stubborn = Set(names.filter { _ in chance(0.3, &random) })
    world.kernel.releaseAll()
    world.kernel.undying = Set(names.filter { _ in chance(0.15, &random) })
  }

  private func advance() {
    let span = pick([1, 100, 1000, 2500, 12_000], &random)
    world.kernel.now = world.kernel.now + .milliseconds(span)
    if let alarm = world.kernel.alarm, alarm <= world.kernel.now {
      world.kernel.arrivals.append(.alarm)
    }
  }

  private func reload() {
    if chance(0.2, &random) {
      world.text.replace("[agent:broken")
    } else {
      world.text.replace(RandomConfiguration.text(&random))
    }
    world.kernel.arrivals.append(.signal(.hangUp))
  }

  private func changeClients() {
    if clients.count > 2, let client = clients.first, chance(0.5, &random) {
      clients.removeFirst()
      gone.insert(client.id)
      if chance(0.5, &random) {
        world.kernel.full.insert(client.id)
      } else {
        world.kernel.hangUp(client.id)
      }
    } else {
      clients.append(world.connect())
    }
  }

  // MARK: What must hold

  private func complain(_ text: String) { Issue.record("seed \(seed): \(text)") }

  /// Nothing gets in the way any more: whatever was asked is done or refused.
  func calmDown() throws {
    world.kernel.failingStarts = [:]
    world.kernel.stubborn = []
    world.kernel.releaseAll()
    world.advance(.seconds(300))
    guard world.daemon.end == nil else { return }
    #expect(world.kernel.alarm == nil, "seed \(seed)")
    let status = try world.status()
    let waiting =
      status.agents.contains { $0.phase == "waiting" }
      || status.supervisors.contains { $0.phase == "waiting" }
    for request in asked where !gone.contains(request.client.id) {
      let isAnswered = request.client.answers[request.id] != nil
      if !isAnswered && request.method != "status" && !waiting {
        complain("\(request.method) \(request.names) waits for ever: \(status)")
      }
    }
    for agent in status.agents {
      let pid = world.pid(of: agent.name)
      if agent.pid != pid { complain("\(agent.name) has pid \(agent.pid ?? 0), not \(pid ?? 0)") }
      #expect(agent.alive == (pid != nil) && agent.alive == (agent.phase == "running"))
    }
    #expect(status.agents.count(where: \.alive) == world.kernel.living.count, "seed \(seed)")
  }

  func shutDown() throws {
    world.signal(.terminate)
    world.advance(.seconds(61))
    guard world.daemon.end != nil else { return complain("it does not end") }
    #expect(world.kernel.living.isEmpty, "seed \(seed)")
    for request in asked where !gone.contains(request.client.id) {
      if request.client.answers[request.id] == nil {
        complain("\(request.method) \(request.names) was never answered")
      }
    }
    for client in clients where !client.doubleAnswers.isEmpty || !client.faults.isEmpty {
      complain("answers \(client.doubleAnswers) came twice, or \(client.faults)")
    }
  }

  func checkStory() throws {
    let events = try world.events()
    #expect(events.map(\.seq) == Array(1...Int64(events.count)), "seed \(seed)")
    let ends = events.count { $0.event == "agent.exited" }
    #expect(ends == world.kernel.reportedEndCount, "seed \(seed)")
    // From `starting`, because a stop may come before the exec is over.
    var begun: [String: Int] = [:]
    for event in events {
      guard let name = event.agent, let incarnation = event.incarnation else { continue }
      switch event.event {
      case "agent.starting":
        if begun.updateValue(incarnation, forKey: name) != nil {
          complain("\(name) is there twice, at \(event.seq)")
        }
      case "agent.exited", "agent.start_failed":
        if begun.removeValue(forKey: name) != incarnation { complain("\(name) ends twice") }
      default: break
      }
    }
    #expect(begun.isEmpty, "seed \(seed)")
    for violation in world.kernel.violations { complain(violation) }
  }
}
