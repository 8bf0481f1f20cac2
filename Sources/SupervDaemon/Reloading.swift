package import SupervConfig
package import SupervProtocol
import SupervisionTree

// A new configuration for a tree that runs. A bad file changes nothing.

extension Daemon {
  /// SIGHUP: nobody waits for an answer, so it goes into the event log.
  func reloadFromFile(askedBy peer: StoryEvent.Peer?) {
    let report = reload(isPlan: false, askedBy: peer)
    guard !report.applied else { return }
    let errors = report.diagnostics.filter { $0.severity == .error }
    let first = errors.first.map { "\($0.file):\($0.line): \($0.message)" } ?? "no reason known"
    tell(
      StoryEvent(
        "daemon.reload_refused", .daemon,
        reason: "\(errors.count) errors; the first: \(first)"))
  }

  func reload(isPlan: Bool, askedBy peer: StoryEvent.Peer?) -> ReloadReport {
    isPlan
      ? load(isPlan: true, askedBy: peer)
      : tellingManager { load(isPlan: false, askedBy: peer) }
  }

  private func load(isPlan: Bool, askedBy peer: StoryEvent.Peer?) -> ReloadReport {
    guard state != .stopping else {
      let why = DiagnosticReport(
        severity: .error, file: options.configurationPath, line: 1, column: 1,
        message: "superv is stopping; nothing is reloaded")
      return ReloadReport(applied: false, diagnostics: [why])
    }
    let read = options.load()
    let loaded = read.loaded
    var diagnostics = loaded.diagnostics.map(DiagnosticReport.init)
    guard let new = loaded.configuration else {
      return ReloadReport(applied: false, diagnostics: diagnostics)
    }
    diagnostics += fixedSettings(new.settings)
    let plan = tree.plan(for: new.tree)
    if !isPlan {
      announce(StoryEvent("daemon.reloaded", .daemon, reason: plan.summary)) { $0.peer = peer }
      apply(new, read.record)
    }
    return ReloadReport(
      applied: !isPlan, start: plan.start, stop: plan.stop,
      restart: plan.restart, update: plan.update, unchanged: plan.unchangedCount,
      diagnostics: diagnostics)
  }

  private func apply(_ new: Configuration, _ record: RecordedConfiguration) {
    journal.records = [journal.records[0], record]
    journal.groups = nil
    supervisord.reread = nil
    activate(new.keepingFixedSettings(of: configuration))
  }

  /// Goes by another configuration from now on.
  func activate(_ new: Configuration) {
    configuration = new
    // Definitions before effects: what the tree starts is started by the new ones.
    let effects = tree.handle(.reload(new.tree), now: kernel.now)
    let changed = adoptDefinitions()
    writeDown(effects)
    carryOut(effects)
    for process in changed { adoptHealth(of: process) }
  }

  /// What takes effect only with a new start, as warnings.
  private func fixedSettings(_ new: DaemonSettings) -> [DiagnosticReport] {
    let old = configuration.settings
    let changed: [(String, Bool)] = [
      ("`runtime_dir`", new.runtimeDirectory != old.runtimeDirectory),
      ("`state_dir`", new.stateDirectory != old.stateDirectory),
      ("`log_dir`", new.logDirectory != old.logDirectory),
      ("`http`", new.http != old.http),
      ("`log_total_max`", new.logTotalMaximumBytes != old.logTotalMaximumBytes),
      // Agents take theirs over at once.
      (
        "`log_max_size` of the event log",
        new.eventLog.maximumBytes != old.eventLog.maximumBytes
      ),
      ("`log_files` of the event log", new.eventLog.maximumFiles != old.eventLog.maximumFiles),
    ]
    return changed.filter(\.1).map { what, _ in
      DiagnosticReport(
        severity: .warning, file: options.configurationPath, line: 1, column: 1,
        message: "\(what) has changed, which takes effect at the next start",
        hint: "superv shutdown, then superv start")
    }
  }
}

extension Configuration {
  /// This one in the place of another, whose directories and sockets stay.
  package func keepingFixedSettings(of other: Configuration) -> Configuration {
    var kept = self
    let old = other.settings
    kept.settings.runtimeDirectory = old.runtimeDirectory
    kept.settings.stateDirectory = old.stateDirectory
    kept.settings.logDirectory = old.logDirectory
    kept.settings.http = old.http
    kept.settings.logTotalMaximumBytes = old.logTotalMaximumBytes
    kept.settings.eventLog = old.eventLog
    kept.settings.supervisord?.servers = old.supervisord?.servers ?? []
    return kept
  }
}

extension ReloadPlan {
  var summary: String {
    "\(start.count) to start, \(stop.count) to stop, \(restart.count) to restart, "
      + "\(update.count) with new rules, \(unchangedCount) unchanged"
  }
}

extension DiagnosticReport {
  package init(_ diagnostic: Diagnostic) {
    self.init(
      severity: diagnostic.severity == .error ? .error : .warning, file: diagnostic.file,
      line: diagnostic.line, column: diagnostic.column, message: diagnostic.message,
      hint: diagnostic.hint)
  }
}
