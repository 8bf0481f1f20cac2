import SupervProtocol
import SupervSystem

/// A socket that waits for connections, and how many of them there may be at once.
final class Door {
  let kind: ConnectionID.Door
  /// Of supervisord's servers, which.
  let server: Int
  let socket: Descriptor
  let limit: Int
  fileprivate(set) var count = 0

  init(_ kind: ConnectionID.Door, server: Int, _ socket: consuming Descriptor, limit: Int) {
    self.kind = kind
    self.server = server
    self.socket = socket
    self.limit = limit
  }
}

/// The connections that came in through the doors. What one of them does or does not do costs the
/// others nothing: reads and queues are bounded, and nothing waits.
final class ConnectionTable {
  /// So many at once to the control socket; more are told so and turned away.
  static let maximumControlCount = 4096
  /// So many at once over HTTP, which anybody on this machine may use: the oldest makes room.
  static let maximumHTTPCount = 256
  /// Answers and events that one connection may have waiting, in bytes.
  static let maximumQueuedBytes = 8 << 20
  /// Read from one connection within one turn.
  private static let readBytes = 64 << 10

  /// One connection.
  private struct Entry: ~Copyable {
    let id: ConnectionID
    let door: Door
    let socket: Descriptor
    var output = OutBuffer(maximumBytes: ConnectionTable.maximumQueuedBytes)
    var waitsToWrite = false
    var isClosing = false
    /// Whether it stands in `dirty`.
    var isDirty = false
    /// Whose it is, at the agents' door.
    var process: ProcessKey?
    /// Connections that came before it, for the choice of whom to drop.
    let sequence: UInt64

    init(_ id: ConnectionID, _ door: Door, _ socket: consuming Descriptor, sequence: UInt64) {
      self.id = id
      self.door = door
      self.socket = socket
      self.sequence = sequence
    }

    /// - Returns: false when its queue is full or it is to be closed.
    mutating func append(_ bytes: [UInt8]) -> Bool { !isClosing && output.append(bytes) }

    mutating func append(
      maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
    ) -> Bool {
      !isClosing && output.append(maximumBytes: maximumBytes, write)
    }

    /// Whether it is new that it is.
    mutating func becomeDirty() -> Bool {
      defer { isDirty = true }
      return !isDirty
    }

    /// As much as its peer takes.
    mutating func write() throws(SystemError) {
      while !output.isEmpty {
        let count = try output.withWaitingBytes { (bytes) throws(SystemError) in
          try socket.send(bytes)
        }
        guard let count else { return }
        output.consume(count)
      }
    }

    /// Waits for room as long as something waits for it.
    mutating func watch(_ poll: borrowing EventPoll) throws(SystemError) {
      let waits = !output.isEmpty
      guard waits != waitsToWrite else { return }
      waitsToWrite = waits
      try poll.change(
        socket, token: LinuxKernel.Source.connection.token(id.number),
        for: waits ? [.readable, .writable] : .readable)
    }
  }

  /// A place for connections, of which it has one at a time.
  private struct Slot: ~Copyable {
    var generation: UInt64 = 1
    var entry: Entry?
  }

  private(set) var doors: [Door] = []
  /// A connection's number is its slot in the lower bits and, above them, which one it is there.
  private let slots = Exclusive(Slab<Slot>())
  private var freeSlots: [Int] = []
  /// Their slots.
  private var byProcess: [ProcessKey: [Int]] = [:]
  private static let slotBits: UInt64 = 24
  private var connectionCount: UInt64 = 0
  /// The slots of those that have something to write, or to close; each stands here once.
  private var dirty: [Int] = []
  private var buffer = [UInt8](repeating: 0, count: readBytes)
  /// Held back from the agents, for when they have taken all descriptors: an operator still gets
  /// in, and stops some of them.
  private static let reservedCount = 8
  private let reserve = Reserve()
  private let openFileLimit: Int

  var slotCount: Int { slots.value.count }
  var count: Int { slotCount - freeSlots.count }

  init() throws(SystemError) {
    openFileLimit = Int(clamping: try ProcessLimit.current(.nofile).soft)
    reserve.fill(Self.reservedCount)
  }

  /// Connections are taken from this socket from now on.
  func open(
    _ kind: ConnectionID.Door, _ socket: consuming Descriptor, server: Int = 0,
    _ poll: borrowing EventPoll
  ) throws(SystemError) {
    // Clients must not take the descriptors that agents are started with.
    let limit =
      switch kind {
      case .control: min(Self.maximumControlCount, openFileLimit / 4)
      case .http, .supervisord: min(Self.maximumHTTPCount, openFileLimit / 16)
      case .agent: openFileLimit / 4
      }
    let door = Door(kind, server: server, socket, limit: limit)
    let token = LinuxKernel.Source.door.token(UInt64(doors.count))
    try poll.add(door.socket, token: token, for: .readable)
    doors.append(door)
  }

  // MARK: Coming in

  /// - Parameter processes: who is who, for the agents' door.
  func accept(
    at number: Int, _ processes: ProcessTable, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) {
    let door = doors[number]
    // Level-triggered: those that are left come with the next turn.
    for _ in 0..<64 {
      do {
        guard let socket = try door.socket.accept() else { return }
        if door.count >= door.limit {
          guard door.kind == .http || door.kind == .supervisord else {
            refuse(socket, at: door)
            continue
          }
          dropOldest(of: door, poll, &events)
        }
        try add(socket, at: door, processes, poll, &events)
      } catch {
        // The last one is for turning away, or the loop would be woken for ever.
        guard door.kind == .control, error.isOutOfDescriptors, reserve.count > 1 else {
          return turnAway(door)
        }
        reserve.giveUpOne()
      }
    }
  }

  private func add(
    _ socket: consuming Descriptor, at door: Door, _ processes: ProcessTable,
    _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) throws(SystemError) {
    let caller =
      switch door.kind {
      case .control: Caller.control(try socket.peerCredentials())
      case .http: Caller.http
      case .supervisord: Caller.supervisord(server: door.server)
      case .agent: try processes.identify(socket)
      }
    let slot = freeSlots.popLast() ?? slots.value.count
    if slot == slots.value.count { slots.value.append(Slot()) }
    let id = ConnectionID(
      door.kind, number: slots.value[slot].generation << Self.slotBits | UInt64(slot))
    connectionCount += 1
    var entry = Entry(id, door, socket, sequence: connectionCount)
    do {
      try poll.add(
        entry.socket, token: LinuxKernel.Source.connection.token(id.number), for: .readable)
    } catch {
      freeSlots.append(slot)
      throw error
    }
    door.count += 1
    if case .agent(let process, _) = caller {
      entry.process = process
      byProcess[process, default: []].append(slot)
    }
    slots.value[slot].entry = consume entry
    events.append(.connected(id, caller))
  }

  /// Where a connection is that there still is.
  private func slot(_ number: UInt64) -> Int? {
    let slot = Int(number & (1 << Self.slotBits - 1))
    let isThere =
      slot < slots.value.count && slots.value[slot].generation == number >> Self.slotBits
    return isThere ? slot : nil
  }

  private func refuse(_ socket: borrowing Descriptor, at door: Door) {
    var message: [UInt8] = []
    let error = RPCError(
      .overloaded, "superv has \(door.limit) \(door.kind) connections already")
    MessageWriter.appendError(error, id: nil, to: &message)
    _ = try? socket.write(message.span)
  }

  /// A client that says nothing must not keep health checks out.
  private func dropOldest(
    of door: Door, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    var oldest: (slot: Int, sequence: UInt64)?
    for slot in slots.value.indices where slots.value[slot].entry?.door === door {
      guard let sequence = slots.value[slot].entry?.sequence else { continue }
      if oldest.map({ sequence < $0.sequence }) ?? true { oldest = (slot, sequence) }
    }
    if let oldest { drop(oldest.slot, poll, &events) }
  }

  private func turnAway(_ door: Door) {
    reserve.giveUpOne()
    _ = try? door.socket.accept()
    reserve.fill(1)
  }

  // MARK: Reading

  func take(
    _ number: UInt64, _ readiness: EventPoll.Readiness, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) {
    guard let slot = slot(number), let id = slots.value[slot].entry?.id else { return }
    if readiness.isWritable { markDirty(slot) }
    guard readiness.isWorthReading, slots.value[slot].entry?.isClosing == false else { return }
    do {
      guard let count = try read(slot) else { return }
      if count == 0 { return drop(slot, poll, &events) }
      events.append(.received(id, Array(buffer[..<count])))
    } catch {
      drop(slot, poll, &events)
    }
  }

  private func read(_ slot: Int) throws(SystemError) -> Int? {
    var span = buffer.mutableSpan
    return try slots.value[slot].entry?.socket.receive(into: &span) ?? nil
  }

  private func drop(_ slot: Int, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard let entry = slots.value[slot].entry.take() else { return }
    try? poll.remove(entry.socket)
    slots.value[slot].generation += 1
    freeSlots.append(slot)
    entry.door.count -= 1
    if let process = entry.process {
      byProcess[process]?.removeAll { $0 == slot }
      if byProcess[process]?.isEmpty == true { byProcess[process] = nil }
    }
    events.append(.disconnected(entry.id))
  }

  /// Takes what a process has said before it ended: its answer counts, rather than that nobody is
  /// left to give one. The end of the connection is seen in its time.
  func takeLastWords(of process: ProcessKey, _ events: inout [KernelEvent]) {
    for slot in byProcess[process] ?? [] {
      guard let id = slots.value[slot].entry?.id, slots.value[slot].entry?.isClosing == false
      else { continue }
      // As much as a socket holds, and no more from one that another process goes on to fill.
      for _ in 0..<Self.lastReads {
        guard let count = (try? read(slot)) ?? nil, count > 0 else { break }
        events.append(.received(id, Array(buffer[..<count])))
      }
    }
  }

  private static let lastReads = 8

  // MARK: Writing

  func send(_ bytes: [UInt8], to id: ConnectionID) -> Bool {
    guard let slot = slot(id.number), slots.value[slot].entry?.append(bytes) == true else {
      return false
    }
    markDirty(slot)
    return true
  }

  func send(
    to id: ConnectionID, maximumBytes: Int, _ write: (inout OutputSpan<UInt8>) -> Void
  ) -> Bool {
    guard let slot = slot(id.number),
      slots.value[slot].entry?.append(maximumBytes: maximumBytes, write) == true
    else { return false }
    markDirty(slot)
    return true
  }

  /// What the peer does not take at once is lost.
  func close(_ id: ConnectionID) {
    guard let slot = slot(id.number) else { return }
    slots.value[slot].entry?.isClosing = true
    markDirty(slot)
  }

  private func markDirty(_ slot: Int) {
    if slots.value[slot].entry?.becomeDirty() == true { dirty.append(slot) }
  }

  /// One write for each connection that has something to say. What goes wrong with it goes wrong
  /// again in `flush`, which sees to it.
  func send() {
    for slot in dirty { try? slots.value[slot].entry?.write() }
  }

  /// Sends the rest, and lets go of those that are to be closed or cannot be written to.
  func flush(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    reserve.fill(Self.reservedCount)
    if dirty.isEmpty { return }
    for slot in dirty {
      slots.value[slot].entry?.isDirty = false
      do {
        try slots.value[slot].entry?.write()
        try slots.value[slot].entry?.watch(poll)
      } catch {
        slots.value[slot].entry?.isClosing = true
      }
      if slots.value[slot].entry?.isClosing == true { drop(slot, poll, &events) }
    }
    dirty.removeAll(keepingCapacity: true)
  }
}

/// Descriptors that are open for nothing, so that others can be opened in their place.
private final class Reserve {
  private var first: Node?
  private(set) var count = 0

  private final class Node {
    let descriptor: Descriptor
    let next: Node?

    init(_ descriptor: consuming Descriptor, _ next: Node?) {
      self.descriptor = descriptor
      self.next = next
    }
  }

  /// Opens as many as there are to be had, up to `wanted`.
  func fill(_ wanted: Int) {
    while count < wanted, let opened = try? Files.open("/dev/null", [.readOnly]) {
      first = Node(opened, first)
      count += 1
    }
  }

  func giveUpOne() {
    guard let node = first else { return }
    first = node.next
    count -= 1
  }
}
