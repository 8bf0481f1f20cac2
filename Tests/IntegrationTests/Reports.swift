import Foundation

// What `--json` shows, read as a tool would that knows only the documented names.

/// `superv status --json`.
struct Status: Decodable {
  struct Daemon: Decodable {
    var pid: Int32
    var keeperPid: Int32?
    var state: String
  }

  struct Exit: Decodable, Equatable {
    var code: Int32?
    var signal: Int32?
    var `class`: String
  }

  struct Limit: Decodable, Equatable {
    var limit: String
    var keptBy: String
  }

  struct Agent: Decodable, Equatable {
    var name: String
    var supervisor: String
    var desired: String
    var phase: String
    var ready: Bool
    var alive: Bool
    var pid: Int32?
    var incarnation: Int
    var restarts: Int
    var exit: Exit?
    var reason: String?
    var statusText: String?
    var mainPid: Int32?
    var orphans: [Int32]?
    var limits: [Limit]?
    var probes: [Probe]?
  }

  struct Probe: Decodable, Equatable {
    var role: String
    var state: String
  }

  struct Supervisor: Decodable, Equatable {
    var name: String
    var parent: String
    var strategy: String
    var phase: String
    var desired: String
    var restartsInPeriod: Int
    var children: [String]
    var reason: String?
  }

  var version: Int
  var daemon: Daemon
  var agents: [Agent]
  var supervisors: [Supervisor]

  subscript(agent name: String) -> Agent? { agents.first { $0.name == name } }
  subscript(supervisor name: String) -> Supervisor? { supervisors.first { $0.name == name } }

  /// The process of every agent that has one.
  var pids: [String: Int32] {
    Dictionary(
      uniqueKeysWithValues: agents.compactMap { agent in agent.pid.map { (agent.name, $0) } })
  }

  /// The phase of every agent and supervisor.
  var phases: [String: String] {
    Dictionary(
      uniqueKeysWithValues: agents.map { ($0.name, $0.phase) }
        + supervisors.map { ($0.name, $0.phase) })
  }
}

/// One line of `superv events --json`.
struct Event: Decodable, Equatable, CustomStringConvertible {
  var seq: Int
  var time: String
  var event: String
  var agent: String?
  var supervisor: String?
  var incarnation: Int?
  var pid: Int32?
  var exit: Status.Exit?
  var delayS: Double?
  var reason: String?

  /// Empty for the daemon itself.
  var name: String { agent ?? supervisor ?? "" }

  /// For example `agent.started crawler 2`.
  var description: String {
    ([event, name] + (incarnation.map { ["\($0)"] } ?? [])).filter { !$0.isEmpty }
      .joined(separator: " ")
  }
}

/// What `up`, `down`, `restart` and `signal` answer.
struct ActionResults: Decodable {
  struct Result: Decodable {
    var name: String
    var ok: Bool
    var phase: String?
    var reason: String?
  }

  var results: [Result]
}

extension Decodable {
  /// Reads JSON with names in snake case.
  init(json text: some StringProtocol) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Self.self, from: Data(text.utf8))
  }
}
