import Glibc

// What `superv chaos` needs of the machine.

extension ProcessLimit {
  /// Makes it the limit of another process of the same user (prlimit(2)).
  package func apply(to process: ProcessIdentity) throws(SystemError) {
    guard ProcessIdentity.of(process.pid) == process else { return }
    try apply(toPid: process.pid)
  }
}

extension Processes {
  /// The lowest number that no descriptor of a process has; nil when it is gone or not ours to look
  /// into.
  package static func lowestFreeDescriptor(of pid: Int32) -> Int? {
    guard let names = try? Files.names(in: "/proc/\(pid)/fd") else { return nil }
    let taken = Set(names.compactMap { Int($0) })
    return (0...taken.count).first { !taken.contains($0) }
  }

  /// The environment that a process was given, as long as it has not overwritten it
  /// (proc_pid_environ(5)); nil when it is gone, has ended or is not ours to look into.
  package static func environment(of pid: Int32) -> [Substring]? {
    guard let bytes = try? Files.read("/proc/\(pid)/environ", maximumBytes: 4 << 20),
      !bytes.isEmpty
    else { return nil }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\0")
  }

  /// The inode of what a descriptor of a process is; nil when there is none.
  package static func inode(ofDescriptor number: Int32, of pid: Int32) -> UInt64? {
    (try? Files.status(of: "/proc/\(pid)/fd/\(number)"))??.inode
  }
}
