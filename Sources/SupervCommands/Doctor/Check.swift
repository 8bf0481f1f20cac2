import SupervConfig
import SupervSystem

/// One thing that superv's surroundings give it, or do not.
///
/// A check only looks: it makes no folder, changes no limit and talks to nobody. To add one, put it
/// into the table in `DoctorCommand.swift`; its name is part of what programs read.
struct Check: Sendable {
  var name: String
  /// nil: there is nothing to look at, and no line.
  var examine: @Sendable (Examination) -> Finding?
}

/// What checks look at beside the machine itself.
struct Examination: Sendable {
  /// nil without a FILE.
  var configuration: Configuration?
  var environment: [String: String]
  var mounts = MountTable.current
  var capabilities = Capabilities.effective
}

/// What a check has found.
struct Finding: Hashable, Sendable {
  enum State: String, Encodable, Hashable, Sendable {
    case inForce = "in_force"
    /// It is there, and nothing uses it.
    case available
    /// superv does without.
    case notAvailable = "not_available"
    /// Without it superv, or what the configuration says, does not work.
    case missing

    /// For people.
    var cell: Cell {
      switch self {
      case .inForce: Cell("in force", .green)
      case .available: Cell("available")
      case .notAvailable: Cell("not available", .yellow)
      case .missing: Cell("MISSING", .red)
      }
    }
  }

  var state: State
  /// What was found, or why there is nothing; then what is lost.
  var found: String
  /// What to do about it; nil where nothing is to be done.
  var advice: String?

  static func inForce(_ found: String) -> Finding { Finding(state: .inForce, found: found) }

  static func available(_ found: String, advice: String? = nil) -> Finding {
    Finding(state: .available, found: found, advice: advice)
  }

  static func notAvailable(_ found: String, advice: String? = nil) -> Finding {
    Finding(state: .notAvailable, found: found, advice: advice)
  }

  static func missing(_ found: String, advice: String) -> Finding {
    Finding(state: .missing, found: found, advice: advice)
  }

  var text: String { advice.map { "\(found); \($0)" } ?? found }
}
