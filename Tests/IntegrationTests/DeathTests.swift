import SupervSystem
import Testing

/// What no other test has a place for, of the ways to die in docs/operations.md.
@Suite(.aside) struct DeathTests {
  /// The fifth death in a minute is followed by a wait, and by a word about it.
  @Test func aDaemonThatKeepsDyingIsStartedLessAndLessOften() throws {
    try withSuperv(sleepers("a", "b")) { superv in
      try superv.start()
      let agents = try superv.status().agents.map(\.pid)
      var deaths = 0
      while !superv.read("run/daemon.log").contains("that is too often") {
        deaths += 1
        try #require(deaths < 20)
        let daemon = try superv.status().daemon.pid
        if let pidfd = try Processes.open(pid: daemon) { try Processes.send(.kill, to: pidfd) }
        try eventually("another daemon serves") {
          (try? superv.connect()) != nil ? try superv.status().daemon.pid != daemon : false
        }
      }
      #expect(deaths > 4)
      #expect(try superv.status().agents.map(\.pid) == agents)
      try superv.shutdown()
    }
  }
}
