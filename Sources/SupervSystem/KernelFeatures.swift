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

  /// The version of Landlock's interface (landlock(7)); nil where there is none.
  package static var landlockVersion: Int? {
    let version = csv_landlock_version()
    return version > 0 ? Int(version) : nil
  }

  /// Whether a process can have orphans come to it. Asked without becoming one: whoever does so
  /// has to reap.
  package static var hasSubreapers: Bool { csv_has_subreapers() == 1 }

  /// Whether exec can no longer give this process privileges (`PR_SET_NO_NEW_PRIVS`).
  package static var hasNoNewPrivileges: Bool { csv_has_no_new_privileges() == 1 }
}

/// What a process may do beyond the rights of its user (capabilities(7)).
package struct Capabilities: Hashable, Sendable {
  /// The raw values are the kernel's numbers.
  package enum Capability: Int, CaseIterable, Sendable {
    case dacOverride = 1
    case kill = 5
    case setGroup = 6
    case setUser = 7
    case systemAdministration = 21
    case nice = 23
    case resources = 24

    /// As capabilities(7) has it.
    package var name: String {
      switch self {
      case .dacOverride: "CAP_DAC_OVERRIDE"
      case .kill: "CAP_KILL"
      case .setGroup: "CAP_SETGID"
      case .setUser: "CAP_SETUID"
      case .systemAdministration: "CAP_SYS_ADMIN"
      case .nice: "CAP_SYS_NICE"
      case .resources: "CAP_SYS_RESOURCE"
      }
    }
  }

  package let bits: UInt64

  package init(bits: UInt64) { self.bits = bits }

  package func has(_ capability: Capability) -> Bool {
    bits >> UInt64(capability.rawValue) & 1 == 1
  }

  /// Those that are in force for this process.
  package static var effective: Capabilities {
    let text = (try? Files.readText("/proc/self/status", maximumBytes: 64 << 10)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    let digits = line?.dropFirst(7).filter { $0.isHexDigit } ?? ""
    return Capabilities(bits: UInt64(digits, radix: 16) ?? 0)
  }
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
