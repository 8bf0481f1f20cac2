import SupervisionTree

// The keys of `[agent:NAME]` that say how it shows its health and who may call it.

/// One probe as it was declared: its numbers may stand before its kind.
struct DeclaredProbe: Hashable, Sendable {
  /// nil: none.
  var kind: ProbeKind?
  var numbers = ProbeSettings(.ping)

  var settings: ProbeSettings? {
    kind.map { kind in
      var settings = numbers
      settings.kind = kind
      return settings
    }
  }
}

struct DeclaredProbes: Hashable, Sendable {
  private var probes: [ProbeRole: DeclaredProbe] = [:]

  subscript(role: ProbeRole) -> DeclaredProbe {
    get { probes[role] ?? DeclaredProbe() }
    set { probes[role] = newValue }
  }
}

/// Who may call an agent, as it was declared.
struct DeclaredCallers: Hashable, Sendable {
  var all = false
  var references: [Reference] = []
}

extension AgentSettings {
  var healthSettings: HealthSettings {
    var settings = health
    settings.startup = probes[.startup].settings
    settings.liveness = probes[.liveness].settings
    settings.readiness = probes[.readiness].settings
    return settings
  }

  var callSettings: CallSettings {
    var settings = calls
    settings.acceptsAll = callers.all
    settings.acceptedNames = callers.references.map(\.name)
    return settings
  }

  /// The key because of which `startsecs` does not count; nil: it does. Beside a probe it counts
  /// for those who ask for it.
  var readinessKey: String? {
    if health.readySource == .declared { return "ready" }
    if health.notifyDescriptor != nil { return "notify_fd" }
    return health.readySource == .startSeconds ? nil : readinessProbe?.rawValue
  }

  /// How long it must stay up to be ready; nil where time alone does not make it so.
  var readyByTime: Duration? {
    readinessKey == nil && readinessProbe == nil ? readyAfter : nil
  }

  private var readinessProbe: ProbeRole? {
    [ProbeRole.startup, .readiness].first { probes[$0].kind != nil }
  }
}

let healthKeys: [Key<AgentSettings>] =
  [
    Key(
      "ready", \.health.readySource, .choice(), default: "auto",
      "What makes it ready: `startsecs`, or what it says (`declared`), or what it says once it "
        + "speaks the child protocol and until then `startsecs` (`auto`). A `startup` and a "
        + "`readiness` probe have to succeed as well; with `auto` they take the place of "
        + "`startsecs`."),
    Key(
      "notify_fd", \.health.notifyDescriptor, .descriptor,
      "The descriptor to which it writes a newline when it is ready, as for s6."),
  ] + ProbeRole.allCases.flatMap(probeKeys) + [
    Key(
      "stuck", \.health.stuck, .choice(), default: "warn",
      "What an operation brings about that takes ten times as long as expected: a warning, or a "
        + "restart as well."),
    Key(
      "progress_timeout", \.health.progressTimeout, .duration(.zero ... .seconds(86_400)),
      default: "0s",
      "How long heartbeats may name the same progress before it counts as stuck. 0 is forever."),
  ]

let callKeys: [Key<AgentSettings>] = [
  Key(
    "accept_calls_from", \.callers, .callers, default: "",
    "Who may call it beside its siblings: agents, instances, supervisors for all agents below "
      + "them, or `*` for everybody."),
  Key(
    "call_queue", \.calls.queueLength, .integer(1...65_536), default: "128",
    "How many calls each instance may have in its hands; more are refused as `overloaded`."),
  Key(
    "breaker_failures", \.calls.breaker.failures, .integer(0...10_000), default: "5",
    "After so many failed calls in a row calls are refused as `circuit_open`. 0 turns that off."),
  Key(
    "breaker_recovery", \.calls.breaker.recovery, .duration(.milliseconds(1) ... .seconds(86_400)),
    default: "30s", "How long they are refused; then one at a time is tried."),
  Key(
    "breaker_successes", \.calls.breaker.successes, .integer(1...10_000), default: "2",
    "So many tried calls in a row have to succeed until all are let through again."),
]

private func probeKeys(_ role: ProbeRole) -> [Key<AgentSettings>] {
  let name = role.rawValue
  return [
    Key(name, \.probes[role].kind, .probe, role.meaning),
    Key(
      "\(name)_initial_delay", \.probes[role].numbers.initialDelay,
      .duration(.zero ... .seconds(86_400)), default: "0s", role.delayMeaning),
    Key(
      "\(name)_interval", \.probes[role].numbers.interval,
      .duration(.milliseconds(10) ... .seconds(86_400)), default: "10s",
      "From one probe to the next."),
    Key(
      "\(name)_timeout", \.probes[role].numbers.timeout,
      .duration(.milliseconds(10) ... .seconds(3600)), default: "5s",
      "A probe without an answer for so long has failed."),
    Key(
      "\(name)_success_threshold", \.probes[role].numbers.successThreshold,
      role == .readiness ? .integer(1...1000) : .one(for: role), default: "1",
      "So many in a row are a success."),
    Key(
      "\(name)_failure_threshold", \.probes[role].numbers.failureThreshold, .integer(1...1000),
      default: "3", "So many in a row are a failure."),
  ]
}

extension ProbeRole {
  fileprivate var meaning: String {
    switch self {
    case .startup: "Until it has succeeded, the other two wait; when it fails, it is restarted."
    case .liveness: "When it fails, the agent is restarted."
    case .readiness:
      "When it fails, calls are kept away until it succeeds again; nothing is restarted."
    }
  }

  fileprivate var delayMeaning: String {
    switch self {
    case .startup: "From the start of the process to the first probe."
    case .liveness, .readiness:
      "From the start of the process, or the success of `startup`, to the first probe."
    }
  }
}

extension ValueType where Result == Int {
  /// Kubernetes allows more only for readiness: what has started or lives need not do so twice.
  fileprivate static func one(for role: ProbeRole) -> ValueType {
    ValueType(name: "`1`") { value, reading in
      if value.text == "1" { return 1 }
      reading.error(
        value.place, "\(quoted(value.text)) is not 1: one success is enough for \(role.rawValue)",
        hint: "leave it out; `readiness_success_threshold` may be more")
      return nil
    }
  }
}

extension ValueType where Result == Int32 {
  /// Above the standard streams, and low enough for every limit of open files.
  static let descriptor = ValueType(name: "number", limits: "3 to 60") { value, reading in
    ValueType<Int>.integer(3...60).parse(value, &reading).map { Int32($0) }
  }
}

extension ValueType where Result == DeclaredCallers {
  static let callers = ValueType(
    name: "list of names", limits: "or `*`", allowsEmpty: true
  ) { value, reading in
    guard let references = ValueType<[Reference]>.names.parse(value, &reading) else { return nil }
    var callers = DeclaredCallers()
    var names: Set<String> = []
    for reference in references {
      if !names.insert(reference.name).inserted {
        reading.error(
          reference.place, "\(quoted(reference.name)) is named twice", hint: "keep one")
      } else if reference.name == "*" {
        callers.all = true
      } else {
        callers.references.append(reference)
      }
    }
    if callers.all, let other = callers.references.first {
      reading.error(
        other.place, "`*` lets everybody call, \(quoted(other.name)) too",
        hint: "keep `*`, or the names")
    }
    return callers
  }
}
