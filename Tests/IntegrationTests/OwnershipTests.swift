import SupervSystem
import Testing

/// Nothing that an agent starts outlives it, whatever it does to get away: with control groups, and
/// without.
@Suite(.aside, .serialized) struct OwnershipTests {
  private static let kinds = [
    "session", "double", "cleared", "deaf", "stopped", "traced", "storm", "closed", "renamed",
    "grandchild", "comet",
  ]

  /// Whether superv can make control groups here; says so aloud where it cannot.
  private static func canTest(_ cgroups: String) -> Bool {
    do {
      if cgroups != "off" { _ = try ControlGroupHome.find() }
      return true
    } catch {
      notTested("what agents leave behind, with control groups", because: error.description)
      return false
    }
  }

  private static func zoo(_ cgroups: String, _ kinds: [String], keys: String = "") -> String {
    "[superv]\ncgroups = \(cgroups)\n"
      + kinds.map { "[agent:\($0)]\ncommand = python3 zoo.py \($0)\nstartsecs = 0\n\(keys)\n" }
      .joined()
  }

  private static func addZoo(to superv: Superv) throws {
    try superv.write("zoo.py", try Files.readText("\(repositoryFolder)/Tests/Fixtures/zoo.py"))
  }

  /// The living processes of one kind: the agent's own, and its animals.
  private static func processes(_ kind: String, of superv: Superv) throws -> [ProcessRecord] {
    try superv.processesInFolder().filter { record in
      let line = (try? Files.readText("/proc/\(record.pid)/cmdline")) ?? ""
      return line.split(separator: "\0").contains(kind[...])
    }
  }

  /// Whether an animal lives that is too quick to be seen.
  private static func isLocked(_ kind: String, of superv: Superv) throws -> Bool {
    let path = "\(superv.folder)/\(kind).lock"
    guard try Files.status(of: path) != nil else { return false }
    return try !Files.open(path, .readWrite).lock()
  }

  /// Waits until the animal of an incarnation is out.
  private static func wait(
    for kind: String, incarnation: Int = 1, of superv: Superv
  ) throws -> ProcessIdentity? {
    let name = "\(kind).\(incarnation)"
    try eventually("\(name) is out") { !superv.read(name).isEmpty }
    return Int32(superv.read(name)).flatMap { ProcessIdentity.of($0) }
  }

  @Test(arguments: ["off", "auto"])
  func nothingIsLeftOfAnAgentThatIsStopped(cgroups: String) throws {
    guard Self.canTest(cgroups) else { return }
    try withSuperv(Self.zoo(cgroups, Self.kinds)) { superv in
      try Self.addZoo(to: superv)
      try superv.start()
      for kind in Self.kinds {
        _ = try Self.wait(for: kind, of: superv)
        let isThere =
          try Self.isLocked(kind, of: superv) || Self.processes(kind, of: superv).count > 1
        #expect(isThere, "\(cgroups): \(kind)")
      }
      for kind in Self.kinds {
        #expect(try superv("down", kind).code == 0)
        #expect(try Self.processes(kind, of: superv).isEmpty, "\(cgroups): \(kind)")
        #expect(try !Self.isLocked(kind, of: superv), "\(cgroups): \(kind)")
        // Who is killed and on its way out may still be seen.
        try eventually("\(cgroups): \(kind) has left nobody") {
          try superv.status()[agent: kind]?.orphans == []
        }
      }
    }
  }

  @Test(arguments: ["off", "auto"])
  func nothingIsLeftOfAnAgentThatCrashes(cgroups: String) throws {
    guard Self.canTest(cgroups) else { return }
    let kinds = ["cleared", "closed", "deaf"]
    try withSuperv(Self.zoo(cgroups, kinds)) { superv in
      try Self.addZoo(to: superv)
      try superv.start()
      for kind in kinds {
        let animal = try #require(try Self.wait(for: kind, of: superv))
        try superv.send(.kill, to: kind)
        try superv.wait(for: kind, incarnation: 2)
        // A zombie may wait for its turn.
        #expect(ProcessRecord.of(animal.pid).map { $0.state == "Z" } ?? true, "\(kind)")
        let event = try superv.waitForEvent("\(kind) is cleared") {
          $0.event == "agent.cleared" && $0.agent == kind
        }
        let start = try superv.waitForEvent("\(kind) starts again") {
          $0.event == "agent.started" && $0.agent == kind && $0.incarnation == 2
        }
        #expect(event.seq < start.seq, "before its replacement starts")
      }
    }
  }

  @Test(arguments: ["off", "auto"])
  func nothingIsLeftAfterAShutdownOfEverything(cgroups: String) throws {
    guard Self.canTest(cgroups) else { return }
    try withSuperv(Self.zoo(cgroups, Self.kinds, keys: "detach_allowed = yes")) { superv in
      try Self.addZoo(to: superv)
      try superv.start()
      for kind in Self.kinds { _ = try Self.wait(for: kind, of: superv) }
      try superv.shutdown()
      #expect(try superv.processesInFolder().isEmpty)
    }
  }

  @Test(arguments: ["off", "auto"])
  func whatMayDetachLivesOnAndIsNamed(cgroups: String) throws {
    guard Self.canTest(cgroups) else { return }
    let kinds = ["cleared", "double"]
    try withSuperv(Self.zoo(cgroups, kinds, keys: "detach_allowed = yes")) { superv in
      try Self.addZoo(to: superv)
      try superv.start()
      let away = try #require(try Self.wait(for: "cleared", of: superv))
      _ = try Self.wait(for: "double", of: superv)
      for kind in kinds { #expect(try superv("down", kind).code == 0) }
      // What has stayed in its session goes with it.
      #expect(try Self.processes("double", of: superv).isEmpty)
      #expect(try Self.processes("cleared", of: superv).map(\.pid) == [away.pid])
      #expect(try superv.status()[agent: "cleared"]?.orphans == [away.pid])
      #expect(try superv("status").output.contains("orphans \(away.pid)"))
      #expect(try superv("up", "cleared").code == 0)
      _ = try Self.wait(for: "cleared", incarnation: 2, of: superv)
      #expect(try superv.status()[agent: "cleared"]?.orphans?.contains(away.pid) == true)
    }
  }

  /// Connects to superv and says what it hears.
  private static let caller = """
    import os, socket, sys, time
    def say(to):
        end = socket.socket(socket.AF_UNIX)
        end.connect("run/agent.sock")
        try:
            end.sendall(b'{"jsonrpc":"2.0","id":1,"method":"hello","params":{"protocol":1}}\\n')
        except OSError:
            pass  # refused already
        with open(to + ".draft", "wb") as file:
            file.write(end.makefile("rb").readline())
        os.rename(to + ".draft", to)
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while os.getppid() != int(os.environ["SUPERV"]):
                time.sleep(0.001)
            say("heard")
            time.sleep(100)
        os._exit(0)
    time.sleep(100)

    """

  @Test(arguments: ["off", "auto"])
  func oneThatHasLeftIsKnownByItsControlGroup(cgroups: String) throws {
    guard Self.canTest(cgroups) else { return }
    let tree =
      "[superv]\ncgroups = \(cgroups)\n[agent:a]\nautostart = no\ncommand = sh -c 'SUPERV=$PPID "
      + "exec python3 caller.py'\n"
    try withSuperv(tree) { superv in
      try superv.write("caller.py", Self.caller)
      try superv.start()
      #expect(try superv("up", "a").code == 0)
      try eventually("it has heard something") { !superv.read("heard").isEmpty }
      let heard = superv.read("heard")
      #expect(
        heard.contains(cgroups == "off" ? "belongs to no agent" : #""agent":"a""#), "\(heard)")
    }
  }
}
