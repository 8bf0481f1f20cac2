import SupervisionTree

// The keys of `[supervisor:NAME]` and `[agent:NAME]`.

/// What supervisors and agents have in common.
protocol ChildSettings {
  var policy: ChildPolicy { get set }
  /// Instead of those of the policy, which have no place.
  var needs: [PlacedNeed] { get set }
}

/// What a `[supervisor:NAME]` says.
struct SupervisorSettings: ChildSettings, Hashable, Sendable {
  var policy = ChildPolicy()
  var needs: [PlacedNeed] = []
  var strategy = Strategy.oneForOne
  var intensity = RestartIntensity()
  var backoff = BackoffPolicy()
  var autoShutdown = AutoShutdown.never
  var children: [Reference] = []
}

/// What an `[agent:NAME]` says, for one of its instances.
struct AgentSettings: ChildSettings, Hashable, Sendable {
  var policy = ChildPolicy()
  var needs: [PlacedNeed] = []
  var command: [String] = []
  var instanceCount = 1
  var directory: String?
  var environment: [EnvironmentVariable] = []
  var environmentFile: String?
  var user: String?
  var umask: UInt32?
  var nice: Int?
  var standardInput = StandardInput.path("/dev/null")
  var signalTarget = SignalTarget.group
  var allowsChaos = true
  var hasUserVariables = true
  var limits: [ResourceLimit.Resource: ResourceLimit] = [:]
  var treeLimits = TreeLimits()
  var detachIsAllowed = false
  var sandbox = SandboxSettings()
  var stopSignal: Int32 = 15
  var stopWait = Duration.seconds(10)
  /// Zero: it is not told to stop.
  var drain = Duration.seconds(5)
  var readyAfter = Duration.seconds(1)
  var startRetries: Int?
  var normalExitCodes: ExitCodes = [0]
  var log = LogSettings()
  /// Without its probes.
  var health = HealthSettings()
  var probes = DeclaredProbes()
  /// Without who may call.
  var calls = CallSettings()
  var callers = DeclaredCallers()
}

let supervisorKeys: [Key<SupervisorSettings>] =
  [
    Key(
      "children", \.children, .names, default: .words("none, with a warning"),
      "Agents, instances (`NAME:0`) and supervisors, in start order. The name of an agent means "
        + "all its instances."),
    Key(
      "strategy", \.strategy, .choice(), default: "one_for_one",
      "Which children a death takes along: itself, all, or those after it in `children`."),
    Key(
      "intensity", \.intensity.limit, .intensity, default: "5",
      "Restarts within `period` before it gives up: it stops its children and fails, and its "
        + "parent decides."),
    Key(
      "period", \.intensity.period, .period, default: "60s",
      "The time over which `intensity` counts."),
    Key(
      "backoff_base", \.backoff.base, .backoff, default: "100ms",
      "The k-th restart within `period` waits a random time of up to `backoff_base` · 2^(k-1), the "
        + "first one not at all. 0 turns waiting off."),
    Key("backoff_cap", \.backoff.cap, .backoff, default: "30s", "The longest such wait."),
    Key(
      "auto_shutdown", \.autoShutdown, .choice(), default: "never",
      "Whether it ends by itself when a significant child, or every one, has ended."),
  ] + childKeys()

let agentKeys: [Key<AgentSettings>] =
  [
    Key(
      "command", \.command, .command, default: .required,
      "The program and its arguments. No shell reads it. A program without a slash is looked up in "
        + "the agent's `PATH`, one with a slash starts from `directory`."),
    Key(
      "directory", \.directory, .path, default: .words("`%(here)s`"), "The working directory."),
    Key(
      "numprocs", \.instanceCount, .integer(1...maximumInstances), default: "1",
      "How many instances run. From two on they are called `NAME:0`, `NAME:1`, …; "
        + "`%(instance)d` is the number."),
  ] + childKeys() + [
    Key(
      "startsecs", \.readyAfter, .duration(.zero ... .days(365)), default: "1s",
      "How long it must stay up to count as ready when it does not declare readiness."),
    Key(
      "startretries", \.startRetries, .integer(0...1_000_000),
      default: .words("none: an end is an end"),
      "A start that ends before it is ready, or cannot be executed, is tried again so often: after "
        + "1 s, 2 s, 3 s, …, whatever `restart` says. These attempts, and normal ends after "
        + "`startsecs`, spend none of the budget."),
  ] + healthKeys + [
    Key(
      "exitcodes", \.normalExitCodes, .exitCodes, default: "0",
      "The exit codes of a normal end; ranges such as `10-12` are allowed."),
    Key(
      "drain", \.drain, .duration(.zero ... .seconds(86_400)), default: "5s",
      "How long an agent that speaks the child protocol has to finish and exit once it is told to "
        + "stop; then comes `stopsignal`. 0 does not tell it."),
    Key(
      "stopsignal", \.stopSignal, .stopSignal, default: "TERM",
      "The signal that asks it to stop; `none` only gives it the time."),
    Key(
      "signal_to", \.signalTarget, .choice(), default: "group",
      "Who gets `stopsignal`, and what `superv signal` sends: its process group, or only its own "
        + "process. What is killed in the end is all that it has started."),
    Key(
      "stopwaitsecs", \.stopWait, .duration(.zero ... .days(365)), default: "10s",
      "How long it has to be gone after `stopsignal`; then it is killed, with everything it has "
        + "started."
    ),
  ] + callKeys + limitKeys + sandboxKeys + [
    Key(
      "environment", \.environment, .environment, default: "",
      "Variables beyond `pass_environment`, separated by commas or lines: `A=1, B=\"x, y\"`."),
    Key(
      "env_file", \.environmentFile, .path,
      "A file of `NAME=value` lines, read at each start. `environment` is stronger."),
    Key(
      "user", \.user, .user, default: .words("the user superv runs as"),
      "The user to run as, with its groups; needs a superv that runs as root."),
    Key(
      "user_environment", \.hasUserVariables, .boolean, default: "yes",
      "Whether `HOME`, `USER`, `LOGNAME` and `SHELL` are those of `user`, instead of superv's."),
    Key("umask", \.umask, .umask, default: .words("superv's"), "The file mode creation mask."),
    Key(
      "nice", \.nice, .integer(-20...19), default: .words("superv's"),
      "The scheduling priority; 19 is the least."),
    Key(
      "stdin", \.standardInput, .standardInput, default: "/dev/null",
      "The file that standard input reads; or `pipe`: nothing comes, and it never ends."),
    Key(
      "log_format", \.log.format, .choice(), default: .words("that of `[superv]`"),
      "How its output is written: lines with a time, or JSON objects."),
    Key(
      "log_max_size", \.log.maximumBytes, .size(4096...(1 << 40)),
      default: .words("that of `[superv]`"), "A log file that would grow past this is rotated."),
    Key(
      "log_files", \.log.maximumFiles, .integer(0...1000), default: .words("that of `[superv]`"),
      "Rotated log files kept beside the current one."),
    Key(
      "chaos", \.allowsChaos, .boolean, default: "yes",
      "Whether `superv chaos` may hit it, where `[superv]` allows chaos at all."),
  ]
  + ResourceLimit.Resource.allCases.map { resource in
    Key(
      "rlimit_\(resource.rawValue)", \.limits[resource], .limit(resource),
      default: .words("superv's"), resource.meaning)
  }

/// The most instances that one agent may have.
package let maximumInstances = 1000

private func childKeys<Settings: ChildSettings>() -> [Key<Settings>] {
  [
    Key(
      "restart", \.policy.restart, .choice(), default: "permanent",
      "Restarted always, only after an abnormal end, or never."),
    Key(
      "autostart", \.policy.autostart, .boolean, default: "yes",
      "Whether it is started with its supervisor, or waits for `superv up`."),
    Key(
      "needs", \.needs, .needs, default: "",
      "What must hold before it starts: `NAME:ready`, `NAME:started` (up, ready or not) or "
        + "`NAME:done` (ended normally)."),
    Key(
      "critical", \.policy.critical, .boolean, default: "no",
      "On a child of the root: when it fails, everything stops and superv exits with an error."),
    Key(
      "significant", \.policy.significant, .boolean, default: "no",
      "Its normal end counts for its supervisor's `auto_shutdown`."),
    Key(
      "stop_priority", \.policy.priority, .integer(-1_000_000...1_000_000),
      default: .words("below all others"),
      "Siblings with a higher one are gone before those with a lower one are told to stop."),
  ]
}

extension ResourceLimit.Resource {
  fileprivate var meaning: String {
    switch self {
    case .nofile: "Open files."
    case .nproc: "Processes and threads of its user."
    case .core: "Size of a core dump; 0 for none."
    case .as: "Address space."
    case .data: "Heap and other private writable memory."
    case .fsize: "Size of a file it writes."
    case .stack: "Stack of the main thread."
    case .cpu: "CPU time of each of its processes."
    case .memlock: "Memory locked into RAM."
    }
  }
}
