import SupervSystem

/// The log of the system (syslog(3)), one message a line. What it does not take at once is dropped,
/// as syslog(3) does.
final class SystemLog {
  private static let path = "/dev/log"
  /// Facility `user`, severity `info` (RFC 3164, section 4.1.1).
  private static let priority = "<14>"
  private static let maximumLineBytes = 8192

  private let head: [UInt8]
  /// A line that is not finished.
  private var rest: [UInt8] = []
  private var socket: Descriptor?

  /// - Parameter name: what stands in front of each line; empty: nothing.
  init(name: String) {
    head = Array("\(Self.priority)supervisord: \(name)\(name.isEmpty ? "" : " ")".utf8)
  }

  func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(SystemError) {
    var lines = unsafe (rest + Array(bytes)).split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    rest = Array((lines.popLast() ?? []).suffix(Self.maximumLineBytes))
    for line in lines where !line.isEmpty { try send(line.prefix(Self.maximumLineBytes)) }
  }

  private func send(_ line: ArraySlice<UInt8>) throws(SystemError) {
    let message = head + line
    for _ in 0..<2 {
      if socket == nil {
        socket = try UnixSocket.connect(to: Self.path, kind: .datagrams, nonblocking: true)
      }
      do {
        _ = try socket?.write(message.span)
        return
      } catch {
        // It may have been started anew.
        socket = nil
      }
    }
    throw .wroteNothing(Self.path)
  }
}
