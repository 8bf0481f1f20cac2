import SupervSystem

/// A log "file" that is none: `/dev/stdout` of a container, `/proc/1/fd/1`, a named pipe, or
/// `syslog:NAME`. It is neither rotated nor read back, and what it does not take soon is dropped.
final class DeviceFile {
  /// How long a reader that is slow may hold up all logs.
  private static let patienceMilliseconds: Int64 = 500

  private let path: String
  private let systemLog: SystemLog?
  private var descriptor: Descriptor?

  /// - Returns: nil when what is at the path is a file, or nothing yet.
  init?(at path: String) {
    let kind = ((try? Files.status(of: path)) ?? nil)?.kind
    let isOther = kind != nil && kind != .regular
    guard isOther || LogFileSettings(path: path).isDevice else { return nil }
    self.path = path
    let mark = LogFileSettings.systemLogMark
    systemLog =
      path.hasPrefix(mark) ? SystemLog(name: String(path.dropFirst(mark.count))) : nil
  }

  /// Whether it is the logger's own output, which leads nowhere when nobody sits in front of it.
  var isOwnOutput: Bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd/1", "/dev/fd/2", "/proc/self/fd/1", "/proc/self/fd/2"]
      .contains(path)
  }

  func close() { descriptor = nil }

  /// Writes all of it, or throws.
  func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(SystemError) {
    guard path != "/dev/null" else { return }
    if let systemLog { return try unsafe systemLog.write(bytes) }
    if descriptor == nil {
      descriptor = try Files.open(path, [.writeOnly, .append, .nonblocking])
    }
    var rest = unsafe bytes[...]
    while unsafe !rest.isEmpty {
      if let count = try descriptor?.write(unsafe UnsafeBufferPointer(rebasing: rest).span) {
        guard count > 0 else { throw .wroteNothing(path) }
        unsafe rest = rest.dropFirst(count)
      } else if try descriptor?.wait(
        forWriting: true, timeoutMilliseconds: Self.patienceMilliseconds) != true
      {
        throw .wroteNothing(path)
      }
    }
  }
}
