import SupervSystem
import Testing

/// A thousand agents that all die at once.
@Suite(.aside) struct FleetTests {
  @Test func aThousandKilledAgentsAreAllBackAndNoneTwice() throws {
    let count = try Self.possibleCount()
    try withSuperv(
      "[agent:w]\ncommand = sleep 1000\nnumprocs = \(count)\nstartsecs = 0\n"
    ) { superv in
      try superv.start()
      let before = try superv.status()
      #expect(before.agents.count == count)
      #expect(Set(before.pids.values).count == count)
      let daemon = before.daemon.pid

      for pid in before.pids.values {
        if let pidfd = try Processes.open(pid: pid) { try Processes.send(.kill, to: pidfd) }
      }
      var mostChildren = 0
      let after = try superv.wait(for: "all are back") { status in
        mostChildren = max(mostChildren, try sleepers(below: daemon).count)
        return status.agents.allSatisfy { $0.incarnation == 2 && $0.phase == "running" }
      }
      let living = try Set(sleepers(below: daemon).map(\.pid))
      #expect(mostChildren <= count)
      #expect(Set(after.pids.values) == living)
      #expect(living.count == count)
      #expect(living.isDisjoint(with: before.pids.values))
      for agent in after.agents {
        #expect(agent.restarts == 1)
        #expect(agent.exit == .init(signal: 9, class: "abnormal"))
      }

      let family = try Set(ProcessRecord.all().filter { $0.parent == daemon }.map(\.pid))
      #expect(family.count == count + 1, "the agents and the logger")
      try superv.shutdown()
      let left = try ProcessRecord.all().filter { record in
        record.state != "Z"
          && (family.contains(record.pid) || record.parent == daemon || record.session == daemon
            || living.contains(record.session))
      }
      #expect(left.isEmpty)
      #expect(try superv.processesInFolder().isEmpty)
    }
  }

  /// The agents among the daemon's children.
  private func sleepers(below daemon: Int32) throws -> [ProcessRecord] {
    try ProcessRecord.all().filter {
      $0.parent == daemon && $0.command == "sleep" && $0.state != "Z"
    }
  }

  /// 1,000, or as many as this machine allows.
  private static func possibleCount() throws -> Int {
    let processes = try ProcessLimit.current(.nproc).soft
    let files = try ProcessLimit.current(.nofile).hard
    // An agent has a pidfd and two pipes; the logger reads those of all.
    let possible = min(1000, Int(clamping: processes / 2), Int(clamping: files / 6))
    if possible < 1000 {
      notTested("1,000 agents, only \(possible)", because: "the limits are lower")
    }
    return possible
  }
}
