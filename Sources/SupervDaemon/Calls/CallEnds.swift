import SupervProtocol
import SupervisionTree

// The end of calls. Whatever ends a call takes it out of the table first, so that nothing else can
// end it again.

extension Daemon {
  /// After its serving connection has closed, an instance has so long to turn out to be dead: the
  /// kernel closes the descriptors of a process a moment before it says that the process has ended.
  private static var deathDelay: Duration { .milliseconds(50) }

  // MARK: Answers

  /// Passes an answer on to whoever waits for it.
  func takeAnswer(_ message: Message, in line: Span<UInt8>, from session: Session) {
    if isPong(message, in: line) { return takePong(message, in: line, from: session) }
    guard let id = message.id.flatMap({ CallID(answer: $0, in: line) }),
      calls.table.wasIssued(id)
    else { return countStray(from: session) }
    guard let call = calls.table[id] else {
      session.asker.peer?.agent.metrics.lateAnswers &+= 1
      return
    }
    guard call.connection == session.id else { return countStray(from: session) }
    var bytes = calls.takeScratch()
    bytes.appendAnswerStart()
    calls.table.appendCallerID(of: id, to: &bytes)
    if let result = message.result {
      bytes.append(#","result":"#)
      bytes.append(line.extracting(result))
    } else if let error = message.error {
      bytes.append(#","error":"#)
      bytes.append(line.extracting(error))
    }
    bytes.append("}\n")
    end(id, call, message.result == nil ? .error : .ok)
    deliver(bytes, to: call.asker)
    calls.giveBack(bytes)
  }

  private func countStray(from session: Session) {
    session.asker.peer?.agent.metrics.strayAnswers &+= 1
  }

  /// Ends a call with an error of superv's own.
  private func fail(_ id: CallID, _ call: Call, _ outcome: CallOutcome, _ why: String) {
    var callerID: [UInt8] = []
    calls.table.appendCallerID(of: id, to: &callerID)
    end(id, call, outcome)
    var bytes: [UInt8] = []
    MessageWriter.appendError(RPCError(outcome.kind, why), id: callerID.span, to: &bytes)
    deliver(bytes, to: call.asker)
  }

  private func end(_ id: CallID, _ call: Call, _ outcome: CallOutcome) {
    calls.table.remove(id, waiting: &call.asker.waiting, hands: &call.callee.hands)
    let agent = call.callee.agent
    agent.metrics.count(outcome, after: eventTime.nanoseconds - call.startedAt.nanoseconds)
    let transition = call.callee.breaker.end(
      outcome.verdict, epoch: call.breakerEpoch, at: eventTime)
    if let transition { tell(transition, of: call.callee) }
  }

  /// What a caller does not take of its own answers costs it the connection.
  private func deliver(_ bytes: [UInt8], to asker: Asker) {
    guard !kernel.send(bytes, to: asker.connection) else { return }
    let reason = "it does not read its answers"
    switch asker.connection.door {
    case .agent:
      if let session = sessions[asker.connection] { dropSession(session, because: reason) }
    case .control: disconnect(asker.connection, because: reason)
    case .http: break
    }
  }

  /// The callee need not go on; one that does not read it finds out by itself.
  private func sendCancel(_ id: CallID, _ call: Call) {
    guard !call.isLetGo else { return }
    var bytes = calls.takeScratch()
    bytes.appendCancel(id)
    _ = kernel.send(bytes, to: call.connection)
    calls.giveBack(bytes)
  }

  // MARK: What ends a call early

  func fireCallDeadlines() {
    let now = kernel.now
    while let id = calls.table.firstDue(at: now), let call = calls.table[id] {
      let name = call.callee.name
      if call.isLetGo {
        fail(id, call, .unavailable, "\(name) has let go of its connection before it answered")
      } else {
        sendCancel(id, call)
        let span = call.deadline.milliseconds(after: call.startedAt)
        fail(id, call, .timeout, "\(name) did not answer within \(span) ms")
      }
    }
  }

  /// Its process has ended, after the tree has decided what follows.
  func endCalls(of process: ProcessKey, _ termination: Termination) {
    sessions.endServing(process)
    guard let peer = calls.peer(process.node) else { return }
    let isStop = isStopAnnounced
    for id in calls.table.all(hands: peer.hands) {
      guard let call = calls.table[id] else { continue }
      if isStop {
        fail(id, call, .unavailable, "superv stops, and \(peer.name) has ended")
      } else {
        fail(id, call, .agentDied, "\(peer.name) has ended before it answered: \(termination)")
      }
    }
    fireMonitors(of: process, peer, termination)
  }

  /// A session is gone: what it waited for nobody wants, what it had in its hands is lost.
  func sessionClosed(_ session: Session) {
    if let peer = session.asker.peer, peer.hands.count > 0 {
      let until = kernel.now + Self.deathDelay
      for id in calls.table.all(hands: peer.hands)
      where calls.table[id]?.connection == session.id {
        calls.table.letGo(id, until: until)
      }
    }
    calls.monitors.removeAll(of: session.id)
    abandonCalls(of: session.asker)
  }

  /// The caller is gone.
  func abandonCalls(of asker: Asker) {
    while let id = calls.table.first(waiting: asker.waiting), let call = calls.table[id] {
      sendCancel(id, call)
      end(id, call, .cancelled)
    }
  }

  func cancel(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {
    guard let range = message.params.flatMap({ JSON.member("id", of: $0, in: line) }) else {
      throw .invalidParameters("'id' is missing")
    }
    let waiting = session.asker.waiting
    guard let id = calls.table.find(callerID: line.extracting(range), in: waiting),
      let call = calls.table[id]
    else { throw .invalidParameters("no call with this 'id' waits on this connection") }
    sendCancel(id, call)
    fail(id, call, .cancelled, "the caller has cancelled it")
  }
}

extension CallOutcome {
  /// Of superv's own errors.
  var kind: ErrorKind {
    switch self {
    case .timeout: .timeout
    case .agentDied: .agentDied
    case .unavailable: .unavailable
    case .cancelled: .cancelled
    case .overloaded: .overloaded
    case .notReady: .notReady
    case .circuitOpen: .circuitOpen
    case .denied: .denied
    case .cycle: .cycle
    case .ok, .error: preconditionFailure("the callee has answered")
    }
  }
}
