import CSuperv
import Glibc

/// A step between the decision to start a program and the program, in their order.
package enum SpawnStage: UInt32, CaseIterable, Hashable, Sendable {
  case clone = 1
  case cgroup, session, signals, privileges, landlock, descriptors, limits, nice
  case bounding, groups, group, user, capabilities, umask, directory, input, mask, parent, exec

  /// The system call, as its man page is called.
  package var call: String {
    switch self {
    case .clone: "clone"
    case .cgroup: "cgroup.procs"
    case .session: "setsid"
    case .signals: "sigaction"
    case .privileges: "prctl PR_SET_NO_NEW_PRIVS"
    case .landlock: "landlock_restrict_self"
    case .descriptors: "dup2"
    case .limits: "setrlimit"
    case .nice: "setpriority"
    case .bounding: "prctl PR_CAPBSET_DROP"
    case .groups: "setgroups"
    case .group: "setgid"
    case .user: "setuid"
    case .capabilities: "capset"
    case .umask: "umask"
    case .directory: "chdir"
    case .input: "open"
    case .mask: "sigprocmask"
    case .parent: "getppid"
    case .exec: "exec"
    }
  }
}

/// A program that could not be started: in which stage, why, and on what.
package struct SpawnError: Error, Hashable, Sendable, CustomStringConvertible {
  package var stage: SpawnStage
  /// The `errno` (errno(3)).
  package var code: Int32
  /// The path, limit, user or number it was about, where there is one.
  package var subject: String?

  package init(stage: SpawnStage, code: Int32, subject: String?) {
    self.stage = stage
    self.code = code
    self.subject = subject
  }

  /// For example `chdir /srv/app: No such file or directory`.
  package var description: String {
    SystemError(stage.call, code: code, subject: subject).description
  }
}

/// A child that was started. Dropping this closes the pidfd and leaves the process alone.
package struct SpawnedProcess: ~Copyable {
  package let pid: Int32
  /// Readable once the process has ended (pidfd_open(2)); `Processes.reap(_:)` says how.
  package let pidfd: Descriptor

  /// With `pid`, who it is; see `ProcessIdentity`. 0 once it has been reaped. Looked up at each
  /// use: right after the exec, when the kernel is busy with it, that takes as long as the spawn.
  package var startTime: UInt64 { ProcessIdentity.of(pid)?.startTime ?? 0 }

  /// See `startTime`.
  package var identity: ProcessIdentity { ProcessIdentity(pid: pid, startTime: startTime) }

  /// Keeps the pidfd alone.
  package consuming func takeDescriptor() -> Descriptor { pidfd }
}

/// Starts a program as a child of this process and waits for its exec, not for anything more.
///
/// The new process has default signal dispositions, an empty signal mask and no descriptors but
/// those asked for. Needs Linux 5.4 (waitid(2) `P_PIDFD`). Any thread may call it; the calls go
/// one after the other. A file system that hangs under the program holds up the calling thread.
///
/// - Throws: `SpawnError`; then no process is left.
package func spawn(_ request: SpawnRequest) throws(SpawnError) -> SpawnedProcess {
  try request.refuseNulBytes()
  var memory = CMemory()
  var raw = unsafe request.forC(&memory)
  var result = csv_spawned()
  guard unsafe csv_spawn(&raw, &result) == 0 else { throw request.error(result) }
  return SpawnedProcess(pid: result.pid, pidfd: Descriptor(owning: result.pidfd))
}

extension SpawnRequest {
  func forC(_ memory: inout CMemory) -> csv_spawn_request {
    var raw = unsafe csv_spawn_request()
    unsafe raw.candidates = memory.strings(candidates)
    unsafe raw.arguments = memory.strings(arguments)
    unsafe raw.environment = memory.strings(environment)
    if let directory { unsafe raw.directory = memory.string(directory) }

    var placements = [
      csv_placement(source: standardOutput, target: 1),
      csv_placement(source: standardError, target: 2),
    ]
    switch standardInput {
    case .path(let path): unsafe raw.input = memory.string(path)
    case .descriptor(let number): placements.append(csv_placement(source: number, target: 0))
    }
    for extra in extraDescriptors {
      placements.append(csv_placement(source: extra.source, target: extra.target))
    }
    unsafe raw.placements = memory.array(placements)
    unsafe raw.placement_count = placements.count

    let limits = limits.map {
      csv_resource_limit(resource: $0.resource.number, soft: $0.soft, hard: $0.hard)
    }
    unsafe raw.limits = memory.array(limits)
    unsafe raw.limit_count = limits.count

    if let identity, identity.needsChange {
      unsafe raw.groups = memory.array(identity.supplementaryGroups)
      unsafe raw.group_count = identity.supplementaryGroups.count
      unsafe raw.user = identity.user
      unsafe raw.group = identity.group
      unsafe raw.change_user = 1
    }
    if let nice {
      unsafe raw.nice = nice
      unsafe raw.change_nice = 1
    }
    if let umask {
      unsafe raw.umask = Int32(umask & 0o777)
      unsafe raw.change_umask = 1
    }
    unsafe confinement.apply(to: &raw)
    if let record {
      unsafe raw.record = memory.string(record.before)
      unsafe raw.record_end = memory.string(record.after)
      unsafe raw.journal = record.journal
    }
    unsafe raw.cgroup = controlGroup ?? -1
    unsafe raw.new_session = newSession ? 1 : 0
    unsafe raw.old_kernel = avoidsNewSystemCalls ? 1 : 0
    return unsafe raw
  }

  /// C would take the part before the NUL for the whole.
  func refuseNulBytes() throws(SpawnError) {
    func holdsNul(_ text: String) -> Bool {
      var text = text
      return text.withUTF8 { bytes in
        unsafe bytes.baseAddress.flatMap { unsafe firstIndex(of: 0, in: $0, count: bytes.count) }
          != nil
      }
    }
    func refuse(_ texts: [String], _ stage: SpawnStage) throws(SpawnError) {
      guard let text = texts.first(where: holdsNul) else { return }
      let visible = String(text.unicodeScalars.map { $0 == "\0" ? "\u{2400}" : Character($0) })
      throw SpawnError(stage: stage, code: EINVAL, subject: visible)
    }
    try refuse(candidates + arguments + environment, .exec)
    if let directory { try refuse([directory], .directory) }
    if case .path(let path) = standardInput { try refuse([path], .input) }
  }

  func error(_ result: csv_spawned) -> SpawnError {
    let stage = SpawnStage(rawValue: result.stage.rawValue) ?? .clone
    let detail = Int(result.detail)
    let subject: String? =
      switch stage {
      case .clone, .cgroup, .session, .privileges, .landlock, .umask, .mask, .parent: nil
      case .bounding, .capabilities: detail < 0 ? nil : "capability \(detail)"
      case .signals: Signal(result.detail).description
      case .descriptors: detail < 0 ? nil : String(detail)
      case .limits: limits.indices.contains(detail) ? limits[detail].resource.rawValue : nil
      case .nice: nice.map { String($0) }
      case .groups: identity.flatMap(\.groupNumbers)
      case .group: identity.map { String($0.group) }
      case .user: identity.map { String($0.user) }
      case .directory: directory
      case .input: if case .path(let path) = standardInput { path } else { nil }
      case .exec: candidates.indices.contains(detail) ? candidates[detail] : program
      }
    return SpawnError(stage: stage, code: result.code, subject: subject)
  }
}

extension SpawnRequest.Identity {
  fileprivate var groupNumbers: String? {
    guard !supplementaryGroups.isEmpty else { return nil }
    return supplementaryGroups.map { String($0) }.joined(separator: ",")
  }

  /// Without privileges even setgroups(2) to the groups one has is refused, and `user = me` would
  /// never work.
  fileprivate var needsChange: Bool {
    geteuid() == 0 || user != geteuid() || group != getegid()
  }
}
