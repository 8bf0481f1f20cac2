import SupervProtocol
import SupervSystem

/// A connection to superv: the socket, what has come in, what waits to go out. It is the agent's
/// alone and never blocks.
final class Connection {
  /// The most bytes that may wait for superv to read them.
  static let maximumWaitingBytes = 8 << 20
  /// The longest line that is taken. superv keeps to `message_max`; this only bounds the memory.
  static let maximumLineBytes = 64 << 20

  enum Progress {
    /// There may be more to read.
    case more
    /// Nothing for now.
    case idle
    /// superv has closed the connection, or it broke.
    case ended
  }

  /// Tells this connection from the ones before it.
  let number: Int
  let watch: SocketWatch
  /// The longest line that superv takes, without its LF; what hello's answer says.
  var maximumMessageBytes = 1 << 20
  /// Whether hello has been answered.
  var isOpen = false
  /// Whether the agent was ready when it said hello.
  var readiness: Readiness?

  private let socket: Descriptor
  private var input = LineBuffer(maximumLineBytes: maximumLineBytes)
  private var output = OutBuffer(maximumBytes: maximumWaitingBytes)

  init(to path: String, number: Int) throws(SystemError) {
    self.number = number
    socket = try UnixSocket.connect(to: path, nonblocking: true)
    watch = try SocketWatch(socket)
  }

  deinit { watch.stop() }

  /// Sends one line, now or as soon as there is room.
  ///
  /// - Returns: false, and nothing is sent, when too much waits already.
  func send(_ line: [UInt8]) -> Bool {
    guard output.append(line) else { return false }
    flush()
    return true
  }

  /// Writes what fits. A connection that broke is noticed by reading.
  func flush() {
    while !output.isEmpty {
      let count = output.withWaitingBytes { (try? socket.sendMessage($0)) ?? nil }
      guard let count else { return }
      output.consume(count)
    }
  }

  /// Reads once, and gives away every message that is complete.
  func receive(_ take: (Incoming) -> Void) -> Progress {
    var buffer = [UInt8](repeating: 0, count: 32 << 10)
    var space = buffer.mutableSpan
    let read: Int?
    do { read = try socket.read(into: &space) } catch { return .ended }
    guard let count = read else { return .idle }
    guard count > 0 else { return .ended }
    input.append(buffer.span.extracting(first: count))
    while let event = input.next() {
      guard case .line(let range) = event else { continue }
      take(input.withBytes(of: range) { Incoming($0) })
    }
    return .more
  }
}
