import Glibc

/// A process for good: pids are used again, a pid with its start time is not (within one boot).
package struct ProcessIdentity: Hashable, Sendable {
  package var pid: Int32
  /// Clock ticks from boot to its start (proc_pid_stat(5), field 22).
  package var startTime: UInt64

  package init(pid: Int32, startTime: UInt64) {
    self.pid = pid
    self.startTime = startTime
  }

  /// The process that has this pid now, a zombie included; nil without one.
  package static func of(_ pid: Int32) -> ProcessIdentity? {
    ProcessRecord.of(pid).map { ProcessIdentity(pid: pid, startTime: $0.startTime) }
  }

  /// A pidfd of this very process; nil when it is gone. The pidfd comes first and the comparison
  /// after: then it cannot be of another one that came between.
  package func open() throws(SystemError) -> Descriptor? {
    guard let pidfd = try Processes.open(pid: pid), Self.of(pid) == self else { return nil }
    return pidfd
  }
}

/// What the kernel says about a process (proc_pid_stat(5)).
package struct ProcessRecord: Hashable, Sendable {
  package var pid: Int32
  /// The name of its program, at most 15 bytes.
  package var command: String
  /// `R`, `S`, `D`, `Z` (ended, not yet reaped), `T`, …
  package var state: Character
  package var parent: Int32
  package var group: Int32
  package var session: Int32
  package var startTime: UInt64
  /// Its own and that of the children it has waited for.
  package var processorNanoseconds: UInt64
  package var threadCount: Int
  package var residentBytes: UInt64

  /// nil when there is no such process.
  package static func of(_ pid: Int32) -> ProcessRecord? {
    guard let content = try? Files.read("/proc/\(pid)/stat", maximumBytes: 4096) else { return nil }
    return ProcessRecord(pid: pid, stat: content)
  }

  /// How a process has ended that is not reaped yet, as wait(2) encodes it (proc_pid_stat(5), field
  /// 52); nil when it runs, is gone, or is not ours to look into.
  static func waitStatus(ofZombie pid: Int32) -> Int32? {
    guard let fields = fields(of: pid), fields.count > 49, fields[0] == "Z" else { return nil }
    return Int32(fields[49])
  }

  /// From the third one on, which comes first here.
  static func fields(of pid: Int32) -> [Substring]? {
    guard let text = try? Files.readText("/proc/\(pid)/stat", maximumBytes: 4096),
      let close = text.lastIndex(of: ")")
    else { return nil }
    return text[text.index(after: close)...].split(whereSeparator: \.isWhitespace)
  }

  /// Every process that can be seen, by pid. They come and go meanwhile.
  package static func all() throws(SystemError) -> [ProcessRecord] {
    try Files.names(in: "/proc").compactMap { Int32($0) }.sorted().compactMap { of($0) }
  }

  /// Parses the line; nil when it is not one. The name may contain spaces and parentheses, so
  /// the fields are counted from the last `)`.
  init?(pid: Int32, stat line: [UInt8]) {
    guard let open = line.firstIndex(of: UInt8(ascii: "(")),
      let close = line.lastIndex(of: UInt8(ascii: ")")), open < close
    else { return nil }
    // The third field, the state, comes first here.
    let fields = line[(close + 1)...].split(separator: UInt8(ascii: " "))
      .map { String(decoding: $0, as: UTF8.self) }
    guard fields.count > 21, let state = fields[0].first, let parent = Int32(fields[1]),
      let group = Int32(fields[2]), let session = Int32(fields[3]),
      let startTime = UInt64(fields[19]), let threadCount = Int(fields[17]),
      let residentPages = UInt64(fields[21])
    else { return nil }
    let ticks = fields[11...14].compactMap { UInt64($0) }.reduce(0, &+)
    self.pid = pid
    self.command = String(decoding: line[(open + 1)..<close], as: UTF8.self)
    self.state = state
    self.parent = parent
    self.group = group
    self.session = session
    self.startTime = startTime
    processorNanoseconds = ticks &* (1_000_000_000 / UInt64(max(1, sysconf(Int32(_SC_CLK_TCK)))))
    self.threadCount = threadCount
    residentBytes = residentPages &* UInt64(getpagesize())
  }

  /// How many descriptors a process has open; 0 when it is gone or not ours to look into.
  ///
  /// Since Linux 6.2 the size of the folder says it (proc_pid_fd(5)); before that, its names are
  /// counted.
  package static func openFileCount(of pid: Int32) -> Int {
    let path = "/proc/\(pid)/fd"
    guard let size = (try? Files.status(of: path))?.map(\.size) ?? nil else { return 0 }
    return size > 0 ? Int(size) : (try? Files.names(in: path))?.count ?? 0
  }
}
