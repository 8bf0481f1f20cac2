import SupervSystem

/// One connection on which lines go out and come in: to a control socket, or to a puppet.
final class ControlConnection {
  private let socket: Descriptor
  private var input: [UInt8] = []
  private var isAtEnd = false
  private var lastID = 0

  init(_ path: String) throws {
    socket = try UnixSocket.connect(to: path, nonblocking: true)
  }

  init(_ socket: consuming Descriptor) { self.socket = socket }

  /// Whether something has come, or does so within the time.
  func hasInput(withinMilliseconds limit: Int64) throws -> Bool {
    try isAtEnd || input.contains(UInt8(ascii: "\n")) || socket.wait(timeoutMilliseconds: limit)
  }

  /// Sends the text as it is.
  func send(_ text: String) throws { try send(Array(text.utf8)) }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      if let count = try socket.sendMessage(bytes.span.extracting(droppingFirst: sent)) {
        sent += count
      } else {
        guard try socket.wait(forWriting: true, timeoutMilliseconds: patienceSeconds * 1000) else {
          throw TimedOut("the daemon reads")
        }
      }
    }
  }

  /// The next line without its newline; nil at the end of the connection, or when none has come
  /// within the time.
  func line(withinMilliseconds limit: Int64 = patienceSeconds * 1000) throws -> String? {
    let deadline = Clock.monotonicNanoseconds + limit * 1_000_000
    while true {
      if let end = input.firstIndex(of: UInt8(ascii: "\n")) {
        defer { input.removeSubrange(...end) }
        return String(decoding: input[..<end], as: UTF8.self)
      }
      if isAtEnd { return nil }
      let left = max(0, (deadline - Clock.monotonicNanoseconds) / 1_000_000)
      guard try socket.wait(timeoutMilliseconds: left) else { return nil }
      try fill()
    }
  }

  /// Whether everything has come that will come.
  var isOver: Bool { isAtEnd && !input.contains(UInt8(ascii: "\n")) }

  private func fill() throws {
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    guard let count = try read(into: &buffer) else { return }
    input += buffer[..<count]
    isAtEnd = count == 0
  }

  /// - Returns: 0 at the end, which a daemon that was killed may also bring about with an error.
  private func read(into buffer: inout [UInt8]) throws -> Int? {
    var span = buffer.mutableSpan
    do {
      return try socket.read(into: &span)
    } catch {
      guard error.isPeerGone else { throw error }
      return 0
    }
  }

  private struct Response<Result: Decodable>: Decodable {
    struct Failure: Decodable {
      var code: Int
      var message: String
    }

    var id: Int?
    var result: Result?
    var error: Failure?
  }

  struct Refusal: Error {
    var message: String
  }

  /// Sends a request and waits for its answer.
  ///
  /// - Parameter params: a JSON object.
  func call<Result: Decodable>(
    _ method: String, _ params: String = "{}", as type: Result.Type
  ) throws -> Result {
    lastID += 1
    try send(
      #"{"jsonrpc":"2.0","id":\#(lastID),"method":"\#(method)","params":\#(params)}"# + "\n")
    guard let line = try line() else { throw Refusal(message: "no answer to \(method)") }
    let response = try Response<Result>(json: line)
    guard let result = response.result else {
      throw Refusal(message: response.error?.message ?? line)
    }
    return result
  }
}

/// The events of one daemon from its first one on, as it tells them to a follower.
final class Story {
  private struct Beginning: Decodable { var events: [Event] }
  private struct Notification: Decodable { var params: Event }

  private(set) var events: [Event]
  private let connection: ControlConnection

  init(_ path: String, since: Int) throws {
    connection = try ControlConnection(path)
    events = try connection.call(
      "events", #"{"since":\#(since),"follow":true}"#, as: Beginning.self
    ).events
  }

  /// Reads what has come, and waits for something if nothing has.
  func read(withinMilliseconds limit: Int64) throws {
    var limit = limit
    while let line = try connection.line(withinMilliseconds: limit) {
      events.append(try Notification(json: line).params)
      limit = 0
    }
  }

  /// Whether the daemon has ended and everything it told has been read.
  var isOver: Bool { connection.isOver }
}
