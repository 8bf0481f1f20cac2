import Glibc
import SupervSystem
import Testing

/// Probes against things that answer, do not answer, or never end.
@Suite(.aside) struct ProbeTests {
  private static func keys(_ role: String, _ probe: String, failures: Int = 1) -> String {
    """
    startsecs = 0
    \(role) = \(probe)
    \(role)_interval = 50ms
    \(role)_timeout = 300ms
    \(role)_failure_threshold = \(failures)

    """
  }

  /// An agent that sleeps, and a probe of it.
  private func tree(_ role: String, _ probe: String) -> String {
    "[agent:a]\ncommand = sleep 1000\n\(Self.keys(role, probe))"
  }

  /// A port that nobody has, for now.
  private func freePort() throws -> UInt16 {
    try TCPSocket.listen(on: "127.0.0.1", port: 0).localPort()
  }

  private func expect(
    _ superv: Superv, ready: Bool, location: SourceLocation = #_sourceLocation
  ) throws {
    try superv.wait(for: "a is \(ready ? "" : "not ")ready") { $0[agent: "a"]?.ready == ready }
  }

  // MARK: Commands

  @Test func aCommandIsRunAsTheAgentIs() throws {
    let tree = """
      [agent:a]
      command = sleep 1000
      environment = COLOUR=blue
      umask = 077
      \(Self.keys("readiness", "exec:sh probe.sh"))
      """
    try withSuperv(tree) { superv in
      try superv.write(
        "probe.sh",
        """
        echo "$COLOUR $SUPERV_AGENT $SUPERV_INCARNATION $(umask) $(pwd -P)" >seen.new
        mv seen.new seen
        test -e "good"

        """)
      try superv.start()
      try expect(superv, ready: false)
      try superv.write("good", "")
      try expect(superv, ready: true)
      #expect(superv.read("seen") == "blue a 1 0077 \(superv.folder)\n")
      try Files.remove("\(superv.folder)/good")
      try expect(superv, ready: false)
    }
  }

  @Test func whatACommandSaysIsTheReason() throws {
    try withSuperv(tree("liveness", "exec:sh probe.sh")) { superv in
      try superv.write("probe.sh", "echo 'the index\tis'; echo 'broken' >&2; exit 3\n")
      try superv.start()
      let event = try superv.waitForEvent("the verdict") { $0.event == "agent.stopping" }
      let reason = "\(event.reason ?? "")"
      #expect(reason.contains("exit code 3: the index is broken"), "\(reason)")
    }
  }

  @Test func aCommandThatCannotBeStarted() throws {
    try withSuperv(tree("readiness", "exec:/no/such/probe")) { superv in
      try superv.start()
      try expect(superv, ready: false)
    }
  }

  /// It is killed with all it has started, in sessions of their own too.
  @Test func aCommandThatHangsLeavesNothing() throws {
    try withSuperv(tree("readiness", "exec:sh probe.sh")) { superv in
      try superv.write(
        "probe.sh",
        """
        test -e good && exit 0
        trap '' TERM
        setsid sh -c 'trap "" TERM; setsid sleep 998 & echo x >>begun; sleep 999' &
        sleep 997

        """)
      try superv.start()
      try eventually("three have begun") { superv.read("begun").count >= 6 }
      try superv.write("good", "")
      try expect(superv, ready: true)
      let agent = try #require(try superv.status()[agent: "a"]?.pid)
      try eventually("what the probes have started is gone") {
        try superv.processesInFolder().filter { $0.command == "sleep" }.map(\.pid) == [agent]
      }
    }
  }

  /// Ends though its output stays open and full.
  @Test func aCommandThatTalksWithoutEnd() throws {
    try withSuperv(tree("readiness", "exec:sh probe.sh")) { superv in
      try superv.write("probe.sh", "yes | head -c 3000000; exit 0\n")
      try superv.start()
      try expect(superv, ready: true)
    }
  }

  // MARK: Connections

  @Test func aPortThatOpensAndCloses() throws {
    let port = try freePort()
    try withSuperv(tree("readiness", "tcp:127.0.0.1:\(port)")) { superv in
      try superv.start()
      try expect(superv, ready: false)
      let listener = try TCPSocket.listen(on: "127.0.0.1", port: port)
      try expect(superv, ready: true)
      listener.close()
      try expect(superv, ready: false)
    }
  }

  /// Its queue is full, so that a connection is neither made nor refused: only the timeout ends it.
  @Test func aPortThatHangs() throws {
    let listener = try TCPSocket.listen(on: "127.0.0.1", port: 0, backlog: 0)
    let port = try listener.localPort()
    try withSuperv(tree("readiness", "tcp:127.0.0.1:\(port)")) { superv in
      try superv.start()
      // The probes fill it themselves.
      try expect(superv, ready: false)
      let status = try superv.status()
      #expect(ProcessRecord.openFileCount(of: status.daemon.pid) < 100)
    }
    listener.close()
  }

  @Test func aSocketInTheFileSystem() throws {
    try withSuperv(tree("readiness", "unix:%(here)s/a.sock")) { superv in
      try superv.start()
      try expect(superv, ready: false)
      let listener = try UnixSocket.listen(at: "\(superv.folder)/a.sock")
      try expect(superv, ready: true)
      listener.close()
      try expect(superv, ready: false)
    }
  }

  /// A server says with a file what it answers next.
  private static let server = """
    import os, socket, sys, time

    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
    open("listens", "w").close()
    while True:
        client, _ = listener.accept()
        request = client.recv(65536).decode()
        with open("request", "w") as file:
            file.write(request)
        with open("answer", "rb") as file:
            answer = file.read()
        if answer == b"nothing":
            time.sleep(1000)
        for start in range(0, len(answer), 7):
            client.sendall(answer[start:start + 7])
        client.close()

    """

  private func withServer(
    _ answer: String, _ body: (Superv) throws -> Void
  ) throws {
    let port = try freePort()
    let tree = """
      [agent:a]
      command = python3 server.py \(port)
      \(Self.keys("readiness", "http:127.0.0.1:\(port)/health?deep=1", failures: 2))
      """
    try withSuperv(tree) { superv in
      try superv.write("server.py", Self.server)
      try superv.write("answer", answer)
      try superv.start()
      try eventually("it listens") { try Files.status(of: "\(superv.folder)/listens") != nil }
      try body(superv)
    }
  }

  @Test(arguments: [200, 204, 301, 399]) func goodStatuses(status: Int) throws {
    try withServer("HTTP/1.1 \(status) Fine\r\nContent-Length: 0\r\n\r\n") { superv in
      try expect(superv, ready: true)
      #expect(superv.read("request").hasPrefix("GET /health?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:"))
    }
  }

  @Test(arguments: [
    "HTTP/1.1 503 Busy\r\n\r\n", "HTTP/1.0 400\n\n", "SSH-2.0-OpenSSH_9.6\r\n", "", "nothing",
    "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 abc\r\n",
  ])
  func badAnswers(answer: String) throws {
    try withServer("HTTP/1.1 200 OK\r\n\r\n") { superv in
      try expect(superv, ready: true)
      try superv.write("answer", answer)
      try expect(superv, ready: false)
    }
  }

  @Test func aFailureRestartsWhereLivenessIsAsked() throws {
    let port = try freePort()
    try withSuperv(tree("liveness", "tcp:127.0.0.1:\(port)")) { superv in
      try superv.start()
      let event = try superv.waitForEvent("the verdict") { $0.event == "agent.stopping" }
      #expect("\(event.reason ?? "")".contains("Connection refused"), "\(event)")
      try superv.waitForEvent("the restart") {
        $0.event == "agent.started" && $0.incarnation == 2
      }
    }
  }
}
