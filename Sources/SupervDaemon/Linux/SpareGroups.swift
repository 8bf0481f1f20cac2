package import SupervSystem
package import SupervisionTree

/// The control groups of next incarnations, made while their agents still run: a restart has no
/// time for it.
///
/// An incarnation never gets the group of another one, even if that is empty: Linux (seen in 6.18)
/// kills whatever is cloned into a group that was killed once, and everybody may have killed it.
package struct SpareGroups {
  /// How long it takes until a start or an end is attended to: a start of many has no time either.
  private static let delay = Duration.seconds(1)
  /// Making or removing one takes tens of microseconds.
  private static let turnCount = 8

  /// Of those that run: which group comes next.
  private var wanted: [NodeID: ControlGroup] = [:]
  private var made: [NodeID: ControlGroup] = [:]
  /// Those for which the two may differ.
  private var changed: Set<NodeID> = []
  /// When that is to be seen to.
  package private(set) var due: MonotonicTime?

  package init() {}

  /// Whether nobody has said yet when it is to be seen to.
  package var hasNews: Bool { !changed.isEmpty && due == nil }

  /// An incarnation begins; `next` is for the one after it.
  package mutating func begin(_ node: NodeID, next: ControlGroup) {
    wanted[node] = next
    changed.insert(node)
  }

  /// It has ended, and perhaps there is none after it.
  package mutating func end(_ node: NodeID) {
    wanted[node] = nil
    changed.insert(node)
  }

  /// - Returns: whether that group is made; it is the incarnation's from now on.
  package mutating func take(_ group: ControlGroup, of node: NodeID) -> Bool {
    guard made[node] == group else { return false }
    made[node] = nil
    return true
  }

  /// Makes and removes a few, if it is time for that.
  package mutating func tidy(_ now: MonotonicTime) {
    if hasNews { due = now + Self.delay }
    guard let due, due <= now else { return }
    for _ in 0..<Self.turnCount {
      guard let node = changed.popFirst() else {
        self.due = nil
        return
      }
      if made[node] == wanted[node] { continue }
      _ = made.removeValue(forKey: node)?.remove()
      if let group = wanted[node], (try? group.make()) != nil { made[node] = group }
    }
  }

  /// Removes them all.
  package mutating func finish() {
    for group in made.values { _ = group.remove() }
    self = SpareGroups()
  }
}
