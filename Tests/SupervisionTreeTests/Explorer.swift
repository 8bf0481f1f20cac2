import SupervisionTree

/// Goes through everything that can happen to one tree: a number of disturbances (deaths, failed
/// starts, requests, reloads, a shutdown), each at every moment, with the answers to what the tree
/// asked for in every order between them.
struct Explorer {
  /// What a reload may bring.
  private let variants: [TreeSpecification]
  private(set) var stepCount = 0

  init(variants: [TreeSpecification]) { self.variants = variants }

  /// How many disturbances were left when a state was last seen.
  private var seen: [Int: Int] = [:]

  var stateCount: Int { seen.count }

  /// - Returns: what goes wrong first, and how to get there.
  mutating func firstFailure(_ specification: TreeSpecification, disturbances: Int) -> String? {
    let world = World.begun(specification)
    return explore(Situation(world: world, left: disturbances)).map { failure in
      specification.outline + "\n" + failure
    }
  }

  private struct Situation {
    var world: World
    /// How many disturbances may still come.
    var left: Int
    var story: [Move] = []
    /// The moves since the world was last at rest. With what people see, they fix what they do not
    /// see: the mail of supervisors, and what these are occupied with.
    var sinceRest: [Move] = []
  }

  private mutating func explore(_ situation: Situation) -> String? {
    var situation = situation
    if situation.world.isAtRest { situation.world.checkRest(withMail: false) }
    if situation.story.count > 200 { situation.world.violations.append("never comes to rest") }
    guard situation.world.violations.isEmpty else { return Self.text(situation) }
    let key = situation.world.fingerprint(since: situation.sinceRest)
    if let left = seen[key], left >= situation.left { return nil }
    seen[key] = situation.left
    for (move, cost) in situation.world.moves(variants: variants) where cost <= situation.left {
      var next = situation
      next.left -= cost
      next.story.append(move)
      next.world.play(move)
      stepCount += 1
      next.sinceRest = next.world.isAtRest ? [] : situation.sinceRest + [move]
      if let text = explore(next) { return text }
    }
    return nil
  }

  private static func text(_ situation: Situation) -> String {
    let world = situation.world
    return
      ([world.violations.joined(separator: "; ")] + situation.story.map { world.text($0) }
      + [world.picture]).joined(separator: "\n")
  }
}

extension World {
  /// Nobody owes an answer, and no timer runs.
  var isAtRest: Bool { !isWaitedFor && timers.isEmpty }

  /// What can happen now; answers cost nothing, disturbances one.
  func moves(variants: [TreeSpecification]) -> [(Move, Int)] {
    var moves: [(Move, Int)] = []
    for id in making.keys.sorted() { moves += [(.spawned(id), 0), (.spawnFails(id), 1)] }
    for id in living.keys.sorted() {
      if living[id]?.isTold == true {
        moves.append((.stops(id), 0))
      } else {
        moves += [(.ends(id, .exited(code: 0)), 1), (.ends(id, .exited(code: 1)), 1)]
        moves += [(.unhealthy(id), 1), (.declares(id), 1)]
        moves += [(.says(id, isReady: true), 1), (.says(id, isReady: false), 1)]
      }
    }
    let first = timers.values.min()
    for id in timers.keys.sorted() where timers[id] == first { moves.append((.timer(id), 0)) }
    guard tree.treeEnd == nil else { return moves }
    for id in tree.children { moves += Request.allCases.map { (.request($0, id), 1) } }
    moves += variants.filter { $0 != specification }.map { (.reload($0), 1) }
    return moves + [(.shutdown, 1)]
  }

  /// The same for two worlds whose futures are the same, after the same moves since a rest.
  func fingerprint(since moves: [Move]) -> Int {
    var hasher = Hasher()
    for id in tree.children {
      let status = tree.status(of: id)
      hasher.combine(id)
      hasher.combine(status.phase)
      hasher.combine(status.isReady)
      hasher.combine(status.wish)
      hasher.combine(status.restarts)
      switch status.phase {
      case .stopped, .exited, .failed: hasher.combine(status.reason)
      case .waiting, .starting, .running, .backoff, .stopping: break
      }
      if status.isSupervisor {
        hasher.combine(tree.supervisorStatus(of: id, now: now).restartsInPeriod)
      }
    }
    hasher.combine(making.keys.sorted())
    for id in living.keys.sorted() {
      hasher.combine(id)
      hasher.combine(living[id]?.isTold)
      hasher.combine(living[id]?.isKilled)
      hasher.combine(living[id]?.isUnhealthy)
      hasher.combine(living[id]?.word)
    }
    hasher.combine(timers)
    hasher.combine(now)
    hasher.combine(specification)
    hasher.combine(moves)
    return hasher.finalize()
  }
}
