import SupervProtocol
package import SupervisionTree

/// One call in flight: plain data, so that to look at it counts no references.
package struct Call {
  /// Who waits for its answer.
  package var asker: AskerNumber
  /// The asker's connection.
  package var answersTo: ConnectionID
  /// The instance that asks; nil for an operator.
  package var caller: NodeID?
  package var callee: NodeID
  /// The one connection whose answer counts.
  package var connection: ConnectionID
  /// The call in whose handling this one was made.
  package var outer: CallID?
  /// 1 for a call that is made on nobody's behalf.
  package var depth: Int
  package var breakerEpoch: UInt32 = 0
  package var startedAt: MonotonicTime
  package var deadline: MonotonicTime
  /// The connection that was asked has closed.
  package fileprivate(set) var isLetGo = false

  package init(
    by asker: Asker, callee: NodeID, connection: ConnectionID, outer: CallID? = nil,
    depth: Int = 1, breakerEpoch: UInt32 = 0, startedAt: MonotonicTime, deadline: MonotonicTime
  ) {
    self.asker = asker.number
    answersTo = asker.connection
    caller = asker.node
    self.callee = callee
    self.connection = connection
    self.outer = outer
    self.depth = depth
    self.breakerEpoch = breakerEpoch
    self.startedAt = startedAt
    self.deadline = deadline
  }
}

/// The calls in flight, in slabs: what is done for each of them moves a few words and allocates
/// nothing once the slabs have grown. It is not copyable: looking something up copies nothing
/// either.
///
/// Every call stands in a heap of deadlines in which each entry has four children, and in two
/// lists, of those that one connection waits for and those in the hands of one instance.
package struct CallTable: ~Copyable {
  /// More than all limits on calls let come about.
  package static let maximumCount = CallID.noSlot
  /// Slots that are kept when no call is left.
  private static let keptSlotCount = 4096

  private struct Slot {
    var call: Call?
    var number: UInt64 = 0
    var heapPosition: Int32 = -1
    var nextFree: Int32 = -1
    var callerIDByteCount: UInt8 = 0
  }

  private struct Due {
    var time: Int64
    var slot: Int32
  }

  private var slots = Slab<Slot>()
  private var waitingLinks = CallLinks()
  private var handLinks = CallLinks()
  /// By the asker's number.
  private var waiting = Slab<CallList>()
  private var freeAskers: [AskerNumber] = []
  /// By the index of the callee's node.
  private var hands = Slab<CallList>()
  /// The ids that the callers gave, `MessageScanner.maximumIDBytes` for each slot.
  private var callerIDs = Slab<UInt8>()
  private var heap = Slab<Due>()
  /// Linked by `nextFree`.
  private var firstFree: Int32 = -1
  private var nextNumber: UInt64
  private var issuedCount: UInt64 = 0
  package private(set) var count = 0
  /// Those of calls that are over included.
  package var slotCount: Int { slots.count }

  /// - Parameter firstNumber: so that the ids of one daemon are not those of the one before, whose
  ///   answers may still come.
  package init(firstNumber: UInt64) { nextNumber = max(1, firstNumber & CallID.numberMask) }

  package var nextDeadline: MonotonicTime? {
    heap.count > 0 ? MonotonicTime(nanoseconds: heap[0].time) : nil
  }

  /// The call of this id while it is in flight.
  package subscript(id: CallID) -> Call? {
    isCurrent(id) ? slots[id.slot].call : nil
  }

  package func isCurrent(_ id: CallID) -> Bool {
    id.slot < slots.count && slots[id.slot].number == id.number
      && slots[id.slot].call != nil
  }

  /// Whether superv has given this id, however long ago.
  package func wasIssued(_ id: CallID) -> Bool {
    (nextNumber &- 1 &- id.number) & CallID.numberMask < issuedCount
  }

  /// An id for something that is no call and has no answer.
  package mutating func idForCast() -> CallID { CallID(slot: CallID.noSlot, number: takeNumber()) }

  private mutating func takeNumber() -> UInt64 {
    let number = nextNumber
    nextNumber = (nextNumber &+ 1) & CallID.numberMask
    // 0 would make a parent-id of zeros, which is none.
    if nextNumber == 0 { nextNumber = 1 }
    issuedCount &+= 1
    return number
  }

  // MARK: In and out

  /// - Parameter callerID: as it came, at most `MessageScanner.maximumIDBytes`.
  package mutating func add(_ call: Call, callerID: Span<UInt8>) -> CallID {
    let slot = takeSlot()
    let number = takeNumber()
    slots[slot].call = call
    slots[slot].number = number
    setCallerID(of: slot, callerID)
    while hands.count <= call.callee.index { hands.append(CallList()) }
    waitingLinks.append(slot, to: &waiting[call.asker.index])
    handLinks.append(slot, to: &hands[call.callee.index])
    slots[slot].heapPosition = Int32(heap.count)
    heap.append(Due(time: call.deadline.nanoseconds, slot: Int32(slot)))
    moveUp(heap.count &- 1)
    count &+= 1
    return CallID(slot: slot, number: number)
  }

  /// Takes out a call that is in flight.
  package mutating func remove(_ id: CallID) {
    let slot = id.slot
    guard isCurrent(id), let call = slots[slot].call else { return }
    removeFromHeap(Int(slots[slot].heapPosition))
    waitingLinks.remove(slot, from: &waiting[call.asker.index])
    handLinks.remove(slot, from: &hands[call.callee.index])
    slots[slot].call = nil
    slots[slot].nextFree = firstFree
    firstFree = Int32(slot)
    count &-= 1
    guard count == 0, slots.count > Self.keptSlotCount else { return }
    slots = Slab()
    waitingLinks = CallLinks()
    handLinks = CallLinks()
    callerIDs = Slab()
    heap = Slab()
    firstFree = -1
  }

  private mutating func takeSlot() -> Int {
    if firstFree >= 0 {
      let slot = Int(firstFree)
      firstFree = slots[slot].nextFree
      return slot
    }
    slots.append(Slot())
    waitingLinks.grow()
    handLinks.grow()
    for _ in 0..<MessageScanner.maximumIDBytes { callerIDs.append(0) }
    return slots.count &- 1
  }

  // MARK: The caller's id

  private mutating func setCallerID(of slot: Int, _ id: Span<UInt8>) {
    let start = slot &* MessageScanner.maximumIDBytes
    slots[slot].callerIDByteCount = UInt8(id.count)
    for index in id.indices { callerIDs[start &+ index] = id[index] }
  }

  /// Appends the id that the caller gave, byte for byte.
  package func appendCallerID(of id: CallID, to output: inout OutputSpan<UInt8>) {
    let start = id.slot &* MessageScanner.maximumIDBytes
    callerIDs.append(start..<start &+ Int(slots[id.slot].callerIDByteCount), to: &output)
  }

  /// The oldest call of an asker to which it has given this id.
  package func find(callerID: Span<UInt8>, of asker: AskerNumber) -> CallID? {
    var slot = Int(waiting[asker.index].first)
    while slot >= 0 {
      if hasCallerID(slot, callerID) { return id(of: slot) }
      slot = waitingLinks.next(after: slot)
    }
    return nil
  }

  private func hasCallerID(_ slot: Int, _ id: Span<UInt8>) -> Bool {
    guard Int(slots[slot].callerIDByteCount) == id.count else { return false }
    let start = slot &* MessageScanner.maximumIDBytes
    for index in id.indices where callerIDs[start &+ index] != id[index] { return false }
    return true
  }

  private func id(of slot: Int) -> CallID { CallID(slot: slot, number: slots[slot].number) }

  // MARK: The lists

  /// Somebody who will ask; until `close` the number is nobody else's.
  mutating func openAsker() -> AskerNumber {
    if let number = freeAskers.popLast() { return number }
    waiting.append(CallList())
    return AskerNumber(index: waiting.count &- 1)
  }

  /// Nothing that this one asked is in flight any more.
  mutating func close(_ asker: AskerNumber) {
    precondition(waiting[asker.index].count == 0, "a call has nobody who waits for it")
    freeAskers.append(asker)
  }

  /// How many calls an asker waits for.
  package func waitingCount(_ asker: AskerNumber) -> Int { waiting[asker.index].count }

  /// The oldest call that an asker waits for.
  package func first(waiting asker: AskerNumber) -> CallID? {
    let first = waiting[asker.index].first
    return first < 0 ? nil : id(of: Int(first))
  }

  /// How many calls an instance has in its hands.
  package func handsCount(_ callee: NodeID) -> Int {
    callee.index < hands.count ? hands[callee.index].count : 0
  }

  /// All calls in the hands of an instance, oldest first.
  package func all(hands callee: NodeID) -> [CallID] {
    var found: [CallID] = []
    var slot = callee.index < hands.count ? Int(hands[callee.index].first) : -1
    while slot >= 0 {
      found.append(id(of: slot))
      slot = handLinks.next(after: slot)
    }
    return found
  }

  // MARK: The deadlines

  /// The call whose deadline is over longest at `now`; it stays in the table.
  package func firstDue(at now: MonotonicTime) -> CallID? {
    guard heap.count > 0, heap[0].time <= now.nanoseconds else { return nil }
    return id(of: Int(heap[0].slot))
  }

  /// The connection that was asked has closed: the deadline of its call comes no later than `time`.
  package mutating func letGo(_ id: CallID, until time: MonotonicTime) {
    guard isCurrent(id) else { return }
    slots[id.slot].call?.isLetGo = true
    let position = Int(slots[id.slot].heapPosition)
    guard time.nanoseconds < heap[position].time else { return }
    heap[position].time = time.nanoseconds
    moveUp(position)
  }

  private mutating func removeFromHeap(_ position: Int) {
    let last = heap.removeLast()
    guard position < heap.count else { return }
    place(last, at: position)
    moveUp(position)
    moveDown(position)
  }

  private mutating func place(_ due: Due, at position: Int) {
    heap[position] = due
    slots[Int(due.slot)].heapPosition = Int32(position)
  }

  private mutating func moveUp(_ start: Int) {
    var position = start
    let due = heap[start]
    while position > 0 {
      let parent = (position &- 1) / 4
      guard due.time < heap[parent].time else { break }
      place(heap[parent], at: position)
      position = parent
    }
    if position != start { place(due, at: position) }
  }

  private mutating func moveDown(_ start: Int) {
    var position = start
    let due = heap[start]
    while true {
      var least = 4 &* position &+ 1
      guard least < heap.count else { break }
      for child in least &+ 1..<max(least &+ 1, min(4 &* position &+ 5, heap.count))
      where heap[child].time < heap[least].time {
        least = child
      }
      guard heap[least].time < due.time else { break }
      place(heap[least], at: position)
      position = least
    }
    if position != start { place(due, at: position) }
  }
}
