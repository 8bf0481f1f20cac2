import SupervConfig
import SupervProtocol
import SupervSystem
import SupervisionTree

/// One connection of an agent: of its own process, or of one that it started.
final class Session {
  let id: ConnectionID
  let process: ProcessKey
  let peer: PeerCredentials
  let asker: Asker
  var input: LineBuffer
  /// Nothing more is read of it.
  fileprivate(set) var isClosed = false

  fileprivate init(
    _ id: ConnectionID, _ process: ProcessKey, _ peer: PeerCredentials, _ asker: Asker,
    maximumLineBytes: Int
  ) {
    self.id = id
    self.process = process
    self.peer = peer
    self.asker = asker
    input = LineBuffer(maximumLineBytes: maximumLineBytes)
  }
}

/// The connections of all agents, and for each agent the one that serves.
final class SessionHub {
  /// Connections that one agent instance may have.
  static let maximumPerAgent = 32

  private var sessions: [ConnectionID: Session] = [:]
  private var counts: [ProcessKey: Int] = [:]

  var count: Int { sessions.count }

  /// By the index of the node.
  private var serving: [Session?] = [] { didSet { servingState &+= 1 } }
  /// Grows whenever another one serves.
  private(set) var servingState: UInt64 = 0

  subscript(id: ConnectionID) -> Session? { sessions[id] }

  /// The session that serves for an incarnation.
  func serving(_ process: ProcessKey) -> Session? {
    guard let session = serving(process.node), session.process == process else { return nil }
    return session
  }

  /// The session that serves for the latest incarnation of a node that had one.
  func serving(_ node: NodeID) -> Session? {
    serving.indices.contains(node.index) ? serving[node.index] : nil
  }

  /// - Returns: nil when the agent has as many as it may.
  func open(
    _ id: ConnectionID, of process: ProcessKey, _ peer: PeerCredentials, _ asker: Asker,
    maximumLineBytes: Int
  ) -> Session? {
    guard counts[process, default: 0] < Self.maximumPerAgent else { return nil }
    let session = Session(id, process, peer, asker, maximumLineBytes: maximumLineBytes)
    sessions[id] = session
    counts[process, default: 0] += 1
    return session
  }

  /// - Returns: the session, once.
  func close(_ id: ConnectionID) -> Session? {
    guard let session = sessions.removeValue(forKey: id) else { return nil }
    session.isClosed = true
    counts[session.process, default: 1] -= 1
    if counts[session.process] == 0 { counts[session.process] = nil }
    if serving(session.process.node) === session { serving[session.process.node.index] = nil }
    return session
  }

  /// The process has ended: whatever is left of its connections serves nobody.
  func endServing(_ process: ProcessKey) {
    guard serving(process) != nil else { return }
    serving[process.node.index] = nil
  }

  /// Makes a session the one that serves.
  ///
  /// - Throws: `RPCError` of kind `denied` when another process of the agent serves.
  func serve(_ session: Session) throws(RPCError) {
    let node = session.process.node
    let former = serving(session.process)
    if let former, former.peer.process != session.peer.process {
      throw RPCError(
        .denied,
        "process \(former.peer.process) of this agent serves already; say \"serves\":false")
    }
    while serving.count <= node.index { serving.append(nil) }
    serving[node.index] = session
  }
}

// MARK: - Connections

extension Daemon {
  func openSession(_ id: ConnectionID, of process: ProcessKey, _ peer: PeerCredentials) {
    let limit = configuration.settings.maximumMessageBytes
    guard isCurrent(process) else {
      return refuse(id, peer, because: "the agent it belonged to has ended")
    }
    let asker = calls.asker(id, of: process.node)
    let session = sessions.open(id, of: process, peer, asker, maximumLineBytes: limit)
    guard session == nil else { return }
    abandonCalls(of: asker)
    refuse(
      id, peer, because: "its agent has \(SessionHub.maximumPerAgent) connections already",
      kind: .overloaded, of: process.node)
  }

  /// Tells a peer why it is not served, and lets go of it.
  ///
  /// - Parameter node: the agent whose process it is, where that is known.
  func refuse(
    _ id: ConnectionID, _ peer: PeerCredentials, because reason: String,
    kind: ErrorKind = .denied, of node: NodeID? = nil
  ) {
    var bytes: [UInt8] = []
    MessageWriter.appendError(RPCError(kind, reason), id: nil, to: &bytes)
    _ = kernel.send(bytes, to: id)
    kernel.close(id)
    guard let reason = refusalText(reason, of: node) else { return }
    tell(StoryEvent("session.refused", .daemon, reason: reason)) {
      $0.peer = StoryEvent.Peer(pid: peer.process, user: peer.user)
    }
  }

  func closeSession(_ id: ConnectionID) {
    guard let session = sessions.close(id) else { return }
    sessionClosed(session)
  }

  /// Its queue is full: a peer that does not read must not cost the others anything.
  func dropSession(_ session: Session, because reason: String) {
    kernel.close(session.id)
    closeSession(session.id)
    tell(about: session.process, "session.disconnected", reason: reason)
  }

  /// Whether an incarnation is the one that runs now.
  func isCurrent(_ process: ProcessKey) -> Bool {
    guard agents.indices.contains(process.node.index),
      let current = agents[process.node.index]?.process
    else { return false }
    return current.isAlive && current.incarnation == process.incarnation
  }

  /// One line of an agent's story that the tree has no part in.
  func tell(about process: ProcessKey, _ kind: String, reason: String) {
    tell(StoryEvent(kind, .agent, name: tree.name(of: process.node), reason: reason)) {
      $0.incarnation = process.incarnation
    }
  }
}
