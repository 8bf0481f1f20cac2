import Glibc

/// An open file descriptor, owned: it is closed exactly once, when its owner lets go of it.
///
/// Every descriptor superv makes is close-on-exec from birth.
package struct Descriptor: ~Copyable, Sendable {
  /// The number, for a system call made while the owner is alive. Never store it.
  package let number: Int32

  /// Takes over a descriptor that nobody else closes.
  package init(owning number: Int32) {
    precondition(number >= 0, "a descriptor is not negative")
    self.number = number
  }

  deinit { _ = Glibc.close(number) }

  /// Closes it now. close(2) is never retried: after EINTR the number may already be another's.
  package consuming func close() {}

  /// Gives the number away; the caller closes it.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}
