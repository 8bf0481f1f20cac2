/// A section with its meaning and its place.
struct PlacedSection {
  enum Kind: Hashable { case superv, supervisor, agent }

  var kind: Kind
  /// Empty for `[superv]`.
  var name: String
  var place: Place
  var section: Section
}

/// What is known about the keys of a section after reading it.
struct ReadKeys {
  /// Where each key that was written stands.
  var places: [String: Place] = [:]
  /// Where the value of each key that could be read stands.
  var values: [String: Place] = [:]
  /// At least one could not be read, or is unknown.
  var hasErrors = false

  /// Whether a key was written but could not be read, so that no check may rely on it.
  func isUnreadable(_ key: String) -> Bool { places[key] != nil && values[key] == nil }
}

extension Reading {
  /// Reads every entry of a section by the table of its keys.
  mutating func read<Settings>(
    _ section: Section, file: Int, by keys: [Key<Settings>], into settings: inout Settings
  ) -> ReadKeys {
    var known = ReadKeys()
    for entry in section.entries {
      let place = Place(file: file, line: entry.line, column: entry.column)
      guard let key = keys.first(where: { $0.description.name == entry.key }) else {
        known.hasErrors = true
        if !entry.isBroken { complain(aboutUnknown: entry, at: place, of: keys) }
        continue
      }
      if let first = known.places[entry.key] {
        known.hasErrors = true
        error(
          place, "\(quoted(entry.key)) is set twice in this section",
          hint: "it is first set in line \(first.line); keep one")
        continue
      }
      known.places[entry.key] = place
      let value = Value(entry, file: file)
      if !entry.isBroken, !isSwallowing(entry, keys, file), let expanded = expand(value),
        !isMissing(expanded, key), key.read(expanded, &settings, &self)
      {
        known.values[entry.key] = value.place
      } else {
        known.hasErrors = true
      }
    }
    return known
  }

  private mutating func isMissing<Settings>(_ value: Value, _ key: Key<Settings>) -> Bool {
    guard value.isEmpty, !key.allowsEmpty else { return false }
    error(
      value.place, "\(quoted(key.description.name)) has no value",
      hint: key.description.isRequired ? "give it one" : "give it one, or leave the key out")
    return true
  }

  private mutating func complain<Settings>(
    aboutUnknown entry: Entry, at place: Place, of keys: [Key<Settings>]
  ) {
    let nearest = hint(for: entry.key, among: keys.map(\.description.name))
    error(
      place, "unknown key \(quoted(entry.key))",
      hint: supervisordHints[entry.key] ?? nearest ?? "docs/configuration.md lists all keys")
  }

  /// Whether an indented line of the value looks like the next key or section: then somebody
  /// indented it for looks, and it would silently become part of the value.
  private mutating func isSwallowing<Settings>(
    _ entry: Entry, _ keys: [Key<Settings>], _ file: Int
  ) -> Bool {
    var found = false
    for segment in entry.segments.dropFirst() {
      let text = segment.text
      let key = text.prefix { $0 != "=" }
      let name = String(key).trimmingSpaces
      let isKey =
        entry.key != "environment" && key.endIndex < text.endIndex
        && keys.contains { $0.description.name == name }
      guard isKey || text.hasPrefix("[") && text.hasSuffix("]") else { continue }
      found = true
      error(
        Place(file: file, line: segment.line, column: segment.column),
        "this line is indented, so it belongs to the value of \(quoted(entry.key))",
        hint: "remove the spaces before it")
    }
    return found
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(decoding: Array(utf8)[...].trimmed, as: UTF8.self)
  }
}

/// What to write instead of supervisord's keys.
private let supervisordHints = [
  "autorestart": "use `restart = permanent`, `transient` or `temporary`",
  "priority":
    "the order in the file, `children` and `needs` say what starts first, `stop_priority` what "
    + "stops first",
  "process_name": "instances are called NAME:0, NAME:1, …",
  "stdout_logfile": "output goes to a file in `log_dir`, named after the agent",
  "stderr_logfile": "output goes to a file in `log_dir`, named after the agent",
  "stdout_logfile_maxbytes": "use `log_max_size`",
  "stderr_logfile_maxbytes": "use `log_max_size`",
  "stdout_logfile_backups": "use `log_files`",
  "stderr_logfile_backups": "use `log_files`",
  "redirect_stderr": "leave it out: both streams go to one file, each line marked",
  "stopasgroup": "leave it out: the whole group is stopped, unless `signal_to = process`",
  "killasgroup": "leave it out: everything the agent started is always killed",
]
