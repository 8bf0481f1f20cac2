import Foundation
import SupervisionTree
import Testing

/// A tree that is written down and read again is the same tree.
@Suite struct RecoveryTests {
  @Test(arguments: 0..<4) func treesGoOnAsTheyWere(part: UInt64) throws {
    for seed in part * 25..<(part + 1) * 25 {
      let life = try RandomRun(seed: seed).life(moveCount: 40)
      let other = try RandomRun(seed: seed, isReadAgain: true).life(moveCount: 40)
      guard let (one, two) = zip(life, other).first(where: { $0 != $1 }) else { continue }
      Issue.record("seed \(seed): \(one)\nafter it was read again: \(two)")
      return
    }
  }

  @Test func whatATreeHasToldToStopIsToldAgain() throws {
    var world = World(
      tree(
        agent("a") {
          $0.stopLadder = [
            StopRung(.signal(2), grace: .seconds(1)), StopRung(.kill, grace: nil),
          ]
        }))
    world.play(.begin)
    let id = try #require(world.tree.id(named: "a"))
    #expect(world.tree.expectedProcesses.map(\.state) == [.starting])
    world.play(.spawned(id))
    #expect(world.tree.expectedProcesses.map(\.state) == [.running])
    world.play(.request(.down, id))
    #expect(
      world.tree.expectedProcesses.map(\.state) == [.stopping(.signal(id, incarnation: 1, 2))])
    world.play(.timer(id))
    #expect(
      world.tree.expectedProcesses.map(\.state) == [.stopping(.kill(id, incarnation: 1))])
    world.play(.stops(id))
    #expect(world.tree.expectedProcesses.isEmpty)
  }
}

extension World {
  /// Puts in the tree's place what can be read of it, and checks what that expects to find.
  mutating func readTreeAgain() throws {
    tree = try JSONDecoder().decode(SupervisionTree.self, from: try JSONEncoder().encode(tree))
    var expected = tree.expectedProcesses
    for (id, incarnation) in making {
      let index = expected.firstIndex { $0.node == id && $0.incarnation == incarnation }
      if index.map({ expected.remove(at: $0).state }) != .starting {
        violations.append("\(tree.name(of: id)) is being made, and that is not expected")
      }
    }
    for (id, process) in living {
      let index = expected.firstIndex { $0.node == id && $0.incarnation == process.incarnation }
      let state = index.map { expected.remove(at: $0).state }
      if state == nil || state == .starting || (process.isTold && state == .running) {
        violations.append("\(tree.name(of: id)) lives, and \(String(describing: state))")
      }
    }
    if !expected.isEmpty { violations.append("\(expected) is expected, and is not there") }
  }
}
