import Foundation
import SupervSystem
import Testing

/// What the kernel keeps agents from, as they find out themselves.
@Suite(.aside) struct SandboxTests {
  /// Whether this kernel can keep agents from each other; says so aloud where it cannot.
  private static func canTest(_ what: String) -> Bool {
    if LandlockRules.version ?? 0 >= LandlockRules.Since.signals { return true }
    notTested(what, because: "the kernel has no signal scopes of Landlock (Linux 6.12)")
    return false
  }

  private static func jailed(_ name: String, _ attempts: String, keys: String = "") -> String {
    "[agent:\(name)]\ncommand = python3 jail.py \(attempts)\nstartsecs = 0\n\(keys)\n"
  }

  private static func addJail(to superv: Superv) throws {
    try superv.write("jail.py", try Files.readText("\(repositoryFolder)/Tests/Fixtures/jail.py"))
  }

  /// What an agent says came of its attempts.
  private static func attempts(of agent: String, in superv: Superv) throws -> [String: String] {
    let path = "state/logs/\(agent).log"
    try eventually("\(agent) has tried: \(superv.read(path))") {
      superv.read(path).contains("TRIED {")
    }
    let line = try #require(superv.read(path).split(separator: "TRIED ").last)
    let json = Data(line.prefix { $0 != "\n" }.utf8)
    return try JSONDecoder().decode([String: String].self, from: json)
  }

  /// All that it tried on superv and on its siblings was refused by the kernel, and hurt nobody.
  private static func expectHarmless(_ attempts: [String: String], _ superv: Superv) throws {
    let kinds = ["SIGKILL", "SIGSTOP", "SIGTERM", "SIGKILL group", "trace", "environ", "memory"]
    for kind in kinds {
      let tried = attempts.filter {
        $0.key.hasPrefix("\(kind) ") && $0.key != "SIGKILL own child"
          && (kind != "SIGKILL" || !$0.key.hasPrefix("SIGKILL group"))
      }
      #expect(tried.count >= 4, "\(kind): superv's own processes and siblings: \(tried)")
      for (name, result) in tried {
        // Not every process leads a group.
        let refusals = kind == "SIGKILL group" ? ["EPERM", "ESRCH"] : ["EPERM", "EACCES"]
        #expect(refusals.contains(result), "\(name): \(result)")
      }
    }
    #expect(attempts["SIGKILL own child"] == "done")
    let status = try superv.status()
    #expect(status.agents.allSatisfy { $0.phase == "running" && $0.incarnation == 1 })
  }

  @Test("an agent can hurt neither superv nor its siblings, and needs no key for that")
  func harmlessByDefault() throws {
    guard Self.canTest("that agents cannot hurt each other") else { return }
    let configuration = sleepers("a", "b", keys: "environment = SECRET=1") + Self.jailed("j", "")
    try withSuperv(configuration) { superv in
      try Self.addJail(to: superv)
      try superv.start()
      try Self.expectHarmless(try Self.attempts(of: "j", in: superv), superv)
    }
  }

  @Test("nor when superv and all its agents are the same user without rights")
  func harmlessAsAnyUser() throws {
    guard Self.canTest("that agents of one user cannot hurt each other") else { return }
    guard Processes.ownUser == 0, let user = try UserDatabase.ofSystem().user("nobody") else {
      return notTested("superv as another user", because: "that needs root")
    }
    try withSuperv(sleepers("a", "b") + Self.jailed("j", ""), as: user) { superv in
      try Self.addJail(to: superv)
      try superv.start()
      try Self.expectHarmless(try Self.attempts(of: "j", in: superv), superv)
      // superv's own memory is closed to its user, whatever it runs in.
      let daemon = try superv.status().daemon.pid
      let status = try Files.status(of: "/proc/\(daemon)/environ")
      #expect(status?.user == 0, "what /proc has of the daemon belongs to root")
    }
  }

  @Test("files are written below sandbox.write alone, ports are reached that sandbox.connect has")
  func files() throws {
    guard Self.canTest("sandbox.write and sandbox.connect") else { return }
    let listener = try Listener()
    let closed = try Listener()
    let attempts =
      "write:own/new write:other truncate:jail.py read:/etc/passwd write:/dev/null "
      + "connect:\(listener.port) connect:\(closed.port) bind:0"
    let keys =
      "sandbox = require\nsandbox.write = own\nsandbox.connect = 1, \(listener.port)\n"
    try withSuperv(sleepers("a", "b") + Self.jailed("j", attempts, keys: keys)) { superv in
      try Self.addJail(to: superv)
      try Files.makeDirectories("\(superv.folder)/own", mode: 0o777)
      try superv.start()
      let found = try Self.attempts(of: "j", in: superv)
      try Self.expectHarmless(found, superv)
      #expect(found["write:own/new"] == "done" && found["write:/dev/null"] == "done")
      #expect(found["write:other"] == "EACCES" && found["truncate:jail.py"] == "EACCES")
      #expect(found["read:/etc/passwd"] == "done")
      #expect(found["connect:\(listener.port)"] == "done" && found["bind:0"] == "done")
      #expect(found["connect:\(closed.port)"] == "EACCES")
    }
  }

  @Test("files are read below sandbox.read and sandbox.write alone")
  func reading() throws {
    guard Self.canTest("sandbox.read") else { return }
    let attempts = "blind read:/etc/passwd read:/dev/zero read:own/file write:own/file write:free"
    let keys =
      "sandbox.read = /usr, /lib, /lib64, /etc/ld.so.cache, jail.py, nowhere\nsandbox.write = own\n"
    try withSuperv(Self.jailed("j", attempts, keys: keys)) { superv in
      try Self.addJail(to: superv)
      try Files.makeDirectories("\(superv.folder)/own", mode: 0o777)
      try superv.write("own/file", "x")
      let check = try superv("check", superv.configuration)
      #expect(check.code == 0 && check.output.contains("nowhere` in `sandbox.read` does not exist"))
      try superv.start()
      let found = try Self.attempts(of: "j", in: superv)
      #expect(found["read:/etc/passwd"] == "EACCES")
      #expect(found["read:/dev/zero"] == "done" && found["read:own/file"] == "done")
      #expect(found["write:own/file"] == "done" && found["write:free"] == "EACCES")
    }
  }

  @Test("capabilities are gone, for programs it executes as well")
  func capabilities() throws {
    guard Processes.ownUser == 0 else {
      return notTested("that capabilities are taken away", because: "there are none to take")
    }
    let show = #"sh -c 'grep ^Cap /proc/self/status; cat /proc/self/oom_score_adj; sleep 1000'"#
    try withSuperv(
      """
      [agent:none]
      command = \(show)
      capabilities =
      oom_score_adj = 500
      [agent:one]
      command = \(show)
      user = nobody
      capabilities = CAP_NET_BIND_SERVICE
      [agent:usual]
      command = \(show)
      """
    ) { superv in
      try superv.start()
      func sets(_ agent: String) throws -> (inherited: UInt64, sets: [UInt64], score: String) {
        try eventually("\(agent) shows its rights") {
          superv.read("state/logs/\(agent).log").split(separator: "\n").count >= 6
        }
        let words = superv.read("state/logs/\(agent).log").split(separator: "\n").map {
          $0.split(whereSeparator: \.isWhitespace).last ?? ""
        }
        let numbers = words.prefix(5).compactMap { UInt64($0, radix: 16) }
        return (numbers[0], Array(numbers[1...]), String(words[5]))
      }
      #expect(try sets("none").sets == [0, 0, 0, 0], "permitted, effective, bounding, ambient")
      #expect(try sets("none").score == "500")
      let bind: UInt64 = 1 << 10
      #expect(try sets("one").sets == [bind, bind, bind, bind])
      let own = try #require(Int(Files.readText("/proc/self/oom_score_adj").dropLast()))
      #expect(try sets("one").score == String(min(own + 100, 1000)))
      let leadingOut: UInt64 = 1 << 21 | 1 << 19 | 1 << 38
      #expect(try sets("usual").sets.allSatisfy { $0 & leadingOut == 0 })
    }
  }

  @Test("sandbox = require does not start what the kernel cannot keep, and doctor says so")
  func required() throws {
    guard Processes.ownUser == 0, let user = try UserDatabase.ofSystem().user("nobody") else {
      return notTested("sandbox = require without rights", because: "that needs root")
    }
    let strict = "sandbox = require\nno_new_privs = no"
    let configuration =
      sleepers("strict", keys: strict) + sleepers("lax", keys: "no_new_privs = no")
      + sleepers("open", keys: "sandbox = off") + sleepers("usual")
    try withSuperv(configuration, as: user) { superv in
      let why = "with `no_new_privs = no` only a superv with CAP_SYS_ADMIN can use Landlock"
      let reason = LandlockRules.version == nil ? "there is no Landlock" : why
      #expect(try superv("check", superv.configuration).output.contains(reason))
      let doctor = try superv("doctor", superv.configuration)
      #expect(doctor.code == 1)
      func line(_ agent: String) -> String {
        doctor.output.split(separator: "\n").first { $0.hasPrefix("agent \(agent) ") }
          .map(String.init) ?? ""
      }
      #expect(line("strict").contains("MISSING") && line("strict").contains(reason))
      #expect(line("lax").contains("not available") && line("lax").contains("not kept from sig"))
      #expect(line("open").contains("available") && line("open").contains("sandbox = off"))
      if Self.canTest("that doctor sees what is in force") {
        #expect(line("usual").contains("in force") && line("usual").contains("new privileges"))
      }
      try superv.start()
      let failed = try superv.waitForEvent("it is refused") {
        $0.event == "agent.start_failed" && $0.agent == "strict"
      }
      #expect(failed.reason?.contains("sandbox = require: \(reason)") == true, "\(failed)")
      #expect(try superv.status()[agent: "lax"]?.phase == "running")
    }
  }
}

/// A TCP socket of this machine that listens.
private final class Listener {
  let port: UInt16
  private let socket: Descriptor

  init() throws {
    socket = try TCPSocket.listen(on: "127.0.0.1", port: 0)
    port = try socket.localPort()
  }
}
