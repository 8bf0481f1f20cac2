import Glibc

/// A control group of version 2, by its folder (cgroups(7); the kernel's cgroup-v2.rst).
package struct ControlGroup: Hashable, Sendable {
  /// What can be limited for the groups below one.
  package enum Controller: String, CaseIterable, Hashable, Sendable {
    case memory, pids, cpu
  }

  /// Absolute.
  package let path: String

  package init(path: String) { self.path = path }

  /// The group of this name below it.
  package func group(_ name: String) -> ControlGroup { ControlGroup(path: "\(path)/\(name)") }

  /// Makes it; 0755, so that everybody may read what it uses.
  ///
  /// - Throws: `SystemError`; `EEXIST` when it is there.
  package func make() throws(SystemError) {
    try retrying("mkdir", subject: path) { unsafe mkdir(path, 0o755) }
  }

  /// The folder, for `SpawnRequest.controlGroup`.
  package func open() throws(SystemError) -> Descriptor {
    try Files.open(path, [.readOnly, .directory])
  }

  /// Kills every process in it and below it, those that are being forked included (Linux 5.14).
  package func kill() throws(SystemError) { try write("1", to: "cgroup.kill") }

  /// Whether it can be killed as a whole.
  package var canBeKilled: Bool {
    ((try? Files.status(of: "\(path)/cgroup.kill")) ?? nil) != nil
  }

  /// Whether a process that has not ended is in it or below it; nil: it is not there.
  package var isPopulated: Bool? { counter("populated", in: "cgroup.events").map { $0 != 0 } }

  /// Puts a process into it.
  package func add(_ pid: Int32) throws(SystemError) {
    try write(String(pid), to: "cgroup.procs")
  }

  /// The processes in it, and in groups that they have made below it.
  package var members: [Int32] {
    withDescendants.flatMap(\.ownMembers)
  }

  /// The processes in it.
  package var ownMembers: [Int32] {
    let list = try? Files.readText("\(path)/cgroup.procs", maximumBytes: 1 << 20)
    return (list ?? "").split(separator: "\n").compactMap { Int32($0) }
  }

  /// Removes it and what is below it.
  ///
  /// - Returns: false while a process is in there.
  package func remove() -> Bool {
    // Mostly nothing is below it, and a look would take longer than this.
    if (try? Files.removeDirectory(path)) != nil { return true }
    for group in withDescendants.reversed() {
      do {
        try Files.removeDirectory(group.path)
      } catch {
        if error.code != ENOENT { return false }
      }
    }
    return true
  }

  /// The groups right below it.
  package var children: [ControlGroup] {
    ((try? Files.folders(in: path)) ?? []).map(group)
  }

  /// Itself, and every group below it after the one that it is in.
  private var withDescendants: [ControlGroup] {
    var groups = [self]
    var next = 0
    while next < groups.count, groups.count < Self.maximumDescendantCount {
      let above = groups[next]
      next += 1
      groups += above.children
    }
    return groups
  }

  private static let maximumDescendantCount = 4096
}

// MARK: - Limits and figures

extension ControlGroup {
  /// What can be limited in groups below it.
  package var controllers: Set<Controller> {
    let text = text(of: "cgroup.controllers", maximumBytes: 4096) ?? ""
    return Set(text.split { $0.isWhitespace }.compactMap { Controller(rawValue: String($0)) })
  }

  /// Whether something is counted or limited in groups below it.
  package var hasControllersBelow: Bool {
    text(of: "cgroup.subtree_control", maximumBytes: 4096)?.contains(where: \.isLetter) ?? false
  }

  /// Lets groups below it be limited.
  ///
  /// - Throws: `SystemError`; `EBUSY` when processes are in it: a group with controllers for those
  ///   below it has none of its own, unless it is the root.
  package func enable(_ controllers: Set<Controller>) throws(SystemError) {
    let words = controllers.map { "+\($0.rawValue)" }.sorted()
    try write(words.joined(separator: " "), to: "cgroup.subtree_control")
  }

  /// Sets a limit, for example `memory.max` to `1048576`.
  package func set(_ file: String, to value: String) throws(SystemError) {
    try write(value, to: file)
  }

  /// A number that is the whole content of a file, such as `memory.current`.
  package func number(in file: String) -> UInt64? {
    text(of: file, maximumBytes: 64).flatMap {
      UInt64($0.prefix(while: \.isNumber))
    }
  }

  /// A number of a file with one name and number a line, such as `oom_kill` in `memory.events`;
  /// looked for in its first 512 bytes.
  package func counter(_ name: String, in file: String) -> UInt64? {
    // Asked at every end of an agent, so without a buffer for files of any length: those that count
    // events are short.
    var bytes = InlineArray<512, UInt8>(repeating: 0)
    var room = bytes.mutableSpan
    guard let count = try? Files.open("\(path)/\(file)", .readOnly).read(into: &room) else {
      return nil
    }
    let text = unsafe bytes.span.withUnsafeBufferPointer {
      unsafe String(decoding: $0[..<count], as: UTF8.self)
    }
    return Self.counter(name, of: text)
  }

  private func text(of file: String, maximumBytes: Int) -> String? {
    try? Files.readText("\(path)/\(file)", maximumBytes: maximumBytes)
  }

  package static func counter(_ name: String, of text: String) -> UInt64? {
    var rest = text.utf8[...]
    while !rest.isEmpty {
      let line = rest.prefix { $0 != UInt8(ascii: "\n") }
      rest = rest[line.endIndex...].dropFirst()
      let value = line.drop { $0 != UInt8(ascii: " ") }
      if line[..<value.startIndex].elementsEqual(name.utf8) {
        return UInt64(Substring(value.dropFirst()))
      }
    }
    return nil
  }

  private func write(_ text: String, to file: String) throws(SystemError) {
    let path = "\(path)/\(file)"
    do {
      try Files.open(path, .writeOnly).writeAll(text)
    } catch {
      throw SystemError(error.call, code: error.code, subject: path)
    }
  }
}

extension SystemError {
  /// There is something of that name already.
  package var isInTheWay: Bool { code == EEXIST }
  /// It is in use.
  package var isBusy: Bool { code == EBUSY }
}
