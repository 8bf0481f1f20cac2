import SupervisionTree
import Testing

/// Long random lives of random trees. A failure prints its seed and the moves that lead to it.
@Suite struct RandomRunTests {
  @Test(arguments: 0..<4) func invariantsHold(part: Int) {
    for seed in UInt64(part) * 500..<UInt64(part + 1) * 500 {
      guard let failure = RandomRun(seed: seed).firstFailure(moveCount: 50) else { continue }
      Issue.record("seed \(seed): \(failure)")
      return
    }
  }
}

struct RandomRun {
  private var maker: TreeMaker
  private var world: World
  private var story: [String] = []
  /// Before every move the tree is written down, and goes on as it is read.
  private let isReadAgain: Bool

  init(seed: UInt64, isReadAgain: Bool = false) {
    self.isReadAgain = isReadAgain
    maker = TreeMaker(seed: seed)
    let specification = maker.make()
    world = World(specification, seed: seed)
    story = [specification.outline]
  }

  /// The moves up to the first one after which something is wrong; nil when all is well.
  func firstFailure(moveCount: Int) -> String? {
    var run = self
    run.play(.begin)
    for _ in 0..<moveCount {
      if let text = run.failure { return text }
      run.play(run.nextMove())
      if run.maker.dice.once(in: 20) { run.restIn() }
    }
    if let text = run.failure { return text }
    run.world.drain()
    if run.failure == nil {
      run.play(.shutdown)
      run.world.drain()
    }
    return run.failure
  }

  /// What happens, and what the world looks like after each move.
  func life(moveCount: Int) throws -> [String] {
    var run = self
    run.play(.begin)
    var pictures: [String] = []
    for _ in 0..<moveCount {
      if isReadAgain { try run.world.readTreeAgain() }
      run.play(run.nextMove())
      pictures.append(run.world.picture)
    }
    return run.story + pictures + run.world.violations
  }

  /// Now and then everything is answered, so that the rules of a tree at rest are checked, too.
  private mutating func restIn() {
    var copy = world
    copy.drain()
    guard !copy.violations.isEmpty else { return }
    world.violations = ["left alone"] + copy.violations + ["\n" + copy.picture + "\n"]
  }

  private var failure: String? {
    guard !world.violations.isEmpty else { return nil }
    return ([world.violations.joined(separator: "; "), world.picture] + story)
      .joined(separator: "\n")
  }

  private mutating func play(_ move: Move) {
    story.append(world.text(move))
    world.play(move)
  }

  private mutating func healthMove(_ id: NodeID) -> Move {
    switch maker.dice.roll(5) {
    case 0: .declares(id)
    case 1: .says(id, isReady: true)
    case 2: .says(id, isReady: false)
    default: .unhealthy(id)
    }
  }

  private mutating func nextMove() -> Move {
    let making = world.making.keys.sorted()
    let told = world.living.filter(\.value.isTold).keys.sorted()
    let running = world.living.filter { !$0.value.isTold }.keys.sorted()
    let timers = world.timers.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
    let dice = maker.dice.roll(100)
    switch dice {
    case ..<25 where !making.isEmpty:
      let id = maker.dice.pick(making)
      return maker.dice.once(in: 6) ? .spawnFails(id) : .spawned(id)
    case 25..<45 where !told.isEmpty: return .stops(maker.dice.pick(told))
    case 45..<60 where !timers.isEmpty: return .timer(timers[0])
    case 60..<75 where !running.isEmpty:
      let codes: [Int32] = [0, 0, 1, 1, 1, 75, 78]
      return .ends(maker.dice.pick(running), .exited(code: maker.dice.pick(codes)))
    case 75..<88:
      let children = world.tree.children
      guard !children.isEmpty else { return .passes(.seconds(1)) }
      return .request(maker.dice.pick(Request.allCases), maker.dice.pick(children))
    case 88..<95: return .reload(maker.vary(world.specification))
    case 95: return .passes(.seconds(maker.dice.roll(6)))
    case 96 where maker.dice.once(in: 8): return .shutdown
    case 97 where maker.dice.once(in: 20): return .hurry
    case 97..<100 where !running.isEmpty: return healthMove(maker.dice.pick(running))
    default: break
    }
    if !making.isEmpty { return .spawned(maker.dice.pick(making)) }
    if !told.isEmpty { return .stops(maker.dice.pick(told)) }
    return timers.first.map { .timer($0) } ?? .passes(.seconds(1))
  }
}
