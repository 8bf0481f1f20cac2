import SupervSystem
import Testing

// Every test runs over clone3 and over the fallback for old kernels and strict containers.
private let bothWays = [false, true]

@Suite struct SpawnTests {
  @Test(arguments: bothWays) func reportsHowItEnded(old: Bool) throws {
    for code in [0, 1, 78, 255] as [Int32] {
      let outcome = try run(shell("exit \(code)", avoidsNewSystemCalls: old))
      #expect(outcome == Outcome(output: "", status: .exited(code: code)))
    }
    let killed = try run(shell("kill -KILL $$", avoidsNewSystemCalls: old))
    #expect(killed.status == .signalled(number: 9, coreDumped: false))
    #expect(killed.status.description == "SIGKILL")
  }

  @Test(arguments: bothWays) func hasOnlyTheDescriptorsAskedFor(old: Bool) throws {
    let held = try Files.open("/dev/null", .readOnly)
    var request = shell("ls /proc/self/fd | tr '\\n' ' '", avoidsNewSystemCalls: old)
    // The shell keeps what it got; ls itself has one more for the folder it lists.
    #expect(try run(request).output == "0 1 2 3 ")
    request.extraDescriptors = [.init(source: held.number, target: 7)]
    #expect(try run(request).output == "0 1 2 3 7 ")
  }

  @Test(arguments: bothWays) func closesEvenWhatIsNotCloseOnExec(old: Bool) throws {
    let pair = try Pipe.make()
    // A process started with extra descriptors has them open across exec; it stands for us.
    var request = shell("ls /proc/self/fd | tr '\\n' ' '", avoidsNewSystemCalls: old)
    request.extraDescriptors = [.init(source: pair.first.number, target: 40)]
    #expect(try run(request).output == "0 1 2 3 40 ")
    request.extraDescriptors = []
    #expect(try run(request).output == "0 1 2 3 ")
  }

  @Test(arguments: bothWays) func placesDescriptorsThatSwapNumbers(old: Bool) throws {
    let scratch = try Scratch()
    let one = try Files.open(scratch.write("one", "1"), .readOnly)
    let two = try Files.open(scratch.write("two", "2"), .readOnly)
    var request = shell(
      "cat /proc/self/fd/\(one.number) /proc/self/fd/\(two.number)", avoidsNewSystemCalls: old)
    request.extraDescriptors = [
      .init(source: one.number, target: two.number), .init(source: two.number, target: one.number),
    ]
    #expect(try run(request).output == "21")
  }

  @Test(arguments: bothWays) func readsStandardInput(old: Bool) throws {
    let scratch = try Scratch()
    let file = try scratch.write("input", "from the file")
    var request = shell("cat", avoidsNewSystemCalls: old)
    #expect(try run(request).output == "")
    request.standardInput = .path(file)
    #expect(try run(request).output == "from the file")
    request.standardInput = .path("input")
    request.directory = scratch.path
    #expect(try run(request).output == "from the file")
    let open = try Files.open(file, .readOnly)
    request.standardInput = .descriptor(open.number)
    #expect(try run(request).output == "from the file")
  }

  @Test(arguments: bothWays) func doesNotWaitForTheWriterOfAFIFO(old: Bool) throws {
    let scratch = try Scratch()
    let fifo = "\(scratch.path)/fifo"
    try Files.makeFIFO(fifo)
    var request = shell("exit 4", avoidsNewSystemCalls: old)
    request.standardInput = .path(fifo)
    #expect(try run(request).status == .exited(code: 4))
  }

  @Test(arguments: bothWays) func startsWithNoSignalBlockedOrIgnored(old: Bool) async throws {
    // In a process of its own, since dispositions belong to the whole process.
    if old {
      await #expect(processExitsWith: .success) { try expectCleanSignals(old: true) }
    } else {
      await #expect(processExitsWith: .success) { try expectCleanSignals(old: false) }
    }
  }

  @Test(arguments: bothWays) func leadsItsOwnSession(old: Bool) throws {
    // Fields 1, 5 and 6: pid, process group, session.
    let own = "cut -d' ' -f1,5,6 /proc/$$/stat"
    let ids = try run(shell(own, avoidsNewSystemCalls: old)).lines[0].split(separator: " ")
    #expect(ids[0] == ids[1] && ids[0] == ids[2])
    var request = shell(own, avoidsNewSystemCalls: old)
    request.newSession = false
    let inherited = try run(request).lines[0].split(separator: " ")
    let mine = try #require(ProcessRecord.of(Processes.ownPid))
    #expect(inherited[1] == "\(mine.group)" && inherited[2] == "\(mine.session)")
  }

  @Test(arguments: bothWays) func setsDirectoryUmaskNiceAndLimits(old: Bool) throws {
    var request = shell(
      "pwd; umask; cut -d' ' -f19 /proc/self/stat; ulimit -Sn; ulimit -Hn; ulimit -c",
      avoidsNewSystemCalls: old)
    request.directory = "/usr/bin"
    request.umask = 0o027
    request.nice = 7
    // Fewer than the numbers of our own descriptors may be.
    request.limits = [
      ProcessLimit(.nofile, soft: 16, hard: 20), ProcessLimit(.core, soft: 0, hard: 0),
    ]
    #expect(try run(request).lines == ["/usr/bin", "0027", "7", "16", "20", "0"])
  }

  @Test(arguments: bothWays) func givesExactlyTheEnvironmentAndArguments(old: Bool) throws {
    var request = SpawnRequest(
      command: ["env"], environment: ["PATH=/nowhere:/usr/bin:/bin", "EMPTY=", "Ünï=cödé x"])
    request.avoidsNewSystemCalls = old
    #expect(try run(request).lines == ["PATH=/nowhere:/usr/bin:/bin", "EMPTY=", "Ünï=cödé x"])
    var words = shell("printf '<%s>' \"$0\" \"$@\"", avoidsNewSystemCalls: old)
    words.arguments += ["", "a b", "*", "'\""]
    #expect(try run(words).output == "<><a b><*><'\">")
  }

  @Test(arguments: bothWays) func becomesTheUser(old: Bool) throws {
    guard isRoot else { return notTested("another user", because: "we are not root") }
    var request = shell(
      "id -u; id -ru; id -g; id -G; grep -c 'CapEff:.*0000$' /proc/self/status",
      avoidsNewSystemCalls: old)
    request.identity = .init(user: 65534, group: 65534, supplementaryGroups: [12, 34])
    #expect(try run(request).lines == ["65534", "65534", "65534", "65534 12 34", "1"])
  }

  @Test(arguments: bothWays) func knowsTheProcess(old: Bool) throws {
    let process = try spawn(shell("exec sleep 1000", avoidsNewSystemCalls: old))
    let identity = process.identity
    #expect(identity.startTime > 0)
    #expect(ProcessIdentity.of(process.pid) == identity)
    #expect(try Processes.reap(process.pidfd) == nil)
    guard let again = try identity.open() else {
      Issue.record("it is still there")
      return
    }
    #expect(try Processes.send(.terminate, to: again))
    #expect(
      try waitForEnd(of: process.pidfd)
        == .signalled(number: Signal.terminate.number, coreDumped: false))
    #expect(try Processes.send(.terminate, to: again) == false)
    #expect(ProcessIdentity.of(process.pid) != identity)
  }

  @Test(arguments: bothWays) func leavesNoDescriptorBehind(old: Bool) async throws {
    if old {
      await #expect(processExitsWith: .success) { try expectNoLeak(old: true) }
    } else {
      await #expect(processExitsWith: .success) { try expectNoLeak(old: false) }
    }
  }
}

private func expectCleanSignals(old: Bool) throws {
  for name in ["PIPE", "HUP", "RTMIN+3"] { try Signal(named: name)?.ignore() }
  let blocked = try SignalDescriptor([.terminate, .user1])
  func masks(_ file: String) throws -> [Substring] {
    try Files.readText(file).split(separator: "\n").filter { $0.hasPrefix("SigBlk") }
  }
  let before = try masks("/proc/thread-self/status")
  #expect(before != ["SigBlk:\t0000000000000000"])
  // Not grep, which installs handlers of its own.
  var request = SpawnRequest(command: ["cat", "/proc/self/status"], environment: [])
  request.avoidsNewSystemCalls = old
  let zeros = "0000000000000000"
  let clean = ["SigBlk:\t\(zeros)", "SigIgn:\t\(zeros)", "SigCgt:\t\(zeros)"]
  let lines = try run(request).lines.map { String($0) }
  #expect(clean.allSatisfy { lines.contains($0) })
  // Our own mask came back, after a failure too.
  request.directory = "/nowhere"
  #expect(throws: SpawnError.self) { try run(request) }
  #expect(try masks("/proc/thread-self/status") == before)
  _ = blocked.descriptor.number
}

private func expectNoLeak(old: Bool) throws {
  let before = try Files.names(in: "/proc/self/fd")
  for round in 0..<1000 {
    var request = SpawnRequest(command: ["/bin/true"], environment: [])
    request.avoidsNewSystemCalls = old
    if round % 10 == 0 { request.directory = "/nowhere" }
    do {
      _ = try waitForEnd(of: spawn(request).pidfd)
    } catch let error as SpawnError {
      #expect(error.stage == .directory)
    }
  }
  // The test library opens a few of its own meanwhile; a leak would be hundreds.
  #expect(try Files.names(in: "/proc/self/fd").count < before.count + 10)
  // Nor a zombie.
  #expect(Processes.peekEnded() == nil)
}
