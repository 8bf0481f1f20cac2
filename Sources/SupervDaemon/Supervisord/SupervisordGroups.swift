import SupervConfig
import SupervisionTree
import SupervisordProtocol

// `reread`, `add` and `remove`: of a configuration that was read again, groups come one by one.

/// Of which configuration a group is active.
package struct ActiveGroup: Codable, Hashable, Sendable {
  package var name: String
  /// In the journal's list of configurations.
  package var record: Int
}

extension Daemon {
  /// Reads the configuration again, and says what is another than what is active.
  func reread() -> Result<SupervisordChanges, SupervisordRereadError> {
    let read = options.load()
    guard let new = read.loaded.configuration?.settings.supervisord else {
      let errors = read.loaded.diagnostics.filter { $0.severity == .error }
      let why =
        errors.first.map { "\($0.file):\($0.line): \($0.message)" }
        ?? "\(options.configurationPath) is not a configuration of supervisord"
      return .failure(SupervisordRereadError(why))
    }
    supervisord.reread = read
    let old = front?.groups ?? []
    let added = new.groups.filter { group in !old.contains { $0.name == group.name } }
    let changed = new.groups.filter { group in
      old.contains { $0.name == group.name && $0 != group }
    }
    let removed = old.filter { group in !new.groups.contains { $0.name == group.name } }
    return .success(
      SupervisordChanges(
        added: added.map(\.name), changed: changed.map(\.name), removed: removed.map(\.name)))
  }

  func addGroup(_ name: String) {
    guard let front, let group = lastRead?.groups.first(where: { $0.name == name }) else { return }
    let record = supervisord.reread?.record ?? journal.records[journal.records.count - 1]
    let index =
      journal.records.firstIndex(of: record)
      ?? {
        journal.records.append(record)
        return journal.records.count - 1
      }()
    var active = activeGroups
    active.append(ActiveGroup(name: name, record: index))
    apply(front.groups + [group], active)
    publish(.groupAdded(name))
  }

  func removeGroup(_ name: String) {
    guard let front else { return }
    apply(front.groups.filter { $0.name != name }, activeGroups.filter { $0.name != name })
    publish(.groupRemoved(name))
  }

  /// What is active, as far as that is not all of the last configuration.
  private var activeGroups: [ActiveGroup] {
    journal.groups
      ?? (front?.groups ?? []).map {
        ActiveGroup(name: $0.name, record: journal.records.count - 1)
      }
  }

  /// What the configuration last read says, active or not.
  var lastRead: SupervisordConfiguration? {
    if let read = supervisord.reread { return read.loaded.configuration?.settings.supervisord }
    return journal.groups == nil
      ? front : journal.records.last?.load().configuration?.settings.supervisord
  }

  private func apply(_ groups: [GroupSettings], _ active: [ActiveGroup]) {
    journal.groups = active
    activate(configuration.keeping(groups))
  }
}

extension Configuration {
  /// The same of supervisord's, with these groups.
  func keeping(_ groups: [GroupSettings]) -> Configuration {
    guard var front = settings.supervisord else { return self }
    front.groups = groups
    return front.configuration(files, startedIn: "/").keepingFixedSettings(of: self)
  }
}
