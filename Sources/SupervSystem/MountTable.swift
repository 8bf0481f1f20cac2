/// What is mounted where (proc_pid_mountinfo(5)), as this process sees it.
package struct MountTable: Hashable, Sendable {
  package struct Mount: Hashable, Sendable {
    package var point: String
    /// The folder of the file system that is seen there; `/` is all of it.
    package var root: String
    /// For example `tmpfs`.
    package var kind: String
    /// Of the mount and of the file system together, for example `noexec` or `hidepid=2`.
    package var options: [String]

    package func has(_ option: String) -> Bool { options.contains(option) }
  }

  /// In the order of mounting: of two at one point the later one covers the earlier.
  package let mounts: [Mount]

  /// - Parameter text: What the kernel says; lines that are none are passed over.
  package init(parsing text: String) {
    mounts = text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ").map(String.init)
      // Optional fields stand before a lone dash.
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, fields.count > dash + 3 else {
        return nil
      }
      return Mount(
        point: Self.unescaped(fields[4]), root: Self.unescaped(fields[3]), kind: fields[dash + 1],
        options: (fields[5] + "," + fields[dash + 3]).split(separator: ",").map(String.init))
    }
  }

  /// The table of this process; empty where it cannot be read.
  package static var current: MountTable {
    MountTable(
      parsing: (try? Files.readText("/proc/self/mountinfo", maximumBytes: 4 << 20)) ?? "")
  }

  /// The file system that an absolute path without links is on.
  package func mount(holding path: String) -> Mount? {
    let longest = mounts.lazy.filter { path.isInside($0.point) }.map(\.point.utf8.count).max()
    return mounts.last { path.isInside($0.point) && $0.point.utf8.count == longest }
  }

  /// The first file system of a kind.
  package func first(ofKind kind: String) -> Mount? { mounts.first { $0.kind == kind } }

  /// Blanks and backslashes stand there as `\040` and so on, in octal.
  private static func unescaped(_ field: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
      let digits = String(decoding: rest.prefix(3), as: UTF8.self)
      if byte == UInt8(ascii: "\\"), let code = UInt8(digits, radix: 8) {
        bytes.append(code)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension String {
  /// Whether an absolute path is a folder or something in it.
  fileprivate func isInside(_ folder: String) -> Bool {
    folder == "/" || self == folder || hasPrefix("\(folder)/")
  }
}
