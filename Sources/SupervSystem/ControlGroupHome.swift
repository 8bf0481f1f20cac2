import Glibc

/// The group that this process is in, where cgroup v2 is mounted and can be written to: below it
/// superv may make groups of its own, as root, or as whom the group was delegated to.
package struct ControlGroupHome: Hashable, Sendable {
  package var group: ControlGroup
  /// As the kernel calls it in `/proc/PID/cgroup`; without a slash at its end, so empty for the
  /// root.
  package var name: String

  /// Why there is none, for people.
  package struct Missing: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
  }

  /// The group at the top of what an earlier superv has made for itself and its agents.
  package static let folderPrefix = "superv-"
  /// The one in there that superv itself moves to.
  package static let daemonName = "superv.daemon"

  /// Looks without changing anything.
  package static func find() throws(Missing) -> ControlGroupHome {
    let mounts = (try? Files.readText("/proc/self/mountinfo")) ?? ""
    guard let own = name(of: "self") else {
      throw Missing("this kernel has no control groups")
    }
    let home = try find(mounts: mounts, own: own)
    do {
      // Neither a mount that is read-only nor another user's group can be written to.
      _ = try Files.open("\(home.group.path)/cgroup.procs", .writeOnly)
    } catch {
      throw Missing(
        "cgroup v2 cannot be written to: \(home.group.path)/cgroup.procs: "
          + errorText(error.code))
    }
    return home
  }

  /// The same from texts.
  ///
  /// - Parameters:
  ///   - mounts: `/proc/self/mountinfo` (proc_pid_mountinfo(5)).
  ///   - own: the name of this process's group.
  package static func find(
    mounts: String, own: String
  ) throws(Missing) -> ControlGroupHome {
    var own = own
    // An earlier superv may have moved this process: its groups are beside, not below.
    let parts = own.split(separator: "/")
    if parts.last == daemonName[...], parts.count > 1,
      parts[parts.count - 2].hasPrefix(folderPrefix)
    {
      own = "/" + parts.dropLast(2).joined(separator: "/")
    }
    if own == "/" { own = "" }
    var isMounted = false
    for line in mounts.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), fields.count > dash + 1, dash > 4,
        fields[dash + 1] == "cgroup2"
      else { continue }
      isMounted = true
      let root = fields[3] == "/" ? "" : fields[3]
      guard own == root || own.hasPrefix("\(root)/") else { continue }
      let path = unescaped(fields[4]) + own.dropFirst(root.count)
      return ControlGroupHome(group: ControlGroup(path: path), name: own)
    }
    throw Missing(
      isMounted
        ? "the control group of superv is outside of what is mounted here"
        : "no cgroup v2 is mounted here")
  }

  /// The group of a process in version 2: `/`, `/a/b`; nil without one.
  ///
  /// - Parameter process: a pid, or `self`.
  package static func name(of process: String) -> String? {
    guard let text = try? Files.readText("/proc/\(process)/cgroup", maximumBytes: 64 << 10) else {
      return nil
    }
    return text.split(separator: "\n").first { $0.hasPrefix("0::") }.map { String($0.dropFirst(3)) }
  }

  /// `\040` and the like stand for white space and backslashes (proc_pid_mountinfo(5)).
  private static func unescaped(_ field: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(3), as: UTF8.self)
      if byte == UInt8(ascii: "\\"), digits.utf8.count == 3, let code = UInt8(digits, radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
