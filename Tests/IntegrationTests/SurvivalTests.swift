import Foundation
import SupervSystem
import Testing

/// superv is killed, and nobody notices.
@Suite(.aside) struct SurvivalTests {
  @Test func nothingIsLostDoubledOrLeftBehind() throws {
    try runScript("survive.py", "--kills", "20", "--workers", "2", "--seed", "1")
  }

  /// Where a pidfd does not tell how a process ended (Linux before 6.15), its zombie does.
  @Test func nothingIsLostOnAnOldKernel() throws {
    try runScript("survive.py", "--old-kernel", "--kills", "9", "--workers", "2", "--seed", "2")
  }

  /// A few of the system calls that may be the daemon's last; `everycall.py` tries them all.
  @Test func everyCallCanBeTheLast() throws {
    try runScript("everycall.py", "--kills", "22", "--phases", Self.quickPhases)
  }

  private static let quickPhases =
    "up,restart,down,orphan,retire,group,child,takeover,bereft,begin,end"

  @Test func nobodyNoticesUpgrades() throws {
    try withSuperv(sleepers("unused")) { superv in
      let copy = try superv.installProgram("superv-2", from: Superv.executable)
      try runScript("upgrade.py", "--from", copy, "--upgrades", "4", "--workers", "2")
    }
  }

  /// Runs one of `Tests/Survival` against this superv, which may print what could not be tested.
  private func runScript(_ words: String...) throws {
    try withSuperv(sleepers("unused")) { superv in
      let script = repositoryFolder + "/Tests/Survival/" + words[0]
      let command = try Command(
        ["/usr/bin/env", "python3", script, "--superv", Superv.executable] + words.dropFirst(),
        output: "\(superv.folder)/script", directory: superv.folder,
        environment: [
          "PATH=/usr/local/bin:/usr/bin:/bin:" + (Surroundings.variable("PATH") ?? "")
        ], as: nil)
      let answer = try command.end(withinSeconds: 300)
      #expect(answer.code == 0, "\(answer.output)\(answer.errors)")
      print(answer.output)
    }
  }

  @Test func aKilledDaemonIsReplacedAndAKilledKeeperToo() throws {
    try withSuperv(sleepers("a", "b")) { superv in
      try superv.start()
      let first = try superv.status()
      for which in [\Status.Daemon.pid, \Status.Daemon.keeper] {
        let before = try superv.status()
        try superv.killOne(before.daemon[keyPath: which])
        let after = try superv.status()
        #expect(after.agents.map(\.pid) == first.agents.map(\.pid))
        #expect(after.agents.map(\.incarnation) == first.agents.map(\.incarnation))
        #expect(after.daemon.pid != before.daemon.pid)
      }
      try superv.shutdown()
      #expect(try superv.processesInFolder().isEmpty)
    }
  }

  @Test func anotherProgramTakesOverOrNothingChanges() throws {
    try withSuperv(sleepers("a", "b")) { superv in
      try superv.start()
      let before = try superv.status()
      let none = try superv("upgrade", "/bin/false")
      #expect(none.code == 1 && none.errors.contains("nothing has been changed"), "\(none.errors)")
      #expect(try superv.status().daemon.pid == before.daemon.pid)

      let copy = try superv.installProgram("superv-2", from: Superv.executable)
      let upgraded = try superv("upgrade", copy)
      #expect(upgraded.code == 0, "\(upgraded.errors)")
      try superv.connect()
      let after = try superv.status()
      #expect(after.daemon.pid != before.daemon.pid)
      #expect(try Files.linkTarget("/proc/\(after.daemon.pid)/exe") == Files.realPath(copy))
      #expect(after.agents.map(\.pid) == before.agents.map(\.pid))

      // It reads the journal, and does not come to serve.
      try superv.write("broken", "#!/bin/sh\n[ \"$1\" = check-journal ]\n")
      let broken = try superv.installProgram("superv-3", from: "\(superv.folder)/broken")
      let refused = try superv("upgrade", broken)
      #expect(refused.code == 1 && refused.errors.contains("goes on"), "\(refused.errors)")
      try superv.connect()
      let end = try superv.status()
      #expect(end.agents.map(\.pid) == before.agents.map(\.pid))
      #expect(try Files.linkTarget("/proc/\(end.daemon.pid)/exe") == Files.realPath(copy))
    }
  }
}

extension Status.Daemon {
  fileprivate var keeper: Int32 { keeperPid ?? 0 }
}

extension Superv {
  /// Kills daemon or keeper, and waits for the daemon that comes.
  fileprivate func killOne(_ pid: Int32) throws {
    let former = try status().daemon.pid
    let pidfd = try Processes.open(pid: pid)
    if let pidfd {
      try Processes.send(.kill, to: pidfd)
      _ = try pidfd.wait(timeoutMilliseconds: patienceSeconds * 1000)
    }
    try eventually("another daemon serves") {
      guard (try? connect()) != nil else { return false }
      return try status().daemon.pid != former
    }
  }
}
