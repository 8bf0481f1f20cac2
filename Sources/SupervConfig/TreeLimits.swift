import SupervisionTree

// What the whole process tree of an agent may use, and what becomes of it when the agent ends.

/// Whether an agent may run where a limit of its cannot be kept by the kernel.
package enum LimitPolicy: String, CaseIterable, Hashable, Sendable {
  /// What the kernel cannot keep superv watches, as far as it can.
  case bestEffort = "best_effort"
  /// It is not started.
  case require
}

/// Limits of an agent's process and everything below it together; nil: none.
package struct TreeLimits: Hashable, Sendable {
  /// Past it the agent is told, and the kernel slows it down.
  package var memoryHighBytes: Int64?
  /// Past it the agent is killed and restarted.
  package var memoryMaximumBytes: Int64?
  /// Thousandths of one processor.
  package var processorThousandths: Int?
  /// Processes and threads.
  package var taskMaximum: Int?
  package var policy: LimitPolicy = .bestEffort

  package init() {}

  /// The keys that are set, as the configuration calls them.
  package var keys: [TreeLimit] { TreeLimit.allCases.filter { self[$0] != nil } }

  /// The value of one in the words of the configuration; nil: it is not set.
  package subscript(limit: TreeLimit) -> String? {
    switch limit {
    case .memoryHigh: memoryHighBytes.map(sizeText)
    case .memoryMax: memoryMaximumBytes.map(sizeText)
    case .cpuMax: processorThousandths.map(processorsText)
    case .pidsMax: taskMaximum.map { String($0) }
    }
  }
}

/// One of them, by its key.
package enum TreeLimit: String, CaseIterable, Hashable, Sendable {
  case memoryHigh = "memory_high"
  case memoryMax = "memory_max"
  case cpuMax = "cpu_max"
  case pidsMax = "pids_max"
}

/// Whether every agent gets a control group of its own.
package enum ControlGroupPolicy: String, CaseIterable, Hashable, Sendable {
  /// Where cgroup v2 can be written to.
  case auto
  case off
  /// superv does not start without.
  case require
}

let limitKeys: [Key<AgentSettings>] = [
  Key(
    "memory_high", \.treeLimits.memoryHighBytes, .size(memoryRange),
    "Memory of all its processes together. Past it the agent is told (`memory`, docs/protocol.md), "
      + "and the kernel slows it down where it can."),
  Key(
    "memory_max", \.treeLimits.memoryMaximumBytes, .size(memoryRange),
    "Memory of all its processes together. Past it they are killed, and the agent is restarted."),
  Key(
    "cpu_max", \.treeLimits.processorThousandths, .processors,
    "Processor time of all its processes together; `1.5` is one and a half processors. Only the "
      + "kernel can keep it."),
  Key(
    "pids_max", \.treeLimits.taskMaximum, .integer(1...4_194_304),
    "Processes and threads of the agent. Where the kernel keeps it, no more can be made; else the "
      + "agent is restarted when there are more."),
  Key(
    "limits", \.treeLimits.policy, .choice(), default: "best_effort",
    "Whether the agent is started where the kernel cannot keep these limits."),
  Key(
    "detach_allowed", \.detachIsAllowed, .boolean, default: "no",
    "Whether processes that have left its session live on when it ends, until superv stops."),
]

private let memoryRange: ClosedRange<Int64> = (1 << 20)...(1 << 50)

extension ValueType where Result == Int {
  /// In thousandths of a processor; the kernel's smallest share is a hundredth.
  static let processors = ValueType(
    name: "number of processors", limits: "0.01 to 1024"
  ) { value, reading in
    guard let thousandths = parseProcessors(value.text) else {
      reading.error(
        value.place, "\(quoted(value.text)) is no share of processors",
        hint: "`0.5` is half of one, `1.5` or `150%%` is one and a half")
      return nil
    }
    guard (10...1_024_000).contains(thousandths) else {
      reading.error(value.place, "\(quoted(value.text)) is out of range: 0.01 to 1024")
      return nil
    }
    return thousandths
  }
}

/// `150%`, `12.5%`, `2`, `0.5` in thousandths; nil: it is none, or finer than that.
func parseProcessors(_ text: String) -> Int? {
  var bytes = Array(text.utf8)[...]
  let isPercent = bytes.last == UInt8(ascii: "%")
  if isPercent { bytes = bytes.dropLast().trimmed }
  let places = isPercent ? 1 : 3
  let whole = bytes.prefix { $0.isDigit }
  var fraction: ArraySlice<UInt8> = []
  bytes = bytes[whole.endIndex...]
  if bytes.first == UInt8(ascii: ".") {
    fraction = bytes.dropFirst()
    guard !fraction.isEmpty, fraction.allSatisfy({ $0.isDigit }) else { return nil }
    bytes = []
  }
  guard bytes.isEmpty, (1...9).contains(whole.count), fraction.count <= places else { return nil }
  let padding = String(repeating: "0", count: places - fraction.count)
  return Int(String(decoding: whole + fraction, as: UTF8.self) + padding)
}

/// The shortest text that `parseProcessors` reads as this.
private func processorsText(_ thousandths: Int) -> String {
  var fraction = String(String(thousandths % 1000 + 1000).dropFirst())
  while fraction.last == "0" { fraction.removeLast() }
  return fraction.isEmpty ? "\(thousandths / 1000)" : "\(thousandths / 1000).\(fraction)"
}

extension Reading {
  /// One instance stands for all.
  mutating func checkLimits(of agent: DeclaredAgent) {
    guard let limits = agent.instances.first?.treeLimits else { return }
    if let high = limits.memoryHighBytes, let maximum = limits.memoryMaximumBytes, high > maximum,
      let place = agent.keys.places["memory_high"]
    {
      warning(
        place, "`memory_high` is above `memory_max`, so it has no effect", hint: "lower it")
    }
    if limits.policy == .require, limits.keys.isEmpty, let place = agent.keys.places["limits"] {
      warning(
        place, "`limits = require` has no effect: there is no limit",
        hint: "add `memory_max`, `cpu_max` or `pids_max`, or take it out")
    }
    for limit in limits.keys where limits.policy == .require || limit == .cpuMax {
      guard let problem = source.problem(keeping: limit),
        let place = agent.keys.places[limit.rawValue]
      else { continue }
      if limits.policy == .require {
        warning(
          place, "the kernel cannot keep \(quoted(limit.rawValue)) here: \(problem)",
          hint: "because of `limits = require` the agent will not be started")
      } else {
        warning(
          place, "\(quoted(limit.rawValue)) has no effect here: \(problem)",
          hint: "`limits = require` keeps the agent from being started without it")
      }
    }
  }
}
