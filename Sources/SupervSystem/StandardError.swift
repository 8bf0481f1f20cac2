import Glibc

/// Where a process says what went wrong.
package enum StandardError {
  /// Writes the text, as far as it can be written.
  package static func write(_ text: String) {
    guard let copy = Descriptor.duplicate(of: STDERR_FILENO) else { return }
    try? copy.writeAll(text)
  }
}

/// What keeper and daemon say outside of the event log: to standard error, which is `daemon.log` in
/// the background.
package func complain(_ text: String) {
  StandardError.write("superv: \(text)\n")
}

/// Where a role says what it was asked for.
package enum StandardOutput {
  /// Writes the text, as far as it can be written.
  package static func write(_ text: String) {
    guard let copy = Descriptor.duplicate(of: STDOUT_FILENO) else { return }
    try? copy.writeAll(text)
  }
}

extension Descriptor {
  /// An owned copy of a descriptor that somebody else owns; nil when there is none.
  fileprivate static func duplicate(of number: Int32) -> Descriptor? {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
    return copy < 0 ? nil : Descriptor(owning: copy)
  }
}
