import Glibc

extension Descriptor {
  /// Reads at a place of the file, whatever its own position is (pread(2)).
  ///
  /// - Returns: The number of bytes, 0 at the end of the file.
  package func read(
    into buffer: inout MutableSpan<UInt8>, at offset: Int64
  ) throws(SystemError) -> Int {
    try retrying("pread") {
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe pread(number, bytes.baseAddress, bytes.count, off_t(offset))
      }
    }
  }

  /// Where the next read or write happens; after a write to a file opened with `.append`, its end
  /// (lseek(2)).
  package func position() throws(SystemError) -> Int64 {
    Int64(try retrying("lseek") { lseek(number, 0, SEEK_CUR) })
  }
}

extension SystemError {
  /// No descriptor is left, in this process or in the whole system.
  package var isOutOfDescriptors: Bool { code == EMFILE || code == ENFILE }
  /// There is no such file or folder.
  package var isMissing: Bool { code == ENOENT }
  /// The reader of what was written, or the other end of a socket, is gone.
  package var isPeerGone: Bool { code == EPIPE || code == ECONNRESET || code == ENOTCONN }
  /// The descriptor is of a kind that cannot be waited for, such as a regular file.
  package var isNotPollable: Bool { code == EPERM }

  /// A thing at a path that is not a regular file, where one is needed.
  package static func notRegular(_ path: String) -> SystemError {
    SystemError("open", code: EINVAL, subject: path)
  }

  /// There is nobody at the other end of it.
  package static func isClosed(_ path: String) -> SystemError {
    SystemError("open", code: EPIPE, subject: path)
  }

  /// A write that took nothing and gave no reason.
  package static func wroteNothing(_ path: String) -> SystemError {
    SystemError("write", code: EIO, subject: path)
  }
}

extension Descriptor {
  /// A descriptor of our own for what the process was given as its stdout; nil when it is closed.
  package static func duplicateOfStandardOutput() -> Descriptor? {
    let number = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
    return number < 0 ? nil : Descriptor(owning: number)
  }
}

/// Does nothing for so long (poll(2)). For command lines that look again, never for a loop.
package func pause(milliseconds: Int32) {
  _ = poll(nil, 0, milliseconds)
}
