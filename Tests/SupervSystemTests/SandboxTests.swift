import SupervSystem
import Testing

private let bothWays = [false, true]

/// What a process is started with to be kept from things.
@Suite struct SandboxTests {
  private static var isRoot: Bool { Processes.ownUser == 0 }

  @Test(arguments: bothWays) func forbidsNewPrivileges(old: Bool) throws {
    var request = shell("grep NoNewPrivs /proc/self/status", avoidsNewSystemCalls: old)
    #expect(try run(request).output == "NoNewPrivs:\t0\n")
    request.confinement.forbidsNewPrivileges = true
    #expect(try run(request).output == "NoNewPrivs:\t1\n")
  }

  @Test(arguments: bothWays) func takesCapabilitiesAway(old: Bool) throws {
    guard Self.isRoot else {
      return notTested("that capabilities are taken away", because: "there are none to take")
    }
    var request = shell("grep ^Cap /proc/self/status", avoidsNewSystemCalls: old)
    request.confinement.capabilities = Capabilities(bits: 1 << 5)
    let kept = "0000000000000020"
    #expect(
      try run(request).lines.map { $0.suffix(16) }
        == ["0000000000000000", kept[...], kept[...], kept[...], "0000000000000000"],
      "inherited, permitted, effective, bounding, ambient: as user 0")
    request.confinement.passesCapabilities = true
    request.identity = .init(user: 65534, group: 65534)
    #expect(try run(request).lines.map { $0.suffix(16) } == Array(repeating: kept[...], count: 5))
  }

  private static func processDescriptorCount() throws -> Int {
    try Files.names(in: "/proc/self/fd").count { number in
      (try? Files.linkTarget("/proc/self/fd/\(number)")) == "anon_inode:[pidfd]"
    }
  }

  @Test func whatIsTriedIsWhatIsEnforced() throws {
    guard let version = LandlockRules.version else {
      return notTested("Landlock", because: "the kernel has none")
    }
    var attempts = SandboxTrial.Attempts()
    attempts.read = "/"
    attempts.write = "/dev/full"
    attempts.connects = true
    var request = shell("true")
    let free = try SandboxTrial(of: request, attempts)
    #expect(free.signalIsRefused == false && free.inspectionIsRefused == false)
    #expect(free.readIsRefused == false && free.writeIsRefused == false)
    #expect(free.connectIsRefused == false && !free.hasNoNewPrivileges)
    #expect(free.capabilities == Capabilities.effective)

    let rules = try LandlockRules(
      version: version, files: [.reading, .writing], connecting: true, signals: true)
    // What standard input reads.
    try rules.allow(.readFile, below: "/dev/null")
    request.confinement.landlock = rules.descriptor.number
    request.confinement.forbidsNewPrivileges = true
    let confined = try SandboxTrial(of: request, attempts)
    #expect(confined.hasNoNewPrivileges)
    #expect(confined.readIsRefused == true && confined.writeIsRefused == true)
    if version >= LandlockRules.Since.connect { #expect(confined.connectIsRefused == true) }
    if version >= LandlockRules.Since.signals { #expect(confined.signalIsRefused == true) }
    // Each was a process of its own, of which nothing stays.
    let before = try Self.processDescriptorCount()
    for _ in 0..<100 { _ = try SandboxTrial(of: request, attempts) }
    #expect(try Self.processDescriptorCount() < before + 100)
  }

  @Test(arguments: bothWays) func rulesAllowWhatTheyName(old: Bool) throws {
    guard let version = LandlockRules.version else {
      return notTested("Landlock's rules for files", because: "the kernel has none")
    }
    let scratch = try Scratch()
    let own = "\(scratch.path)/own"
    try Files.makeDirectories(own, mode: 0o755)
    let rules = try LandlockRules(
      version: version, files: .writing, connecting: false, signals: false)
    try rules.allow([.reading, .writing, .refer], below: own)
    try rules.allow(.writeFile, below: "/dev/null")
    let script =
      "cd \(scratch.path); echo 1 > own/a && mv own/a own/b && cat own/b; echo > out; "
      + "rm own/b && mkdir own/c && rmdir own/c && echo done > /dev/null; ls"
    var request = shell(script, avoidsNewSystemCalls: old)
    request.confinement.landlock = rules.descriptor.number
    request.confinement.forbidsNewPrivileges = true
    let outcome = try run(request)
    #expect(outcome.lines.first == "1" && outcome.lines.last == "own", "\(outcome.output)")
    #expect(outcome.output.contains("Permission denied"))
    #expect(throws: SystemError.self) { try rules.allow(.reading, below: "\(own)/missing") }
  }

  @Test func rulesAreUsedForManyProcessesEachOnItsOwn() throws {
    guard let version = LandlockRules.version, version >= LandlockRules.Since.signals else {
      return notTested("signal scopes", because: "the kernel has none (Linux 6.12)")
    }
    let rules = try LandlockRules(version: version, files: [], connecting: false, signals: true)
    var request = SpawnRequest(command: ["sleep", "1000"], environment: ["PATH=/bin:/usr/bin"])
    request.confinement.landlock = rules.descriptor.number
    request.confinement.forbidsNewPrivileges = true
    let sibling = try spawn(request)
    defer {
      _ = try? Processes.send(.kill, to: sibling.pidfd)
      _ = try? waitForEnd(of: sibling.pidfd)
    }
    var killer = shell("sleep 1000 & kill -9 $! && kill -9 \(sibling.pid)")
    killer.confinement = request.confinement
    #expect(try run(killer).output.contains("not permitted"))
    #expect(try Processes.peek(sibling.pidfd) == nil)
  }

  @Test func theScoreIsThatOfChildrenAlone() throws {
    guard let score = OutOfMemoryScore() else {
      return notTested("oom_score_adj", because: "/proc does not have it")
    }
    let request = shell("cat /proc/self/oom_score_adj")
    let wanted = min(score.own + 7, 1000)
    try score.set(wanted)
    #expect(try run(request).output == "\(wanted)\n")
    score.reset()
    #expect(try run(request).output == "\(score.own)\n")
  }
}
