/// A list of calls that runs through the table itself, oldest first.
struct CallList: Sendable {
  fileprivate(set) var first: Int32 = -1
  fileprivate var last: Int32 = -1
  fileprivate(set) var count = 0
}

/// What ties the slots of a table together to lists of one kind, each slot in at most one of them.
struct CallLinks: ~Copyable {
  private struct Link {
    var next: Int32 = -1
    var previous: Int32 = -1
  }

  private var links = Slab<Link>()

  /// Room for one more slot.
  mutating func grow() { links.append(Link()) }

  /// Negative at the end.
  func next(after slot: Int) -> Int { Int(links[slot].next) }

  mutating func append(_ slot: Int, to list: inout CallList) {
    links[slot] = Link(next: -1, previous: list.last)
    if list.last >= 0 {
      links[Int(list.last)].next = Int32(slot)
    } else {
      list.first = Int32(slot)
    }
    list.last = Int32(slot)
    list.count &+= 1
  }

  mutating func remove(_ slot: Int, from list: inout CallList) {
    let link = links[slot]
    if link.previous >= 0 {
      links[Int(link.previous)].next = link.next
    } else {
      list.first = link.next
    }
    if link.next >= 0 {
      links[Int(link.next)].previous = link.previous
    } else {
      list.last = link.previous
    }
    list.count &-= 1
  }
}
