// One table of keys for each kind of section. It drives reading, the hints for unknown keys, and
// the tables in docs/configuration.md.

/// One key of the sections whose settings are a `Settings`.
struct Key<Settings>: Sendable {
  /// What holds when the key is absent.
  enum Fallback: Sendable, ExpressibleByStringLiteral {
    /// As if this text had been written.
    case value(String)
    /// Something else, in these words.
    case words(String)
    /// Nothing: a section without the key is an error.
    case required

    init(stringLiteral text: String) { self = .value(text) }

    static var none: Fallback { .words("none") }
  }

  var description: KeyDescription
  var allowsEmpty: Bool
  /// Reads a value into the settings; false after a complaint.
  var read: @Sendable (Value, inout Settings, inout Reading) -> Bool

  init<Result>(
    _ name: String, _ path: any WritableKeyPath<Settings, Result> & Sendable,
    _ type: ValueType<Result>,
    default fallback: Fallback, _ meaning: String
  ) {
    description = KeyDescription(name, type, fallback, meaning)
    allowsEmpty = type.allowsEmpty
    read = { value, settings, reading in
      guard let result = type.parse(value, &reading) else { return false }
      settings[keyPath: path] = result
      return true
    }
  }

  /// For settings that are nil when the key is absent.
  init<Result>(
    _ name: String, _ path: any WritableKeyPath<Settings, Result?> & Sendable,
    _ type: ValueType<Result>, default fallback: Fallback = .none, _ meaning: String
  ) {
    description = KeyDescription(name, type, fallback, meaning)
    allowsEmpty = type.allowsEmpty
    read = { value, settings, reading in
      guard let result = type.parse(value, &reading) else { return false }
      settings[keyPath: path] = result
      return true
    }
  }
}

/// A key as the reference shows it.
package struct KeyDescription: Hashable, Sendable {
  package var name: String
  package var type: String
  /// Empty: everything of the type.
  package var limits: String
  /// What holds when the key is absent, in Markdown.
  package var fallback: String
  /// The text that may be written instead of leaving the key out; nil: none does the same.
  package var fallbackText: String?
  package var isRequired: Bool
  package var meaning: String

  fileprivate init<Settings, Result>(
    _ name: String, _ type: ValueType<Result>, _ fallback: Key<Settings>.Fallback,
    _ meaning: String
  ) {
    self.name = name
    self.type = type.name
    limits = type.limits
    self.meaning = meaning
    isRequired = if case .required = fallback { true } else { false }
    switch fallback {
    case .value(let text):
      self.fallback = text.isEmpty ? "empty" : "`\(text)`"
      fallbackText = text
    case .words(let words): self.fallback = words
    case .required: self.fallback = "required"
    }
  }
}

/// A kind of section with its keys, in the order of the reference.
package struct SectionDescription: Hashable, Sendable {
  /// As it is written, for example `[agent:NAME]`.
  package var header: String
  package var keys: [KeyDescription]

  /// The table of its keys in docs/configuration.md.
  package var markdownTable: String {
    var lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key in keys {
      let type = key.limits.isEmpty ? key.type : "\(key.type); \(key.limits)"
      lines.append("| `\(key.name)` | \(type) | \(key.fallback) | \(key.meaning) |")
    }
    return lines.joined(separator: "\n")
  }
}

/// Every section and every key.
package let configurationReference = [
  SectionDescription(header: "[superv]", keys: supervKeys.map(\.description)),
  SectionDescription(header: "[supervisor:NAME]", keys: supervisorKeys.map(\.description)),
  SectionDescription(header: "[agent:NAME]", keys: agentKeys.map(\.description)),
  SectionDescription(header: "[include]", keys: includeKeys.map(\.description)),
]
