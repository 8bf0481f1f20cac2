import Foundation
import SupervSystem
import Testing

/// A configuration of supervisord's, as it is.
@Suite(.aside) struct SupervisordTests {
  private static let configuration = """
    [unix_http_server]
    file = %(here)s/sock
    [supervisord]
    logfile = %(here)s/supervisord.log
    pidfile = %(here)s/pid
    childlogdir = %(here)s
    directory = %(here)s
    environment = SHARED="all of them"
    [program:cat]
    command = cat
    stdout_logfile = %(here)s/cat.log
    [program:says]
    command = sh -c 'printf "%%s|" "$SHARED" $SUPERVISOR_GROUP_NAME "$NOTIFY_SOCKET"; sleep 1000'
    stdout_logfile = %(here)s/says.out
    redirect_stderr = true
    [program:broken]
    command = sh -c 'echo once more >&2; exit 0'
    startretries = 1
    stderr_logfile = %(here)s/broken.err
    [program:many]
    command = sleep 1000
    process_name = %(program_name)s_%(process_num)d
    numprocs = 2
    autostart = false
    """

  private func withSupervisords(_ body: (Superv) throws -> Void) throws {
    try withSuperv(Self.configuration) { superv in
      try FileManager.default.createSymbolicLink(
        atPath: "\(superv.folder)/run", withDestinationPath: "superv-superv")
      try body(superv)
    }
  }

  @Test func runsUnchanged() throws {
    try withSupervisords { superv in
      try superv.start()
      let names = try superv.status().agents.map(\.name)
      #expect(names == ["broken", "cat", "many:many_0", "many:many_1", "says"])
      try eventually("what does not start has failed") {
        try superv.status().agents.contains { $0.name == "broken" && $0.phase == "failed" }
      }
      #expect(superv.read("broken.err") == "once more\nonce more\n")
      try eventually("what is not a line yet is in the log") {
        superv.read("says.out") == "all of them|says||"
      }
      #expect(try superv("logs", "broken").output == "err once more\nerr once more\n")
      let log = superv.read("supervisord.log")
      #expect(log.contains("INFO spawned: 'cat' with pid "), "\(log)")
      #expect(log.contains("INFO gave up: broken entered FATAL state"), "\(log)")
      let before = try superv.status()
      let keeper = before.daemon.keeperPid ?? 0
      #expect(superv.read("pid") == "\(keeper)\n")
      #expect(try superv("up", "many").code == 0)
      try superv.shutdown()
      #expect(try superv.processesInFolder().isEmpty)
      #expect(superv.read("pid").isEmpty)
    }
  }

  @Test func survivesItsDaemon() throws {
    try withSupervisords { superv in
      try superv.start()
      let before = try superv.status()
      if let pidfd = try Processes.open(pid: before.daemon.pid) {
        try Processes.send(.kill, to: pidfd)
      }
      try eventually("another daemon serves") {
        guard (try? superv.connect()) != nil else { return false }
        return try superv.status().daemon.pid != before.daemon.pid
      }
      let after = try superv.status()
      for name in ["cat", "says"] {
        let pids = [before, after].map { status in
          status.agents.first { $0.name == name }?.pid
        }
        #expect(pids[0] == pids[1])
      }
      try superv.shutdown()
    }
  }

  /// supervisorctl 4.3.0 says the same of superv as of supervisord.
  @Test func supervisorctlSaysTheSame() throws { try runScript("controls.py") }

  /// superlance's memmon, httpok and crashmail.
  @Test func listenersDoTheirWork() throws { try runScript("listeners.py") }

  /// Syslog, `strip_ansi`, and a socket that two processes share.
  @Test func outputsAndSocketsAreTheSame() throws { try runScript("streams.py") }

  /// Some of the configurations that other people wrote; `beside.py` runs them all.
  @Test func runsAsSupervisordDoes() throws {
    let corpus =
      Surroundings.variable("SUPERV_SUPERVISORD_CORPUS")
      ?? URL(filePath: repositoryFolder).deletingLastPathComponent()
      .appending(path: "shared/supervisord-corpus").path
    guard FileManager.default.fileExists(atPath: corpus) else {
      return print("NOT TESTED: configurations of other people: there is no \(corpus)")
    }
    try runScript("beside.py", "--corpus", corpus, "--files", "2")
  }

  private func runScript(_ words: String...) throws {
    try withSuperv(sleepers("unused")) { superv in
      let script = "\(repositoryFolder)/Tests/Supervisord/\(words[0])"
      let path = (Surroundings.variable("PATH") ?? "") + ":/usr/local/bin:/usr/bin:/bin"
      let command = try Command(
        ["/usr/bin/env", "python3", script, "--superv", Superv.executable] + words.dropFirst(),
        output: "\(superv.folder)/script", directory: superv.folder,
        environment: ["PATH=\(path)", "HOME=\(superv.folder)"], as: nil)
      let answer = try command.end(withinSeconds: 500)
      #expect(answer.code == 0, "\(answer.output)\(answer.errors)")
      print(answer.output)
    }
  }
}
