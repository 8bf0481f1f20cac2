import SupervisionTree
import Testing

/// What people read.
@Suite struct ReasonTests {
  private static let crash = Termination.signalled(11, coreDumped: true)

  private static let texts: [(Reason, String)] = [
    (.notStarted, "not started yet"),
    (.autostartOff, "autostart is off"),
    (.supervisorStarts, "its supervisor starts"),
    (.operatorUp, "an operator asked for it to be up"),
    (.operatorDown, "an operator stopped it"),
    (.operatorRestart, "an operator asked for a restart"),
    (.ended(crash, .abnormal), "SIGSEGV (core dumped) (abnormal)"),
    (.ended(.exited(code: 0), .normal), "exit code 0 (normal)"),
    (.ended(.unknown, .abnormal), "unknown end (abnormal)"),
    (.startFailed("exec /x: No such file"), "start failed: exec /x: No such file"),
    (.childDidNotStart(child: "a", why: "w"), "a did not start: w"),
    (
      .restart(number: 2, limit: 5, period: .seconds(60), after: "exit code 1 (abnormal)"),
      "restart 2 of 5 in 60s after exit code 1 (abnormal)"
    ),
    (.group(.oneForAll, sibling: "a"), "one_for_all: restarts with a"),
    (
      .intensityExceeded(child: "a", limit: 1, period: .milliseconds(1500), after: "SIGKILL"),
      "gave up on a: more than 1 restart in 1500ms; last: SIGKILL"
    ),
    (
      .intensityExceeded(child: "a", limit: 0, period: .seconds(5), after: "x"),
      "gave up on a: more than 0 restarts in 5s; last: x"
    ),
    (.supervisorGaveUp("s"), "its supervisor s gave up"),
    (.supervisorStops("s"), "its supervisor s stops"),
    (.graceOver(.seconds(10)), "still there after 10s"),
    (.configurationError, "exit code 78 (EX_CONFIG): a restart cannot help"),
    (
      .notRestarted(.transient, .exited(code: 0), .normal),
      "exit code 0 (normal); transient, so it is not restarted"
    ),
    (.supervisorNotRestarted(.temporary, after: "x"), "x; temporary, so it is not restarted"),
    (.temporaryDropped(sibling: "a"), "temporary: dropped when a restarted its group"),
    (.waitsFor([Need("a"), Need("b", .done)]), "waits for a:ready, b:done"),
    (.stayedUp(.seconds(1)), "stayed up for 1s"),
    (.criticalFailed(child: "a", why: "w"), "critical a failed: w"),
    (.significantEnded(child: "a"), "significant a ended"),
    (.shutdown, "superv shuts down"),
    (.reloadAdded, "added by a reload"),
    (.reloadChanged, "changed by a reload"),
    (.reloadRemoved, "removed by a reload"),
    (.reloadMoved, "moved to another supervisor by a reload"),
  ]

  @Test func everyReasonHasItsText() {
    for (reason, text) in Self.texts { #expect(reason.description == text) }
  }

  @Test func signalsHaveTheirNames() {
    #expect(signalName(1) == "SIGHUP")
    #expect(signalName(9) == "SIGKILL")
    #expect(signalName(15) == "SIGTERM")
    #expect(signalName(31) == "SIGSYS")
    for number in [Int32.min, -1, 0, 32, 34, 64, .max] {
      #expect(signalName(number) == "signal \(number)")
    }
    #expect(Set((Int32(1)...64).map(signalName)).count == 64)
  }
}
