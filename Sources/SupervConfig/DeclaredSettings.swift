import SupervisionTree

/// A `[supervisor:NAME]` that was read.
struct DeclaredSupervisor {
  var name: String
  var place: Place
  var settings = SupervisorSettings()
  var keys = ReadKeys()
}

/// An `[agent:NAME]` that was read.
struct DeclaredAgent {
  var name: String
  var place: Place
  /// One for each instance; exactly one when `numprocs` could not be read.
  var instances: [AgentSettings] = []
  var keys = ReadKeys()

  func instanceName(_ instance: Int) -> String {
    instances.count == 1 ? name : "\(name):\(instance)"
  }
}

/// Everything the sections say, each section by itself.
struct DeclaredSettings {
  enum Child {
    case supervisor(DeclaredSupervisor)
    case agent(DeclaredAgent)
  }

  var superv = SupervSettings()
  var supervKeys = ReadKeys()
  /// Where complaints about `[superv]` as a whole go.
  var supervPlace = Place(file: 0, line: 1, column: 1)
  /// In file order; names are unique.
  var children: [Child] = []

  init(_ sections: [PlacedSection], _ reading: inout Reading) {
    let sections = withoutDuplicates(sections, &reading)
    // Agents take their defaults from [superv], wherever it stands.
    if let section = sections.first(where: { $0.kind == .superv }) {
      readSuperv(section, &reading)
    }
    var instancesLeft = maximumTotalInstances
    for section in sections {
      switch section.kind {
      case .superv: break
      case .supervisor: children.append(.supervisor(readSupervisor(section, &reading)))
      case .agent:
        let agent = readAgent(section, &reading)
        if instancesLeft >= 0, instancesLeft < agent.instances.count {
          reading.error(
            section.place, "with this agent there are more than \(maximumTotalInstances) instances",
            hint: "lower `numprocs`")
        }
        instancesLeft -= agent.instances.count
        if instancesLeft >= 0 {
          children.append(.agent(agent))
        } else {
          reading.unreadableNames.insert(agent.name)
        }
      }
    }
    let hasAgent = sections.contains { $0.kind == .agent }
    if !hasAgent, !reading.hasErrors, !superv.silenced.contains(.noAgent) {
      reading.warning(
        supervPlace, "no agent is configured", hint: "add a section such as `[agent:NAME]`")
    }
  }

  private mutating func readSuperv(_ section: PlacedSection, _ reading: inout Reading) {
    supervPlace = section.place
    reading.expansions = []
    supervKeys = reading.read(
      section.section, file: section.place.file, by: SupervConfig.supervKeys, into: &superv)
    reading.checkBackoff(superv.backoff, supervKeys)
  }

  private func readSupervisor(
    _ section: PlacedSection, _ reading: inout Reading
  ) -> DeclaredSupervisor {
    var supervisor = DeclaredSupervisor(name: section.name, place: section.place)
    reading.expansions = [Expansion(name: "name", text: section.name)]
    supervisor.keys = reading.read(
      section.section, file: section.place.file, by: supervisorKeys, into: &supervisor.settings)
    reading.checkBackoff(supervisor.settings.backoff, supervisor.keys)
    return supervisor
  }

  private func readAgent(_ section: PlacedSection, _ reading: inout Reading) -> DeclaredAgent {
    var agent = DeclaredAgent(name: section.name, place: section.place)
    let count = instanceCount(section, reading)
    for instance in 0..<count {
      reading.expansions = [
        Expansion(name: "name", text: count == 1 ? section.name : "\(section.name):\(instance)"),
        Expansion(name: "agent", text: section.name),
        Expansion(name: "instance", text: String(instance), isNumber: true),
      ]
      var settings = AgentSettings()
      settings.log = superv.log
      let keys = reading.read(
        section.section, file: section.place.file, by: agentKeys, into: &settings)
      agent.instances.append(settings)
      if instance == 0 { agent.keys = keys }
      // What is wrong for one instance is wrong for all, but for a number more or less.
      if keys.hasErrors || !section.dependsOnInstance {
        agent.instances += repeatElement(settings, count: count - 1 - instance)
        break
      }
    }
    if agent.keys.places["command"] == nil {
      reading.error(
        section.place, "[agent:\(section.name)] has no command", hint: "add `command = …`")
    }
    if !superv.silenced.contains(.missingPaths) { reading.checkFiles(of: agent) }
    reading.checkHealth(of: agent)
    reading.checkLimits(of: agent)
    reading.checkSandbox(of: agent)
    return agent
  }

  /// `numprocs`, which has to be known before the other keys can be read; complaints come with
  /// them.
  private func instanceCount(_ section: PlacedSection, _ reading: Reading) -> Int {
    var scratch = reading
    scratch.expansions = [Expansion(name: "agent", text: section.name)]
    var settings = AgentSettings()
    var only = section.section
    only.entries = Array(only.entries.filter { $0.key == "numprocs" }.prefix(1))
    _ = scratch.read(only, file: section.place.file, by: agentKeys, into: &settings)
    return settings.instanceCount
  }
}

/// The most instances of all agents together.
package let maximumTotalInstances = 10_000

extension PlacedSection {
  /// Whether a value may differ between instances.
  fileprivate var dependsOnInstance: Bool {
    section.entries.contains { entry in
      entry.segments.contains { segment in
        segment.bytes.indices.contains { index in
          segment.bytes[index] == UInt8(ascii: "%")
            && ["%(instance)", "%(name)"].contains { segment.bytes[index...].starts(with: $0.utf8) }
        }
      }
    }
  }

  fileprivate var header: String {
    switch kind {
    case .superv: "[superv]"
    case .supervisor: "[supervisor:\(name)]"
    case .agent: "[agent:\(name)]"
    }
  }
}

/// Drops sections whose name was given before, with a complaint.
private func withoutDuplicates(
  _ sections: [PlacedSection], _ reading: inout Reading
) -> [PlacedSection] {
  var first: [String: PlacedSection] = [:]
  var kept: [PlacedSection] = []
  for section in sections {
    guard let earlier = first[section.name] else {
      first[section.name] = section
      kept.append(section)
      continue
    }
    let earlierText = reading.text(earlier.place)
    if earlier.kind == section.kind {
      reading.error(
        section.place, "\(section.header) is already in \(earlierText)",
        hint: "put all its keys into one section")
    } else {
      reading.error(
        section.place, "the name \(section.name) is taken by \(earlier.header) in \(earlierText)",
        hint: "agents and supervisors share their names: choose another one")
    }
  }
  return kept
}

extension Reading {
  fileprivate mutating func checkBackoff(_ backoff: BackoffPolicy, _ keys: ReadKeys) {
    guard backoff.cap < backoff.base, !keys.isUnreadable("backoff_base"),
      !keys.isUnreadable("backoff_cap"),
      let place = keys.places["backoff_cap"] ?? keys.places["backoff_base"]
    else { return }
    warning(
      place, "`backoff_cap` is shorter than `backoff_base`, so `backoff_base` has no effect",
      hint: "raise `backoff_cap` or lower `backoff_base`")
  }

  /// Warns about files that are missing now; they may be there when the agent starts.
  fileprivate mutating func checkFiles(of agent: DeclaredAgent) {
    var previous: AgentSettings?
    for settings in agent.instances where settings != previous {
      previous = settings
      var isGood = true
      if let path = settings.directory, let place = agent.keys.values["directory"] {
        isGood = checkFile(path, isFolder: true, place) && isGood
      }
      if let path = settings.environmentFile, let place = agent.keys.values["env_file"] {
        isGood = checkFile(path, isFolder: false, place) && isGood
      }
      if case .path(let path) = settings.standardInput, let place = agent.keys.values["stdin"] {
        isGood = checkFile(path, isFolder: false, place) && isGood
      }
      // One instance stands for all.
      guard isGood else { return }
    }
  }

  private mutating func checkFile(_ path: String, isFolder: Bool, _ place: Place) -> Bool {
    let hint = "the agent cannot start until that changes"
    switch source.kindOfFile(path) {
    case nil: warning(place, "\(quoted(path)) does not exist", hint: hint)
    case .folder where !isFolder: warning(place, "\(quoted(path)) is a folder", hint: hint)
    case .file where isFolder, .other where isFolder:
      warning(place, "\(quoted(path)) is no folder", hint: hint)
    case .file, .other, .folder: return true
    }
    return false
  }
}
