import SupervisionTree

// The keys of a plan, and reading one: with the reader, the values and the diagnostics of the
// configuration itself.

/// What `[chaos]` says.
private struct ChaosSettings: Sendable {
  var plan = ChaosPlan()
  var agents: [Reference] = []
}

private let chaosKeys: [Key<ChaosSettings>] = [
  Key(
    "duration", \.plan.duration, .duration(.seconds(1) ... .days(1)), default: "5m",
    "How long, unless `--for` says otherwise."),
  Key("rate", \.plan.rate, .integer(1...6000), default: "30", "Faults a minute."),
  Key(
    "recovery_max", \.plan.recoveryMaximum, .duration(.milliseconds(1) ... .days(1)),
    default: "30s", "From the end of a fault until everything has to be as it was."),
  Key(
    "agents", \.agents, .names, default: .words("all"),
    "Whom it may hit: agents, instances, supervisors for all agents below them. `--agents` is "
      + "stronger."),
  Key(
    "swarm", \.plan.isSwarm, .boolean, default: "yes",
    "Whether each `swarm_period` leaves half of the faults out and exaggerates one."),
  Key(
    "swarm_period", \.plan.swarmPeriod, .duration(.seconds(1) ... .days(1)), default: "30s",
    "How long the same ones are left out."),
  Key(
    "own_ends", \.plan.ownEnds, .choice(), default: "exits",
    "Which ends of agents are their own doing and no violation: `none`, those with an exit code, "
      + "or signals that nobody sent as well."),
  Key(
    "mark_rate", \.plan.markRate, .integer(0...1000), default: "2",
    "Numbered lines a second that are printed in the name of each agent, and have to be in its "
      + "log. 0 prints none but those of floods."),
]

private struct FaultSettings: Sendable {
  var plan: FaultPlan
  var agents: [Reference] = []
}

private let weightKey = Key<FaultSettings>(
  "weight", \.plan.weight, .integer(0...1000), default: .words("as below"),
  "How often, against the weights of the others. 0 is never.")
private let lastsKey = Key<FaultSettings>(
  "lasts", \.plan.lasts, .duration(.milliseconds(10) ... .seconds(600)),
  default: .words("as below"), "For how long.")
private let agentsKey = Key<FaultSettings>(
  "agents", \.agents, .names, default: .words("those of `[chaos]`"), "Whom it may hit.")
private let sizeKey = Key<FaultSettings>(
  "size", \.plan.bytes, .size((1 << 20)...(1 << 40)), default: "64MB",
  "`memory_hog`: what it takes, at most a quarter of the agent's `memory_high` or `memory_max`; "
    + "`disk_full`: the quota, which the ballast in `state_dir` never exceeds.")
private let linesKey = Key<FaultSettings>(
  "lines", \.plan.lines, .integer(1...10_000_000), default: "10000", "`flood`: so many.")
private let delayKey = Key<FaultSettings>(
  "delay", \.plan.span, .duration(.milliseconds(1) ... .seconds(60)), default: "300ms",
  "`delay_answers`: by so much.")
private let stepKey = Key<FaultSettings>(
  "step", \.plan.span, .duration(.milliseconds(1) ... .days(365)), default: "1h",
  "`clock_step`: so far, forwards or backwards.")
private let spareKey = Key<FaultSettings>(
  "spare", \.plan.spare, .integer(0...1000), default: "0",
  "`no_descriptors`: so many superv may still open.")

private func faultKeys(of kind: FaultKind) -> [Key<FaultSettings>] {
  var keys = [weightKey]
  if kind.lasts { keys.append(lastsKey) }
  if kind.target == .agent { keys.append(agentsKey) }
  switch kind {
  case .memoryHog, .diskFull: keys.append(sizeKey)
  case .flood: keys.append(linesKey)
  case .delayAnswers: keys.append(delayKey)
  case .clockStep: keys.append(stepKey)
  case .noDescriptors: keys.append(spareKey)
  case .agentKill, .agentTerm, .agentStop, .manualStop, .cpuHog, .dropAnswers,
    .duplicateAnswers, .daemonKill, .daemonTerm, .keeperKill, .keeperTerm, .bothKill, .reload:
    break
  }
  return keys
}

private let callPlanKeys: [Key<CallPlan>] = [
  Key("method", \.method, .line, default: .required, "The agent's method."),
  Key("params", \.params, .line, default: .words("none"), "A JSON value on one line."),
  Key("rate", \.rate, .integer(1...1000), default: "5", "Calls a second."),
  Key(
    "timeout", \.timeout, .duration(.milliseconds(1) ... .seconds(3600)), default: "2s",
    "The deadline of each."),
]

extension ValueType where Result == String {
  /// Whatever stands there.
  fileprivate static let line = ValueType(name: "text") { value, _ in value.text }
}

/// Every section and every key of a plan.
package let chaosPlanReference = [
  SectionDescription(header: "[chaos]", keys: chaosKeys.map(\.description)),
  SectionDescription(
    header: "[fault:KIND]",
    keys: [weightKey, lastsKey, agentsKey, sizeKey, linesKey, delayKey, stepKey, spareKey]
      .map(\.description)),
  SectionDescription(header: "[call:AGENT]", keys: callPlanKeys.map(\.description)),
]

/// A plan that was read.
package struct LoadedChaosPlan: Sendable {
  /// nil when there is at least one error.
  package var plan: ChaosPlan?
  package var diagnostics: [Diagnostic]
}

/// Reads a plan.
///
/// - Parameters:
///   - path: absolute.
///   - known: the names of agents, instances and supervisors there are; nil: any will do.
///   - folder: as for `loadConfiguration`.
package func loadChaosPlan(
  _ path: String, from source: some ConfigurationSource, known: [String]? = nil,
  shownFrom folder: String? = nil
) -> LoadedChaosPlan {
  var loader = PlanLoader(known: known, reading: Reading(source: source, shownFrom: folder))
  loader.load(absolutePath(path, from: "/"))
  let diagnostics = loader.reading.diagnostics
  return LoadedChaosPlan(
    plan: loader.reading.hasErrors ? nil : loader.plan, diagnostics: diagnostics)
}

private struct PlanLoader {
  let known: [String]?
  var reading: Reading
  var plan = ChaosPlan()
  private var seen: [String: Int] = [:]

  init(known: [String]?, reading: Reading) {
    self.known = known
    self.reading = reading
  }

  mutating func load(_ path: String) {
    reading.files.append(Reading.File(path: path, shownPath: reading.shown(path), bytes: []))
    let start = Place(file: 0, line: 1, column: 1)
    do throws(SourceError) {
      reading.files[0].bytes = try reading.source.readFile(path, limit: maximumFileBytes)
    } catch {
      return reading.error(start, "cannot read \(quoted(reading.shown(path))): \(error.reason)")
    }
    let result = readSections(reading.files[0].bytes, as: .superv)
    for problem in result.problems { reading.report(problem, inFile: 0) }
    for section in result.sections where !section.isBroken { read(section) }
    if plan.faults.values.allSatisfy({ $0.weight == 0 }), !reading.hasErrors {
      reading.error(start, "every fault has weight 0", hint: "give one of them a weight")
    }
  }

  private mutating func read(_ section: Section) {
    let header = section.header
    let place = Place(file: 0, line: header.line, column: header.column)
    let text = header.text
    if let first = seen.updateValue(header.line, forKey: text) {
      return reading.error(
        place, "[\(text)] is already in line \(first)", hint: "put all its keys into one section")
    }
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("chaos", 1): readChaos(section)
    case ("fault", 2): readFault(section, parts[1], place)
    case ("call", 2): readCalls(section, parts[1], place)
    default:
      reading.error(
        place, "unknown section [\(text.isEmpty ? "" : quoted(text).dropFirst().dropLast())]",
        hint: "[chaos], [fault:KIND] and [call:AGENT] are known")
    }
  }

  private mutating func readChaos(_ section: Section) {
    var settings = ChaosSettings()
    settings.plan.faults = plan.faults
    settings.plan.calls = plan.calls
    _ = reading.read(section, file: 0, by: chaosKeys, into: &settings)
    plan = settings.plan
    plan.agents = names(settings.agents)
  }

  private mutating func readFault(_ section: Section, _ name: String, _ place: Place) {
    guard let kind = FaultKind(rawValue: name) else {
      return reading.error(
        place, "there is no fault \(quoted(name))",
        hint: reading.hint(for: name, among: FaultKind.allCases.map(\.rawValue))
          ?? "docs/chaos.md lists them")
    }
    var settings = FaultSettings(plan: plan[kind])
    _ = reading.read(section, file: 0, by: faultKeys(of: kind), into: &settings)
    settings.plan.agents = names(settings.agents)
    plan.faults[kind] = settings.plan
  }

  private mutating func readCalls(_ section: Section, _ name: String, _ place: Place) {
    _ = names([Reference(name: name, place: place)])
    var call = CallPlan(agent: name)
    let keys = reading.read(section, file: 0, by: callPlanKeys, into: &call)
    if keys.places["method"] == nil {
      reading.error(place, "[call:\(name)] has no method", hint: "add `method = …`")
    }
    plan.calls.append(call)
  }

  /// The names as they are; those of nobody are complained about.
  private mutating func names(_ references: [Reference]) -> [String] {
    for reference in references {
      guard let known, !known.contains(reference.name) else { continue }
      reading.error(
        reference.place, "there is no agent or supervisor \(quoted(reference.name))",
        hint: reading.hint(for: reference.name, among: known))
    }
    return references.map(\.name)
  }
}
