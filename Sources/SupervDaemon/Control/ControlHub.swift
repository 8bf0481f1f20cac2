import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

/// The connections to the control socket: what each has sent, follows and waits for.
final class ControlHub {
  /// Requests that one connection may have waiting.
  static let maximumWaitingPerConnection = 64

  final class Connection {
    let peer: PeerCredentials
    let asker: Asker
    var input: LineBuffer
    /// Events are sent to it as they come; `name` limits them to one child.
    var follows = false
    var followedNames: Set<String>?
    var waitingCount = 0

    init(_ peer: PeerCredentials, _ asker: Asker, maximumLineBytes: Int) {
      self.peer = peer
      self.asker = asker
      input = LineBuffer(maximumLineBytes: maximumLineBytes)
    }
  }

  /// A request whose answer depends on what is still to happen.
  struct Waiting {
    var connection: ConnectionID
    /// The id of the request, byte for byte.
    var id: [UInt8]
    var condition: Condition
  }

  enum Condition {
    case status(StatusParams, StatusWait)
    case action(Request, [ActionTarget])
  }

  private(set) var connections: [ConnectionID: Connection] = [:]
  var waiting: [Waiting] = []

  func open(_ asker: Asker, _ peer: PeerCredentials, _ settings: DaemonSettings) {
    connections[asker.connection] = Connection(
      peer, asker, maximumLineBytes: settings.maximumMessageBytes)
  }

  func close(_ id: ConnectionID) {
    connections[id] = nil
    waiting.removeAll { $0.connection == id }
  }

  /// Those that follow events and want this one, in the order they came.
  func followers(of entry: EventLog.Entry) -> [ConnectionID] {
    connections.filter { _, connection in
      connection.follows && connection.followedNames?.contains(entry.name) != false
    }
    .keys.sorted { $0.number < $1.number }
  }

  /// - Throws: `RPCError` when as many requests wait on a connection as may.
  func requireRoom(on id: ConnectionID) throws(RPCError) {
    guard let connection = connections[id] else { return }
    guard connection.waitingCount < Self.maximumWaitingPerConnection else {
      throw RPCError(
        .overloaded,
        "more than \(Self.maximumWaitingPerConnection) requests wait on this connection")
    }
  }

  /// Parks a request until its condition holds; there has to be room.
  func park(_ request: Waiting) {
    guard let connection = connections[request.connection] else { return }
    connection.waitingCount += 1
    waiting.append(request)
  }
}

/// What an `up`, `down` or `restart` waits for, one child each.
struct ActionTarget {
  var node: NodeID
  /// The incarnation when it was asked; a restart is over when there is a later one.
  var incarnation: UInt64
  /// Whether it was failed already when it was asked.
  var hadFailed: Bool
  /// Why nothing was done at all.
  var refusal: String?
}

// MARK: - Messages in and out

extension Daemon {
  func receive(_ bytes: [UInt8], on id: ConnectionID) {
    guard let connection = control.connections[id] else { return }
    connection.input.append(bytes.span)
    while control.connections[id] === connection, let event = connection.input.next() {
      switch event {
      case .line(let range):
        connection.input.withBytes(of: range) { line in handle(line, on: id) }
      case .oversized:
        let limit = connection.input.maximumLineBytes
        reply(
          to: id, nil, failure: RPCError(.tooLarge, "a message may have \(limit) bytes at most"))
      }
    }
  }

  private func handle(_ line: Span<UInt8>, on id: ConnectionID) {
    let message: Message
    do {
      message = try MessageScanner.scan(line)
    } catch {
      return reply(to: id, error.id.map { bytes(line, $0) }, failure: error.error)
    }
    guard message.kind == .request, let range = message.id else {
      // Notifications want no answer, and there are no methods that make sense as one.
      return
    }
    let requestID = bytes(line, range)
    do {
      try perform(message, in: line, requestID, on: id)
    } catch {
      reply(to: id, requestID, failure: error)
    }
  }

  private func bytes(_ line: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
    range.map { line[$0] }
  }

  func reply(to id: ConnectionID, _ requestID: [UInt8], _ result: some Encodable) {
    var bytes: [UInt8] = []
    MessageWriter.appendResult(id: requestID.span, result: result, to: &bytes)
    deliver(bytes, to: id)
  }

  func reply(to id: ConnectionID, _ requestID: [UInt8]?, failure: RPCError) {
    var bytes: [UInt8] = []
    if let requestID {
      MessageWriter.appendError(failure, id: requestID.span, to: &bytes)
    } else {
      MessageWriter.appendError(failure, id: nil, to: &bytes)
    }
    deliver(bytes, to: id)
  }

  private func deliver(_ bytes: [UInt8], to id: ConnectionID) {
    if !kernel.send(bytes, to: id) { disconnect(id, because: "it does not read its answers") }
  }

  func sendEvent(_ entry: EventLog.Entry, to id: ConnectionID) -> Bool {
    let head = #"{"jsonrpc":"2.0","method":"event","params":"#
    return kernel.send(Array(head.utf8) + entry.json + Array("}\n".utf8), to: id)
  }

  /// Nobody waits for what it has asked.
  func closeControl(_ id: ConnectionID) {
    guard let connection = control.connections[id] else { return }
    control.close(id)
    abandonCalls(of: connection.asker)
  }

  /// Its queue is full: a peer that does not read must not cost the others anything.
  func disconnect(_ id: ConnectionID, because reason: String) {
    guard let connection = control.connections[id] else { return }
    let peer = connection.peer
    closeControl(id)
    kernel.close(id)
    tell(StoryEvent("control.disconnected", .daemon, reason: reason)) {
      $0.peer = StoryEvent.Peer(pid: peer.process, user: peer.user)
    }
  }
}
