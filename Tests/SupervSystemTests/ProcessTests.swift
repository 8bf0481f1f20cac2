import SupervSystem
import Testing

@Suite struct ProcessTests {
  @Test func readsNamesWithParentheses() throws {
    let scratch = try Scratch()
    let name = "a) R (b"
    try Files.makeLink("\(scratch.path)/\(name)", to: "/bin/sleep")
    var request = SpawnRequest(command: ["\(scratch.path)/\(name)", "1000"], environment: [])
    request.arguments[0] = "sleep"
    let process = try spawn(request)
    let record = try #require(ProcessRecord.of(process.pid))
    #expect(record.command == name)
    #expect(record.parent == Processes.ownPid)
    #expect(record.group == process.pid && record.session == process.pid)
    #expect(record.startTime == process.startTime)
    #expect(try ProcessRecord.all().contains { $0.pid == process.pid })
    try Processes.send(.kill, to: process.pidfd)
    _ = try waitForEnd(of: process.pidfd)
    #expect(ProcessRecord.of(process.pid)?.startTime != record.startTime)
  }

  @Test func identityToldByStartTime() throws {
    let process = try spawn(shell("exec sleep 1000"))
    var other = process.identity
    other.startTime += 1
    #expect(try other.open() == nil)
    try Processes.send(.kill, to: process.pidfd)
    _ = try waitForEnd(of: process.pidfd)
  }

  @Test func signalsTheWholeGroup() throws {
    try Pipe.make().split { (reader, writer) throws in
      // Both shells hold the writing end: it is closed once both are gone.
      var request = shell("sh -c 'echo up; exec sleep 1000' & echo up; exec sleep 1000")
      request.standardOutput = writer.number
      let process = try spawn(request)
      writer.close()
      var lines = 0
      var buffer = [UInt8](repeating: 0, count: 64)
      while lines < 2 {
        var span = buffer.mutableSpan
        let count = try #require(try reader.read(into: &span))
        lines += buffer[..<count].count { $0 == UInt8(ascii: "\n") }
      }
      #expect(try Processes.send(.kill, toGroup: process.pid))
      #expect(try reader.readAll() == [])
      #expect(try waitForEnd(of: process.pidfd) == .signalled(number: 9, coreDumped: false))
    }
    let alone = try spawn(shell("exit"))
    _ = try waitForEnd(of: alone.pidfd)
    #expect(try Processes.send(.kill, toGroup: alone.pid) == false)
  }

  /// The script's children lead sessions of their own and obey nobody.
  @Test func killsATreeInAllItsSessions() throws {
    let scratch = try Scratch()
    let script = """
      trap '' TERM HUP
      cd \(scratch.path)
      setsid sh -c 'trap "" TERM HUP; setsid sleep 1000 & echo $! >>pids; sleep 1001' &
      echo $! >>pids
      sleep 1002
      """
    let process = try spawn(shell(script))
    let file = "\(scratch.path)/pids"
    var pids: [Int32] = []
    while pids.count < 2 {
      let text = (try? Files.readText(file)) ?? ""
      pids = text.split(separator: "\n").compactMap { Int32($0) }
    }
    Processes.killTree(process.pid)
    #expect(try waitForEnd(of: process.pidfd) == .signalled(number: 9, coreDumped: false))
    for pid in pids {
      if let pidfd = try Processes.open(pid: pid) {
        #expect(try pidfd.wait(timeoutMilliseconds: 60_000), "\(pid) lives")
      }
    }
  }

  @Test func reapsOnlyItsOwn() throws {
    let process = try spawn(shell("exit 3"))
    #expect(try waitForEnd(of: process.pidfd) == .exited(code: 3))
    let error = #expect(throws: SystemError.self) { _ = try Processes.reap(process.pidfd) }
    #expect(error?.description == "waitid: No child processes")
  }

  @Test func adoptsOrphansAndTellsThemApart() async {
    await #expect(processExitsWith: .success) {
      #expect(Processes.peekEnded() == nil)
      try Processes.becomeSubreaper()
      // The shell ends at once; what it leaves behind comes to us, and ends when its input does:
      // sooner, and the shell might still be there to reap it.
      let process = try Pipe.make().split { (reader, writer) throws in
        var request = shell("(read line; exit 42) <&0 &")
        request.standardInput = .descriptor(reader.number)
        let process = try spawn(request)
        _ = try process.pidfd.wait(timeoutMilliseconds: nil)
        return process
      }
      var seen: [Int32: SupervSystem.ExitStatus] = [:]
      while seen.count < 2 {
        guard let pid = Processes.peekEnded() else { continue }
        // Peeking leaves it there.
        #expect(ProcessRecord.of(pid)?.state == "Z")
        if pid == process.pid {
          seen[pid] = try Processes.reap(process.pidfd)
        } else {
          seen[pid] = try Processes.reap(pid: pid)
        }
      }
      #expect(Set(seen.values) == [.exited(code: 0), .exited(code: 42)])
      #expect(Processes.peekEnded() == nil)
    }
  }

  @Test func limitsAreRaisedAndRemembered() async {
    await #expect(processExitsWith: .success) {
      try ProcessLimit(.nofile, soft: 256, hard: 512).apply()
      let original = try ProcessLimit.raiseOpenFiles()
      #expect(original == ProcessLimit(.nofile, soft: 256, hard: 512))
      #expect(try ProcessLimit.current(.nofile).soft == 512)
      var request = shell("ulimit -n")
      #expect(try run(request).output == "512\n")
      request.limits = [original]
      #expect(try run(request).output == "256\n")
    }
  }

  @Test func everyLimitHasItsNumber() throws {
    // /proc/self/limits has the kernel's order of names, by rows that start like these.
    let titles: [ProcessLimit.Resource: String] = [
      .cpu: "Max cpu time", .fsize: "Max file size", .data: "Max data size",
      .stack: "Max stack size", .core: "Max core file size", .rss: "Max resident set",
      .nproc: "Max processes", .nofile: "Max open files", .memlock: "Max locked memory",
      .as: "Max address space", .locks: "Max file locks", .sigpending: "Max pending signals",
      .msgqueue: "Max msgqueue size", .nice: "Max nice priority",
      .rtprio: "Max realtime priority", .rttime: "Max realtime timeout",
    ]
    #expect(Set(titles.keys) == Set(ProcessLimit.Resource.allCases))
    for (resource, title) in titles {
      // Low enough for anybody to set, high enough for the shell and cat to run.
      let hard = min(try ProcessLimit.current(resource).hard, resource == .nofile ? 33 : 1 << 30)
      var request = shell("cat /proc/self/limits")
      request.limits = [ProcessLimit(resource, soft: hard, hard: hard)]
      let row = try #require(try run(request).lines.first { $0.hasPrefix(title) })
      let value = String(hard)
      #expect(row.split(separator: " ").count { $0 == value } == 2, "\(row)")
    }
  }
}

@Suite struct SignalTests {
  @Test func namesAndNumbers() {
    for text in ["TERM", "SIGTERM", "term", "SigTerm", "15"] {
      #expect(Signal(named: text) == .terminate)
    }
    #expect(Signal(named: "CLD") == .child && Signal(named: "IOT")?.number == 6)
    #expect(Signal(named: "POLL")?.name == "IO")
    for text in ["", "SIG", "TERMS", "0", "65", "-1", "RTMIN-1", "RTMIN+99", "RTMAX+1", "RTMIN+"] {
      #expect(Signal(named: text) == nil, "\(text)")
    }
  }

  @Test func everySignalHasANameThatLeadsBack() throws {
    // 32 and 33 belong to the C library and have none.
    for number in 1...64 as ClosedRange<Int32> where number != 32 && number != 33 {
      let signal = Signal(number)
      #expect(Signal(named: signal.name) == signal)
      #expect(Signal(named: signal.description) == signal)
    }
    #expect(Signal(32).description == "signal 32")
    let first = try #require(Signal(named: "RTMIN"))
    let last = try #require(Signal(named: "RTMAX"))
    #expect(first.number == 34 && last.number == 64)
    #expect(Signal(named: "SIGRTMIN+3")?.number == 37 && Signal(named: "RTMAX-1")?.number == 63)
    #expect(Signal(37).name == "RTMIN+3")
  }

  @Test func shellAgreesOnTheNames() throws {
    let outcome = try run(shell("for n in $(seq 1 31); do kill -l $n; done"))
    // A shell that knows no name for a signal prints its number.
    for (number, theirs) in zip(1...31 as ClosedRange<Int32>, outcome.lines) {
      #expect(Signal(named: String(theirs))?.number == number)
      if Int32(theirs) == nil, theirs != "POLL" { #expect(Signal(number).name == theirs) }
    }
    #expect(outcome.lines.count == 31)
  }
}
