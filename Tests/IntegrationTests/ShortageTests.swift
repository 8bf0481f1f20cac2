import SupervSystem
import Testing

/// No space and no descriptors: what cannot be done is said, and everything else goes on.
@Suite(.aside) struct ShortageTests {
  @Test func aFullDiskCostsLinesThatAreCountedAndNothingElse() throws {
    guard Processes.ownUser == 0, canMount("a full disk") else { return }
    let count = 20_000
    try withSuperv(
      """
      [superv]
      log_dir = disk
      \(healthyAgent)
      \(talker("talker", count: count))
      """
    ) { superv in
      try superv.prepareTalkers()
      try superv.check(
        "mkdir disk; mount -t tmpfs -o size=3m none disk; head -c 2816k /dev/zero > disk/ballast")
      defer { _ = try? superv.bash("umount -l disk").end() }
      try superv.start()
      try superv.waitUntilUp("talker", in: "disk")
      let before = try superv.status()
      try superv.ask("talker")
      try superv.waitUntilSaid("talker", batch: 1)
      let fault = try superv.waitForEvent("the fault is told") {
        $0.event == "log.fault" && $0.reason?.contains("disk/talker.log") == true
      }
      #expect(fault.reason?.contains("No space left on device") == true, "\(fault.reason ?? "")")

      // Everything goes on while the disk is full.
      try superv.send(.kill, to: "healthy")
      let back = try superv.wait(for: "healthy", incarnation: 2)
      #expect(back.pids["talker"] == before.pids["talker"])
      #expect(back[agent: "talker"]?.phase == "running")
      try superv.ask("talker")
      try superv.waitUntilSaid("talker", batch: 2)
      try superv.expectAnswers(pid: back.pids["healthy"])
      #expect(try superv("events", "--json").output.contains("log.fault"))

      try Files.remove("\(superv.folder)/disk/ballast")
      let recovery = try superv.waitForEvent("the recovery is told") {
        $0.event == "log.recovered" && $0.reason?.contains("disk/talker.log") == true
      }
      try superv.shutdown()
      let lines = superv.logLines("talker", in: "disk")
      let kept = superv.messages("talker", in: "disk")
      let dropped = lines.filter { $0.contains(" -- superv: ") }.compactMap(Self.droppedLines)
      #expect(recovery.reason?.contains("\(dropped.last ?? 0) lines") == true)
      print("DROPPED: \(dropped.reduce(0, +)) of \(2 * count) lines, in \(dropped.count) gaps")
      #expect(kept.count + dropped.reduce(0, +) == 2 * count + 1, "every line is there or counted")
      let wanted =
        ["up 1"] + Superv.batch(1, count: count) + Superv.batch(2, count: count)
      let whole = Set(wanted)
      #expect(kept.allSatisfy(whole.contains), "no line is torn")
      #expect(Set(kept).count == kept.count, "no line comes twice")
      #expect(kept.dropFirst().elementsEqual(kept.dropFirst().sorted()), "lines are in order")
    }
  }

  /// From `… -- superv: 12 lines (3456 bytes) dropped: No space left on device --`.
  private static func droppedLines(_ mark: Substring) -> Int? {
    mark.split(separator: " -- superv: ").last.flatMap { Int($0.prefix { $0.isNumber }) }
  }

  @Test func withoutDescriptorsSomeAgentsWaitAndTheRestLives() throws {
    try withSuperv(
      """
      [superv]
      intensity = 2
      \(healthyAgent)
      [agent:many]
      command = sleep 1000
      startsecs = 0
      numprocs = 40
      """
    ) { superv in
      try superv.check("ulimit -n 80; superv start superv.conf")
      try superv.connect()
      let healthy = try superv.status().pids["healthy"]
      let full = try superv.wait(for: "those that cannot start have failed") { status in
        status.agents.allSatisfy { $0.phase == "running" || $0.phase == "failed" }
      }
      let failed = full.agents.filter { $0.phase == "failed" }
      let living = full.agents.filter { $0.phase == "running" && $0.name != "healthy" }
      #expect(failed.count > 5 && living.count > 5)
      let first = try #require(failed.first)
      try superv.waitForEvent("the reason is said") {
        $0.event == "agent.start_failed" && $0.agent == first.name
          && $0.reason?.contains("Too many open files") == true
      }
      #expect(try superv("why", first.name).output.contains("Too many open files"))
      try superv.expectAnswers(pid: healthy)

      let half = living.prefix(living.count / 2).map(\.name)
      #expect(try superv.launch(["down"] + half).end().code == 0)
      #expect(try superv("up", first.name).code == 0)
      let after = try superv.status()
      #expect(after[agent: first.name]?.phase == "running")
      #expect(after.pids["healthy"] == healthy)
      for agent in living.dropFirst(half.count) {
        #expect(after.pids[agent.name] == agent.pid)
      }
    }
  }
}
