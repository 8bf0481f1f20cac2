import SupervSystem
import Testing

/// What operators do, and what the next daemon remembers of it.
@Suite(.aside) struct OperatorTests {
  @Test func whatAnOperatorStoppedStaysStoppedAndNumbersGoOn() throws {
    try withSuperv(sleepers("a", "b", "c")) { superv in
      try superv.start()
      try superv.send(.kill, to: "b")
      try superv.wait(for: "b", incarnation: 2)
      #expect(try superv("down", "a", "c").code == 0)
      #expect(try superv("up", "c").code == 0)
      try superv.shutdown()
      let last = try superv.lastEvent()

      try superv.start()
      #expect(try superv.events.first?.seq == last + 1)
      let status = try superv.status()
      #expect(status[agent: "a"]?.phase == "stopped")
      #expect(status[agent: "a"]?.desired == "down")
      #expect(status[agent: "a"]?.incarnation == 1)
      #expect(status[agent: "b"]?.incarnation == 3)
      #expect(status[agent: "c"]?.incarnation == 3)
      #expect(try superv("up", "a").code == 0)
      #expect(try superv.status()[agent: "a"]?.incarnation == 2)
      let numbers = try superv.allEvents().map(\.seq)
      #expect(numbers == Array(1...numbers.count))
    }
  }

  @Test func aKilledDaemonHasForgottenNothing() throws {
    try withSuperv(sleepers("a", "b")) { superv in
      try superv.start()
      #expect(try superv("down", "a").code == 0)
      #expect(try superv("restart", "b").code == 0)
      let pid = try superv.status()[agent: "b"]?.pid
      try superv.killAll()
      try superv.start()
      let status = try superv.status()
      #expect(status[agent: "a"]?.phase == "stopped")
      #expect(status[agent: "b"]?.incarnation == 2)
      #expect(status[agent: "b"]?.pid == pid)
      let numbers = try superv.allEvents().map(\.seq)
      #expect(numbers == Array(1...numbers.count))
    }
  }

  @Test func aSecondDaemonInTheSameFolderIsRefused() throws {
    try withSuperv(sleepers("a")) { superv in
      try superv.start()
      let before = try superv.status()
      for command in ["start", "run"] {
        let answer = try superv(command, superv.configuration)
        #expect(answer.code == 1, "\(command)")
        #expect(answer.errors.contains("\(before.daemon.pid)"), "\(command): \(answer.errors)")
      }
      #expect(try superv.status().pids == before.pids)
    }
  }

  @Test func aPlanTouchesNothingAndAReloadOnlyWhatChanged() throws {
    let old = sleepers("same", "changed", "gone", "rules")
    let new =
      sleepers("same", "new", "rules").replacing(
        "[agent:rules]\n", with: "[agent:rules]\nrestart = transient\n")
      + "[agent:changed]\ncommand = sleep 2000\nstartsecs = 0\n"
    try withSuperv(old) { superv in
      try superv.start()
      let before = try superv.status()
      let seq = try superv.lastEvent()
      try superv.write("superv.conf", new)

      let plan = try superv("reload", "--plan", "--json")
      #expect(plan.code == 0)
      let planned = try Reload(json: plan.output)
      #expect(!planned.applied)
      #expect(planned.isAsExpected)
      #expect(try superv.status().pids == before.pids)
      #expect(try superv.story(after: seq).isEmpty)

      let applied = try Reload(json: superv("reload", "--json").output)
      #expect(applied.applied)
      #expect(applied.isAsExpected)
      let after = try superv.wait(for: "it is done") { status in
        status[agent: "gone"] == nil && status[agent: "new"]?.phase == "running"
          && status[agent: "changed"]?.incarnation == 2
          && status[agent: "changed"]?.phase == "running"
      }
      #expect(after.pids["same"] == before.pids["same"])
      #expect(after.pids["rules"] == before.pids["rules"])
      let pid = try #require(before.pids["gone"])
      #expect(try !superv.processesInFolder().contains { $0.pid == pid })

      // A bad file changes nothing.
      try superv.write("superv.conf", "[agent:same]\ncommand = sleep 1\nrestrat = never\n")
      let bad = try superv("reload")
      #expect(bad.code == 1)
      #expect((bad.output + bad.errors).contains("restrat"))
      #expect(try superv.status().pids == after.pids)
    }
  }

  private struct Reload: Decodable {
    var applied: Bool
    var start: [String]
    var stop: [String]
    var restart: [String]
    var update: [String]
    var unchanged: Int

    var isAsExpected: Bool {
      start == ["new"] && stop == ["gone"] && restart == ["changed"] && update == ["rules"]
        && unchanged == 1
    }
  }

  @Test func aHangUpReloads() throws {
    try withSuperv(sleepers("a")) { superv in
      try superv.start()
      let before = try superv.status()
      try superv.write("superv.conf", sleepers("a", "b"))
      try superv.sendToDaemon(.hangUp)
      let after = try superv.wait(for: "b", incarnation: 1)
      #expect(after.pids["a"] == before.pids["a"])
      try superv.write("superv.conf", "nonsense")
      try superv.sendToDaemon(.hangUp)
      try superv.waitForEvent("it says why not") { $0.event == "daemon.reload_refused" }
      #expect(try superv.status().pids == after.pids)
    }
  }

  @Test func aSignalGoesToTheAgent() throws {
    try withSuperv(
      """
      [agent:a]
      command = sh -c 'trap "echo hung up > got" HUP; echo > set; while :; do sleep 0.01; done'
      """
    ) { superv in
      try superv.start()
      try eventually("the trap is set") { superv.read("set") != "" }
      #expect(try superv("signal", "HUP", "a").code == 0)
      try eventually("it got the signal") { superv.read("got") == "hung up\n" }
      #expect(try superv.status()[agent: "a"]?.incarnation == 1)
    }
  }

  @Test func anOrdinaryUserCanDoEverythingButChangeUser() throws {
    guard Processes.ownUser == 0 else {
      return notTested("an ordinary user", because: "the tests do not run as root: all of them do")
    }
    guard let nobody = try UserDatabase.ofSystem().user("nobody") else {
      return notTested("an ordinary user", because: "there is no nobody")
    }
    let other = "[agent:other]\ncommand = sleep 1000\nuser = root\nrestart = temporary\n"
    try withSuperv(
      "[supervisor:team]\nstrategy = one_for_all\nchildren = a, b\n" + sleepers("a", "b") + other,
      as: nobody
    ) { superv in
      try superv.start()
      let status = try superv.status()
      let pid = try #require(status.pids["a"])
      #expect(try Files.status(of: "/proc/\(pid)")?.user == nobody.user)
      #expect(status[agent: "other"]?.phase == "failed")
      #expect(status[agent: "other"]?.reason?.contains("Operation not permitted") == true)
      try superv.send(.kill, to: "a")
      try superv.wait(for: "b", incarnation: 2)
      #expect(try superv("down", "b").code == 0)
      #expect(try superv("logs", "a").code == 0)
      #expect(try superv("events").code == 0)
      #expect(try superv("reload").code == 0)
      #expect(try superv("restart", "team").code == 0)
      try superv.shutdown()
    }
  }
}
