// What `status` says of control groups and of limits of whole process trees.

/// What there is of cgroup v2 for agents.
package struct ControlGroupsStatus: Codable, Hashable, Sendable {
  /// The folder of this tree; null without one.
  @OrNull package var path: String?
  /// Controllers that an agent's limits have asked for and that the kernel has.
  package var controllers: [String]
  /// Why there is no folder.
  @OrNull package var problem: String?

  package init(path: String? = nil, controllers: [String] = [], problem: String? = nil) {
    self.path = path
    self.controllers = controllers
    self.problem = problem
  }
}

/// One limit of an agent.
package struct LimitStatus: Codable, Hashable, Sendable {
  /// Who keeps it.
  package enum Keeper: String, CaseIterable, Codable, Hashable, Sendable {
    case kernel
    /// superv, which looks once a second.
    case superv
    case nobody
  }

  /// The key, such as `memory_max`.
  package var name: String
  /// As the configuration writes it.
  package var value: String
  package var kept: Keeper
  /// Why the kernel does not keep it; null where it does.
  @OrNull package var problem: String?

  package init(name: String, value: String, kept: Keeper, problem: String? = nil) {
    self.name = name
    self.value = value
    self.kept = kept
    self.problem = problem
  }

  private enum CodingKeys: String, CodingKey {
    case name = "limit"
    case value
    case kept = "kept_by"
    case problem
  }
}
