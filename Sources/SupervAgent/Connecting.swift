internal import SupervProtocol
internal import SupervSystem

// The connection: made, greeted, kept up and made again.
extension Agent {
  /// Until the agent is closed: connects, serves the connection, waits a little, connects again.
  func stayConnected() async {
    var backoff = Backoff()
    while phase != .closed {
      if await converse() { backoff = Backoff() }
      if firstGreeting == nil { greeted(.success(())) }
      if phase == .closed { return }
      try? await Task.sleep(for: backoff.next(), clock: .suspending)
    }
  }

  /// One connection from its beginning to its end.
  ///
  /// - Returns: whether superv has answered the hello.
  private func converse() async -> Bool {
    guard let path = options.socketPath else { return false }
    connectionCount += 1
    guard let connection = try? Connection(to: path, number: connectionCount) else { return false }
    self.connection = connection
    sayHello(on: connection)
    let watch = connection.watch
    let patience = Task {
      try await Task.sleep(for: .seconds(10), clock: .suspending)
      if !connected { watch.stop() }
    }
    defer { patience.cancel() }
    for await _ in connection.watch.wakeUps {
      connection.flush()
      var progress = Connection.Progress.more
      while progress == .more && self.connection === connection {
        progress = connection.receive { self.take($0, from: connection) }
        // Others have their turn, however much comes.
        await Task.yield()
      }
      if progress == .ended { break }
    }
    if self.connection === connection { disconnect() }
    return connection.isOpen
  }

  private func sayHello(on connection: Connection) {
    var params = ParamsWriter()
    params.add("protocol", 1)
    params.add("client", options.client.cut(toBytes: 128))
    if !options.serves { params.add("serves", false) }
    params.add("ready", readiness.map { $0 == .ready })
    connection.readiness = readiness
    let id = makeID()
    pending[id] = .hello
    _ = connection.send(Outgoing.request(id: id, "hello", params))
  }

  private func helloAnswered(_ answer: Answer, on connection: Connection) {
    struct Greeting: Decodable {
      var name: String
      var maximumMessageBytes: Int

      enum CodingKeys: String, CodingKey {
        case name
        case maximumMessageBytes = "message_max"
      }
    }
    do {
      let result = try answer.get()
      let greeting = try JSON.decode(Greeting.self, from: result.span)
      name = greeting.name
      connection.maximumMessageBytes = greeting.maximumMessageBytes
      connection.isOpen = true
      if readiness != connection.readiness { tellReadiness() }
      for key in monitors.keys.sorted() { _ = askForDowns(of: key) }
      greeted(.success(()))
    } catch let error as SupervError {
      refused(error)
      disconnect()
    } catch {
      refused(SupervError(.invalid, "superv's answer to hello does not read: \(error)"))
      disconnect()
    }
  }

  /// What may be different the next time is tried again.
  private func refused(_ error: SupervError) {
    if !error.retryable { greeted(.failure(error)) }
  }

  /// Only the first time counts: whoever waits for `start()` is told.
  private func greeted(_ result: Result<Void, SupervError>) {
    guard firstGreeting == nil else { return }
    firstGreeting = result
    changed()
  }

  /// Lets go of the connection. What waits for an answer will not get it.
  func disconnect() {
    connection?.watch.stop()
    connection = nil
    let waiting = pending
    pending = [:]
    for request in waiting.values { request.end(.failure(.lost)) }
    changed()
  }

  private func take(_ incoming: Incoming, from connection: Connection) {
    switch incoming {
    case .answer(let id, let answer): take(answer, id, from: connection)
    case .handle(let request): serve(request, from: connection)
    case .ping(let id): answerPing(id, from: connection.number)
    case .stop(let reason, let milliseconds): stop(reason, milliseconds)
    case .cancel(let id): cancelServed(id, from: connection.number)
    case .down(let monitor, let down): take(down, monitor)
    case .refusal(let error): refused(error)
    case .unknown(let id, let method):
      let error = SupervError(.methodNotFound("there is no method '\(method)'"))
      answer(.failure(error), to: id, from: connection.number)
    case .ignored: break
    }
  }

  private func take(_ answer: Answer, _ id: Int64, from connection: Connection) {
    guard let request = pending.removeValue(forKey: id) else { return }
    switch request {
    case .hello: helloAnswered(answer, on: connection)
    case .call: request.end(answer)
    case .monitor(let key, _):
      monitorAnswered(answer, key)
      request.end(answer)
    }
  }

  private func answerPing(_ id: [UInt8], from number: Int) {
    let pong = Answer.success(Array("{}".utf8))
    guard let onPing = options.onPing else { return answer(pong, to: id, from: number) }
    Task {
      await onPing()
      answer(pong, to: id, from: number)
    }
  }

  private func stop(_ reason: String, _ milliseconds: Int64?) {
    guard stop == nil else { return }
    let stop = Stop(
      reason: reason, deadline: milliseconds.map { SuspendingClock.now + .milliseconds($0) })
    self.stop = stop
    for action in stopActions { Task { await action(stop) } }
    stopActions = []
    changed()
  }
}

/// A request that waits for its answer.
enum Pending {
  case hello
  case call(AsyncStream<Answer>.Continuation)
  /// Nobody waits for one that is made again after a reconnect.
  case monitor(Int64, AsyncStream<Answer>.Continuation?)

  func end(_ answer: Answer) {
    switch self {
    case .hello: break
    case .call(let caller): caller.yield(answer)
    case .monitor(_, let caller): caller?.yield(answer)
    }
  }
}

/// How long to wait before the next attempt: 100 ms, then twice as long each time up to 5 s, less
/// a random part of up to half, so that the agents of one superv do not all come at once.
struct Backoff {
  private var base = Duration.milliseconds(100)

  mutating func next() -> Duration {
    defer { base = min(base * 2, .seconds(5)) }
    return base * Double.random(in: 0.5...1)
  }
}
