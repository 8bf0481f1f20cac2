import SupervSystem
import Testing

/// superv as a service: what a manager above it hears, as sd_notify(3) has it.
@Suite(.aside) struct ServiceManagerTests {
  /// Prints each assignment with the pid of its sender, and `silence` when nothing has come for
  /// long.
  private static let listener = """
    import socket, struct, sys

    end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    place = sys.argv[1]
    end.bind("\\0" + place[1:] if place[0] == "@" else place)
    end.settimeout(2)
    print("0 listening", flush=True)
    while True:
        try:
            data, ancillary, _, _ = end.recvmsg(65536, 1024)
        except TimeoutError:
            print("0 silence", flush=True)
            continue
        sender = struct.unpack("3i", ancillary[0][2])[0]
        for line in data.decode().split("\\n"):
            print(sender, line, flush=True)

    """

  /// What a manager hears, and the service that it has started.
  private final class Manager {
    struct Word: Equatable {
      var sender: Int32
      var text: String
    }

    let service: Command
    private let listener: Command

    init(_ superv: Superv, at place: String, environment: String) throws {
      try superv.write("manager.py", ServiceManagerTests.listener)
      let path = "PATH=" + (Surroundings.variable("PATH") ?? "/usr/bin:/bin")
      let listener = try Command(
        ["/usr/bin/env", "python3", "manager.py", place], output: "\(superv.folder)/manager",
        directory: superv.folder, environment: [path], as: nil)
      self.listener = listener
      try eventually("the manager listens") { listener.output.contains("listening") }
      service = try Command(
        ["/bin/sh", "-c", "\(environment) exec '\(Superv.executable)' run superv.conf"],
        output: "\(superv.folder)/service", directory: superv.folder,
        environment: [
          path, "HOME=\(superv.folder)", "XDG_RUNTIME_DIR=\(superv.folder)/xdg",
          "NOTIFY_SOCKET=\(place)",
        ], as: nil)
      try eventually("superv serves") { (try? superv.connect()) != nil }
    }

    var words: [Word] {
      listener.output.split(separator: "\n").compactMap { line in
        let parts = line.split(separator: " ", maxSplits: 1)
        return Int32(parts[0]).map { Word(sender: $0, text: String(parts.last ?? "")) }
      }
    }

    /// The first word after so many that begins so.
    @discardableResult
    func wait(for text: String, from sender: Int32? = nil, after count: Int = 0) throws -> Word {
      var found: Word?
      try eventually("the manager hears \(text); so far \(words)") {
        found = words.dropFirst(count).first {
          $0.text.hasPrefix(text) && (sender == nil || $0.sender == sender)
        }
        return found != nil
      }
      return try #require(found)
    }

    func clear() {
      service.clear()
      listener.clear()
    }
  }

  private func withManager(
    _ tree: String, at place: String? = nil, environment: String = "",
    _ body: (Superv, Manager) throws -> Void
  ) throws {
    try withSuperv(tree) { superv in
      let manager = try Manager(
        superv, at: place ?? "\(superv.folder)/manager.sock", environment: environment)
      defer { manager.clear() }
      try body(superv, manager)
    }
  }

  private static let watchdog = "WATCHDOG_USEC=400000 WATCHDOG_PID=$$"

  @Test("READY comes when the tree is up, and not before; STOPPING before it goes down")
  func readiness() throws {
    let tree = """
      [agent:slow]
      command = sh -c 'read go < gate; "$superv" notify ready; exec sleep 1000'
      environment = superv="\(Superv.executable)"
      ready = declared
      startsecs = 0
      [agent:late]
      command = sleep 1000
      startsecs = 0
      needs = slow

      """
    try withSuperv(tree) { superv in
      try Files.makeFIFO("\(superv.folder)/gate")
      let manager = try Manager(superv, at: "\(superv.folder)/manager.sock", environment: "")
      defer { manager.clear() }
      try superv.wait(for: "slow runs") { $0[agent: "slow"]?.alive == true }
      #expect(!manager.words.contains { $0.text == "READY=1" })
      let gate = try Files.open("\(superv.folder)/gate", .writeOnly)
      try gate.writeAll("go\n")
      // The keeper, which the manager has started, says all of it.
      try manager.wait(for: "READY=1", from: manager.service.pid)
      try manager.wait(for: "STATUS=running: 2 agents, 2 up, 2 ready", from: manager.service.pid)
      #expect(!manager.words.contains { $0.text == "STOPPING=1" })
      try superv.shutdown()
      #expect(try manager.service.end().code == 0)
      try manager.wait(for: "STOPPING=1", from: manager.service.pid)
    }
  }

  @Test("the watchdog is fed while daemons and keepers die, and not while one hangs")
  func watchdog() throws {
    try withManager(sleepers("a"), environment: Self.watchdog) { superv, manager in
      let keeper = manager.service.pid
      try manager.wait(for: "READY=1", from: keeper)
      try manager.wait(for: "WATCHDOG=1", from: keeper)

      let first = try superv.status().daemon.pid
      try send(.kill, to: first)
      var heard = manager.words.count
      try eventually("another daemon serves") {
        (try? superv.connect()) != nil ? try superv.status().daemon.pid != first : false
      }
      try manager.wait(for: "READY=1", from: keeper, after: heard)
      try manager.wait(for: "WATCHDOG=1", from: keeper, after: heard)

      // A daemon that hangs is for the manager: nobody else would notice.
      let second = try superv.status().daemon.pid
      try send(.stop, to: second)
      heard = manager.words.count
      try manager.wait(for: "silence", after: heard)
      heard = manager.words.count
      try send(.resume, to: second)
      try manager.wait(for: "WATCHDOG=1", from: keeper, after: heard)

      // The daemon is the process that the manager watches from now on.
      let heir = try superv.status().daemon.pid
      heard = manager.words.count
      try send(.kill, to: keeper)
      try manager.wait(for: "MAINPID=\(heir)", from: heir, after: heard)
      try manager.wait(for: "WATCHDOG=1", from: heir, after: heard)
      try manager.wait(for: "READY=1", from: heir, after: heard)
      _ = try manager.service.end()
      try eventually("the next daemon serves") { (try? superv.connect()) != nil }
      try superv.shutdown()
      try manager.wait(for: "STOPPING=1", from: heir, after: heard)
    }
  }

  @Test("a reload begins and ends, with errors too, and nobody's watchdog is fed by others")
  func reloading() throws {
    // The watchdog is meant for another process.
    let others = "WATCHDOG_USEC=400000 WATCHDOG_PID=1"
    try withManager(sleepers("a"), environment: others) { superv, manager in
      try manager.wait(for: "READY=1")
      for (text, code) in [(sleepers("a", "b"), Int32(0)), ("[agent:a]", 1)] {
        let heard = manager.words.count
        try superv.write("superv.conf", text)
        #expect(try superv("reload").code == code)
        try manager.wait(for: "READY=1", after: heard)
        let words = manager.words.dropFirst(heard).map(\.text).filter { !$0.hasPrefix("STATUS") }
        #expect(words.count == 3 && words.first == "RELOADING=1", "\(words)")
        #expect(words.dropFirst().first?.hasPrefix("MONOTONIC_USEC=") == true, "\(words)")
      }
      try manager.wait(for: "STATUS=running: 2 agents, 2 up, 2 ready")
      #expect(!manager.words.contains { $0.text == "WATCHDOG=1" })
      try superv.shutdown()
    }
  }

  @Test("an abstract socket is one too, and agents do not get to know of either")
  func surroundings() throws {
    let tree = """
      [superv]
      pass_environment = *
      [agent:curious]
      command = sh -c 'env > seen.draft; mv seen.draft seen; exec sleep 1000'
      startsecs = 0

      """
    let place = "@superv-test-\(Processes.ownPid)-\(UInt32.random(in: 0 ... .max))"
    try withManager(tree, at: place, environment: Self.watchdog) { superv, manager in
      try manager.wait(for: "READY=1")
      try manager.wait(for: "WATCHDOG=1")
      try eventually("the agent has looked") { !superv.read("seen").isEmpty }
      let seen = superv.read("seen").split(separator: "\n")
      #expect(seen.contains("NOTIFY_SOCKET=\(superv.folder)/run/notify.sock"))
      #expect(!seen.contains { $0.hasPrefix("WATCHDOG_") })
      try superv.shutdown()
    }
  }

  private func send(_ signal: Signal, to pid: Int32) throws {
    if let process = try Processes.open(pid: pid) { try Processes.send(signal, to: process) }
  }
}
