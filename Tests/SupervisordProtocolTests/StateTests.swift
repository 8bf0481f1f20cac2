import SupervisordProtocol
import Testing

@Suite struct StateTests {
  @Test func everyStateHasItsCodeAndName() {
    let all = SupervisordState.allCases.map { "\($0.rawValue) \($0.name)" }
    #expect(
      all == [
        "0 STOPPED", "10 STARTING", "20 RUNNING", "30 BACKOFF", "40 STOPPING", "100 EXITED",
        "200 FATAL", "1000 UNKNOWN",
      ])
  }

  @Test func whatRunsOrIsGoingToCannotBeStarted() {
    let running = SupervisordState.allCases.filter(\.isRunning)
    #expect(running == [.starting, .running, .backoff])
  }
}
