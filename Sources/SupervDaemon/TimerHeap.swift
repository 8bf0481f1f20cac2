package import SupervisionTree

/// The earlier of two points in time, either of which may be missing.
func earlier(_ one: MonotonicTime?, _ other: MonotonicTime?) -> MonotonicTime? {
  guard let one else { return other }
  guard let other else { return one }
  return min(one, other)
}

/// The deadlines of the daemon, earliest first: an indexed heap in which each node has four
/// children, so that changing a deadline costs a few moves in one or two cache lines.
package struct TimerHeap: Sendable {
  private struct Entry {
    var time: MonotonicTime
    var key: Int
  }

  private var entries: [Entry] = []
  /// Where the entry of a key stands.
  private var positions: [Int: Int] = [:]

  package init() {}

  package var count: Int { entries.count }

  package var isEmpty: Bool { entries.isEmpty }

  package var first: (key: Int, time: MonotonicTime)? { entries.first.map { ($0.key, $0.time) } }

  /// All of them, in no order.
  package var deadlines: [(key: Int, time: MonotonicTime)] { entries.map { ($0.key, $0.time) } }

  /// The one deadline of `key`.
  package func deadline(of key: Int) -> MonotonicTime? {
    positions[key].map { entries[$0].time }
  }

  /// Sets the one deadline of `key`.
  package mutating func set(_ key: Int, at time: MonotonicTime) {
    guard let position = positions[key] else {
      positions[key] = entries.count
      entries.append(Entry(time: time, key: key))
      return moveUp(entries.count - 1)
    }
    let earlier = time < entries[position].time
    entries[position].time = time
    if earlier { moveUp(position) } else { moveDown(position) }
  }

  package mutating func cancel(_ key: Int) {
    guard let position = positions.removeValue(forKey: key) else { return }
    let last = entries.removeLast()
    guard position < entries.count else { return }
    entries[position] = last
    positions[last.key] = position
    moveUp(position)
    moveDown(position)
  }

  /// Takes the earliest deadline out if it is over at `now`.
  package mutating func popDue(_ now: MonotonicTime) -> Int? {
    guard let first = entries.first, first.time <= now else { return nil }
    cancel(first.key)
    return first.key
  }

  private mutating func moveUp(_ start: Int) {
    var position = start
    while position > 0 {
      let parent = (position - 1) / 4
      guard entries[position].time < entries[parent].time else { return }
      swap(position, parent)
      position = parent
    }
  }

  private mutating func moveDown(_ start: Int) {
    var position = start
    while true {
      let children =
        (4 * position + 1)..<min(4 * position + 5, max(4 * position + 1, entries.count))
      guard let least = children.min(by: { entries[$0].time < entries[$1].time }),
        entries[least].time < entries[position].time
      else { return }
      swap(position, least)
      position = least
    }
  }

  private mutating func swap(_ one: Int, _ other: Int) {
    entries.swapAt(one, other)
    positions[entries[one].key] = one
    positions[entries[other].key] = other
  }
}
