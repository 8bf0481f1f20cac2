import SupervSystem
import SupervisionTree
import Testing

/// Every way in which a process can end, under every restart type: what the daemon makes of real
/// ends is what the table says.
@Suite(.aside) struct EndTests {
  /// Signals that do not end a process by default. SIGTSTP, SIGTTIN and SIGTTOU do not even stop
  /// one that leads a session, for lack of anybody who could resume it (setpgid(2), orphaned
  /// process groups); SIGSTOP does.
  private static let harmless: Set<Int32> = [17, 18, 20, 21, 22, 23, 28]
  private static let stop: Int32 = 19

  /// One restart is made, the next one is not: so a restart is seen, and comes to rest.
  private static let configuration =
    """
    [superv]
    intensity = 1
    period = 1h
    backoff_base = 1ms

    """

  /// Codes that the agents `declared` call normal, with both that sysexits.h gives a meaning.
  private static let declaredCodes: [Int32] = [3, 75, 78, 255]

  @Test func everyExitCodeIsDecidedAsTheTableSays() throws {
    let types = RestartType.allCases.map { type in
      """
      [agent:\(type.rawValue)]
      command = sh -c 'exit %(instance)d'
      numprocs = 256
      restart = \(type.rawValue)
      [agent:declared-\(type.rawValue)]
      command = sh -c 'exit %(instance)d'
      numprocs = 256
      restart = \(type.rawValue)
      exitcodes = 3, 75, 78, 255

      """
    }
    try withSuperv(Self.configuration + types.joined()) { superv in
      try superv.start()
      let status = try superv.wait(for: "all have come to rest") { status in
        status.agents.allSatisfy { ["exited", "failed"].contains($0.phase) }
      }
      #expect(status.agents.count == 6 * 256)
      let waited = try Set(
        superv.allEvents().filter { $0.event == "agent.backoff" }.map(\.name))
      for type in RestartType.allCases {
        for code in 0...255 as ClosedRange<Int32> {
          for (prefix, codes) in [("", [0]), ("declared-", Self.declaredCodes)] {
            let agent = try #require(status[agent: "\(prefix)\(type.rawValue):\(code)"])
            expect(
              agent, type, ExitCodes(codes), .exited(code: code),
              hasWaited: waited.contains(agent.name))
          }
        }
      }
    }
  }

  @Test func everySignalIsDecidedAsTheTableSays() throws {
    let types = RestartType.allCases.map { type in
      """
      [agent:\(type.rawValue)]
      command = sh -c 'kill -%(instance)d $$'
      numprocs = 65
      restart = \(type.rawValue)
      rlimit_core = 0

      """
    }
    try withSuperv(Self.configuration + types.joined()) { superv in
      try superv.start()
      let status = try superv.wait(for: "all have come to rest but those stopped") { status in
        status.agents.allSatisfy { agent in
          ["exited", "failed"].contains(agent.phase) || agent.name.hasSuffix(":\(Self.stop)")
        }
      }
      #expect(status.agents.count == 3 * 65)
      for type in RestartType.allCases {
        for number in 0...64 as ClosedRange<Int32> {
          let agent = try #require(status[agent: "\(type.rawValue):\(number)"])
          guard number != Self.stop else {
            #expect(agent.phase == "running", "a stopped process has not ended")
            #expect(agent.incarnation == 1)
            let pid = try #require(agent.pid)
            try eventually("\(agent.name) is stopped") { ProcessRecord.of(pid)?.state == "T" }
            continue
          }
          let survives = number == 0 || Self.harmless.contains(number)
          let end: Termination =
            survives ? .exited(code: 0) : .signalled(number, coreDumped: false)
          expect(agent, type, [0], end, hasWaited: nil)
        }
      }
    }
  }

  /// - Parameter hasWaited: whether a restart waited; nil when that is not looked at.
  private func expect(
    _ agent: Status.Agent, _ type: RestartType, _ normalExitCodes: ExitCodes,
    _ end: Termination, hasWaited: Bool?
  ) {
    var specification = AgentSpecification(name: agent.name)
    specification.normalExitCodes = normalExitCodes
    let exitClass = specification.classOfEnd(end)
    let isRestarted: Bool
    let phase: String
    var waits = false
    switch type.decision(after: exitClass, termination: end) {
    case .restart(let urgency):
      (isRestarted, phase) = (true, "failed")
      waits = urgency == .delayed
    case .leave, .drop: (isRestarted, phase) = (false, "exited")
    case .fail: (isRestarted, phase) = (false, "failed")
    }
    #expect(agent.phase == phase, "\(agent.name)")
    #expect(agent.incarnation == (isRestarted ? 2 : 1), "\(agent.name)")
    #expect(agent.restarts == (isRestarted ? 1 : 0), "\(agent.name)")
    switch end {
    case .exited(let code):
      #expect(agent.exit == .init(code: code, class: exitClass.rawValue), "\(agent.name)")
    case .signalled(let number, _):
      #expect(agent.exit == .init(signal: number, class: exitClass.rawValue), "\(agent.name)")
    case .outOfMemory, .unknown: Issue.record("\(agent.name)")
    }
    if let hasWaited { #expect(hasWaited == waits, "\(agent.name)") }
  }
}
