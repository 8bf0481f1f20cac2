import SupervSystem
import Testing

/// What cannot work: each is said clearly, and nothing that runs is hurt.
@Suite(.aside) struct BadSituationTests {
  /// What is wrong with an agent, and what its reason has to say.
  private static let wrong: [(agent: String, keys: String, reason: String)] = [
    ("missing", "command = /nowhere/prog", "exec /nowhere/prog: No such file or directory"),
    ("unknown", "command = no-such-program", "exec no-such-program: No such file or directory"),
    ("data", "command = ./data", "exec ./data: Permission denied"),
    ("folder", "command = /usr", "exec /usr: Permission denied"),
    (
      "nodir", "command = sleep 9\ndirectory = %(here)s/gone",
      "chdir %(here)s/gone: No such file or directory"
    ),
    (
      "noenv", "command = sleep 9\nenv_file = gone.env",
      "env_file %(here)s/gone.env: No such file or directory"
    ),
    ("badenv", "command = sleep 9\nenv_file = bad.env", "env_file %(here)s/bad.env:2:"),
    (
      "pipeenv", "command = sleep 9\nenv_file = fifo",
      "env_file %(here)s/fifo: Not a regular file"
    ),
    (
      "noinput", "command = sleep 9\nstdin = gone.txt",
      "open %(here)s/gone.txt: No such file or directory"
    ),
  ]

  @Test func anAgentThatCannotStartSaysWhyAndStartsOnceThatIsRepaired() throws {
    let agents = Self.wrong.map { "[agent:\($0.agent)]\n\($0.keys)\n" }.joined()
    try withSuperv("\(healthyAgent)\n\(agents)") { superv in
      try superv.write("data", "no program")
      try superv.write("bad.env", "GOOD=1\nno variable\n")
      try Files.makeFIFO("\(superv.folder)/fifo")
      let answer = try superv.start()
      let healthy = try superv.status().pids["healthy"]
      for (agent, _, text) in Self.wrong {
        let reason = text.replacing("%(here)s", with: superv.folder)
        try superv.waitForEvent("\(agent): \(reason)") {
          $0.event == "agent.start_failed" && $0.agent == agent
            && $0.reason?.contains(reason) == true
        }
        #expect(answer.errors.contains("\(agent) is "), "start names \(agent)")
        let why = try superv("why", agent)
        #expect(why.code == 0 && why.output.contains(reason), "\(why.output)")
      }
      try Files.makeDirectories("\(superv.folder)/gone")
      #expect(try superv("up", "nodir").code == 0)
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func privilegesThatAreMissingAreSaid() throws {
    let me = try unprivilegedUser()
    try withSuperv(
      """
      \(healthyAgent)
      [agent:other]
      command = sleep 9
      user = root
      [agent:limit]
      command = sleep 9
      rlimit_nofile = unlimited
      [agent:nice]
      command = sleep 9
      nice = -5
      """, as: me
    ) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let reasons: [(String, String)] = [
        ("other", "Operation not permitted; `user` needs a superv that runs as root"),
        ("limit", "setrlimit nofile: Operation not permitted; a limit above superv's own hard"),
        ("nice", "setpriority -5: Permission denied; a `nice` below superv's own needs"),
      ]
      for (agent, reason) in reasons {
        try superv.waitForEvent("\(agent): \(reason)") {
          $0.agent == agent && $0.reason?.contains(reason) == true
        }
      }
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func aUserThatVanishesIsSaidAtTheNextStart() throws {
    guard Processes.ownUser == 0, canMount("a user that vanishes") else { return }
    try withSuperv(
      """
      \(healthyAgent)
      [agent:guest]
      command = sleep 1000
      user = passing
      """
    ) { superv in
      try superv.check(
        """
        cp /etc/passwd passwd
        echo 'passing:x:64999:64999::/:/bin/sh' >> passwd
        unshare -m bash -c 'mount --bind passwd /etc/passwd && exec "$SUPERV" start superv.conf'
        """)
      try superv.connect()
      let healthy = try superv.status().pids["healthy"]
      #expect(try superv.status()[agent: "guest"]?.phase == "running")
      // The file itself is what is mounted.
      try superv.check("cp /etc/passwd passwd")
      #expect(try superv("restart", "guest", "--timeout", "1s").code != 0)
      try superv.waitForEvent("the user is missed") {
        $0.agent == "guest" && $0.reason?.contains("user: no such user: passing") == true
      }
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func aDaemonThatCannotLiveThereSaysWhyAndLeavesNothing() throws {
    try withSuperv("[superv]\nhttp = unix:%(here)s/http\n\(healthyAgent)") { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let listener = try TCPSocket.listen(on: "127.0.0.1", port: 0)
      let port = try listener.localPort()
      let long = String(repeating: "long/", count: 30)
      try superv.write("file", "")
      let refusals: [(settings: String, error: String)] = [
        ("runtime_dir = file", "runtime_dir cannot be used: "),
        ("runtime_dir = file/below", "runtime_dir cannot be used: "),
        ("state_dir = file", "state_dir cannot be used: mkdir \(superv.folder)/file: Not a dir"),
        ("log_dir = file/logs", "log_dir cannot be used: mkdir \(superv.folder)/file: Not a dir"),
        ("runtime_dir = \(long)", "hint: set `runtime_dir` to a shorter path"),
        ("runtime_dir = run", "already runs in \(superv.folder)/run; superv shutdown stops it"),
        (
          "http = 127.0.0.1:\(port)",
          "http cannot be served: bind 127.0.0.1:\(port): Address already in use"
        ),
        ("http = unix:%(here)s/http", "\(superv.folder)/http: Address already in use"),
      ]
      for (settings, error) in refusals {
        try Files.makeDirectories("\(superv.folder)/two")
        let home = "runtime_dir = two/run\nstate_dir = two/state\n"
        let changed = settings.split(separator: " ")[0]
        let kept = home.split(separator: "\n").filter { !$0.hasPrefix(changed) }
        try superv.write(
          "two.conf",
          "[superv]\n\(kept.joined(separator: "\n"))\n\(settings)\n[agent:b]\ncommand = sleep 9\n")
        let answer = try superv("start", "\(superv.folder)/two.conf")
        #expect(answer.code == 1, "\(settings): \(answer.output)")
        #expect(answer.errors.contains(error), "\(settings): \(answer.errors)")
        #expect(try Files.status(of: "\(superv.folder)/two/run/control.sock") == nil)
        try superv.expectAnswers(pid: healthy)
      }
      #expect(try superv.processesInFolder().filter { $0.command == "sleep" }.count == 1)
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func foldersThatCannotBeWrittenAreNamed() throws {
    let me = try unprivilegedUser()
    try withSuperv(healthyAgent, as: me) { superv in
      try Files.makeDirectories("\(superv.folder)/locked", mode: 0o555)
      for key in ["runtime_dir", "state_dir", "log_dir"] {
        for path in ["locked", "locked/below"] {
          try superv.write("two.conf", "[superv]\n\(key) = \(path)\n\(healthyAgent)")
          let answer = try superv("start", "\(superv.folder)/two.conf")
          let place = "\(key) cannot be used: "
          #expect(answer.code == 1 && answer.errors.contains(place), "\(answer.errors)")
          #expect(answer.errors.contains("\(superv.folder)/locked"), "\(answer.errors)")
          #expect(answer.errors.contains("Permission denied"), "\(answer.errors)")
        }
      }
    }
  }

  @Test func aFileSystemThatIsReadOnlyIsNamed() throws {
    guard Processes.ownUser == 0, canMount("folders on a read-only file system") else { return }
    try withSuperv(healthyAgent) { superv in
      try Files.makeDirectories("\(superv.folder)/disk")
      for key in ["runtime_dir", "state_dir", "log_dir"] {
        try superv.write("two.conf", "[superv]\n\(key) = disk\n\(healthyAgent)")
        let answer = try superv.bash(
          """
          unshare -m bash -c 'mount -t tmpfs -o ro none disk && exec "$SUPERV" start two.conf'
          """
        ).end()
        #expect(answer.code == 1, "\(answer.output)")
        let error = "\(key) cannot be used: open \(superv.folder)/disk"
        #expect(answer.errors.contains(error), "\(answer.errors)")
        #expect(answer.errors.contains("Read-only file system"), "\(answer.errors)")
      }
    }
  }
}

/// A configuration that is wrong, or gone: the tree stays as it is.
@Suite(.aside) struct BadConfigurationTests {
  @Test func nothingIsStartedFromABadFile() throws {
    try withSuperv("[agent:a]\ncommand = sleep 1000\nuser = nobody-at-all\ncolour = red\n") {
      superv in
      for words in [["check", superv.configuration], ["start", superv.configuration]] {
        let answer = try superv.launch(words).end()
        let all = answer.output + answer.errors
        #expect(answer.code == 1)
        #expect(all.contains("superv.conf:3:8: error: there is no user `nobody-at-all`"), "\(all)")
        #expect(all.contains("superv.conf:4:1: error: "), "\(all)")
      }
      #expect(try Files.status(of: "\(superv.folder)/run") == nil)
      let missing = try superv("start", "\(superv.folder)/gone.conf")
      #expect(missing.code == 1)
      #expect(missing.errors.contains("gone.conf`: No such file"), "\(missing.errors)")
    }
  }

  @Test func aReloadOfABadOrMissingFileChangesNothing() throws {
    try withSuperv("\(healthyAgent)\n[agent:b]\ncommand = sleep 1000\n") { superv in
      try superv.start()
      let before = try superv.status().pids
      try superv.write("superv.conf", "\(healthyAgent)\n[agent:c]\ncomand = sleep 1000\n")
      for words in [["reload"], ["reload", "--plan"], ["reload", "--json"]] {
        let answer = try superv.launch(words).end()
        #expect(answer.code == 1)
        #expect(answer.output.contains("comand"), "\(answer.output)")
      }
      let last = try superv.lastEvent()
      try superv.sendToDaemon(.hangUp)
      let refusal = try superv.waitForEvent("the refusal is told", after: last) {
        $0.event == "daemon.reload_refused"
      }
      #expect(refusal.reason?.contains("superv.conf:3: ") == true, "\(refusal.reason ?? "")")

      try Files.remove(superv.configuration)
      let answer = try superv("reload")
      #expect(answer.code == 1)
      #expect(answer.output.contains("cannot read `\(superv.configuration)`"), "\(answer.output)")
      #expect(try superv.status().pids == before)

      try superv.write("superv.conf", "\(healthyAgent)\n[agent:c]\ncommand = sleep 1000\n")
      #expect(try superv("reload").code == 0)
      let after = try superv.wait(for: "b is replaced by c") {
        $0[agent: "b"] == nil && $0[agent: "c"]?.phase == "running"
      }
      #expect(after.pids["healthy"] == before["healthy"])
    }
  }
}
