// What an agent, and everything that it starts, is kept from.

/// Whether an agent may run where the kernel cannot keep it from all that it is to be kept from.
package enum SandboxPolicy: String, CaseIterable, Hashable, Sendable {
  /// It is kept from nothing.
  case off
  /// From as much as the kernel can.
  case bestEffort = "best_effort"
  /// It is not started.
  case require
}

package struct SandboxSettings: Hashable, Sendable {
  package var policy: SandboxPolicy = .bestEffort
  /// Whether exec is kept from giving it rights (`PR_SET_NO_NEW_PRIVS`); nil: with a sandbox.
  package var noNewPrivileges: Bool?
  /// Those of capabilities(7) that it keeps; nil: what its user comes with.
  package var capabilities: [Capability]?
  /// Files and folders, with all below them, that it may read or execute; nil: all.
  package var read: [String]?
  /// Likewise those that it may change, and read as well; nil: all.
  package var write: [String]?
  /// TCP ports to which it may connect; nil: all.
  package var connect: PortRanges?
  /// Who is killed first when memory runs out, -1000...1000; nil: 100 above superv.
  package var outOfMemoryScore: Int32?

  package init() {}

  package var forbidsNewPrivileges: Bool { noNewPrivileges ?? (policy != .off) }
}

/// TCP ports.
package struct PortRanges: Hashable, Sendable {
  /// Apart from each other, in ascending order.
  package private(set) var ranges: [ClosedRange<UInt16>] = []

  package init(_ ranges: [ClosedRange<UInt16>] = []) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      guard let last = self.ranges.last, range.lowerBound <= last.upperBound else {
        self.ranges.append(range)
        continue
      }
      let upper = max(last.upperBound, range.upperBound)
      self.ranges[self.ranges.count - 1] = last.lowerBound...upper
    }
  }

  package var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// For example `443, 8000-8010`.
  package var text: String {
    ranges.map { range in
      range.count == 1 ? "\(range.lowerBound)" : "\(range.lowerBound)-\(range.upperBound)"
    }.joined(separator: ", ")
  }
}

let sandboxKeys: [Key<AgentSettings>] = [
  Key(
    "sandbox", \.sandbox.policy, .choice(), default: "best_effort",
    "It and all that it starts can signal, trace and read the environment of nobody but "
      + "themselves. `require` does not start it where the kernel cannot keep all of that and of "
      + "the keys below."),
  Key(
    "sandbox.read", \.sandbox.read, .paths, default: .words("everything"),
    "Files, and folders with all below them, that it may read or execute: its program and the "
      + "libraries of that must be among them."),
  Key(
    "sandbox.write", \.sandbox.write, .paths, default: .words("everything"),
    "Files, and folders with all below them, that it may change, and read as well."),
  Key(
    "sandbox.connect", \.sandbox.connect, .ports, default: .words("every port"),
    "TCP ports to which it may connect."),
  Key(
    "no_new_privs", \.sandbox.noNewPrivileges, .boolean,
    default: .words("`yes`; `no` with `sandbox = off`"),
    "Whether programs that it starts are kept from giving it more rights, as `sudo` does. The "
      + "sandbox of a superv without privileges needs it."),
  Key(
    "capabilities", \.sandbox.capabilities, .capabilities,
    default: .words("those of its user, less what leads out of a sandbox"),
    "What it may do beyond the rights of its user, and all that it starts as well: names from "
      + "capabilities(7), such as `net_bind_service`. Empty is nothing."),
  Key(
    "oom_score_adj", \.sandbox.outOfMemoryScore, .outOfMemoryScore,
    default: .words("superv's and 100"),
    "Who is killed first when the machine is out of memory: from -1000, never, to 1000. Below "
      + "superv's own it needs a superv that runs as root."),
]

extension ValueType where Result == [String] {
  static let paths = ValueType(name: "list of paths", allowsEmpty: true) { value, reading in
    let parts = value.listParts
    let paths = parts.compactMap { part in ValueType<String>.path.parse(part, &reading) }
    return paths.count == parts.count ? paths : nil
  }
}

extension ValueType where Result == PortRanges {
  /// The kernel takes them one by one, at each start.
  private static let maximumCount = 1024

  static let ports = ValueType(
    name: "list of ports", limits: "ranges such as `8000-8010`; \(maximumCount) in all",
    allowsEmpty: true
  ) { value, reading in
    var ranges: [ClosedRange<UInt16>] = []
    var isGood = true
    for part in value.listParts {
      let bounds = part.text.split(separator: "-", omittingEmptySubsequences: false).map {
        $0.utf8.allSatisfy(\.isDigit) ? UInt16($0) ?? 0 : 0
      }
      if let first = bounds.first, let last = bounds.last, bounds.count <= 2, first > 0,
        first <= last
      {
        ranges.append(first...last)
      } else {
        reading.error(
          part.place, "\(quoted(part.text)) is no port",
          hint: "numbers from 1 to 65535 and ranges, such as `443, 8000-8010`")
        isGood = false
      }
    }
    let ports = PortRanges(ranges)
    guard ports.count <= maximumCount else {
      reading.error(
        value.place, "\(ports.count) ports are too many", hint: "at most \(maximumCount)")
      return nil
    }
    return isGood ? ports : nil
  }
}

extension ValueType where Result == Int32 {
  static let outOfMemoryScore = ValueType(
    name: "number", limits: "-1000 to 1000"
  ) { value, reading in
    ValueType<Int>.integer(-1000...1000).parse(value, &reading).map { Int32($0) }
  }
}

extension Reading {
  /// One instance stands for all.
  mutating func checkSandbox(of agent: DeclaredAgent) {
    guard let sandbox = agent.instances.first?.sandbox else { return }
    let lists = [
      ("sandbox.read", sandbox.read), ("sandbox.write", sandbox.write),
      ("sandbox.connect", sandbox.connect.map { _ in [] }),
    ]
    for (key, paths) in lists {
      guard let paths, let place = agent.keys.places[key] else { continue }
      guard sandbox.policy != .off else {
        warning(
          place, "\(quoted(key)) has no effect with `sandbox = off`", hint: "take one of them out")
        continue
      }
      for path in paths where source.kindOfFile(path) == nil {
        warning(
          place, "\(quoted(path)) in \(quoted(key)) does not exist",
          hint: sandbox.policy == .require
            ? "because of `sandbox = require` the agent will not be started without it"
            : "it is left out of the sandbox if the agent is started without it")
      }
    }
    guard sandbox.policy == .require, let place = agent.keys.places["sandbox"] else { return }
    for problem in source.problems(enforcing: sandbox) {
      warning(
        place, "the kernel cannot enforce the sandbox here: \(problem)",
        hint: "because of `sandbox = require` the agent will not be started")
    }
  }
}
