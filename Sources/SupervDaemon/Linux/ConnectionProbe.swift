import SupervConfig
import SupervProtocol
import SupervSystem

/// A probe that connects: to a port, to a socket in the file system, or to an HTTP server, which is
/// also asked.
final class ConnectionProbe {
  private enum Stage {
    case connecting
    case sending(from: Int)
    case receiving([UInt8])
  }

  let socket: Descriptor
  /// nil: to be let in is all.
  private let request: [UInt8]?
  private let place: String
  private var stage = Stage.connecting

  /// - Throws: `SystemError` when the connection is refused at once.
  init(host: String, port: UInt16, path: String? = nil) throws(SystemError) {
    socket = try TCPSocket.connect(to: host, port: port)
    request = path.map { HTTPGet.request(host: host, port: port, path: $0) }
    place = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
  }

  /// - Throws: `SystemError` when nobody listens there, or the queue is full.
  init(path: String) throws(SystemError) {
    socket = try UnixSocket.connect(to: path, nonblocking: true)
    request = nil
    place = path
  }

  /// Goes on as far as that is possible without waiting.
  ///
  /// - Returns: nil when there is more to come.
  func advance(_ token: UInt64, _ poll: borrowing EventPoll) -> ProbeOutcome? {
    do {
      while true {
        switch stage {
        case .connecting:
          if let error = try socket.connectError(to: place) { return .failed("\(error)") }
          guard try !socket.isConnectedToItself() else {
            return .failed("connect \(place): nobody listens there")
          }
          guard request != nil else { return .passed }
          stage = .sending(from: 0)
        case .sending(let start):
          guard let isSent = try send(from: start) else { return nil }
          guard isSent else { continue }
          stage = .receiving([])
          try poll.change(socket, token: token, for: .readable)
        case .receiving(var bytes):
          guard let outcome = try receive(&bytes) else {
            stage = .receiving(bytes)
            return nil
          }
          return outcome
        }
      }
    } catch {
      return .failed("\(place): \(error)")
    }
  }

  /// - Returns: whether everything is sent; nil when nothing can be sent now.
  private func send(from start: Int) throws(SystemError) -> Bool? {
    let bytes = request ?? []
    guard let count = try socket.sendMessage(bytes.span.extracting(droppingFirst: start)) else {
      return nil
    }
    stage = .sending(from: start + count)
    return start + count == bytes.count
  }

  /// One read is enough for most answers, so that few servers see theirs refused.
  private func receive(_ bytes: inout [UInt8]) throws(SystemError) -> ProbeOutcome? {
    var buffer = [UInt8](repeating: 0, count: HTTPGet.maximumHeadBytes)
    var span = buffer.mutableSpan
    guard let count = try socket.read(into: &span) else { return nil }
    bytes += buffer[..<count]
    switch HTTPGet.answer(in: bytes) {
    case .incomplete: return count == 0 ? .failed("\(place) closed without an answer") : nil
    case .invalid: return .failed("\(place) did not answer in HTTP")
    case .status(let code, let phrase):
      guard !(200...399).contains(code) else { return .passed }
      return .failed("HTTP \(code)" + (phrase.isEmpty ? "" : " \(visible(phrase, limit: 100))"))
    }
  }
}
