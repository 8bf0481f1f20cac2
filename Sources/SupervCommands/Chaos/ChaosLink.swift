import SupervProtocol
import SupervSystem

/// A connection to a daemon that may die at any time: nothing here waits, and nothing fails but by
/// being closed.
final class ChaosLink {
  /// What came in.
  enum Arrival {
    /// To the request of this number: a result or an error.
    case answer(Int64, ReceivedLine)
    case event(EventRecord)
    case closed
  }

  private final class Open {
    let socket: Descriptor
    init(_ socket: consuming Descriptor) { self.socket = socket }
  }

  private let path: String
  private var open: Open?
  private var input = LineBuffer(maximumLineBytes: DaemonClient.maximumLineBytes)
  private var output: [UInt8] = []
  private var nextID: Int64 = 1
  private var buffer = [UInt8](repeating: 0, count: 256 << 10)

  init(_ path: String) { self.path = path }

  var isOpen: Bool { open != nil }

  /// Tries once.
  func connect() -> Bool {
    guard let socket = try? UnixSocket.connect(to: path, nonblocking: true) else { return false }
    open = Open(socket)
    input = LineBuffer(maximumLineBytes: DaemonClient.maximumLineBytes)
    output = []
    return true
  }

  func close() {
    open = nil
    output = []
  }

  /// - Returns: its number; nil when there is no connection.
  func send(_ method: ControlMethod, _ params: some Encodable) -> Int64? {
    send(method.rawValue, JSON.encode(params))
  }

  func send(_ method: String, _ params: [UInt8]) -> Int64? {
    guard open != nil else { return nil }
    let id = nextID
    nextID += 1
    MessageWriter.appendRequest(id: id, method: method, encodedParams: params.span, to: &output)
    return id
  }

  /// Until something comes, for at most so long.
  func wait(milliseconds: Int64) {
    flush()
    guard let open else { return pause(milliseconds: Int32(clamping: milliseconds)) }
    _ = try? open.socket.wait(forWriting: false, timeoutMilliseconds: milliseconds)
  }

  /// What is there now.
  func receive() -> [Arrival] {
    flush()
    var arrivals: [Arrival] = []
    while let open {
      do {
        var span = buffer.mutableSpan
        guard let count = try open.socket.read(into: &span) else { break }
        if count == 0 { self.open = nil }
        input.append(buffer.span.extracting(first: count))
      } catch {
        self.open = nil
      }
    }
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      let bytes = input.withBytes(of: range) { line in
        unsafe line.withUnsafeBufferPointer { unsafe Array($0) }
      }
      if let arrival = Self.arrival(bytes) { arrivals.append(arrival) }
    }
    // Taken apart once: what is left of a line is nothing.
    if open == nil {
      input = LineBuffer(maximumLineBytes: DaemonClient.maximumLineBytes)
      arrivals.append(.closed)
    }
    return arrivals
  }

  private static func arrival(_ bytes: [UInt8]) -> Arrival? {
    guard let message = try? MessageScanner.scan(bytes.span) else { return nil }
    let line = ReceivedLine(message: message, bytes: bytes)
    switch message.kind {
    case .result, .error: return message.integerID(in: bytes.span).map { .answer($0, line) }
    case .notification:
      guard message.methodName(in: bytes.span) == "event", let params = message.params,
        let event = try? line.decode(EventRecord.self, from: params)
      else { return nil }
      return .event(event)
    case .request: return nil
    }
  }

  private func flush() {
    guard let open, !output.isEmpty else { return }
    do {
      while !output.isEmpty {
        guard let count = try open.socket.sendMessage(output.span) else { return }
        output.removeFirst(count)
      }
    } catch {
      self.open = nil
    }
  }
}
