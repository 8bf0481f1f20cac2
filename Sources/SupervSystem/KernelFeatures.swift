import CSuperv
import Glibc

/// What the kernel gives this process, found out by asking it.
package enum KernelFeatures {
  /// What can be done with a descriptor of a process (pidfd_open(2)).
  package enum ProcessDescriptors: Int32, Hashable, Sendable {
    case none, waiting
    /// Also the status of a process that somebody else has reaped: `PIDFD_GET_INFO` with
    /// `PIDFD_INFO_EXIT`, Linux 6.15.
    case waitingAndExitStatus
  }

  /// Starts a process and looks at its end.
  package static var processDescriptors: ProcessDescriptors {
    ProcessDescriptors(rawValue: csv_probe_pidfd()) ?? .none
  }

  /// The release of the kernel, for example `6.1.0-18-cloud-amd64` (uname(2)).
  package static var release: String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: &names.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Whether a process can have orphans come to it. Asked without becoming one: whoever does so
  /// has to reap.
  package static var hasSubreapers: Bool { csv_has_subreapers() == 1 }

  /// Whether exec can no longer give this process privileges (`PR_SET_NO_NEW_PRIVS`).
  package static var hasNoNewPrivileges: Bool { csv_has_no_new_privileges() == 1 }
}

extension Files {
  /// What this process may do with a file (access(2)).
  package struct Access: OptionSet, Hashable, Sendable {
    package let rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let read = Self(rawValue: R_OK)
    package static let write = Self(rawValue: W_OK)
    /// Also refused by a file system that is mounted noexec.
    package static let execute = Self(rawValue: X_OK)
  }

  /// Returns when this process may do all of it: with the effective user and group.
  ///
  /// - Throws: `SystemError`; `EACCES`, `EROFS`, `ENOENT`, …
  package static func check(_ access: Access, of path: String) throws(SystemError) {
    try retrying("access", subject: path) {
      unsafe faccessat(AT_FDCWD, path, access.rawValue, AT_EACCESS)
    }
  }
}
