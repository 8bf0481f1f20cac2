import Foundation
import SupervSystem
import Testing

/// Writing that hangs stops the logger and nobody else.
@Suite(.aside) struct FrozenTests {
  private func configuration(_ logs: String, _ agents: String) -> String {
    """
    [superv]
    http = unix:%(here)s/http
    log_dir = \(logs)
    \(healthyAgent)
    startsecs = 0
    \(agents)
    """
  }

  /// What has to work while the logger cannot write, and what has to be there afterwards.
  private func freeze(
    _ superv: Superv, _ logs: String, _ freeze: () throws -> Void, thaw: () throws -> Void
  ) throws {
    try superv.waitUntilUp("talker", in: logs)
    let talker = try superv.status().pids["talker"]
    try freeze()
    do {
      defer { #expect(throws: Never.self) { try thaw() } }
      try superv.ask("talker")
      try superv.waitUntilSaid("talker", batch: 1)
      for incarnation in 2...4 {
        try superv.send(.kill, to: "healthy")
        try superv.wait(for: "healthy", incarnation: incarnation)
      }
      try superv.expectAnswers(pid: talker, of: "talker")
      #expect(try superv("health").code == 0)
      #expect(try superv("why", "healthy").code == 0)
      #expect(try superv("events").output.contains("agent.exited"))
      let client = try RawClient("\(superv.folder)/http")
      try client.send("GET /readyz HTTP/1.0\r\n\r\n")
      #expect(try client.rest().hasPrefix("HTTP/1.1 200 "))
      #expect(superv.messages("talker", in: logs) == ["up 1"])
    }
    let wanted = ["up 1"] + Superv.batch(1, count: 1000)
    try eventually("the lines of the talker are written") {
      superv.messages("talker", in: logs).count >= wanted.count
    }
    expectSame(superv.messages("talker", in: logs), wanted, "after the thaw")
    let last = try superv.lastEvent()
    try eventually("the events are written") {
      superv.logText(of: "events.ndjson", in: logs).contains(#"{"seq":\#(last),"#)
    }
    let numbers = try superv.loggedEventNumbers(in: logs)
    #expect(numbers == Array(1...numbers.count))
    try superv.expectAnswers(pid: talker, of: "talker")
    try superv.shutdown()
  }

  @Test func aLoggerThatStandsStillStopsNobodyAndLosesNothing() throws {
    try withSuperv(configuration("logs", talker("talker", count: 1000))) { superv in
      try superv.prepareTalkers()
      try superv.start()
      let logger = try superv.logger()
      try freeze(superv, "logs") {
        try superv.send(.stop, to: logger)
      } thaw: {
        try superv.send(.resume, to: logger)
      }
    }
  }

  @Test func aFrozenFileSystemStopsNobodyAndLosesNothing() throws {
    guard Processes.ownUser == 0, canMount("a frozen file system") else { return }
    try withSuperv(configuration("disk/logs", talker("talker", count: 1000))) { superv in
      try superv.prepareTalkers()
      let mounted = try superv.bash(
        """
        set -e; mkdir disk; truncate -s 8M image; mkfs.ext4 -q image
        mount -o loop image disk; fsfreeze -f disk; fsfreeze -u disk
        """
      ).end()
      defer { _ = try? superv.bash("umount -l disk").end() }
      guard mounted.code == 0 else {
        return notTested("a frozen file system", because: "\(mounted.errors)")
      }
      try superv.start()
      try freeze(superv, "disk/logs") {
        try superv.check("fsfreeze -f disk")
      } thaw: {
        try superv.check("fsfreeze -u disk")
      }
    }
  }

  /// The logger's death costs at most what it had read and not written: for each stream one buffer
  /// of 128 KiB, and the two lines that the ends of that fall into.
  @Test func aLoggerThatIsKilledIsReplacedAndNoAgentNotices() throws {
    let count = 30_000
    try withSuperv(talker("talker", count: count)) { superv in
      try superv.prepareTalkers()
      try superv.start()
      try superv.waitUntilUp("talker")
      let before = try superv.status()
      let kills = 3
      for batch in 1...kills {
        let logger = try superv.logger()
        let size = superv.read("state/logs/talker.log").utf8.count
        try superv.ask("talker")
        try eventually("it writes") { superv.read("state/logs/talker.log").utf8.count > size }
        try kill(logger, of: superv)
        try superv.waitUntilSaid("talker", batch: batch)
      }
      // One that has written everything has nothing to lose.
      try say(kills + 1, count, superv)
      try kill(try superv.logger(), of: superv)
      try say(kills + 2, count, superv)

      let found = superv.messages("talker")
      let wanted = (1...kills + 2).flatMap { Superv.batch($0, count: count) }
      let whole = Set(wanted)
      let kept = found.filter(whole.contains)
      expectSame(Array(kept.suffix(2 * count)), Array(wanted.suffix(2 * count)), "after the kills")
      #expect(Set(kept).count == kept.count, "no line comes twice")
      #expect(kept.elementsEqual(wanted.filter(Set(kept).contains)), "lines are in order")
      #expect(found.filter { $0 != "up 1" && !whole.contains($0) }.count <= 2 * kills)
      let lineBytes = "i1 b1 000001 end\n".utf8.count
      let lost = wanted.count - kept.count
      print("LOST: \(lost) of \(wanted.count) lines to \(kills) kills of the logger")
      #expect(lost * lineBytes <= kills * (128 << 10 + 2 * lineBytes))
      let after = try superv.status()
      #expect(after.pids == before.pids)
      #expect(after.daemon.pid == before.daemon.pid)
    }
  }

  private func kill(_ logger: ProcessRecord, of superv: Superv) throws {
    try superv.send(.kill, to: logger)
    try eventually("there is a new logger") {
      (try? superv.logger()).map { $0.pid != logger.pid } ?? false
    }
  }

  /// Has a batch said and waits until all of it is written.
  private func say(_ batch: Int, _ count: Int, _ superv: Superv) throws {
    try superv.ask("talker")
    let last = try #require(Superv.batch(batch, count: count).last)
    try eventually("batch \(batch) is written") {
      superv.read("state/logs/talker.log").hasSuffix("\(last)\n")
    }
  }
}
