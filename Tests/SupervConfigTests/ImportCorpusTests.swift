import Foundation
import SupervConfig
import SupervisionTree
import Testing

/// Every configuration of the corpus that supervisord takes, imported: it loads without a word, and
/// means the same, field by field.
@Suite struct ImportCorpusTests {
  static let resultPath = "/imported/supervisor.conf"

  @Test(arguments: ["", "quirks"])
  func importedFilesMeanTheSame(folder: String) throws {
    guard let files = SupervisordCorpus.expectations(in: folder) else { return }
    var counts: [String: Int] = [:]
    for file in files {
      let one = try SupervisordCase(file)
      let before = loadConfiguration(one.mainPath, from: one.source)
      let loaded = loadImport(one.mainPath, from: one.source)
      #expect(loaded.diagnostics == before.diagnostics)
      guard let meaning = before.configuration else {
        #expect(loaded.imported == nil, "\(one.name)")
        counts["rejected", default: 0] += 1
        continue
      }
      let imported = try #require(loaded.imported, "\(one.name)")
      var source = one.source
      source.files[Self.resultPath] = Array(imported.text.utf8)
      let after = loadConfiguration(Self.resultPath, from: source)
      #expect(after.diagnostics == [], "\(one.name)")
      let result = try #require(after.configuration, "\(one.name)")
      compare(meaning, result, by: imported, one.name)
      count(imported, result, &counts)
    }
    let table = counts.sorted { $0.key < $1.key }.map { "  \($0.value)\t\($0.key)" }
    print("imported \(folder.isEmpty ? "files" : folder):\n\(table.joined(separator: "\n"))")
  }

  private func count(
    _ imported: ImportedConfiguration, _ result: Configuration, _ counts: inout [String: Int]
  ) {
    counts["files imported", default: 0] += 1
    counts["processes", default: 0] += imported.processes.count
    counts["agents", default: 0] += Set(result.agents.map(\.agent)).count
    counts["processes under another name", default: 0] +=
      imported.processes.count { $0.name != $0.agent }
    counts["left out", default: 0] += imported.omissions.count
    if imported.processes.isEmpty { counts["files without a program", default: 0] += 1 }
    for agent in Set(result.agents.filter { $0.instance > 0 }.map(\.agent)) {
      _ = agent
      counts["agents with several instances", default: 0] += 1
    }
  }

  private func compare(
    _ meaning: Configuration, _ result: Configuration, by imported: ImportedConfiguration,
    _ file: String
  ) {
    let agents = Dictionary(uniqueKeysWithValues: result.agents.map { ($0.specification.name, $0) })
    let wanted = meaning.importable
    #expect(wanted.map(\.specification.name) == imported.processes.map(\.name), "\(file)")
    #expect(result.agents.map(\.specification.name) == imported.processes.map(\.agent), "\(file)")
    #expect(result.tree.children.map(\.name) == imported.processes.map(\.agent), "\(file)")
    for (before, process) in zip(wanted, imported.processes) {
      guard let after = agents[process.agent] else { continue }
      #expect(normalized(before) == normalized(after, as: before), "\(file): \(process.name)")
    }
    compareOrderOfStops(wanted, result.agents, file)
    #expect(result.tree.intensity == meaning.tree.intensity, "\(file)")
    #expect(result.tree.backoff.base == meaning.tree.backoff.base, "\(file)")
    #expect(
      result.tree.stopsSiblingsSideBySide == meaning.tree.stopsSiblingsSideBySide, "\(file)")
    #expect(normalized(meaning.settings) == normalized(result.settings), "\(file)")
  }

  private func compareOrderOfStops(
    _ before: [AgentDefinition], _ after: [AgentDefinition], _ file: String
  ) {
    func ranks(_ agents: [AgentDefinition]) -> [Int] {
      let priorities = agents.map { $0.specification.policy.priority ?? .min }
      let all = Set(priorities).sorted()
      return priorities.map { all.firstIndex(of: $0) ?? 0 }
    }
    #expect(ranks(before) == ranks(after), "\(file)")
  }

  /// Without what has other words for the same, or is none of the meaning.
  private func normalized(_ agent: AgentDefinition) -> AgentDefinition {
    var agent = agent
    agent.specification.fingerprint = 0
    agent.specification.policy.priority = nil
    let retries = agent.specification.startRetries
    agent.specification.startRetries = retries.map { StartRetries(limit: max(0, $0.limit)) }
    agent.program = nil
    agent.log = LogSettings()
    if agent.user == nil { agent.hasUserVariables = true }
    return agent
  }

  /// Under the name of the other one.
  private func normalized(
    _ agent: AgentDefinition, as other: AgentDefinition
  ) -> AgentDefinition {
    var agent = normalized(agent)
    agent.specification.name = other.specification.name
    agent.agent = other.agent
    agent.instance = other.instance
    return agent
  }

  private func normalized(_ settings: DaemonSettings) -> DaemonSettings {
    var settings = settings
    settings.supervisord = nil
    settings.eventLog = LogSettings()
    settings.logTotalMaximumBytes = 0
    // supervisord keeps two slashes at the beginning of a path, as POSIX allows.
    for path in [\DaemonSettings.runtimeDirectory, \.stateDirectory, \.logDirectory] {
      settings[keyPath: path] = settings[keyPath: path].replacing("//", with: "/")
    }
    return settings
  }
}

extension Configuration {
  /// The processes of programs, but for those that have nothing to execute.
  fileprivate var importable: [AgentDefinition] {
    let groups = settings.supervisord?.groups.filter { $0.kind == .programs }.map(\.name) ?? []
    return agents.filter { agent in
      groups.contains(agent.program?.group ?? "") && agent.command != [""]
    }
  }
}
