/// How much a line of supervisord's activity log matters; the raw values order them.
package enum ActivityLevel: Int, CaseIterable, Codable, Comparable, Hashable, Sendable {
  case blather = 3
  case trace = 5
  case debug = 10
  case info = 20
  case warn = 30
  case error = 40
  case critical = 50

  /// The level of a `loglevel` setting, by its word.
  package init?(word: String) {
    guard let level = Self.allCases.first(where: { $0.word == word }) else { return nil }
    self = level
  }

  /// As `loglevel` names it.
  package var word: String {
    switch self {
    case .blather: "blather"
    case .trace: "trace"
    case .debug: "debug"
    case .info: "info"
    case .warn: "warn"
    case .error: "error"
    case .critical: "critical"
    }
  }

  /// As the log shows it.
  package var name: String {
    switch self {
    case .blather: "BLAT"
    case .trace: "TRAC"
    case .debug: "DEBG"
    case .info: "INFO"
    case .warn: "WARN"
    case .error: "ERRO"
    case .critical: "CRIT"
    }
  }

  package static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
}
