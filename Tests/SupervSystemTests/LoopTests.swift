import Glibc
import SupervSystem
import Testing

@Suite struct LoopTests {
  @Test func reportsReadinessWithItsToken() throws {
    let poll = try EventPoll()
    let pair = try Pipe.make(nonblocking: true)
    try poll.add(pair.first, token: 0xFEDC_BA98_7654_3210, for: .readable)
    try poll.add(pair.second, token: 2, for: [])
    var events: [EventPoll.Event] = []
    try poll.wait(&events, timeoutMilliseconds: 0)
    #expect(events == [])
    #expect(try pair.second.write([UInt8]("x").span) == 1)
    // Level triggered: as long as it is so.
    for _ in 0..<2 {
      try poll.wait(&events)
      #expect(events == [.init(token: 0xFEDC_BA98_7654_3210, readiness: .readable)])
    }
    try poll.change(pair.first, token: 3, for: [.readable, .edgeTriggered])
    try poll.wait(&events)
    #expect(events == [.init(token: 3, readiness: .readable)])
    try poll.wait(&events, timeoutMilliseconds: 0)
    #expect(events == [])
    try poll.remove(pair.first)
    #expect(throws: SystemError("epoll_ctl", code: ENOENT)) { try poll.remove(pair.first) }
  }

  @Test func reportsMoreThanOneBatch() throws {
    let poll = try EventPoll()
    let counters = try EventCounter()
    var copies: [Int32] = []
    for token in 0..<UInt64(EventPoll.batch + 10) {
      let copy = try counters.descriptor.duplicate()
      try poll.add(copy, token: token, for: .readable)
      copies.append(copy.release())
    }
    try counters.raise()
    var seen: Set<UInt64> = []
    var events: [EventPoll.Event] = []
    while seen.count < copies.count {
      try poll.wait(&events)
      #expect(!events.isEmpty && events.count <= EventPoll.batch)
      seen.formUnion(events.map { $0.token })
    }
    for number in copies { Descriptor(owning: number).close() }
  }

  @Test func endOfAProcessIsAnEvent() throws {
    let poll = try EventPoll()
    let process = try spawn(shell("exit 9"))
    try poll.add(process.pidfd, token: 9, for: .readable)
    var events: [EventPoll.Event] = []
    try poll.wait(&events)
    #expect(events == [.init(token: 9, readiness: .readable)])
    #expect(try Processes.reap(process.pidfd) == .exited(code: 9))
  }

  @Test func timerFiresAtItsTimeAndOnlyThen() throws {
    let timer = try TimerDescriptor()
    #expect(try timer.acknowledge() == false)
    let deadline = Clock.monotonicNanoseconds + 2_000_000
    try timer.arm(atNanoseconds: deadline)
    #expect(try timer.descriptor.wait(timeoutMilliseconds: nil))
    #expect(Clock.monotonicNanoseconds >= deadline)
    #expect(try timer.acknowledge())
    #expect(try timer.acknowledge() == false)
    // What is past fires at once, the origin of the clock and before it included.
    for past in [deadline, 1, 0, -5] {
      try timer.arm(atNanoseconds: past)
      #expect(try timer.descriptor.wait(timeoutMilliseconds: nil))
    }
    try timer.arm(atNanoseconds: Clock.monotonicNanoseconds + 3_600_000_000_000)
    #expect(try timer.acknowledge() == false)
    try timer.arm(atNanoseconds: 1)
    try timer.disarm()
    #expect(try timer.descriptor.wait(timeoutMilliseconds: 0) == false)
    try timer.arm(atNanoseconds: .max)
    #expect(try timer.acknowledge() == false)
  }

  @Test func counterAddsUp() throws {
    let counter = try EventCounter()
    #expect(try counter.take() == 0)
    try counter.raise()
    try counter.raise()
    #expect(try counter.take() == 2)
    #expect(try counter.take() == 0)
  }

  @Test func signalsAreRead() async {
    await #expect(processExitsWith: .success) {
      let signals = try SignalDescriptor([.user1, .user2])
      #expect(try signals.next() == nil)
      // To this thread: another one does not block it, and would end the process.
      #expect(pthread_kill(pthread_self(), SIGUSR1) == 0)
      #expect(pthread_kill(pthread_self(), SIGUSR2) == 0)
      let first = try #require(try signals.next())
      #expect(first.signal == .user1 && first.senderProcess == Processes.ownPid)
      #expect(first.senderUser == Processes.ownUser)
      #expect(try signals.next()?.signal == .user2)
      #expect(try signals.next() == nil)
    }
  }

  @Test func clocksTellTheTime() {
    let before = Clock.monotonicNanoseconds
    #expect(Clock.monotonicNanoseconds >= before && before > 0)
    // After 2020 and before 2100.
    #expect(
      (1_577_836_800_000_000_000..<4_102_444_800_000_000_000).contains(Clock.realTimeNanoseconds))
  }
}

@Suite struct PipeTests {
  @Test func wouldBlockIsAValueAndEndIsZero() throws {
    try Pipe.make(nonblocking: true).split { (reader, writer) throws in
      var buffer = [UInt8](repeating: 0, count: 100_000)
      var span = buffer.mutableSpan
      #expect(try reader.read(into: &span) == nil)
      var written = 0
      while let count = try writer.write([UInt8](repeating: 7, count: 4096).span) {
        written += count
      }
      #expect(written == 65_536)
      writer.close()
      try reader.setNonblocking(false)
      #expect(try reader.readAll().count == written)
      #expect(try reader.readAll() == [])
    }
  }

  @Test func hasTheSizeAskedFor() throws {
    let pair = try Pipe.make(bytes: 1 << 18, nonblocking: true)
    #expect(try pair.second.write([UInt8](repeating: 7, count: 1 << 19).span) == 1 << 18)
  }

  @Test func writerSurvivesItsReader() throws {
    try Pipe.surviving().split { (reader, writer) throws in
      var request = shell("read go; echo after; sh -c 'echo later'; echo $?")
      let go = try Pipe.make()
      request.standardInput = .descriptor(go.first.number)
      request.standardOutput = writer.number
      let process = try spawn(request)
      reader.close()
      try go.second.writeAll("go\n")
      #expect(try waitForEnd(of: process.pidfd) == .exited(code: 0))
      // A newcomer finds what was written while nobody read.
      let newcomer = try Files.open("/proc/self/fd/\(writer.number)", .readOnly)
      writer.close()
      #expect(String(decoding: try newcomer.readAll(), as: UTF8.self) == "after\nlater\n0\n")
    }
  }

  @Test func survivingReaderSeesTheEnd() throws {
    try Pipe.surviving().split { (reader, writer) throws in
      var buffer = [UInt8](repeating: 0, count: 8)
      var span = buffer.mutableSpan
      #expect(try reader.read(into: &span) == nil)
      writer.close()
      _ = try reader.wait(timeoutMilliseconds: nil)
      #expect(try reader.read(into: &span) == 0)
    }
  }
}
