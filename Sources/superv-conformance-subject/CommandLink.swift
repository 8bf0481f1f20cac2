import FoundationEssentials
import SupervAgent
import SupervSystem

/// The connection to the script: a JSON value a line, both ways. A thread of its own reads, so that
/// commands come even while the cooperative pool is blocked.
final class CommandLink: Sendable {
  let commands: AsyncStream<JSONValue>
  private let socket: Descriptor

  init(to path: String) throws {
    let (commands, command) = AsyncStream.makeStream(of: JSONValue.self)
    self.commands = commands
    socket = try UnixSocket.connect(to: path)
    try Threads.start { [self] in
      try? read(command)
      command.finish()
    }
  }

  private func read(_ command: AsyncStream<JSONValue>.Continuation) throws {
    var line = Data()
    while true {
      var buffer = [UInt8](repeating: 0, count: 4096)
      var space = buffer.mutableSpan
      guard let count = try socket.read(into: &space), count > 0 else { return }
      for byte in buffer[..<count] {
        guard byte == UInt8(ascii: "\n") else {
          line.append(byte)
          continue
        }
        command.yield(try JSONDecoder().decode(JSONValue.self, from: line))
        line.removeAll()
      }
    }
  }

  func send(_ answer: JSONValue) throws {
    try socket.writeAll(Array(try JSONEncoder().encode(answer) + Data("\n".utf8)).span)
  }
}
