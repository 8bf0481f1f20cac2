import Foundation
import Glibc
import SupervSystem
import Testing

/// Whoever connects is who the kernel says, whatever it says itself.
@Suite(.aside) struct IdentityTests {
  /// Says hello from wherever `who` is called, and writes what superv calls the speaker.
  private static let prelude = """
    import array, json, os, socket, sys, time

    def connect():
        end = socket.socket(socket.AF_UNIX)
        end.connect(os.environ["SUPERV_SOCKET"])
        return end

    def ask(end, more={}):
        hello = {"jsonrpc": "2.0", "id": 1, "method": "hello",
                 "params": {"protocol": 1, "serves": False, **more}}
        try:
            end.sendall((json.dumps(hello) + "\\n").encode())
        except BrokenPipeError:
            pass  # refused, and what superv said is there to be read
        answer = json.loads(end.makefile().readline())
        result = answer.get("result")
        return result["name"] if result else answer["error"]["data"]["kind"]

    def who(case, end=None, more={}):
        text = ask(end or connect(), more)
        with open("said", "a") as file:
            file.write(f"{case} {text}\\n")

    def child(body):
        pid = os.fork()
        if pid == 0:
            body()
            os._exit(0)
        return pid

    def orphan(body):
        def leave():
            former = os.getpid()
            def wait():
                while os.getppid() == former:
                    time.sleep(0.01)
                body()
            child(wait)
        os.waitpid(child(leave), 0)

    """

  private func withSpeakers(
    _ configuration: String, _ programs: [String: String], says count: Int,
    _ body: (Superv, Set<String>) throws -> Void
  ) throws {
    try withSuperv(configuration) { superv in
      for (name, program) in programs { try superv.write(name, Self.prelude + program) }
      try superv.start()
      try eventually("\(count) answers came") {
        superv.read("said").split(separator: "\n").count == count
      }
      try body(superv, Set(superv.read("said").split(separator: "\n").map(String.init)))
    }
  }

  @Test func everyProcessOfAnAgentSpeaksForIt() throws {
    let program = """
      def alone():
          os.setsid()
          who("child-with-a-session")
      def group():
          os.setpgid(0, 0)
          who("grandchild-with-a-group")
      def daemon():
          os.setsid()
          orphan(lambda: who("daemon"))
      who("itself")
      os.waitpid(child(lambda: who("child")), 0)
      os.waitpid(child(lambda: os.waitpid(child(group), 0)), 0)
      os.waitpid(child(alone), 0)
      orphan(lambda: who("orphan"))
      os.waitpid(child(daemon), 0)
      os.execvp("sleep", ["sleep", "1000"])

      """
    // In a control group the daemon would be known as well (OwnershipTests).
    let tree =
      "[superv]\ncgroups = off\n[agent:parent]\ncommand = python3 family.py\nnumprocs = 1\n"
    try withSpeakers(tree, ["family.py": program], says: 6) { superv, said in
      #expect(
        said == [
          "itself parent", "child parent", "grandchild-with-a-group parent",
          "child-with-a-session parent", "orphan parent", "daemon denied",
        ])
      try superv.waitForEvent("the refusal") { $0.event == "session.refused" }
    }
  }

  @Test func whatItCallsItselfDoesNotMatter() throws {
    let program = """
      forged = {"agent": "other", "name": "other", "instance": 7, "incarnation": 99, "pid": 1}
      who("forged", more=forged)
      os.environ["SUPERV_AGENT"] = "other"
      os.execvp("sleep", ["sleep", "1000"])

      """
    let tree = "[agent:liar]\ncommand = python3 liar.py\n" + sleepers("other")
    try withSpeakers(tree, ["liar.py": program], says: 1) { _, said in
      #expect(said == ["forged liar"])
    }
  }

  /// A connection stays that of the process that opened it, in whoever's hands it is.
  @Test func aConnectionThatIsHandedOver() throws {
    let lender = """
      end = connect()
      meeting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      while True:
          try:
              meeting.connect("meeting.sock")
              break
          except OSError:
              time.sleep(0.01)
      socket.send_fds(meeting, [b"x"], [end.fileno()])
      time.sleep(1000)

      """
    let borrower = """
      meeting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
      meeting.bind("meeting.sock")
      _, numbers, _, _ = socket.recv_fds(meeting, 1, 1)
      who("borrowed", socket.socket(fileno=numbers[0]))
      who("own")
      time.sleep(1000)

      """
    let tree =
      "[agent:lender]\ncommand = python3 lender.py\n"
      + "[agent:borrower]\ncommand = python3 borrower.py\n"
    let programs = ["lender.py": lender, "borrower.py": borrower]
    try withSpeakers(tree, programs, says: 2) { _, said in
      #expect(said == ["borrowed lender", "own borrower"])
    }
  }

  @Test func instancesAreToldApart() throws {
    let program = """
      who(os.environ["SUPERV_INSTANCE"])
      time.sleep(1000)

      """
    let tree = "[agent:worker]\ncommand = python3 worker.py\nnumprocs = 3\n"
    try withSpeakers(tree, ["worker.py": program], says: 3) { _, said in
      #expect(said == ["0 worker:0", "1 worker:1", "2 worker:2"])
    }
  }

  @Test func aStrangerIsToldSo() throws {
    try withSuperv(sleepers("a")) { superv in
      try superv.start()
      let connection = try ControlConnection("\(superv.folder)/run/agent.sock")
      let line = try #require(try connection.line())
      #expect(line.contains(#""kind":"denied""#) && line.contains("belongs to no agent"))
      #expect(try connection.line() == nil && connection.isOver)
      let event = try superv.waitForEvent("the refusal") { $0.event == "session.refused" }
      #expect(event.reason?.contains("process \(Processes.ownPid) ") == true)
    }
  }

  /// Whoever may not be trusted with the tree may still be an agent.
  @Test func agentsOfAnotherUserGetToTheirSocketAndNoFurther() throws {
    guard Processes.ownUser == 0, let user = try UserDatabase.ofSystem().user("nobody") else {
      return notTested("agents of another user", because: "this needs root and a user nobody")
    }
    let program = """
      try:
          socket.socket(socket.AF_UNIX).connect("run/control.sock")
          print("control open", flush=True)
      except PermissionError:
          print("control closed", flush=True)
      print("it is", ask(connect()), flush=True)
      time.sleep(1000)

      """
    let tree = "[agent:guest]\ncommand = python3 guest.py\nuser = \(user.name)\n"
    try withSuperv(tree) { superv in
      try superv.write("guest.py", Self.prelude + program)
      try Files.setMode(superv.folder, 0o755)
      try superv.start()
      try eventually("the guest is heard") { superv.read("state/logs/guest.log").contains("it is") }
      let log = superv.read("state/logs/guest.log")
      #expect(log.contains("control closed") && log.contains("it is guest"), "\(log)")
      let modes = try ["", "/agent.sock", "/notify.sock", "/control.sock"].map {
        try Files.status(of: "\(superv.folder)/run\($0)")?.mode
      }
      #expect(modes == [0o711, 0o666, 0o666, 0o600])
    }
  }
}
