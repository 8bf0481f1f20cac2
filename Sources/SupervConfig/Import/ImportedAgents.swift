import SupervisionTree

/// Processes of supervisord's that become one agent.
struct ImportedAgent {
  var name: String
  /// One for each instance; all with a `program`.
  var instances: [AgentDefinition]
  var command: [InstanceText]
  var directory: InstanceText
  var environment: [(name: String, value: InstanceText)]

  var first: AgentDefinition { instances[0] }
  var programs: [SupervisordProgram] { instances.compactMap(\.program) }
  var section: String { programs.first?.section ?? "" }
  var group: String { programs.first?.group ?? "" }

  func instanceName(_ instance: Int) -> String {
    instances.count == 1 ? name : "\(name):\(instance)"
  }

  /// nil: they differ otherwise than by their numbers.
  ///
  /// - Parameter processes: in start order, with one `program` each.
  init?(_ processes: [AgentDefinition]) {
    let environments = processes.map { process in
      process.environment.filter { !$0.name.isReservedVariable && $0.name.isWritableName }
    }
    guard let command = [InstanceText](processes.map(\.command)),
      let directory = InstanceText(processes.map { $0.directory ?? "/" }),
      Set(environments.map { $0.map(\.name) }).count == 1,
      let values = [InstanceText](environments.map { $0.map(\.value) }),
      Set(processes.map(\.sharedTraits)).count == 1
    else { return nil }
    name = ""
    instances = processes
    self.command = command
    self.directory = directory
    environment = Array(zip(environments[0].map(\.name), values))
  }

  /// The processes of one group, as few agents as may be: all that one section makes are one where
  /// they have numbers from 0 on, and start in their order.
  static func all(of processes: [AgentDefinition]) -> [ImportedAgent] {
    var agents: [ImportedAgent] = []
    var rest = processes[...]
    while let section = rest.first?.program?.section {
      let run = Array(rest.prefix { $0.program?.section == section })
      let isWhole = !rest.dropFirst(run.count).contains { $0.program?.section == section }
      rest = rest.dropFirst(run.count)
      if isWhole, let one = ImportedAgent(run) {
        agents.append(one)
      } else {
        agents += run.compactMap { ImportedAgent([$0]) }
      }
    }
    return agents
  }
}

extension AgentDefinition {
  /// What all instances of an agent have in common.
  fileprivate var sharedTraits: AgentDefinition {
    var traits = self
    traits.specification.name = ""
    traits.specification.fingerprint = 0
    traits.instance = 0
    traits.command = []
    traits.directory = nil
    traits.environment = []
    traits.program = nil
    return traits
  }
}

extension String {
  fileprivate var isWritableName: Bool { !isEmpty && !utf8.contains(UInt8(ascii: "=")) }
}
