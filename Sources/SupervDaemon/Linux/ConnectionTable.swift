import SupervProtocol
import SupervSystem

/// The connections to the control socket and over HTTP. What one of them does or does not do costs
/// the others nothing: reads and queues are bounded, and nothing waits.
final class ConnectionTable {
  /// So many at once to the control socket; more are told so and turned away.
  static let maximumControlCount = 4096
  /// So many at once over HTTP, which anybody on this machine may use: the oldest makes room.
  static let maximumHTTPCount = 256
  /// Answers and events that one connection may have waiting, in bytes.
  static let maximumQueuedBytes = 8 << 20
  /// Read from one connection within one turn.
  private static let readBytes = 64 << 10

  private final class Entry {
    let id: ConnectionID
    let socket: Descriptor
    let isHTTP: Bool
    var output = OutBuffer(maximumBytes: ConnectionTable.maximumQueuedBytes)
    var waitsToWrite = false
    var isClosing = false

    init(_ id: ConnectionID, _ socket: consuming Descriptor, isHTTP: Bool) {
      self.id = id
      self.isHTTP = isHTTP
      self.socket = socket
    }
  }

  let listener: Descriptor
  let httpListener: Descriptor?
  private var entries: [UInt64: Entry] = [:]
  private var nextNumber: UInt64 = 1
  /// Have something to write, or to close.
  private var dirty: [UInt64] = []
  private var buffer = [UInt8](repeating: 0, count: readBytes)
  /// Held back from the agents, for when they have taken all descriptors: an operator still gets
  /// in, and stops some of them.
  private static let reservedCount = 8
  private let reserve = Reserve()

  private var httpCount = 0
  private let controlLimit: Int
  private let httpLimit: Int

  init(
    listener: consuming Descriptor, httpListener: consuming Descriptor?
  ) throws(SystemError) {
    self.listener = listener
    self.httpListener = httpListener
    // Clients must not take the descriptors that agents are started with.
    let openFiles = Int(clamping: try ProcessLimit.current(.nofile).soft)
    controlLimit = min(Self.maximumControlCount, openFiles / 4)
    httpLimit = min(Self.maximumHTTPCount, openFiles / 16)
    reserve.fill(Self.reservedCount)
  }

  func accept(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    accept(listener, isHTTP: false, poll, &events)
  }

  func acceptHTTP(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    guard httpListener != nil else { return }
    accept(httpListener!, isHTTP: true, poll, &events)
  }

  private func accept(
    _ listener: borrowing Descriptor, isHTTP: Bool, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) {
    // Level-triggered: those that are left come with the next turn.
    for _ in 0..<64 {
      do {
        guard let socket = try listener.accept() else { return }
        if isHTTP {
          if httpCount >= httpLimit { dropOldestHTTP(poll, &events) }
        } else if entries.count - httpCount >= controlLimit {
          refuse(socket)
          continue
        }
        try add(socket, isHTTP: isHTTP, poll, &events)
      } catch {
        // The last one is for turning away, or the loop would be woken for ever.
        guard !isHTTP, error.isOutOfDescriptors, reserve.count > 1 else {
          return turnAway(listener)
        }
        reserve.giveUpOne()
      }
    }
  }

  private func add(
    _ socket: consuming Descriptor, isHTTP: Bool, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) throws(SystemError) {
    let caller = isHTTP ? Caller.http : .control(try socket.peerCredentials())
    let id = ConnectionID(isHTTP ? .http : .control, number: nextNumber)
    nextNumber += 1
    let entry = Entry(id, socket, isHTTP: isHTTP)
    try poll.add(
      entry.socket, token: LinuxKernel.Source.connection.token(id.number), for: .readable)
    entries[id.number] = entry
    if isHTTP { httpCount += 1 }
    events.append(.connected(id, caller))
  }

  private func refuse(_ socket: borrowing Descriptor) {
    var message: [UInt8] = []
    let error = RPCError(.overloaded, "superv has \(controlLimit) control connections already")
    MessageWriter.appendError(error, id: nil, to: &message)
    _ = try? socket.write(message.span)
  }

  /// A client that says nothing must not keep health checks out.
  private func dropOldestHTTP(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    let oldest = entries.values.filter(\.isHTTP).min { $0.id.number < $1.id.number }
    if let oldest { drop(oldest, poll, &events) }
  }

  private func turnAway(_ listener: borrowing Descriptor) {
    reserve.giveUpOne()
    _ = try? listener.accept()
    reserve.fill(1)
  }

  func take(
    _ number: UInt64, _ readiness: EventPoll.Readiness, _ poll: borrowing EventPoll,
    _ events: inout [KernelEvent]
  ) {
    guard let entry = entries[number] else { return }
    if readiness.contains(.writable) { dirty.append(number) }
    guard !readiness.isDisjoint(with: [.readable, .hangUp, .error]), !entry.isClosing else {
      return
    }
    do {
      var span = buffer.mutableSpan
      guard let count = try entry.socket.read(into: &span) else { return }
      if count == 0 { return drop(entry, poll, &events) }
      events.append(.received(entry.id, Array(buffer[..<count])))
    } catch {
      drop(entry, poll, &events)
    }
  }

  private func drop(
    _ entry: Entry, _ poll: borrowing EventPoll, _ events: inout [KernelEvent]
  ) {
    try? poll.remove(entry.socket)
    entries[entry.id.number] = nil
    if entry.isHTTP { httpCount -= 1 }
    events.append(.disconnected(entry.id))
  }

  func send(_ bytes: [UInt8], to id: ConnectionID) -> Bool {
    guard let entry = entries[id.number], !entry.isClosing, entry.output.append(bytes) else {
      return false
    }
    dirty.append(id.number)
    return true
  }

  /// What the peer does not take at once is lost.
  func close(_ id: ConnectionID) {
    guard let entry = entries[id.number] else { return }
    entry.isClosing = true
    dirty.append(id.number)
  }

  /// One write for each connection that has something to say.
  func flush(_ poll: borrowing EventPoll, _ events: inout [KernelEvent]) {
    reserve.fill(Self.reservedCount)
    let numbers = dirty
    dirty.removeAll(keepingCapacity: true)
    for number in numbers {
      guard let entry = entries[number] else { continue }
      do {
        try write(entry)
        try watch(entry, poll)
      } catch {
        entry.isClosing = true
      }
      if entry.isClosing { drop(entry, poll, &events) }
    }
  }

  private func write(_ entry: Entry) throws(SystemError) {
    while !entry.output.isEmpty {
      let count = try entry.output.withWaitingBytes { (bytes) throws(SystemError) in
        try entry.socket.write(bytes)
      }
      guard let count else { return }
      entry.output.consume(count)
    }
  }

  private func watch(_ entry: Entry, _ poll: borrowing EventPoll) throws(SystemError) {
    let waits = !entry.output.isEmpty
    guard waits != entry.waitsToWrite else { return }
    entry.waitsToWrite = waits
    try poll.change(
      entry.socket, token: LinuxKernel.Source.connection.token(entry.id.number),
      for: waits ? [.readable, .writable] : .readable)
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
