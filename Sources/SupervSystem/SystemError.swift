import Glibc

/// A system call that failed: which one, on what, and why.
package struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name of the call, as in its man page.
  package var call: String
  /// The `errno` it left (errno(3)).
  package var code: Int32
  /// The path or name it was about, where there is one.
  package var subject: String?

  package init(_ call: String, code: Int32, subject: String? = nil) {
    self.call = call
    self.code = code
    self.subject = subject
  }

  /// For example `open /srv/app.log: Permission denied`.
  package var description: String {
    let what = subject.map { "\(call) \($0)" } ?? call
    return "\(what): \(errorText(code))"
  }
}

extension SystemError {
  /// A file that is not what this version writes.
  package static func invalidContent(of path: String) -> SystemError {
    SystemError("read", code: EINVAL, subject: path)
  }
}

/// The text of an `errno` value, as strerror(3) gives it in the C locale.
package func errorText(_ code: Int32) -> String {
  unsafe String(cString: strerror(code))
}

/// Runs a system call that returns -1 on failure, again when a signal interrupted it (EINTR).
///
/// - Throws: `SystemError` with the `errno` of the call.
@discardableResult
func retrying<Result: FixedWidthInteger & SignedInteger>(
  _ call: String, subject: @autoclosure () -> String? = nil, _ body: () -> Result
) throws(SystemError) -> Result {
  while true {
    let result = body()
    if result != -1 { return result }
    let code = errno
    if code != EINTR { throw failure(call, code, subject()) }
  }
}

/// The error to throw, unless it can only be a bug of ours: then the program stops here, with the
/// call's name, instead of going on with a descriptor or a pointer that is not what it seems.
func failure(_ call: String, _ code: Int32, _ subject: String? = nil) -> SystemError {
  precondition(code != EBADF && code != EFAULT, "\(call): \(errorText(code))")
  return SystemError(call, code: code, subject: subject)
}
