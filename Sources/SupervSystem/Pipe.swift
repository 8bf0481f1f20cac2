import CSuperv
import Glibc

/// Two connected descriptors: the ends of a pipe or of a socket pair.
package struct DescriptorPair: ~Copyable {
  /// Of a pipe, the end to read from.
  package var first: Descriptor
  /// Of a pipe, the end to write to.
  package var second: Descriptor

  init(_ first: consuming Descriptor, _ second: consuming Descriptor) {
    self.first = first
    self.second = second
  }

  /// Lets both ends go their own ways.
  package consuming func split<Result: ~Copyable, Failure: Error>(
    _ body: (consuming Descriptor, consuming Descriptor) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(first, second)
  }
}

package enum Pipe {
  /// A pipe; `first` reads, `second` writes (pipe(7)).
  ///
  /// - Parameters:
  ///   - bytes: The capacity to ask for; the kernel rounds it up. An unprivileged process gets at
  ///     most `/proc/sys/fs/pipe-max-size`, and asking for more leaves the default of 64 KiB.
  ///   - nonblocking: Whether both ends return at once.
  package static func make(
    bytes: Int32? = nil, nonblocking: Bool = false
  ) throws(SystemError) -> DescriptorPair {
    var ends: (Int32, Int32) = (-1, -1)
    try retrying("pipe2") {
      unsafe withUnsafeMutableBytes(of: &ends) { ends in
        unsafe csv_pipe(ends.assumingMemoryBound(to: Int32.self).baseAddress, nonblocking ? 1 : 0)
      }
    }
    let pair = DescriptorPair(Descriptor(owning: ends.0), Descriptor(owning: ends.1))
    if let bytes { _ = csv_set_pipe_size(ends.0, bytes) }
    return pair
  }

  /// Asks for another capacity of a pipe that is in use (fcntl(2) `F_SETPIPE_SZ`).
  ///
  /// - Returns: whether it was given: the pipes of one user together have a limit.
  @discardableResult
  package static func resize(_ end: borrowing Descriptor, bytes: Int32) -> Bool {
    csv_set_pipe_size(end.number, bytes) >= 0
  }

  /// How much it holds before whoever writes has to wait (fcntl(2) `F_GETPIPE_SZ`).
  package static func capacityBytes(of end: borrowing Descriptor) -> Int {
    max(0, Int(csv_pipe_size(end.number)))
  }

  /// A pipe whose writer outlives its reader: `second` is open for reading too (through
  /// `/proc/self/fd`), so a process that writes to it never gets SIGPIPE. When every reader is
  /// gone the bytes stay in the pipe, and the writer waits once it is full, until somebody reads.
  /// `first` still sees the end of the file when the last copy of `second` is closed; it is
  /// nonblocking, and `second` is not.
  ///
  /// - Parameter bytes: The capacity; see `make(bytes:nonblocking:)`.
  package static func surviving(bytes: Int32? = nil) throws(SystemError) -> DescriptorPair {
    try make(bytes: bytes, nonblocking: true).split { (reader, writer) throws(SystemError) in
      let both = try Files.open("/proc/self/fd/\(writer.number)", .readWrite)
      return DescriptorPair(reader, both)
    }
  }
}
