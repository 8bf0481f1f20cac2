import SupervSystem

/// The standard input of a program as supervisord starts it: a pipe that never ends, because the
/// program holds its end open for writing as well. So no daemon has to keep it, and whichever there
/// is can write to it.
final class AgentInput {
  private let end: Descriptor

  init() throws(LaunchError) {
    do {
      end = try Pipe.surviving().split { _, both in both }
    } catch {
      throw LaunchError("standard input: \(error)")
    }
  }

  var number: Int32 { end.number }

  /// Writes to the standard input of a process that was started with one.
  ///
  /// - Returns: false when it does not read: the pipe has no room for all of it.
  /// - Throws: `SystemError`; `EPIPE` when its standard input is something else by now.
  static func write(_ bytes: [UInt8], toProcess pid: Int32) throws(SystemError) -> Bool {
    let path = "/proc/\(pid)/fd/0"
    guard try Files.status(of: path)?.kind == .fifo else { throw .isClosed(path) }
    let pipe = try Files.open(path, [.writeOnly, .nonblocking])
    return try pipe.write(bytes.span) == bytes.count
  }
}
