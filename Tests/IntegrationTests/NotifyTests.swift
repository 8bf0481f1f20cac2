import Glibc
import SupervSystem
import Testing

/// Programs that speak sd_notify(3) or write s6's newline need no change.
@Suite(.aside) struct NotifyTests {
  /// An agent that sends datagrams and then lives on.
  private static let prelude = """
    import array, os, socket, sys, time

    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.connect(os.environ["NOTIFY_SOCKET"])

    def notify(text, descriptors=[]):
        if descriptors:
            socket.send_fds(end, [text.encode()], descriptors)
        else:
            end.send(text.encode())

    def live():
        os.execvp("sleep", ["sleep", "1000"])

    """

  private func withNotifier(
    _ program: String, keys: String = "ready = declared", _ body: (Superv) throws -> Void
  ) throws {
    let tree = "[agent:speaker]\ncommand = python3 speaker.py\n\(keys)\n"
    try withSuperv(tree) { superv in
      try superv.write("speaker.py", Self.prelude + program)
      try superv.start()
      try body(superv)
    }
  }

  private func waitUntilReady(_ superv: Superv, _ name: String = "speaker") throws -> Status {
    try superv.wait(for: "\(name) is ready") { $0[agent: name]?.ready == true }
  }

  @Test func readinessAndStatus() throws {
    let program = """
      notify("STATUS=warming up")
      notify("READY=1\\nSTATUS=serves 3 queues\\nX_OTHER=ignored")
      live()

      """
    try withNotifier(program) { superv in
      let status = try waitUntilReady(superv)
      #expect(status[agent: "speaker"]?.statusText == "serves 3 queues")
    }
  }

  @Test func systemdNotifyItself() throws {
    guard isInstalled("systemd-notify") else {
      return notTested("systemd-notify", because: "it is not installed")
    }
    let tree = """
      [agent:speaker]
      command = sh speaker.sh
      ready = declared

      """
    try withSuperv(tree) { superv in
      try superv.write(
        "speaker.sh", "systemd-notify --ready --status='from a shell'\nexec sleep 1000\n")
      try superv.start()
      let status = try waitUntilReady(superv)
      #expect(status[agent: "speaker"]?.statusText == "from a shell")
    }
  }

  @Test func aChildSpeaksForItsAgent() throws {
    let program = """
      if os.fork() == 0:
          notify("READY=1\\nSTATUS=said by a child")
          time.sleep(1000)
      live()

      """
    try withNotifier(program) { superv in
      let status = try waitUntilReady(superv)
      #expect(status[agent: "speaker"]?.statusText == "said by a child")
    }
  }

  @Test func aStrangerIsNotBelieved() throws {
    try withSuperv(sleepers("a", keys: "ready = declared")) { superv in
      try superv.start()
      let socket = try UnixSocket.connect(
        to: "\(superv.folder)/run/notify.sock", kind: .datagrams)
      _ = try socket.sendMessage(Array("READY=1".utf8).span)
      let event = try superv.waitForEvent("the refusal") { $0.event == "notify.refused" }
      #expect(event.reason?.contains("process \(Processes.ownPid) belongs to no agent") == true)
      #expect(try superv.status()[agent: "a"]?.ready == false)
    }
  }

  @Test func mainPidIsOneOfItsOwn() throws {
    let program = """
      child = os.fork()
      if child == 0:
          time.sleep(1000)
      notify("MAINPID=1")
      notify(f"MAINPID={child}\\nREADY=1")
      live()

      """
    try withNotifier(program) { superv in
      let status = try waitUntilReady(superv)
      let agent = try #require(status[agent: "speaker"])
      let main = try #require(agent.mainPid)
      #expect(main != agent.pid && ProcessRecord.of(main)?.parent == agent.pid)
      let event = try superv.waitForEvent("the refusal") { $0.event == "notify.refused" }
      #expect(event.reason?.contains("MAINPID=1") == true)
    }
  }

  /// Whoever waits for a barrier may rely on superv's having acted on what came before it.
  @Test func aBarrierEndsWhenEverythingBeforeItWasTaken() throws {
    let program = """
      for round in range(200):
          notify(f"STATUS=round {round}")
      notify("READY=1")
      reader, writer = os.pipe()
      notify("BARRIER=1", [writer])
      os.close(writer)
      os.read(reader, 1)
      open("passed", "w").close()
      live()

      """
    try withNotifier(program) { superv in
      try eventually("the barrier is passed") {
        try Files.status(of: "\(superv.folder)/passed") != nil
      }
      let agent = try superv.status()[agent: "speaker"]
      #expect(agent?.ready == true && agent?.statusText == "round 199")
    }
  }

  /// Descriptors that nobody asked for do not stay open, however many come.
  @Test func descriptorsAreNotKept() throws {
    let program = """
      null = os.open("/dev/null", os.O_RDONLY)
      for round in range(100):
          notify("FDSTORE=1", [null] * 32)
      notify("READY=1")
      reader, writer = os.pipe()
      notify("BARRIER=1", [writer])
      os.close(writer)
      os.read(reader, 1)
      open("passed", "w").close()
      live()

      """
    try withNotifier(program) { superv in
      try eventually("the barrier is passed") {
        try Files.status(of: "\(superv.folder)/passed") != nil
      }
      let status = try waitUntilReady(superv)
      #expect(ProcessRecord.openFileCount(of: status.daemon.pid) < 100)
    }
  }

  @Test func aDatagramThatIsTooLongCountsAsNone() throws {
    let program = """
      notify("STATUS=" + "x" * 65536 + "\\nSTOPPING=1")
      notify("")
      notify("READY=1\\nSTATUS=" + "y" * 3)
      live()

      """
    try withNotifier(program) { superv in
      let status = try waitUntilReady(superv)
      #expect(status[agent: "speaker"]?.statusText == "yyy")
      let event = try superv.waitForEvent("the refusal") { $0.event == "notify.refused" }
      #expect(event.reason?.contains("more than 65536 bytes") == true)
    }
  }

  // MARK: notify_fd

  @Test func aNewlineMeansReady() throws {
    let program = """
      os.write(3, b"version 7")
      os.write(3, b"\\n")
      live()

      """
    try withNotifier(program, keys: "ready = declared\nnotify_fd = 3") { superv in
      _ = try waitUntilReady(superv)
    }
  }

  /// It may have any number, whatever superv itself has open there.
  @Test func anyDescriptor() throws {
    let program = """
      os.write(17, b"\\n")
      live()

      """
    try withNotifier(program, keys: "ready = declared\nnotify_fd = 17") { superv in
      _ = try waitUntilReady(superv)
    }
  }

  /// It tells how it fared, so that the test knows that superv has seen the end.
  @Test func closingWithoutANewlineMeansNothing() throws {
    let program = """
      os.close(3)
      notify("STATUS=closed it")
      live()

      """
    try withNotifier(program, keys: "ready = declared\nnotify_fd = 3") { superv in
      let status = try superv.wait(for: "it is closed") {
        $0[agent: "speaker"]?.statusText == "closed it"
      }
      #expect(status[agent: "speaker"]?.ready == false)
    }
  }

  @Test func afloodWithoutANewlineIsCutOff() throws {
    let program = """
      import signal
      signal.signal(signal.SIGPIPE, signal.SIG_IGN)
      count = 0
      try:
          while count < 10_000_000:
              count += os.write(3, b"x" * 1000)
      except BrokenPipeError:
          notify(f"STATUS=cut off")
      live()

      """
    try withNotifier(program, keys: "ready = declared\nnotify_fd = 3") { superv in
      let status = try superv.wait(for: "it is cut off") {
        $0[agent: "speaker"]?.statusText == "cut off"
      }
      #expect(status[agent: "speaker"]?.ready == false)
    }
  }
}
