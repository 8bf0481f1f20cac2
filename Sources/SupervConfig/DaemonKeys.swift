import SupervisionTree

// The keys of `[superv]` and `[include]`.

/// What `[superv]` says; nil where its default depends on other keys or on the file.
struct SupervSettings: Hashable, Sendable {
  enum SiblingStop: String, CaseIterable, Hashable, Sendable {
    case sideBySide = "side_by_side"
    case oneByOne = "one_by_one"
  }

  var runtimeDirectory: String?
  var stateDirectory: String?
  var logDirectory: String?
  var http: HTTPAddress?
  var shutdownTimeout = Duration.seconds(60)
  var stopSiblings = SiblingStop.sideBySide
  var passEnvironment = DaemonSettings.defaultPassEnvironment
  var minimumOpenFiles: Int?
  var silenced: [SilencedWarning] = []
  var allowsChaos = false
  var maximumMessageBytes: Int64 = 1 << 20
  var controlGroups: ControlGroupPolicy = .auto
  var logTotalMaximumBytes: Int64 = 1 << 30
  var log = LogSettings()
  var intensity = RestartIntensity()
  var backoff = BackoffPolicy()
}

let supervKeys: [Key<SupervSettings>] = [
  Key(
    "runtime_dir", \.runtimeDirectory, .path, default: .words("`%(here)s/run`"),
    "Folder for sockets, lock and process table, best on a tmpfs. Private to the user: mode 0700; "
      + "as root 0711, for agents with a `user` of their own."),
  Key(
    "state_dir", \.stateDirectory, .path, default: .words("`%(here)s/state`"),
    "Folder for what outlives a restart of the machine: incarnations, manual stops."),
  Key(
    "log_dir", \.logDirectory, .path, default: .words("`logs` in `state_dir`"),
    "Folder for the agents' output, one file an instance, and the event log `events.ndjson`."),
  Key(
    "http", \.http, .http, default: .words("none: no HTTP"),
    "Where health is served over HTTP. `localhost` and a missing host mean 127.0.0.1."),
  Key(
    "shutdown_timeout", \.shutdownTimeout, .duration(.zero ... .days(365)), default: "60s",
    "How long stopping everything may take; then what is left is killed."),
  Key(
    "stop_siblings", \.stopSiblings, .choice(), default: "side_by_side",
    "How siblings under `one_for_one` stop: all at the same time, or one after the other in "
      + "reverse order as in OTP."),
  Key(
    "pass_environment", \.passEnvironment, .variableNames,
    default: .value(DaemonSettings.defaultPassEnvironment.joined(separator: ", ")),
    "The variables of superv's own environment that agents get too; all others they do not."),
  Key(
    "min_open_files", \.minimumOpenFiles, .integer(0...1_000_000_000),
    default: .words("what superv was given"),
    "As many files agents may have open at least, as far as superv may raise its own limit; "
      + "`rlimit_nofile` is stronger."),
  Key(
    "message_max", \.maximumMessageBytes, .size(4096...(64 << 20)), default: "1MB",
    "The longest message on a socket; a longer one is refused."),
  Key(
    "cgroups", \.controlGroups, .choice(), default: "auto",
    "Whether every agent gets a control group: where cgroup v2 can be written to, never, or "
      + "always, and superv does not start without."),
  Key(
    "log_total_max", \.logTotalMaximumBytes, .size((1 << 20)...(1 << 50)), default: "1GB",
    "All log files together; beyond it the oldest rotated files go."),
  Key(
    "log_format", \.log.format, .choice(), default: "text",
    "Default of the agents' `log_format`."),
  Key(
    "log_max_size", \.log.maximumBytes, .size(4096...(1 << 40)), default: "10MB",
    "Default of the agents' `log_max_size`; holds for the event log too."),
  Key(
    "log_files", \.log.maximumFiles, .integer(0...1000), default: "5",
    "Default of the agents' `log_files`; holds for the event log too."),
  Key(
    "intensity", \.intensity.limit, .intensity, default: "5",
    "Restarts within `period` that a child of the root may have before it is failed. Every child "
      + "of the root has a budget of its own."),
  Key(
    "period", \.intensity.period, .period, default: "60s",
    "The time over which `intensity` counts."),
  Key(
    "backoff_base", \.backoff.base, .backoff, default: "100ms",
    "For children of the root: the k-th restart within `period` waits a random time of up to "
      + "`backoff_base` · 2^(k-1), the first one not at all. 0 turns waiting off."),
  Key(
    "backoff_cap", \.backoff.cap, .backoff, default: "30s",
    "The longest such wait."),
  Key(
    "chaos", \.allowsChaos, .boolean, default: "no",
    "Whether `superv chaos` may break this tree on purpose (docs/chaos.md)."),
  Key(
    "no_warning_of", \.silenced, .silenced, default: "",
    "What `superv check` says nothing of: folders and files that are not there yet, or that there "
      + "is no agent."),
]

/// A warning that may be meant.
enum SilencedWarning: String, CaseIterable, Hashable, Sendable {
  case missingPaths = "missing_paths"
  case noAgent = "no_agent"
}

extension ValueType where Result == [SilencedWarning] {
  private static let words = SilencedWarning.allCases.map(\.rawValue)

  static let silenced = ValueType(
    name: "list of " + words.map { "`\($0)`" }.joined(separator: ", "), allowsEmpty: true
  ) { value, reading in
    let parts = value.listParts
    let found = parts.compactMap { part in
      ValueType<SilencedWarning>.choice().parse(part, &reading)
    }
    return found.count == parts.count ? found : nil
  }
}

extension Duration {
  static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}

extension ValueType where Result == Int {
  static let intensity = integer(0...1_000_000)
}

extension ValueType where Result == Duration {
  static let period = duration(.milliseconds(1) ... .seconds(365 * 86_400))
  static let backoff = duration(.zero ... .seconds(86_400))
}

/// What `[include]` says.
struct IncludeSettings: Hashable, Sendable {
  var patterns: [Reference] = []
}

let includeKeys: [Key<IncludeSettings>] = [
  Key(
    "files", \.patterns, .patterns, default: .required,
    "The files to read at this point, with `*`, `?` and `[…]` in any part of the path. Relative "
      + "ones start from the folder of the file they stand in; the matches of one pattern come in "
      + "byte order; names that begin with a dot only match a pattern that does.")
]

extension ValueType where Result == [Reference] {
  /// Separated by white space, as in supervisord, or by commas.
  static let patterns = ValueType(name: "list of paths and patterns") { value, reading in
    let parts = value.split { $0.isSpace || $0.isMark(comma) }
    return parts.filter { !$0.isEmpty }.map { part in
      let path = absolutePath(part.text, from: reading.folder(of: part.place))
      return Reference(name: path, place: part.place)
    }
  }
}
