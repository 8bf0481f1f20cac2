import SupervConfig
import SupervSystem
import SupervisionTree

/// The control groups of agents: one for each incarnation, in a folder of this tree's own.
///
/// A group's path follows from the runtime folder, the instance and its incarnation, so that the
/// next daemon finds it again. superv's own process only moves, into a leaf beside them, when
/// controllers are wanted: those need a parent without processes (cgroup-v2.rst, "No Internal
/// Process Constraint").
final class AgentCgroups {
  /// Why there are none; nil where there are.
  let problem: String?
  /// Above the folder of the tree.
  private let home: ControlGroupHome?
  /// Of the tree.
  private let folder: ControlGroup
  /// What the kernel can keep for agents; nil: nobody has asked for it yet.
  private var enabled: Set<ControlGroup.Controller>?
  /// Whether an earlier daemon has asked.
  private let wasEnabled: Bool
  /// Why others are not in there.
  private var enablingProblem = ""
  private var groups: [ProcessKey: ControlGroup] = [:]
  private var keys: [String: ProcessKey] = [:]
  /// Of incarnations that have ended: to be removed once nobody is in them.
  private var retired: [ControlGroup] = []
  /// Somebody was in them when it was tried.
  private var occupied: [ControlGroup] = []
  /// Of incarnations to come.
  private var spares = SpareGroups()
  /// Removing one takes tens of microseconds.
  private static let turnCount = 8

  /// - Throws: `HouseError` when the configuration requires them and there are none.
  init(_ settings: DaemonSettings) throws(HouseError) {
    let name = Self.folderName(settings.runtimeDirectory)
    do throws(ControlGroupHome.Missing) {
      let found = try Self.findHome(settings.controlGroups, name)
      home = found
      folder = found.group.group(name)
      wasEnabled = folder.hasControllersBelow
      problem = nil
    } catch {
      home = nil
      folder = ControlGroup(path: "/\(name)")
      wasEnabled = false
      problem = error.description
      if settings.controlGroups == .require {
        throw HouseError("`cgroups = require`: \(error.description)")
      }
    }
  }

  private static func findHome(
    _ policy: ControlGroupPolicy, _ name: String
  ) throws(ControlGroupHome.Missing) -> ControlGroupHome {
    if policy == .off { throw ControlGroupHome.Missing("`cgroups = off`") }
    let home = try ControlGroupHome.find()
    let folder = home.group.group(name)
    try make(folder)
    // What an earlier superv could not remove; whoever is in one keeps it.
    for old in folder.children { _ = old.remove() }
    return home
  }

  private static func make(_ folder: ControlGroup) throws(ControlGroupHome.Missing) {
    do {
      try folder.make()
    } catch {
      guard error.isInTheWay else {
        throw ControlGroupHome.Missing("no control group can be made: \(error)")
      }
    }
    guard folder.canBeKilled else {
      _ = folder.remove()
      throw ControlGroupHome.Missing(
        "this kernel has no cgroup.kill (Linux 5.14): \(folder.path)")
    }
  }

  /// The runtime folder says which superv this is, and its inode that it is not one with the same
  /// path in another container.
  private static func folderName(_ runtimeDirectory: String) -> String {
    let status = (try? Files.status(of: runtimeDirectory)) ?? nil
    return ControlGroupHome.folderPrefix + "\(status?.device ?? 0)-\(status?.inode ?? 0)"
  }

  /// Names have letters, digits, `_`, `-`, `.`, and at most 64 bytes; the prefix keeps them apart
  /// from the kernel's files.
  private func group(_ agent: AgentDefinition, _ incarnation: UInt64) -> ControlGroup {
    folder.group("agent-\(agent.agent).\(agent.instance).\(incarnation)")
  }

  // MARK: - One incarnation

  subscript(key: ProcessKey) -> ControlGroup? { groups[key] }

  /// Makes the group of an incarnation, with its limits.
  ///
  /// - Returns: its folder; nil where the agent has to do without.
  /// - Throws: `LaunchError` when the agent asks for limits that cannot be kept.
  func make(_ launch: Launch) throws(LaunchError) -> OpenGroup? {
    let limits = launch.agent.treeLimits
    if limits.policy == .require, let problem = problem(keeping: limits.keys) {
      throw LaunchError("limits = require: \(problem)")
    }
    guard problem == nil else { return nil }
    let group = group(launch.agent, launch.key.incarnation)
    do throws(SystemError) {
      let opened = try open(group)
      for (limit, file, value) in limits.files where isKept(limit) {
        try group.set(file, to: value)
      }
      begin(launch.key, launch.agent, group)
      return opened
    } catch {
      _ = group.remove()
      guard limits.policy == .require else { return nil }
      throw LaunchError("limits = require: \(error)")
    }
  }

  private func open(_ group: ControlGroup) throws(SystemError) -> OpenGroup {
    // Somebody may have tidied up.
    if spares.take(group), let folder = try? group.open() {
      return OpenGroup(folder, wasKilled: false)
    }
    let wasKilled = try make(group)
    return OpenGroup(try group.open(), wasKilled: wasKilled)
  }

  /// - Returns: whether what was in it was killed.
  private func make(_ group: ControlGroup) throws(SystemError) -> Bool {
    do {
      try group.make()
    } catch {
      if error.isInTheWay {
        // Of another life, or of a start that the daemon before did not live to see.
        guard group.remove() else {
          try group.kill()
          return true
        }
        try group.make()
      } else if error.isMissing {
        // Somebody has tidied up.
        try folder.make()
        try group.make()
      } else {
        throw error
      }
    }
    return false
  }

  /// An incarnation that an earlier daemon has started.
  func adopt(_ key: ProcessKey, _ agent: AgentDefinition) {
    let group = group(agent, key.incarnation)
    if problem == nil, group.isPopulated != nil { begin(key, agent, group) }
  }

  private func begin(_ key: ProcessKey, _ agent: AgentDefinition, _ group: ControlGroup) {
    groups[key] = group
    keys[group.path] = key
    spares.begin(next: self.group(agent, key.incarnation + 1))
  }

  /// Nothing more is started in it.
  func retire(_ key: ProcessKey) {
    guard let group = groups.removeValue(forKey: key) else { return }
    keys[group.path] = nil
    spares.end(group)
    retired.append(group)
  }

  /// Whether `tidy` has something to do at once.
  var isUntidy: Bool { !retired.isEmpty || spares.hasNews }

  /// When it has something to do without that.
  var due: MonotonicTime? { spares.due }

  /// Removes some groups that nobody is in any more, and makes some that will be needed, when
  /// nothing is more urgent.
  func tidy(_ now: MonotonicTime) {
    spares.tidy(now)
    for group in retired.prefix(Self.turnCount) where !group.remove() { occupied.append(group) }
    retired.removeFirst(min(Self.turnCount, retired.count))
  }

  /// Something has ended: groups that were not empty may be now.
  func retryRetired() {
    retired += occupied
    occupied = []
  }

  /// Processes that the kernel killed because memory had run out.
  func outOfMemoryKills(of key: ProcessKey) -> UInt64 {
    // Without a controller there is no such file, and looking for it takes time.
    guard enabled.map({ $0.contains(.memory) }) ?? wasEnabled else { return 0 }
    return groups[key]?.counter("oom_kill", in: "memory.events") ?? 0
  }

  /// The incarnation whose group a process is in, whatever became of its parents and its session.
  func owner(of pid: Int32) -> ProcessKey? {
    guard let home, !keys.isEmpty, let name = ControlGroupHome.name(of: String(pid)),
      name.hasPrefix("\(home.name)/")
    else { return nil }
    // It may have made groups below its own.
    let parts = name.dropFirst(home.name.utf8.count + 1).split(separator: "/").prefix(2)
    return keys["\(home.group.path)/\(parts.joined(separator: "/"))"]
  }

  /// Kills everything in the groups of all agents, for the end of superv.
  func killAll() {
    for group in Array(groups.values) + retired + occupied { try? group.kill() }
  }

  /// Leaves nothing behind but what superv itself is in.
  func finish() {
    for group in Array(groups.values) + retired + occupied { _ = group.remove() }
    spares.finish()
    if problem == nil { try? Files.removeDirectory(folder.path) }
  }
}

// MARK: - Controllers

extension AgentCgroups {
  /// Whether the kernel keeps a limit.
  func isKept(_ limit: TreeLimit) -> Bool { controllers().contains(limit.controller) }

  /// Why the kernel cannot keep limits, for people; nil: it can.
  func problem(keeping limits: [TreeLimit]) -> String? {
    if limits.isEmpty { return nil }
    let missing = limits.filter { !isKept($0) }
    if missing.isEmpty { return nil }
    let names = missing.map(\.rawValue).joined(separator: ", ")
    return "the kernel cannot keep \(names): \(problem ?? enablingProblem)"
  }

  private func controllers() -> Set<ControlGroup.Controller> {
    if let enabled { return enabled }
    let found = enableControllers()
    enabled = found
    return found
  }

  private func enableControllers() -> Set<ControlGroup.Controller> {
    guard let home, problem == nil else { return [] }
    let wanted = home.group.controllers
    let missing = Set(ControlGroup.Controller.allCases).subtracting(wanted)
    enablingProblem =
      missing.isEmpty
      ? "" : "cgroup v2 has no controller \(Self.list(missing)) at \(home.group.path)"
    var kept: Set<ControlGroup.Controller> = []
    for controller in wanted.sorted(by: { $0.rawValue < $1.rawValue }) {
      do {
        try enable(controller, below: home.group)
        kept.insert(controller)
      } catch {
        enablingProblem =
          error.isBusy
          ? "other programs than superv are in its control group: \(error)" : "\(error)"
      }
    }
    return kept
  }

  private func enable(
    _ controller: ControlGroup.Controller, below home: ControlGroup
  ) throws(SystemError) {
    do {
      try home.enable([controller])
    } catch {
      guard error.isBusy else { throw error }
      try moveAside(home)
      try home.enable([controller])
    }
    try folder.enable([controller])
  }

  private static func list(_ controllers: Set<ControlGroup.Controller>) -> String {
    controllers.map(\.rawValue).sorted().joined(separator: ", ")
  }

  /// Moves superv's own processes out of the group above the agents'. Others are left where they
  /// are: the group may be a login session's.
  private func moveAside(_ group: ControlGroup) throws(SystemError) {
    let leaf = folder.group(ControlGroupHome.daemonName)
    do {
      try leaf.make()
    } catch {
      if !error.isInTheWay { throw error }
    }
    let program = try Files.linkTarget("/proc/self/exe")
    for pid in group.ownMembers where (try? Files.linkTarget("/proc/\(pid)/exe")) == program {
      try? leaf.add(pid)
    }
  }
}

extension AgentCgroups {
  var report: ControlGroupsReport {
    var report = ControlGroupsReport()
    report.path = problem == nil ? folder.path : nil
    report.controllers = (enabled ?? []).map(\.rawValue).sorted()
    report.problem = problem
    return report
  }
}

/// The folder of a group, open for a spawn.
final class OpenGroup {
  let descriptor: Descriptor
  /// It was killed as a whole, once: Linux (seen in 6.18) kills whatever is cloned into it for ever
  /// after. A process may still be moved there.
  let wasKilled: Bool

  init(_ descriptor: consuming Descriptor, wasKilled: Bool) {
    self.descriptor = descriptor
    self.wasKilled = wasKilled
  }
}

extension TreeLimit {
  var controller: ControlGroup.Controller {
    switch self {
    case .memoryHigh, .memoryMax: .memory
    case .cpuMax: .cpu
    case .pidsMax: .pids
    }
  }
}

extension TreeLimits {
  /// What is written where, in the words of cgroup-v2.rst.
  fileprivate var files: [(limit: TreeLimit, file: String, value: String)] {
    var files: [(TreeLimit, String, String)] = []
    if let memoryHighBytes { files.append((.memoryHigh, "memory.high", "\(memoryHighBytes)")) }
    if let memoryMaximumBytes {
      files.append((.memoryMax, "memory.max", "\(memoryMaximumBytes)"))
      // An agent of which a part was killed is not the agent.
      files.append((.memoryMax, "memory.oom.group", "1"))
    }
    if let processorThousandths {
      // Microseconds of processor time in each tenth of a second.
      files.append((.cpuMax, "cpu.max", "\(processorThousandths * 100) 100000"))
    }
    if let taskMaximum { files.append((.pidsMax, "pids.max", "\(taskMaximum)")) }
    return files
  }
}
