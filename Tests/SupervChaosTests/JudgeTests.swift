import SupervChaos
import SupervConfig
import SupervProtocol
import Testing

/// Each invariant is shown a history that keeps it and one that does not.
@Suite struct JudgeTests {
  // MARK: Events

  @Test func aKillThatChaosSentIsAccountedFor() {
    var story = Story()
    story.judge.sends(9, to: .init(agent: "a", number: 1))
    story.tell("agent.exited", "a", 1, signal: 9)
    story.tell("agent.starting", "a", 2, reason: "restart 1 of 5 in 60s after SIGKILL (abnormal)")
    story.tell("agent.started", "a", 2, pid: 20)
    story.judge.end(status(a: (2, 20)), &story.verdict)
    #expect(story.verdict.violations.isEmpty)
    #expect(story.judge.exitCount == 1)
  }

  @Test func aKillThatNobodySentIsNot() {
    var story = Story()
    story.tell("agent.exited", "a", 1, signal: 9)
    #expect(story.broken == [.exitsAccounted])
  }

  /// While its sibling was hit.
  @Test func aSiblingThatWasKilledWasNotLeftAlone() {
    var story = Story()
    story.judge.sends(9, to: .init(agent: "b", number: 1))
    story.tell("agent.exited", "b", 1, signal: 9)
    story.tell("agent.exited", "a", 1, signal: 9)
    #expect(story.broken == [.siblings])
  }

  @Test func codesAreTheirOwnUnlessThePlanSaysNo() {
    for (ends, broken) in [(OwnEnds.exits, []), (.none, [Invariant.exitsAccounted])] {
      var story = Story(ends)
      story.tell("agent.exited", "a", 1, code: 1)
      #expect(story.broken == broken)
    }
  }

  @Test func anExitComesOnce() {
    var story = Story()
    story.tell("agent.exited", "a", 1, code: 0)
    story.tell("agent.exited", "a", 1, code: 0)
    #expect(story.broken == [.exitsAccounted])
  }

  @Test func anExitThatIsNotToldIsMissed() {
    var story = Story()
    story.tell("agent.started", "a", 2, pid: 20)
    #expect(story.broken == [.oneProcess])
    story.judge.end(status(a: (2, 20)), &story.verdict)
    #expect(story.broken == [.oneProcess, .exitsAccounted])
  }

  @Test func aGroupMayGoWithItsStrategyOnly() {
    let reason = "one_for_all: restarts with b"
    for (strategy, broken) in [("one_for_all", []), ("one_for_one", [Invariant.siblings])] {
      var story = Story(tree: smallTree(strategy: strategy))
      story.tell("agent.stopping", "a", 1, reason: reason)
      story.tell("agent.exited", "a", 1, code: 0, as: "requested")
      #expect(story.broken == broken)
    }
  }

  @Test func aStopThatNobodyExplainsIsAViolation() {
    var story = Story()
    story.tell("agent.exited", "a", 1, code: 0, as: "requested")
    #expect(story.broken == [.exitsAccounted])
  }

  @Test func gapsInTheNumbersAreSeenAndDoublesAreNot() {
    var story = Story()
    story.tell("agent.ready", "a", 1)
    story.next -= 1
    story.tell("agent.ready", "a", 1)
    #expect(story.verdict.violations.isEmpty)
    story.next += 1
    story.tell("agent.ready", "a", 1)
    #expect(story.broken == [.events])
  }

  /// The sixth restart in a period of 60 s, however superv counts it.
  @Test func aBudgetIsCountedAgain() {
    for (span, broken) in [(13.0, []), (5.0, [Invariant.budgets])] {
      var story = Story()
      for number in 1...6 {
        story.seconds += span
        story.tell(
          "agent.starting", "a", number + 1,
          reason: "restart \(min(5, number)) of 5 in 60s after exit code 1")
      }
      #expect(story.broken == broken)
    }
  }

  @Test func aRestartThatWaitsIsCountedOnce() {
    var story = Story()
    for number in 1...4 {
      let reason = "restart \(number) of 5 in 60s after exit code 1"
      story.tell("agent.backoff", "a", number, reason: reason)
      story.tell("agent.starting", "a", number + 1, reason: reason)
    }
    #expect(story.verdict.violations.isEmpty)
    #expect(story.verdict.checks[.budgets] == 4)
  }

  // MARK: Processes

  @Test func aSecondProcessOfAnIncarnationIsSeenAfterAWhile() {
    var (judge, verdict) = (ProcessJudge(smallTree()), Verdict())
    let leader = Sighting(
      pid: 10, startTime: 1, ancestors: [5], leadsSession: true, agent: "a", incarnation: 1)
    let child = Sighting(
      pid: 11, startTime: 2, ancestors: [10, 5], leadsSession: false, agent: "a", incarnation: 1)
    let second = Sighting(
      pid: 12, startTime: 3, ancestors: [5], leadsSession: true, agent: "a", incarnation: 1)
    for seconds in 0..<3 {
      judge.take(
        [leader, child, second], status(a: (1, 10)), ended: [], helpers: [],
        seconds: Double(seconds), &verdict)
    }
    #expect(verdict.violations.isEmpty)
    for seconds in 3..<6 {
      judge.take(
        [leader, child, second], status(a: (1, 10)), ended: [], helpers: [],
        seconds: Double(seconds), &verdict)
    }
    #expect(verdict.violations.map(\.invariant) == [.oneProcess])
  }

  @Test func whatOutlivesItsIncarnationIsOutside() {
    var (judge, verdict) = (ProcessJudge(smallTree()), Verdict())
    let left = Sighting(
      pid: 11, startTime: 2, ancestors: [1], leadsSession: false, agent: "a", incarnation: 1)
    for seconds in [0.0, 3] {
      judge.take(
        [left], status(a: (2, 10)), ended: [.init(agent: "a", number: 1)], helpers: [],
        seconds: seconds, &verdict)
    }
    #expect(verdict.violations.map(\.invariant) == [.insideTree])
    // As an orphan that superv knows of, or as a helper of its own, it is in its place.
    for (orphans, helpers) in [([Int32(11)], Set<Int32>()), ([], [11])] {
      (judge, verdict) = (ProcessJudge(smallTree()), Verdict())
      var known = status(a: (2, 10))
      known.agents[0].orphans = orphans
      for seconds in [0.0, 3] {
        judge.take([left], known, ended: [], helpers: helpers, seconds: seconds, &verdict)
      }
      #expect(verdict.violations.isEmpty)
    }
  }

  // MARK: Calls

  @Test func aCallEndsOnceAndInTime() {
    var (judge, verdict) = (CallJudge(), Verdict())
    judge.begin(1, "a echo", seconds: 0, timeout: 1)
    judge.end(1, as: "ok", &verdict)
    judge.begin(2, "a echo", seconds: 0, timeout: 1)
    judge.look(seconds: 3, &verdict)
    #expect(verdict.violations.isEmpty)
    judge.end(1, as: "ok", &verdict)
    #expect(verdict.violationCount == 1)
    judge.look(seconds: 10, &verdict)
    judge.look(seconds: 11, &verdict)
    #expect(verdict.violationCount == 2)
    judge.look(begun: 5, ended: 3, inFlight: 2, &verdict)
    #expect(verdict.violationCount == 2)
    judge.look(begun: 5, ended: 3, inFlight: 1, &verdict)
    #expect(verdict.violationCount == 3)
  }

  @Test func timeWithoutADaemonIsNoTimeOfACall() {
    var (judge, verdict) = (CallJudge(), Verdict())
    judge.begin(1, "a echo", seconds: 0, timeout: 1)
    judge.nobodyAnswers(seconds: 20)
    judge.look(seconds: 25, &verdict)
    #expect(verdict.violations.isEmpty)
    judge.look(seconds: 27, &verdict)
    #expect(verdict.violationCount == 1)
  }

  @Test func aConnectionThatBreaksEndsItsCalls() {
    var (judge, verdict) = (CallJudge(), Verdict())
    judge.begin(1, "a echo", seconds: 0, timeout: 1)
    judge.connectionEnded(&verdict)
    judge.look(seconds: 100, &verdict)
    #expect(verdict.violations.isEmpty)
    #expect(judge.ends == ["unavailable": 1])
  }

  // MARK: Logs

  @Test(arguments: [
    ([1, 2, 3], 0, false, 0), ([1, 3], 0, false, 1), ([1, 3], 1, false, 0),
    ([1, 2, 2, 3], 0, false, 1), ([1, 3, 2], 0, false, 1), ([2, 3], 0, true, 0),
    ([2, 3], 0, false, 1), ([], 0, false, 1),
  ])
  func linesAreThereOnceAndInOrder(
    numbers: [Int], dropped: Int, wasRotated: Bool, violations: Int
  ) {
    var text = "2026-11-21T07:20:00.123456Z out before\n"
    for number in numbers {
      text += "2026-11-21T07:20:00.123456Z out \(LogJudge.line("7.1", number))\n"
    }
    if dropped > 0 {
      text +=
        "2026-11-21T07:20:00.123456Z -- superv: \(dropped) lines (45 bytes) dropped: full --\n"
    }
    var (found, verdict) = (LogJudge.Found(), Verdict())
    LogJudge.read(Array(text.utf8), token: "7.1", into: &found)
    found.wasRotated = wasRotated
    LogJudge.judge("a", found, printed: 3, &verdict)
    #expect(verdict.violationCount == violations)
    #expect(verdict.checks[.logs] == 3)
  }

  @Test func linesOfAnotherRunDoNotCount() {
    var found = LogJudge.Found()
    LogJudge.read(Array((LogJudge.line("6.1", 1) + "\n").utf8), token: "7.1", into: &found)
    #expect(found.numbers.isEmpty)
  }

  // MARK: Recovery

  @Test func timeRunsFromTheEndOfAFaultUntilAllIsWell() {
    var verdict = Verdict()
    var views = ["a": AgentView(status(a: (1, 10)).agents[0])]
    var judge = RecoveryJudge(baseline: views, boundSeconds: 5)
    for number in 1...2 {
      judge.begin(record(number), replacing: 1)
      judge.end(number, seconds: 1)
    }
    judge.look(views, seconds: 2, &verdict)
    #expect(judge.openCount == 2)
    views["a"]?.incarnation = 2
    judge.look(views, seconds: 2.5, &verdict)
    #expect(judge.records.map(\.recoverySeconds) == [1.5, 1.5])
    views["a"]?.isReady = false
    judge.begin(record(3))
    judge.end(3, seconds: 3)
    judge.look(views, seconds: 8, &verdict)
    #expect(verdict.violations.isEmpty)
    // A backoff that superv has announced is no part of the bound.
    judge.waits("a", untilSeconds: 9)
    judge.look(views, seconds: 8.1, &verdict)
    #expect(verdict.violations.isEmpty)
    judge.look(views, seconds: 14.1, &verdict)
    #expect(verdict.violations.map(\.invariant) == [.recovery])
  }

  /// While some mend, others are hit: each has to be well once, and not all at the same time.
  @Test func afterAFaultOfSupervEachHasToBeWellOnce() {
    var verdict = Verdict()
    let well = AgentView(status(a: (1, 10)).agents[0])
    var judge = RecoveryJudge(baseline: ["a": well, "b": well], boundSeconds: 5)
    var fault = makeSchedule(ChaosPlan(), for: smallTree(), seed: 1, only: ["a"])[0]
    fault.target = nil
    judge.begin(FaultRecord(fault, atSeconds: 0))
    judge.end(fault.number, seconds: 0)
    judge.look(["a": well, "b": AgentView()], seconds: 1, &verdict)
    #expect(judge.openCount == 1)
    judge.look(["a": AgentView(), "b": well], seconds: 2, &verdict)
    #expect(judge.records.map(\.recoverySeconds) == [2])
  }

  private func record(_ number: Int) -> FaultRecord {
    let schedule = makeSchedule(ChaosPlan(), for: smallTree(), seed: 1, only: ["a"])
    var fault = schedule.first { $0.target == "a" } ?? schedule[0]
    fault.number = number
    return FaultRecord(fault, atSeconds: 1)
  }
}

/// Events as they would come, from incarnation 1 of a and b on.
private struct Story {
  var judge: EventJudge
  var verdict = Verdict()
  var next: Int64 = 1
  var seconds = 0.0

  init(_ ends: OwnEnds = .exits, tree: ChaosTree = smallTree()) {
    judge = EventJudge(tree, ownEnds: ends)
    judge.begin(status(a: (1, 10)), nextSequence: 1)
  }

  var broken: [Invariant] { verdict.violations.map(\.invariant) }

  mutating func tell(
    _ kind: String, _ agent: String, _ incarnation: Int, pid: Int32? = nil, code: Int32? = nil,
    signal: Int32? = nil, as classification: String = "abnormal", reason: String? = nil
  ) {
    let exit =
      kind == "agent.exited"
      ? ExitReport(code: code, signal: signal, classification: classification) : nil
    let event = EventRecord(
      seq: next, time: "", event: kind, agent: agent, incarnation: incarnation, pid: pid,
      exit: exit, reason: reason)
    next += 1
    judge.take(event, seconds: seconds, &verdict)
  }
}

private func status(a: (incarnation: Int, pid: Int32)) -> StatusReport {
  StatusReport(
    daemon: DaemonStatus(pid: 5, keeperPID: 4, uptimeSeconds: 1, state: .running),
    agents: [
      AgentStatus(
        name: "a", supervisor: "pair", phase: "running", ready: true, alive: true, pid: a.pid,
        incarnation: a.incarnation)
    ], supervisors: [])
}
