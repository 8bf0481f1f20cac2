import Foundation
import SupervSystem
import Testing

/// `superv chaos` on a small tree, with every fault; and that it can tell when superv does not keep
/// its word.
@Suite(.aside) struct ChaosTests {
  @Test func everyInvariantHolds() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start("--wait", "ready")
      try superv.write("plan.conf", Self.everything)
      let answer = try superv(
        "chaos", "run", "plan.conf", "--seed", "11", "--for", "15s", "--json", "--report", "report")
      let report = try Report(json: answer.output)
      #expect(answer.code == 0, "\(report.violations) \(answer.errors)")
      #expect(report.violations.isEmpty)
      #expect(report.faults.filter { $0.recoveryS != nil }.count > 10)
      #expect(report.faults.allSatisfy { $0.target != "spared" })
      #expect(report.lines > 0 && report.exits > 0)
      let known = try #require(report.invariants.first { $0.invariant == "exits_accounted" })
      #expect(known.checks > 0)
      #expect(superv.read("report.md").hasPrefix("# Chaos: every invariant held\n"))
      #expect(try Report(json: superv.read("report.json")).seed == 11)
      let status = try Status(json: try superv("status", "--json").output)
      #expect(status.agents.allSatisfy { $0.phase == "running" })
      try superv.connect()
    }
  }

  /// Somebody kills an agent that chaos has not touched, while it is busy with its sibling.
  @Test func aSiblingThatEndsUnaskedIsAViolation() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start("--wait", "ready")
      let chaos = try launchMild(superv, for: "10s")
      try superv.waitForEvent("chaos has begun") { $0.event == "chaos.disturbed" }
      try superv.send(.kill, to: "a")
      let answer = try chaos.end()
      let report = try Report(json: answer.output)
      #expect(answer.code == 1)
      #expect(report.violations.contains { $0.text.contains("a (incarnation 1): signal 9") })
    }
  }

  /// A second process that says it is the same incarnation of the same agent.
  @Test func aSecondProcessIsAViolation() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start("--wait", "ready")
      let second = try Command(
        ["sleep", "1000"], output: "\(superv.folder)/second", directory: "/",
        environment: [
          "PATH=/usr/local/bin:/usr/bin:/bin", "SUPERV_SOCKET=\(superv.folder)/run/agent.sock",
          "SUPERV_AGENT=a", "SUPERV_INSTANCE=0", "SUPERV_INCARNATION=1",
        ], as: nil)
      defer { second.clear() }
      let answer = try launchMild(superv, for: "8s").end()
      let report = try Report(json: answer.output)
      #expect(answer.code == 1)
      #expect(report.violations.map(\.invariant) == ["one_process"], "\(report.violations)")
      #expect(report.violations.first?.text.contains("pid \(second.pid)") == true)
    }
  }

  @Test func aTreeThatHasNotAgreedIsLeftAlone() throws {
    try withSuperv(sleepers("a")) { superv in
      try superv.start()
      let before = try superv.lastEvent()
      let answer = try superv("chaos", "run", "--for", "1s")
      #expect(answer.code == 1)
      #expect(answer.errors.contains("say `chaos = yes` in [superv]"), "\(answer.errors)")
      #expect(try superv.lastEvent() == before)
    }
    try withSuperv("") { superv in
      let answer = try superv("chaos", "run", "--socket", superv.controlSocket)
      #expect(answer.code == 3)
    }
  }

  @Test func aSeedIsOneOrder() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start()
      let before = try superv.lastEvent()
      let first = try superv("chaos", "run", "--seed", "7", "--dry-run")
      #expect(first.code == 0 && first.lines.count > 50, "\(first.errors)")
      #expect(try superv("chaos", "run", "--dry-run", "--seed", "7").output == first.output)
      #expect(try superv("chaos", "run", "--dry-run", "--seed", "8").output != first.output)
      let few = try superv("chaos", "run", "--seed", "7", "--dry-run", "--agents", "b")
      #expect(!few.output.contains(" a "))
      #expect(try superv("chaos", "run", "--agents", "bb").code == 2)
      #expect(try superv.lastEvent() == before)
    }
  }

  @Test func whatIsWrongWithAPlanIsSaidWithItsPlace() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start()
      try superv.write("plan.conf", "[fault:agent_kil]\nweight = 1\n[chaos]\nrate = often\n")
      let answer = try superv("chaos", "run", "plan.conf")
      #expect(answer.code == 2)
      #expect(answer.errors.contains("plan.conf:1:2: error: there is no fault `agent_kil`"))
      #expect(answer.errors.contains("hint: did you mean `agent_kill`?"))
      #expect(answer.errors.contains("plan.conf:4:8: error: `often` is no whole number"))
    }
  }

  /// Chaos is killed while an agent is stopped by a signal and another one by hand.
  @Test func nothingIsLeftOfAChaosThatWasKilled() throws {
    try withSuperv(Self.tree) { superv in
      try superv.start("--wait", "ready")
      try superv.write(
        "plan.conf",
        Self.only(
          "agent_stop", "lasts = 100s\nagents = a", "manual_stop", "lasts = 100s\nagents = b"))
      let chaos = try superv.launch(["chaos", "run", "plan.conf", "--seed", "1", "--for", "600s"])
      let pid = try #require(try superv.status()[agent: "a"]?.pid)
      try superv.wait(for: "b is stopped by hand") { $0[agent: "b"]?.phase == "stopped" }
      try eventually("a is stopped") { ProcessRecord.of(pid)?.state == "T" }
      try chaos.send(.kill)
      _ = try chaos.end()
      try eventually("a goes on") { ProcessRecord.of(pid).map { $0.state != "T" } ?? false }
      try superv.wait(for: "b", incarnation: 2)
    }
  }

  // MARK: -

  /// Only answers of b, which it never gives.
  private func launchMild(_ superv: Superv, for time: String) throws -> Command {
    try superv.write("plan.conf", Self.only("drop_answers", "lasts = 100ms\nagents = b"))
    return try superv.launch(
      ["chaos", "run", "plan.conf", "--seed", "1", "--for", time, "--json"])
  }

  /// A plan of the named faults with their keys.
  private static func only(_ words: String...) -> String {
    let kinds = [
      "agent_kill", "agent_term", "agent_stop", "manual_stop", "cpu_hog", "memory_hog", "flood",
      "drop_answers", "delay_answers", "duplicate_answers", "daemon_kill", "daemon_term",
      "keeper_kill", "keeper_term", "both_kill", "disk_full", "no_descriptors", "clock_step",
      "reload",
    ]
    var text = "[chaos]\nrate = 120\nswarm = no\n"
    for kind in kinds {
      let index = words.firstIndex(of: kind)
      text += "[fault:\(kind)]\nweight = \(index == nil ? 0 : 10)\n"
      if let index { text += "\(words[index + 1])\n" }
    }
    return text
  }

  /// No waits between restarts: the bound is for hangs.
  private static let tree = """
    [superv]
    chaos = yes
    backoff_base = 0
    [supervisor:pair]
    children = a, b
    intensity = 100
    backoff_base = 0
    [agent:a]
    command = sh -c 'while :; do echo tick; sleep 0.05; done'
    startsecs = 0
    [agent:b]
    command = sleep 1000
    startsecs = 0
    [agent:spared]
    command = sleep 1000
    startsecs = 0
    chaos = no
    """

  private static let everything = """
    [chaos]
    rate = 150
    swarm = no
    recovery_max = 100s
    [fault:flood]
    lines = 2000
    [fault:agent_stop]
    lasts = 300ms
    [fault:manual_stop]
    lasts = 300ms
    [fault:disk_full]
    lasts = 300ms
    size = 4MB
    [fault:memory_hog]
    size = 4MB
    [fault:no_descriptors]
    lasts = 300ms
    [call:b]
    method = echo
    rate = 20
    timeout = 500ms
    """
}

/// What of the report is looked at.
private struct Report: Decodable {
  struct Fault: Decodable {
    var kind: String
    var target: String?
    var recoveryS: Double?
  }

  struct Check: Decodable {
    var invariant: String
    var checks: Int
    var violations: Int
  }

  struct Violation: Decodable {
    var invariant: String
    var text: String
  }

  var seed: UInt64
  var faults: [Fault]
  var invariants: [Check]
  var violations: [Violation]
  var lines: Int
  var exits: Int
}
