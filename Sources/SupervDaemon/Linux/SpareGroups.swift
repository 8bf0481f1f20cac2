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

  /// An agent instance, by what the names of all its groups begin with.
  private typealias Series = Substring

  /// Of those that run: which group comes next.
  private var wanted: [Series: ControlGroup] = [:]
  private var made: [Series: ControlGroup] = [:]
  /// Those for which the two may differ.
  private var changed: Set<Series> = []
  /// When that is to be seen to.
  package private(set) var due: MonotonicTime?

  package init() {}

  /// Whether nobody has said yet when it is to be seen to.
  package var hasNews: Bool { !changed.isEmpty && due == nil }

  /// An incarnation begins; `next` is for the one after it.
  package mutating func begin(next: ControlGroup) {
    wanted[Self.series(next)] = next
    changed.insert(Self.series(next))
  }

  /// The incarnation of this group has ended, and perhaps there is none after it.
  package mutating func end(_ group: ControlGroup) {
    wanted[Self.series(group)] = nil
    changed.insert(Self.series(group))
  }

  /// - Returns: whether that group is made; it is the incarnation's from now on.
  package mutating func take(_ group: ControlGroup) -> Bool {
    guard made[Self.series(group)] == group else { return false }
    made[Self.series(group)] = nil
    return true
  }

  /// What comes before the number of the incarnation.
  private static func series(_ group: ControlGroup) -> Series {
    let path = group.path
    return path[..<(path.utf8.lastIndex(of: UInt8(ascii: ".")) ?? path.endIndex)]
  }

  /// Makes and removes a few, if it is time for that.
  package mutating func tidy(_ now: MonotonicTime) {
    if hasNews { due = now + Self.delay }
    guard let due, due <= now else { return }
    for _ in 0..<Self.turnCount {
      guard let series = changed.popFirst() else {
        self.due = nil
        return
      }
      if made[series] == wanted[series] { continue }
      _ = made.removeValue(forKey: series)?.remove()
      if let group = wanted[series], (try? group.make()) != nil { made[series] = group }
    }
  }

  /// Removes them all.
  package mutating func finish() {
    for group in made.values { _ = group.remove() }
    self = SpareGroups()
  }
}
