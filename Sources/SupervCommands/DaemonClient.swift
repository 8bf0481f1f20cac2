import SupervProtocol
import SupervSystem

/// A message that came in, with the bytes that its ranges belong to.
struct ReceivedLine: Sendable {
  var message: Message
  var bytes: [UInt8]

  /// - Parameter part: The result, the params or the error.
  func decode<Value: Decodable>(
    _ type: Value.Type, from part: Range<Int>?
  ) throws(CommandFailure) -> Value {
    guard let part else { throw .broken("the daemon's answer has no \(type)") }
    do {
      return try JSON.decode(type, from: bytes.span.extracting(part))
    } catch {
      throw .broken(
        "the daemon's answer is not understood: \(error.message); is it a newer superv?")
    }
  }
}

/// One connection to a daemon: to its control socket, or as an agent to the socket of its agents.
/// It waits for answers, each until a deadline.
final class DaemonClient {
  /// The longest line to accept; the status of some 100,000 agents.
  static let maximumLineBytes = 64 << 20
  /// How long to wait before connecting once more to a daemon whose queue is full.
  private static let retryMilliseconds: Int32 = 20

  private let socket: Descriptor
  private var input = LineBuffer(maximumLineBytes: maximumLineBytes)
  private var nextID: Int64 = 1

  /// - Parameter socket: Connected and nonblocking.
  init(socket: consuming Descriptor) { self.socket = socket }

  /// - Throws: `CommandFailure`: 3 when nobody listens there, 4 when the daemon is too busy.
  convenience init(connectingTo path: String, by deadline: Deadline) throws(CommandFailure) {
    while true {
      do {
        self.init(socket: try UnixSocket.connect(to: path, nonblocking: true))
        return
      } catch let error where error.isTemporary && !deadline.isOver {
        pause(milliseconds: Self.retryMilliseconds)
      } catch let error where error.isTemporary {
        throw .timedOut("the daemon at \(path) takes no connection: it may hang; see daemon.log")
      } catch let error where error.isMissing || error.isRefused {
        throw .unreachable(
          "no daemon listens at \(path) (\(errorText(error.code))); superv start FILE starts one")
      } catch let error where error.isDenied {
        throw .unreachable("\(path) belongs to somebody else: \(errorText(error.code))")
      } catch {
        throw .unreachable("\(error)")
      }
    }
  }

  /// Sends a request and waits for its answer.
  ///
  /// - Throws: `CommandFailure`: the error of the daemon with status 1 (4 for a timeout there), 3
  ///   when the connection breaks, 4 when the deadline passes.
  func call(
    _ method: ControlMethod, _ params: some Encodable, by deadline: Deadline
  ) throws(CommandFailure) -> ReceivedLine {
    try call(method.rawValue, params, by: deadline)
  }

  /// The same for a method of either socket.
  func call(
    _ method: String, _ params: some Encodable, by deadline: Deadline
  ) throws(CommandFailure) -> ReceivedLine {
    let line = try ask(method, encodedParams: JSON.encode(params), by: deadline)
    guard line.message.kind == .error else { return line }
    let error = try line.decode(RPCError.self, from: line.message.error)
    throw CommandFailure(error.kind == .timeout ? .timedOut : .no, error)
  }

  /// Sends a request and waits for its answer, be it a result or an error.
  ///
  /// - Parameter encodedParams: An object on one line, which goes out byte for byte.
  /// - Throws: `CommandFailure`: 3 when the connection breaks, 4 when the deadline passes.
  func ask(
    _ method: String, encodedParams: [UInt8], by deadline: Deadline
  ) throws(CommandFailure) -> ReceivedLine {
    let id = nextID
    nextID += 1
    var request: [UInt8] = []
    MessageWriter.appendRequest(
      id: id, method: method, encodedParams: encodedParams.span, to: &request)
    try send(request, by: deadline)
    while let line = try receive(by: deadline) {
      switch line.message.kind {
      case .result where line.message.integerID(in: line.bytes.span) == id: return line
      // One without an id is about a line that was not read, and that was ours.
      case .error: return line
      case .result, .request, .notification: continue
      }
    }
    throw .unreachable("the daemon closed the connection before it answered; see its daemon.log")
  }

  /// Sends a request and decodes the result.
  func call<Answer: Decodable>(
    _ method: ControlMethod, _ params: some Encodable, by deadline: Deadline,
    as type: Answer.Type
  ) throws(CommandFailure) -> Answer {
    let line = try call(method, params, by: deadline)
    return try line.decode(type, from: line.message.result)
  }

  /// Answers a request that has come in.
  func answer(
    _ request: ReceivedLine, with result: some Encodable, by deadline: Deadline
  ) throws(CommandFailure) {
    guard let id = request.message.id else { return }
    var line: [UInt8] = []
    MessageWriter.appendResult(
      id: request.bytes.span.extracting(id), result: result, to: &line)
    try send(line, by: deadline)
  }

  /// The next message, or nil at the end of the connection.
  func receive(by deadline: Deadline) throws(CommandFailure) -> ReceivedLine? {
    while true {
      while let event = input.next() {
        switch event {
        case .oversized:
          throw .broken("the daemon's answer is longer than \(Self.maximumLineBytes >> 20) MiB")
        case .line(let range):
          let bytes = input.withBytes(of: range) { line in
            unsafe line.withUnsafeBufferPointer { unsafe Array($0) }
          }
          return try scan(bytes)
        }
      }
      guard try fill(by: deadline) else { return nil }
    }
  }

  private func scan(_ bytes: [UInt8]) throws(CommandFailure) -> ReceivedLine {
    do {
      return ReceivedLine(message: try MessageScanner.scan(bytes.span), bytes: bytes)
    } catch {
      throw .broken("what answers on the socket is no superv: \(error.error.message)")
    }
  }

  /// Reads some bytes; false at the end of the connection.
  private func fill(by deadline: Deadline) throws(CommandFailure) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    do {
      while true {
        var span = buffer.mutableSpan
        if let count = try socket.read(into: &span) {
          input.append(buffer.span.extracting(first: count))
          return count > 0
        }
        try wait(forWriting: false, by: deadline)
      }
    } catch let error as SystemError {
      if error.isPeerGone { return false }
      throw .unreachable("\(error)")
    } catch {
      throw error as? CommandFailure ?? .broken("\(error)")
    }
  }

  private func send(_ bytes: [UInt8], by deadline: Deadline) throws(CommandFailure) {
    var sent = 0
    do {
      while sent < bytes.count {
        // sendmsg(2) instead of write(2): a daemon that is gone must not end us with SIGPIPE.
        if let count = try socket.sendMessage(bytes.span.extracting(droppingFirst: sent)) {
          sent += count
        } else {
          try wait(forWriting: true, by: deadline)
        }
      }
    } catch let error as SystemError {
      throw .unreachable("the daemon has closed the connection: \(error)")
    } catch {
      throw error as? CommandFailure ?? .broken("\(error)")
    }
  }

  private func wait(forWriting: Bool, by deadline: Deadline) throws {
    let isReady = try socket.wait(
      forWriting: forWriting, timeoutMilliseconds: deadline.remainingMilliseconds)
    guard isReady else {
      let allowance = deadline.allowance.map(durationText) ?? "the time given"
      throw CommandFailure.timedOut("no answer within \(allowance); --timeout gives it longer")
    }
  }
}
