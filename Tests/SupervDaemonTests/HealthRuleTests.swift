import SupervConfig
import SupervDaemon
import SupervProtocol
import SupervisionTree
import Testing

func moment(_ seconds: Double) -> MonotonicTime {
  MonotonicTime(nanoseconds: Int64(seconds * 1_000_000_000))
}

/// Thresholds, times and operations: what needs no daemon.
@Suite struct HealthRuleTests {
  // MARK: Thresholds

  private static func machine(_ successes: Int, _ failures: Int) -> ProbeMachine {
    var settings = ProbeSettings(.ping)
    settings.successThreshold = successes
    settings.failureThreshold = failures
    return ProbeMachine(settings)
  }

  /// Every row of outcomes up to nine, against counting them anew.
  @Test(arguments: 1...3, 1...3) func onlyOutcomesInARowCount(successes: Int, failures: Int) {
    for bits in 0..<512 {
      var machine = Self.machine(successes, failures)
      var state = ProbeMachine.State.waiting
      var row: [Bool] = []
      for place in 0..<9 {
        let passed = bits >> place & 1 == 1
        row.append(passed)
        let verdict = machine.take(passed ? .passed : .failed("no"), moment(0))
        let before = state
        if row.suffix(successes) == Array(repeating: true, count: successes)[...] {
          state = .passing
        }
        if row.suffix(failures) == Array(repeating: false, count: failures)[...] {
          state = .failing
        }
        #expect(machine.state == state)
        #expect((verdict != nil) == (state != before))
      }
    }
  }

  @Test func patienceOnlyPutsTheVerdictOff() {
    var machine = Self.machine(1, 2)
    machine.bePatient(until: moment(10))
    for second in 1...9 { #expect(machine.take(.failed("no"), moment(Double(second))) == nil) }
    #expect(machine.take(.failed("no"), moment(10)) == .failed(times: 10, detail: "no"))
    #expect(machine.take(.failed("no"), moment(11)) == nil)
  }

  // MARK: Times

  private static func times(
    _ settings: ProbeSettings, _ role: ProbeRole, _ name: String, count: Int
  ) -> [Duration] {
    var schedule = ProbeSchedule(settings, role, of: name, from: moment(1))
    return (0..<count).map { _ in
      defer { schedule.advance(schedule.due) }
      return schedule.due - moment(1)
    }
  }

  @Test func startupIsExact() {
    var settings = ProbeSettings(.ping)
    settings.initialDelay = .seconds(2)
    settings.interval = .seconds(3)
    #expect(
      Self.times(settings, .startup, "a", count: 4)
        == [.seconds(2), .seconds(5), .seconds(8), .seconds(11)])
  }

  @Test(arguments: ["a", "b", "writer:7", "", "é"]) func othersAreSpread(name: String) {
    var settings = ProbeSettings(.ping)
    settings.initialDelay = .seconds(2)
    let liveness = Self.times(settings, .liveness, name, count: 4)
    #expect(liveness[0] >= .seconds(2) && liveness[0] <= .seconds(12.25))
    let readiness = Self.times(settings, .readiness, name, count: 4)
    #expect(readiness[0] == .seconds(2))
    #expect(readiness[1] >= .seconds(7) && readiness[1] <= .seconds(12.25))
    for times in [liveness, Array(readiness.dropFirst())] {
      for (one, next) in zip(times, times.dropFirst()) { #expect(next - one == .seconds(10)) }
    }
    #expect(liveness == Self.times(settings, .liveness, name, count: 4))
    #expect(liveness.allSatisfy { ($0 + .seconds(1)).wholeNanoseconds % 250_000_000 == 0 })
  }

  @Test func thousandAgentsShareFewWakeUps() {
    var settings = ProbeSettings(.ping)
    settings.interval = .seconds(10)
    var classes: [Duration: Int] = [:]
    for index in 0..<1000 {
      classes[Self.times(settings, .liveness, "agent:\(index)", count: 1)[0], default: 0] += 1
    }
    #expect(classes.count >= 38 && classes.count <= 41)
    #expect(classes.values.allSatisfy { $0 <= 60 })
  }

  @Test func missedOnesAreLeftOut() {
    var settings = ProbeSettings(.ping)
    settings.interval = .seconds(3)
    var schedule = ProbeSchedule(settings, .startup, of: "a", from: moment(0))
    schedule.advance(moment(0))
    schedule.advance(moment(100))
    #expect(schedule.due == moment(102))
  }

  @Test func shortIntervalsAreNotRounded() {
    var settings = ProbeSettings(.ping)
    settings.interval = .milliseconds(30)
    var schedule = ProbeSchedule(settings, .startup, of: "a", from: moment(0))
    schedule.advance(moment(0))
    #expect(schedule.due == moment(0.03))
  }

  // MARK: Operations

  @Test func expectedTimeDecides() throws {
    var watch = ProgressWatch()
    try watch.begin("1", kind: "sum", expected: .seconds(3), moment(0))
    #expect(watch.due == moment(30) && watch.isBusy(moment(29)))
    #expect(watch.takeOverdue(moment(29)) == [])
    #expect(!watch.isBusy(moment(30)))
    #expect(watch.takeOverdue(moment(30)).map(\.name) == ["1"])
    #expect(watch.takeOverdue(moment(300)) == [] && watch.due == nil)
    #expect(try watch.end("1", moment(301)).isStuck)
  }

  @Test func medianOfFiveDecides() throws {
    var watch = ProgressWatch()
    for (index, seconds) in [1.0, 2, 3, 50].enumerated() {
      try watch.begin("\(index)", kind: "sum", expected: nil, moment(0))
      _ = try watch.end("\(index)", moment(seconds))
    }
    try watch.begin("early", kind: "sum", expected: nil, moment(0))
    try watch.begin("other", kind: "draw", expected: nil, moment(0))
    #expect(watch.due == nil && watch.isBusy(moment(1_000_000)))
    try watch.begin("5", kind: "sum", expected: nil, moment(0))
    _ = try watch.end("5", moment(4))
    // The median of 1, 2, 3, 4, 50, also for the one that has begun before.
    #expect(watch.due == moment(30))
    #expect(watch.takeOverdue(moment(30)).map(\.name) == ["early"])
    // Of the last 32 only.
    for index in 0..<32 {
      try watch.begin("n\(index)", kind: "sum", expected: nil, moment(0))
      _ = try watch.end("n\(index)", moment(7))
    }
    try watch.begin("late", kind: "sum", expected: nil, moment(100))
    #expect(watch.takeOverdue(moment(100)) == [] && watch.due == moment(170))
  }

  @Test func quickOnesHaveASecond() throws {
    var watch = ProgressWatch()
    try watch.begin("1", kind: nil, expected: .milliseconds(1), moment(0))
    #expect(watch.due == moment(1))
  }

  @Test func limitsOfOperations() throws {
    var watch = ProgressWatch()
    for index in 0..<ProgressWatch.maximumOperations {
      try watch.begin("\(index)", kind: "k\(index % 64)", expected: nil, moment(0))
    }
    #expect(kind { try watch.begin("more", kind: nil, expected: nil, moment(0)) } == .overloaded)
    _ = try watch.end("0", moment(1))
    #expect(kind { try watch.begin("new", kind: "k64", expected: nil, moment(0)) } == .overloaded)
    try watch.begin("new", kind: "k63", expected: nil, moment(0))
    #expect(kind { try watch.begin("more", kind: nil, expected: nil, moment(0)) } == .overloaded)
    _ = try watch.end("new", moment(1))
    #expect(kind { try watch.begin("1", kind: nil, expected: nil, moment(0)) } == .invalid)
    #expect(kind { _ = try watch.end("new", moment(1)) } == .invalid)
  }

  private func kind(_ act: () throws -> Void) -> ErrorKind? {
    do {
      try act()
      return nil
    } catch {
      return (error as? RPCError)?.kind
    }
  }

  @Test func progressHasToChange() {
    var watch = ProgressWatch()
    let limit = Duration.seconds(60)
    #expect(watch.report("1", limit: limit, moment(0)) == .none)
    #expect(watch.report("1", limit: limit, moment(59)) == .none)
    #expect(watch.report("1", limit: limit, moment(60)) == .stuck(.seconds(60)))
    #expect(watch.report("1", limit: limit, moment(90)) == .none)
    #expect(watch.report("2", limit: limit, moment(91)) == .unstuck)
    // Silence is not the same progress until it is said again.
    #expect(watch.report("3", limit: limit, moment(1000)) == .none)
    #expect(watch.report("3", limit: nil, moment(9000)) == .none)
  }
}
