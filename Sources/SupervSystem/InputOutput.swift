import Glibc

extension Descriptor {
  /// Reads what is there, up to the size of `buffer` (read(2)).
  ///
  /// - Returns: The number of bytes; 0 at the end of the file; nil when a nonblocking descriptor
  ///   has nothing yet.
  package func read(into buffer: inout MutableSpan<UInt8>) throws(SystemError) -> Int? {
    try unlessItWouldBlock("read") {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe Glibc.read(number, bytes.baseAddress, bytes.count)
      }
    }
  }

  /// Writes what fits (write(2)).
  ///
  /// - Returns: The number of bytes taken, which may be fewer than given; nil when a nonblocking
  ///   descriptor takes none now.
  package func write(_ bytes: Span<UInt8>) throws(SystemError) -> Int? {
    try unlessItWouldBlock("write") {
      unsafe bytes.withUnsafeBytes { bytes in
        unsafe Glibc.write(number, bytes.baseAddress, bytes.count)
      }
    }
  }

  /// Writes everything to a blocking descriptor.
  ///
  /// - Throws: `SystemError`; some bytes may be written. `EAGAIN` on a nonblocking descriptor that
  ///   takes no more.
  package func writeAll(_ bytes: Span<UInt8>) throws(SystemError) {
    var written = 0
    while written < bytes.count {
      guard let count = try write(bytes.extracting(written..<bytes.count)) else {
        throw SystemError("write", code: EAGAIN)
      }
      written += count
    }
  }

  /// Writes the text in UTF-8 to a blocking descriptor; see `writeAll(_:)`.
  package func writeAll(_ text: String) throws(SystemError) {
    try writeAll(Array(text.utf8).span)
  }

  /// Reads up to the end, from a blocking descriptor.
  ///
  /// - Throws: `SystemError`; `EFBIG` when there is more than `maximumBytes`.
  package func readAll(maximumBytes: Int = .max) throws(SystemError) -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: min(65_536, max(maximumBytes, 1)))
    while true {
      var span = buffer.mutableSpan
      guard let count = try read(into: &span) else { throw SystemError("read", code: EAGAIN) }
      if count == 0 { return content }
      guard count <= maximumBytes - content.count else { throw SystemError("read", code: EFBIG) }
      content.append(contentsOf: buffer[..<count])
    }
  }

  /// Makes reads and writes return at once, or wait again (fcntl(2) `O_NONBLOCK`). The flag
  /// belongs to the open file: every process that shares it sees the change.
  package func setNonblocking(_ nonblocking: Bool) throws(SystemError) {
    let flags = try retrying("fcntl") { fcntl(number, F_GETFL) }
    let wanted = nonblocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
    if wanted != flags { try retrying("fcntl") { fcntl(number, F_SETFL, wanted) } }
  }

  /// A second descriptor of the same open file, close-on-exec as all are.
  package func duplicate() throws(SystemError) -> Descriptor {
    Descriptor(owning: try retrying("dup") { fcntl(number, F_DUPFD_CLOEXEC, 3) })
  }

  /// Waits until it can be read (or written), has an error or has lost its peer (poll(2)).
  ///
  /// - Parameter timeoutMilliseconds: nil waits for ever.
  /// - Returns: Whether it can, rather than the time being up.
  package func wait(
    forWriting: Bool = false, timeoutMilliseconds: Int64?
  ) throws(SystemError) -> Bool {
    let deadline = timeoutMilliseconds.map { Clock.monotonicNanoseconds + $0 * 1_000_000 }
    var request = pollfd(fd: number, events: Int16(forWriting ? POLLOUT : POLLIN), revents: 0)
    while true {
      let left = deadline.map { max(0, $0 - Clock.monotonicNanoseconds) }
      let milliseconds = left.map { Int32(clamping: ($0 + 999_999) / 1_000_000) } ?? -1
      let count = unsafe poll(&request, 1, milliseconds)
      let code = errno
      if count > 0 { return true }
      if count == 0 { return false }
      if code != EINTR { throw failure("poll", code) }
    }
  }
}

/// Runs a system call on a nonblocking descriptor: nil stands for "not now" (`EAGAIN`).
func unlessItWouldBlock<Result: FixedWidthInteger & SignedInteger>(
  _ call: String, subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(SystemError) -> Result? {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = errno
    if code == EAGAIN { return nil }
    if code != EINTR { throw failure(call, code, subject()) }
  }
}
