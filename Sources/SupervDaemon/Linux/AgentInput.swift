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
}

/// A pipe that superv has given to a process, found again there. It is told from all others by
/// being open in both directions, as hardly anybody opens one.
enum GivenPipe {
  /// A new end, nonblocking, of the pipe behind a descriptor of a process; nil when superv's is not
  /// there any more. Whether it is still that process is for the caller to say, afterwards.
  ///
  /// - Parameter flags: `readOnly` or `writeOnly`.
  /// - Throws: `SystemError`; `EACCES` when the process is not ours to look into (proc(5),
  ///   `/proc/PID/fd`).
  static func open(
    _ number: Int32, of pid: Int32, _ flags: Files.OpenFlags
  ) throws(SystemError) -> Descriptor? {
    let path = "/proc/\(pid)/fd/\(number)"
    do {
      guard let there = try Files.status(of: path), there.kind == .fifo,
        isOpenBothWays(try Files.readText("/proc/\(pid)/fdinfo/\(number)", maximumBytes: 4096))
      else { return nil }
      let end = try Files.open(path, flags.union(.nonblocking))
      // It may have put something else there meanwhile.
      guard try end.status().inode == there.inode else { return nil }
      return end
    } catch let error where error.isMissing || error.isWithoutReader {
      return nil
    }
  }

  /// By the line `flags:  0100002`, in octal, of proc_pid_fdinfo(5).
  private static func isOpenBothWays(_ text: String) -> Bool {
    for line in text.split(separator: "\n") where line.hasPrefix("flags:") {
      let flags = line.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0, radix: 8) }
      return flags.map { $0 & 0o3 == 0o2 } ?? false
    }
    return false
  }
}
