import Foundation
import SupervProtocol
import SupervSystem

/// A control socket whose answers are scripted. It runs on a thread of its own, since the command
/// line waits for it.
final class ScriptedDaemon: @unchecked Sendable {
  /// What to do with the next request.
  enum Step: Sendable {
    /// The answer's result.
    case result(String)
    case error(RPCError)
    /// A whole line, as it is.
    case line(String)
    /// Close the connection.
    case hangUp
    /// Never answer.
    case silence
  }

  let socketPath: String
  private let lock = NSLock()
  private var received: [String] = []
  private var remaining: [[Step]]

  /// The `method` and `params` of every request so far.
  var requests: [String] { lock.withLock { received } }

  /// - Parameter steps: For each request, on whichever connection it comes, what to do.
  init(in folder: TemporaryFolder, _ steps: [[Step]]) throws {
    socketPath = "\(folder.path)/control.sock"
    remaining = steps
    let listener = try UnixSocket.listen(at: socketPath).release()
    Thread { [self] in serve(Descriptor(owning: listener)) }.start()
  }

  private func serve(_ listener: consuming Descriptor) {
    while lock.withLock({ !remaining.isEmpty }) {
      guard (try? listener.wait(timeoutMilliseconds: 20_000)) == true else { return }
      guard let socket = (try? listener.accept())?.release() else { continue }
      Thread { [self] in try? converse(on: Descriptor(owning: socket)) }.start()
    }
  }

  /// Until the other end closes, or the script is over.
  private func converse(on socket: consuming Descriptor) throws {
    var input = LineBuffer()
    while try socket.wait(timeoutMilliseconds: 20_000) {
      var buffer = [UInt8](repeating: 0, count: 4096)
      var span = buffer.mutableSpan
      guard let count = try socket.read(into: &span), count > 0 else { return }
      input.append(buffer.span.extracting(first: count))
      while case .line(let range)? = input.next() {
        let request = input.withBytes(of: range) { text(of: 0..<$0.count, in: $0) }
        let steps = lock.withLock { remaining.isEmpty ? nil : remaining.removeFirst() }
        guard let steps, try answer(request, on: socket, steps) else { return }
      }
    }
  }

  private func answer(
    _ request: String, on socket: borrowing Descriptor, _ steps: [Step]
  ) throws -> Bool {
    let line = Array(request.utf8)
    let message = try MessageScanner.scan(line.span)
    let method = message.methodName(in: line.span) ?? ""
    let params = message.params.map { text(of: $0, in: line.span) } ?? ""
    lock.withLock { received.append("\(method) \(params)") }
    let id = message.id.map { Array(line[$0]) } ?? []
    for step in steps {
      var bytes: [UInt8] = []
      switch step {
      case .result(let result):
        let encoded = Array(result.utf8)
        MessageWriter.appendResult(id: id.span, encodedResult: encoded.span, to: &bytes)
      case .error(let error): MessageWriter.appendError(error, id: id.span, to: &bytes)
      case .line(let text): bytes = Array("\(text)\n".utf8)
      case .hangUp: return false
      case .silence: continue
      }
      // Not write(2): a client that is gone must not end the tests with SIGPIPE. The answers are
      // smaller than a socket's buffer, so they go at once.
      _ = try socket.sendMessage(bytes.span)
    }
    return true
  }
}

extension ScriptedDaemon {
  static func encoded(_ value: some Encodable) -> Step {
    .result(String(decoding: JSON.encode(value), as: UTF8.self))
  }
}
