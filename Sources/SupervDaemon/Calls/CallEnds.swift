import SupervProtocol
import SupervisionTree

// The end of calls. Whatever ends a call takes it out of the table first, so that nothing else can
// end it again.

extension Daemon {
  /// After its serving connection has closed, an instance has so long to turn out to be dead: the
  /// kernel closes the descriptors of a process a moment before it says that the process has ended.
  private static var deathDelay: Duration { .milliseconds(50) }

  // MARK: Answers

  /// More than an answer takes beside its id and what is passed on.
  private static var answerBytes: Int { 64 }

  /// Passes an answer on to whoever waits for it.
  ///
  /// - Parameter value: the result or the error.
  func takeAnswer(
    to id: Range<Int>?, _ outcome: CallOutcome, _ value: Range<Int>?, in line: Span<UInt8>,
    from session: Session
  ) {
    guard let text = id, let value else { return countStray(from: session) }
    if isPong(text, in: line) { return takePong(text, in: line, from: session) }
    guard let id = CallID(answer: text, in: line), calls.table.wasIssued(id) else {
      return countStray(from: session)
    }
    guard let call = calls.table[id] else { return countLate(from: session) }
    guard call.connection == session.id else { return countStray(from: session) }
    // The alarm that ends it comes after everything that has come with it.
    guard eventTime < call.deadline else { return countLate(from: session) }
    let maximumBytes = value.count &+ MessageScanner.maximumIDBytes &+ Self.answerBytes
    let isTaken = kernel.send(to: call.answersTo, maximumBytes: maximumBytes) { output in
      output.append(#"{"jsonrpc":"2.0","id":"#)
      calls.table.appendCallerID(of: id, to: &output)
      output.append(outcome == .ok ? #","result":"# : #","error":"#)
      output.append(value, of: line)
      output.append("}\n")
    }
    end(id, call, outcome)
    if !isTaken { dropDeaf(call.answersTo) }
  }

  private func countLate(from session: Session) {
    guard let agent = calls.agent(of: session.asker) else { return }
    calls.agents[agent].metrics.lateAnswers &+= 1
  }

  private func countStray(from session: Session) {
    guard let agent = calls.agent(of: session.asker) else { return }
    calls.agents[agent].metrics.strayAnswers &+= 1
  }

  /// Ends a call with an error of superv's own.
  private func fail(_ id: CallID, _ call: Call, _ outcome: CallOutcome, _ why: String) {
    var (callerID, bytes): ([UInt8], [UInt8]) = ([], [])
    callerID.append(addingCapacity: MessageScanner.maximumIDBytes) { output in
      calls.table.appendCallerID(of: id, to: &output)
    }
    end(id, call, outcome)
    MessageWriter.appendError(RPCError(outcome.kind, why), id: callerID.span, to: &bytes)
    if !kernel.send(bytes, to: call.answersTo) { dropDeaf(call.answersTo) }
  }

  private func end(_ id: CallID, _ call: Call, _ outcome: CallOutcome) {
    calls.table.remove(id)
    let (callee, now) = (call.callee.index, eventTime)
    guard let agent = calls.peers[callee].agent else { return }
    calls.agents[agent].metrics.count(
      outcome, after: now.nanoseconds - call.startedAt.nanoseconds)
    let transition = calls.peers[callee].breaker.end(
      outcome.verdict, epoch: call.breakerEpoch, at: now)
    if let transition { tell(transition, of: call.callee) }
  }

  /// What a caller does not take of its own answers costs it the connection.
  private func dropDeaf(_ connection: ConnectionID) {
    let reason = "it does not read its answers"
    switch connection.door {
    case .agent: if let session = sessions[connection] { dropSession(session, because: reason) }
    case .control: disconnect(connection, because: reason)
    case .http, .supervisord: break
    }
  }

  /// The callee need not go on; one that does not read it finds out by itself.
  private func sendCancel(_ id: CallID, _ call: Call) {
    guard !call.isLetGo else { return }
    _ = kernel.send(to: call.connection, maximumBytes: OutputSpan.cancelBytes) { output in
      output.appendCancel(id)
    }
  }

  // MARK: What ends a call early

  func fireCallDeadlines() {
    let now = kernel.now
    while let id = calls.table.firstDue(at: now), let call = calls.table[id] {
      let name = tree.name(of: call.callee)
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
    for id in calls.table.all(hands: peer.node) {
      guard let call = calls.table[id] else { continue }
      if isStop {
        fail(id, call, .unavailable, "superv stops, and \(peer.name) has ended")
      } else {
        fail(id, call, .agentDied, "\(peer.name) has ended before it answered: \(termination)")
      }
    }
    fireMonitors(of: process, peer.name, termination)
  }

  /// A session is gone: what it waited for nobody wants, what it had in its hands is lost.
  func sessionClosed(_ session: Session) {
    if let node = session.asker.node, calls.table.handsCount(node) > 0 {
      let until = kernel.now + Self.deathDelay
      for id in calls.table.all(hands: node)
      where calls.table[id]?.connection == session.id {
        calls.table.letGo(id, until: until)
      }
    }
    calls.monitors.removeAll(of: session.id)
    abandonCalls(of: session.asker)
  }

  /// The caller is gone, and asks nothing more.
  func abandonCalls(of asker: Asker) {
    while let id = calls.table.first(waiting: asker.number), let call = calls.table[id] {
      sendCancel(id, call)
      end(id, call, .cancelled)
    }
    calls.table.close(asker.number)
  }

  func cancel(_ message: Message, in line: Span<UInt8>, from session: Session) throws(RPCError) {
    guard let range = message.params.flatMap({ JSON.member("id", of: $0, in: line) }) else {
      throw .invalidParameters("'id' is missing")
    }
    let asker = session.asker.number
    guard let id = calls.table.find(callerID: line.extracting(range), of: asker),
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
