import SupervisordProtocol
import Testing

@Suite struct EventActivityTests {
  private func line(_ activity: Activity) -> String { "\(activity.level.name) \(activity.text)" }

  @Test(arguments: [
    (ProcessActivity.spawned(pid: 123), "INFO spawned: 'cat' with pid 123"),
    (.spawnFailed(reason: "can't find command 'x'"), "INFO spawnerr: can't find command 'x'"),
    (.alreadyRunning, "WARN process 'cat' already running"),
    (
      .succeeded(startSeconds: 1),
      "INFO success: cat entered RUNNING state, process has stayed up for > than 1 seconds "
        + "(startsecs)"
    ),
    (
      .exited(.exited(status: 0), isExpected: true),
      "INFO exited: cat (exit status 0; expected)"
    ),
    (
      .exited(.signalled(9, dumpedCore: false), isExpected: false),
      "WARN exited: cat (terminated by SIGKILL; not expected)"
    ),
    (
      .exited(.signalled(6, dumpedCore: true), isExpected: false),
      "WARN exited: cat (terminated by SIGABRT (core dumped); not expected)"
    ),
    (.stopped(.exited(status: 0), isExpected: true), "INFO stopped: cat (exit status 0)"),
    (
      .stopped(.signalled(15, dumpedCore: false), isExpected: false),
      "WARN stopped: cat (terminated by SIGTERM)"
    ),
    (
      .stopped(.unknown(waitStatus: 0x7F), isExpected: false),
      "WARN stopped: cat (unknown termination cause 0x007f)"
    ),
    (.gaveUp, "INFO gave up: cat entered FATAL state, too many start retries too quickly"),
    (.waitedForToStop, "INFO waiting for cat to stop"),
    (.overdue(pid: 12), "WARN killing 'cat' (12) with SIGKILL"),
    (
      .killing(pid: 12, signal: 15, asGroup: false), "DEBG killing cat (pid 12) with signal SIGTERM"
    ),
    (
      .killing(pid: 12, signal: 2, asGroup: true),
      "DEBG killing cat (pid 12) process group with signal SIGINT"
    ),
    (.signalling(pid: 12, signal: 1), "DEBG sending cat (pid 12) sig SIGHUP"),
    (
      .killedTooLate(pid: 12),
      "DEBG unable to signal cat (pid 12), it probably just exited on its own: "
        + "[Errno 3] No such process"
    ),
    (.wrote(.stderr, [0x61, 0x0A]), "DEBG 'cat' stderr output:\na\n"),
    (.wrote(.stdout, [0xFF]), "DEBG 'cat' stdout output:\nUndecodable: b'\\xff'"),
    (.emittedCommunication(.stdout), "DEBG 'cat' stdout emitted a comm event"),
  ])
  func tellsOfProcesses(_ activity: ProcessActivity, expected: String) {
    #expect(line(.process("cat", activity)) == expected)
  }

  @Test(arguments: [
    (DaemonActivity.started(pid: 4), "INFO supervisord started with pid 4"),
    (.interfaceInitialized("supervisor"), "INFO RPC interface 'supervisor' initialized"),
    (
      .serverWithoutAuthentication("unix_http_server"),
      "CRIT Server 'unix_http_server' running without any HTTP authentication checking"
    ),
    (.exitRequested(signal: 15), "WARN received SIGTERM indicating exit request"),
    (
      .restartRequested(signal: 1, isShuttingDown: false),
      "WARN received SIGHUP indicating restart request"
    ),
    (
      .restartRequested(signal: 1, isShuttingDown: true),
      "WARN ignored SIGHUP indicating restart request (shutdown in progress)"
    ),
    (.logReopenRequested(signal: 12), "INFO received SIGUSR2 indicating log reopen request"),
    (.childSignal(signal: 17), "DEBG received SIGCHLD indicating a child quit"),
    (.otherSignal(signal: 35), "BLAT received signal 35 indicating nothing"),
    (.waitedForToDie(["a", "b"]), "INFO waiting for a, b to die"),
    (
      .reapedUnknown(pid: 5, .exited(status: 3)), "INFO reaped unknown pid 5 (exit status 3)"
    ),
    (.includedFile("/etc/a b.ini"), #"INFO Included extra file "/etc/a b.ini" during parsing"#),
    (.changedDirectory("/it's"), #"INFO set current directory: "/it's""#),
    (
      .changedDirectory("/\u{A0}\u{1F600}é\u{200B}\t"),
      #"INFO set current directory: '/\xa0😀é\u200b\t'"#
    ),
  ])
  func tellsOfTheDaemon(_ activity: DaemonActivity, expected: String) {
    #expect(line(.daemon(activity)) == expected)
  }

  @Test func onlyExitStatusesAreExpected() {
    #expect(ActivityEnding.exited(status: 2).isExpected(exitCodes: [0, 2]))
    #expect(!ActivityEnding.exited(status: 1).isExpected(exitCodes: [0, 2]))
    #expect(!ActivityEnding.signalled(2, dumpedCore: false).isExpected(exitCodes: [0, 2]))
    #expect(!ActivityEnding.unknown(waitStatus: 0).isExpected(exitCodes: [0]))
  }

  @Test func levelsFilter() {
    let words = ActivityLevel.allCases.map(\.word)
    #expect(words == ["blather", "trace", "debug", "info", "warn", "error", "critical"])
    #expect(ActivityLevel.allCases.map(\.name).joined() == "BLATTRACDEBGINFOWARNERROCRIT")
    #expect(ActivityLevel.allCases.sorted() == ActivityLevel.allCases)
    #expect(words.compactMap(ActivityLevel.init(word:)) == ActivityLevel.allCases)
    #expect(ActivityLevel(word: "WARN") == nil)
    #expect(Activity.process("cat", .spawned(pid: 1)).level >= ActivityLevel.info)
  }

  @Test(arguments: [
    (1_795_291_200_123_999_999, 0, "2026-11-21 20:00:00,123"),
    (1_795_291_200_123_999_999, 19_800, "2026-11-22 01:30:00,123"),
    (1_795_291_200_123_999_999, -75_600, "2026-11-20 23:00:00,123"),
    (0, 0, "1970-01-01 00:00:00,000"), (-1, 0, "1969-12-31 23:59:59,999"),
    (951_782_399_000_000_000, 0, "2000-02-28 23:59:59,000"),
    (951_782_400_000_000_000, 0, "2000-02-29 00:00:00,000"),
    (4_107_542_400_000_000_000, 0, "2100-03-01 00:00:00,000"),
  ])
  func writesLocalTime(_ nanoseconds: Int64, offset: Int32, expected: String) {
    let text = ActivityTime.text(unixNanoseconds: nanoseconds, utcOffsetSeconds: offset)
    #expect(text == expected)
  }

  @Test func writesWholeLines() {
    let activity = Activity.daemon(.started(pid: 4))
    #expect(
      activity.line(unixNanoseconds: 1_795_291_200_123_000_000, utcOffsetSeconds: 0)
        == "2026-11-21 20:00:00,123 INFO supervisord started with pid 4\n")
  }

  @Test func anyTimeCanBeWritten() {
    for nanoseconds in [Int64.min, .max] {
      for offset in [Int32.min, .max] {
        let text = ActivityTime.text(unixNanoseconds: nanoseconds, utcOffsetSeconds: offset)
        #expect(text.utf8.count == 23)
      }
    }
  }
}
