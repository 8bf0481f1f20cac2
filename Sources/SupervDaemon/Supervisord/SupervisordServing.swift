import SupervConfig
import SupervSystem
import SupervisordProtocol

// supervisord's HTTP servers: calls, and logs that are followed.

/// What a client waits for.
struct PendingAnswer {
  enum Kind {
    case call(SupervisordOperation)
    /// A log whose file is yet to be looked at.
    case beginning(SupervisordLog)
    case following(SupervisordLog, SupervisordTail)
  }

  var request: SupervisordRequest
  var stream: SupervisordStream
  var kind: Kind

  init(_ request: SupervisordRequest, _ kind: Kind) {
    self.request = request
    stream = SupervisordStream(answering: request)
    self.kind = kind
  }
}

extension Daemon {
  var unixSeconds: Int { Int(kernel.realTimeNanoseconds / 1_000_000_000) }

  /// - Parameter server: its place in the configuration.
  func openSupervisord(_ id: ConnectionID, server: Int) {
    let servers = front?.servers ?? []
    guard servers.indices.contains(server) else { return kernel.close(id) }
    let credentials = servers[server].userName.map {
      SupervisordCredentials(userName: $0, password: servers[server].password ?? "")
    }
    supervisord.clients[id] = .init(reader: SupervisordReader(credentials: credentials))
  }

  func closeSupervisord(_ id: ConnectionID) {
    supervisord.clients[id] = nil
    supervisord.waiting.removeAll { $0 == id }
  }

  func receiveFromSupervisorctl(_ bytes: [UInt8], on id: ConnectionID) {
    supervisord.clients[id]?.reader.append(bytes)
    serveSupervisord(id)
  }

  /// One request after the other: a client that does not wait for its answers gets them in order.
  private func serveSupervisord(_ id: ConnectionID) {
    while let client = supervisord.clients[id], client.pending == nil {
      switch supervisord.clients[id]?.reader.next() {
      case nil: return
      case .waitsToGoOn: _ = kernel.send(SupervisordReply.goOn, to: id)
      case .refused(let status):
        // It may still be sending what nobody reads: closed at once, it would not see the answer.
        let reply = SupervisordReply.status(status)
        let bytes = reply.encoded(minorVersion: 1, keepsAlive: false, now: unixSeconds)
        if !kernel.send(bytes, to: id) { endSupervisord(id) }
        return
      case .request(let request): begin(request, on: id)
      }
    }
  }

  private func begin(_ request: SupervisordRequest, on id: ConnectionID) {
    switch request.target {
    case .call:
      guard let call = try? XMLRPCCall(decoding: request.body) else {
        return answer(.status(.badRequest), request, on: id)
      }
      var world = DaemonWorld(daemon: self)
      wait(for: .call(SupervisordRPC.begin(call, in: &world)), request, on: id)
    case .tail(let log): wait(for: .beginning(log), request, on: id)
    case .page: answer(.status(.notFound), request, on: id)
    case .refused(let status): answer(.status(status), request, on: id)
    }
  }

  private func wait(
    for kind: PendingAnswer.Kind, _ request: SupervisordRequest, on id: ConnectionID
  ) {
    supervisord.clients[id]?.pending = PendingAnswer(request, kind)
    supervisord.waiting.append(id)
    advance(id)
  }

  private func answer(
    _ reply: SupervisordReply, _ request: SupervisordRequest?, on id: ConnectionID
  ) {
    let keepsAlive = request?.keepsAlive ?? false
    let bytes = reply.encoded(
      minorVersion: request?.minorVersion ?? 0, keepsAlive: keepsAlive, now: unixSeconds)
    if !kernel.send(bytes, to: id) || !keepsAlive { endSupervisord(id) }
  }

  private func endSupervisord(_ id: ConnectionID) {
    closeSupervisord(id)
    kernel.close(id)
  }

  /// Whatever has changed, somebody may have waited for it.
  func advanceOperations() {
    for id in supervisord.waiting { advance(id) }
  }

  private func advance(_ id: ConnectionID) {
    guard var pending = supervisord.clients[id]?.pending else { return }
    switch pending.kind {
    case .call(var operation):
      var world = DaemonWorld(daemon: self)
      let result = operation.advance(&world)
      pending.kind = .call(operation)
      supervisord.clients[id]?.pending = pending
      guard let result else { return }
      finish(id)
      answer(.xml(SupervisordRPC.response(result)), pending.request, on: id)
      serveSupervisord(id)
    case .beginning(let log): beginTail(of: log, pending, on: id)
    case .following(let log, let tail): follow(log, tail, pending, on: id)
    }
  }

  private func finish(_ id: ConnectionID) {
    supervisord.clients[id]?.pending = nil
    supervisord.waiting.removeAll { $0 == id }
  }

  // MARK: Logs that are followed

  func path(of log: SupervisordLog) -> String? {
    switch log {
    case .main: supervisord.mainLogPath
    case .stdout(let id): supervisord.members[id].flatMap { $0.program.output.path }
    case .stderr(let id): supervisord.members[id].flatMap { $0.program.errors.path }
    }
  }

  private func beginTail(of log: SupervisordLog, _ pending: PendingAnswer, on id: ConnectionID) {
    guard let path = path(of: log) else {
      finish(id)
      return answer(.status(.notFound), pending.request, on: id)
    }
    guard let found = read(path, .last(0)) else { return }
    guard case .bytes(_, let size, let inode) = found else {
      finish(id)
      return answer(.status(.notFound), pending.request, on: id)
    }
    var pending = pending
    let tail = SupervisordTail(.init(sizeBytes: size, identity: inode))
    pending.kind = .following(log, tail)
    supervisord.clients[id]?.pending = pending
    let head = pending.stream.head(now: unixSeconds, lastModified: unixSeconds)
    guard kernel.send(head, to: id) else { return endSupervisord(id) }
    follow(log, tail, pending, on: id)
  }

  /// Reads what has been added. One look at the file brings its size and the bytes after those that
  /// were sent.
  private func follow(
    _ log: SupervisordLog, _ tail: SupervisordTail, _ pending: PendingAnswer, on id: ConnectionID
  ) {
    wakeForSupervisord()
    guard let path = path(of: log) else { return endSupervisord(id) }
    var (tail, pending) = (tail, pending)
    defer {
      pending.kind = .following(log, tail)
      supervisord.clients[id]?.pending = pending
    }
    while let found = read(path, .from(tail.position, count: SupervisordTail.maximumReadBytes)) {
      var file: SupervisordTail.FileState?
      var bytes: [UInt8] = []
      if case .bytes(let some, let size, let inode) = found {
        (bytes, file) = (some, .init(sizeBytes: size, identity: inode))
      }
      let position = tail.position
      switch tail.next(file) {
      case .wait: return
      case .say(let text):
        guard kernel.send(pending.stream.encoded(Array(text.utf8)), to: id) else {
          return endSupervisord(id)
        }
      case .read(let offset, let count):
        guard offset == position else { continue }
        tail.advance(by: min(count, bytes.count))
        guard kernel.send(pending.stream.encoded(Array(bytes.prefix(count))), to: id) else {
          return endSupervisord(id)
        }
        if bytes.count < SupervisordTail.maximumReadBytes { return }
      }
    }
  }

  /// Asks for a part of a file; nil until the answer is there, which another turn brings.
  func read(_ path: String, _ part: FilePart) -> FileRead? {
    supervisord.readings.take(.init(path: path, part: part)) { kernel.readFile($0, path, part) }
  }
}
