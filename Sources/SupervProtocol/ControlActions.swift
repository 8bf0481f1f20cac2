// The control socket: methods that change something, and what they answer.

/// Params of `up`, `down` and `restart`.
package struct NamesParams: Codable, Hashable, Sendable {
  /// Agents, instances or supervisors.
  package var names: [String]

  package init(names: [String]) { self.names = names }
}

/// Params of `hold`.
package struct HoldParams: Codable, Hashable, Sendable {
  /// Agents, instances or supervisors.
  package var names: [String]
  /// Whether nothing is asked of them any more, or everything again.
  package var on: Bool

  package init(names: [String], on: Bool) {
    self.names = names
    self.on = on
  }
}

/// What became of an action, one result an instance or supervisor.
package struct ActionReport: Codable, Hashable, Sendable {
  package struct Result: Codable, Hashable, Sendable {
    package var name: String
    package var ok: Bool
    /// The phase it ended in; null in the answer to `signal`.
    @OrNull package var phase: String?
    @OrNull package var reason: String?

    package init(name: String, ok: Bool, phase: String? = nil, reason: String? = nil) {
      self.name = name
      self.ok = ok
      self.phase = phase
      self.reason = reason
    }
  }

  package var results: [Result]

  package init(results: [Result]) { self.results = results }
}

/// A signal as people write it: `HUP`, `SIGHUP` or `1`.
package enum SignalName: Codable, Hashable, Sendable {
  case number(Int32)
  case name(String)

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Int32.self) {
      self = .number(number)
    } else {
      self = .name(try container.decode(String.self))
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .number(let number): try container.encode(number)
    case .name(let name): try container.encode(name)
    }
  }
}

package struct SignalParams: Codable, Hashable, Sendable {
  /// Agents, instances or supervisors.
  package var names: [String]
  package var signal: SignalName

  package init(names: [String], signal: SignalName) {
    self.names = names
    self.signal = signal
  }
}

package struct ReloadParams: Codable, Hashable, Sendable {
  /// Say what would change, and change nothing.
  package var plan: Bool

  package init(plan: Bool) { self.plan = plan }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    plan = try container.decodeIfPresent(Bool.self, forKey: .plan) ?? false
  }
}

/// One thing that is wrong with a configuration file.
package struct DiagnosticReport: Codable, Hashable, Sendable {
  package enum Severity: String, CaseIterable, Hashable, Sendable, Codable {
    case error, warning
  }

  package var severity: Severity
  package var file: String
  /// From 1.
  package var line: Int
  /// In characters, from 1.
  package var column: Int
  package var message: String
  @OrNull package var hint: String?

  package init(
    severity: Severity, file: String, line: Int, column: Int, message: String, hint: String? = nil
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.hint = hint
  }
}

/// What a reload changes, or would change.
package struct ReloadReport: Codable, Hashable, Sendable {
  package var applied: Bool
  package var start: [String]
  package var stop: [String]
  package var restart: [String]
  /// Only their policy changes; their processes run on.
  package var update: [String]
  package var unchanged: Int
  package var diagnostics: [DiagnosticReport]

  package init(
    applied: Bool, start: [String] = [], stop: [String] = [], restart: [String] = [],
    update: [String] = [], unchanged: Int = 0, diagnostics: [DiagnosticReport] = []
  ) {
    self.applied = applied
    self.start = start
    self.stop = stop
    self.restart = restart
    self.update = update
    self.unchanged = unchanged
    self.diagnostics = diagnostics
  }
}

package struct ShutdownReport: Codable, Hashable, Sendable {
  /// The daemon's; the connection stays open until it is gone.
  package var pid: Int32
  /// Of the process above it, which ends last; null without one.
  @OrNull package var keeperPID: Int32?

  package init(pid: Int32, keeperPID: Int32? = nil) {
    self.pid = pid
    self.keeperPID = keeperPID
  }

  enum CodingKeys: String, CodingKey {
    case pid
    case keeperPID = "keeper_pid"
  }
}

package struct UpgradeParams: Codable, Hashable, Sendable {
  /// Absolute.
  package var binary: String

  package init(binary: String) { self.binary = binary }
}

package struct UpgradeReport: Codable, Hashable, Sendable {
  /// Of the daemon that hands over; one with another pid answers next.
  package var pid: Int32

  package init(pid: Int32) { self.pid = pid }
}
