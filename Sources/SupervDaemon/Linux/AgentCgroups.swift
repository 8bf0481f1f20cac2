import SupervConfig
import SupervSystem
import SupervisionTree

/// The control groups of agents: one for each incarnation, in a folder of this tree's own.
///
/// A group is named after the runtime folder, the instance and an incarnation. The incarnations
/// that follow use it as well, as long as each one left it empty: making and removing a group
/// takes longer than the rest of a restart. So the group of an incarnation is the one with the
/// highest number that is not above its own, and the next daemon finds it again.
///
/// Where the kernel counts or limits something, every incarnation has a group of its own and
/// begins at zero.
///
/// superv's own process only moves, into a leaf beside them, when
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
  private struct Owned {
    let group: ControlGroup
    let prefix: String
  }

  private var groups: [ProcessKey: Owned] = [:]
  private var keys: [String: ProcessKey] = [:]
  /// Of incarnations that have ended and left nobody behind, by the instance: for the next one.
  private var idle: [String: ControlGroup] = [:]
  /// What an earlier daemon has left: the incarnations that groups are named after, by instance.
  private let inherited: [String: [UInt64]]
  /// Of incarnations that have ended: to be removed once nobody is in them.
  private var retired: [ControlGroup] = []
  /// Somebody was in them when it was tried.
  private var occupied: [ControlGroup] = []
  /// Removing one takes tens of microseconds.
  private static let turnCount = 8

  /// - Throws: `HouseError` when the configuration requires them and there are none.
  init(_ settings: DaemonSettings) throws(HouseError) {
    let name = Self.folderName(settings.runtimeDirectory)
    do throws(ControlGroupHome.Missing) {
      let found = try Self.findHome(settings.controlGroups, name)
      home = found
      folder = found.group.group(name)
      inherited = Self.groupNumbers(in: folder)
      wasEnabled = folder.hasControllersBelow
      problem = nil
    } catch {
      home = nil
      folder = ControlGroup(path: "/\(name)")
      inherited = [:]
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
  private static func prefix(_ agent: AgentDefinition) -> String {
    "agent-\(agent.agent).\(agent.instance)"
  }

  private static func groupNumbers(in folder: ControlGroup) -> [String: [UInt64]] {
    var numbers: [String: [UInt64]] = [:]
    for group in folder.children {
      guard let dot = group.path.lastIndex(of: "."),
        let slash = group.path.lastIndex(of: "/"), slash < dot,
        let number = UInt64(group.path[group.path.index(after: dot)...])
      else { continue }
      numbers[String(group.path[..<dot].dropFirst(folder.path.count + 1)), default: []]
        .append(number)
    }
    return numbers
  }

  // MARK: - One incarnation

  subscript(key: ProcessKey) -> ControlGroup? { groups[key]?.group }

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
    let prefix = Self.prefix(launch.agent)
    if let group = idle.removeValue(forKey: prefix) {
      if let opened = openUntouched(group) {
        adopt(launch.key, group, prefix)
        return OpenGroup(opened)
      }
      retired.append(group)
    }
    let group = folder.group("\(prefix).\(launch.key.incarnation)")
    do throws(SystemError) {
      try make(group)
      for (limit, file, value) in limits.files where isKept(limit) {
        try group.set(file, to: value)
      }
      let opened = OpenGroup(try group.open())
      adopt(launch.key, group, prefix)
      return opened
    } catch {
      _ = group.remove()
      guard limits.policy == .require else { return nil }
      throw LaunchError("limits = require: \(error)")
    }
  }

  /// - Returns: nil when an incarnation before has changed it, or the kernel counts in it.
  private func openUntouched(_ group: ControlGroup) -> Descriptor? {
    guard !isCounted, let opened = try? group.open(),
      (try? opened.status())?.linkCount == ControlGroup.linkCountWithoutChildren
    else { return nil }
    return opened
  }

  private func make(_ group: ControlGroup) throws(SystemError) {
    do {
      try group.make()
    } catch {
      if error.isInTheWay {
        // An incarnation is started once: whoever is in there is of another life.
        try group.kill()
      } else if error.isMissing {
        // Somebody has tidied up.
        try folder.make()
        try group.make()
      } else {
        throw error
      }
    }
  }

  /// An incarnation that an earlier daemon has started.
  func adopt(_ key: ProcessKey, _ agent: AgentDefinition) {
    let prefix = Self.prefix(agent)
    let numbers = inherited[prefix] ?? []
    guard let number = numbers.filter({ $0 <= key.incarnation }).max() else { return }
    let group = folder.group("\(prefix).\(number)")
    if group.occupation != nil { adopt(key, group, prefix) }
  }

  private func adopt(_ key: ProcessKey, _ group: ControlGroup, _ prefix: String) {
    groups[key] = Owned(group: group, prefix: prefix)
    keys[group.path] = key
  }

  /// Nothing more is started in it.
  ///
  /// - Parameter isEmpty: whether the next incarnation may use it.
  func retire(_ key: ProcessKey, isEmpty: Bool = false) {
    guard let owned = groups.removeValue(forKey: key) else { return }
    keys[owned.group.path] = nil
    guard isEmpty else { return retired.append(owned.group) }
    if let other = idle.updateValue(owned.group, forKey: owned.prefix) { retired.append(other) }
  }

  /// Whether `removeRetired` has something to do.
  var hasRetired: Bool { !retired.isEmpty }

  /// Removes some groups that nobody is in any more, when nothing is more urgent.
  func removeRetired() {
    for group in retired.prefix(Self.turnCount) where !group.remove() { occupied.append(group) }
    retired.removeFirst(min(Self.turnCount, retired.count))
  }

  /// Something has ended, a while ago: groups that were not empty may be now, and what is not
  /// started again by now is not in a hurry.
  func retryRetired() {
    retired += occupied + idle.values
    occupied = []
    idle = [:]
  }

  /// All there are.
  private var everyGroup: [ControlGroup] {
    groups.values.map(\.group) + Array(idle.values) + retired + occupied
  }

  /// Processes that the kernel killed because memory had run out.
  func outOfMemoryKills(of key: ProcessKey) -> UInt64 {
    guard isCounted else { return 0 }
    return self[key]?.counter("oom_kill", in: "memory.events") ?? 0
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
    for group in everyGroup { try? group.kill() }
  }

  /// Leaves nothing behind but what superv itself is in.
  func finish() {
    for group in everyGroup { _ = group.remove() }
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

  /// Whether there is something in a group that should begin at zero.
  private var isCounted: Bool { enabled.map { !$0.isEmpty } ?? wasEnabled }

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

  init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }
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
