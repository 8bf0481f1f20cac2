import Foundation
import SupervSystem
import Testing

/// What agents write is there: every line once, in order, whole, and under the right name.
@Suite(.aside) struct LogTests {
  @Test func everyLineOfManyAgentsIsThereOnceAcrossRotatedFiles() throws {
    try withSuperv(
      """
      [agent:writer]
      command = sh writer.sh
      numprocs = 10
      restart = temporary
      log_max_size = 100KB
      log_files = 1000
      """
    ) { superv in
      try superv.write(
        "writer.sh",
        """
        seq -f "$SUPERV_INSTANCE %05.0f" 1 10000 &
        seq -f "$SUPERV_INSTANCE %05.0f" 1 10000 >&2
        wait
        """)
      try superv.start()
      try superv.wait(for: "all have written") { status in
        status.agents.allSatisfy { $0.phase == "exited" }
      }
      try superv.shutdown()
      for instance in 0..<10 {
        let wanted = (1...10_000).map { number in
          let digits = String(number)
          return "\(instance) " + String(repeating: "0", count: 5 - digits.count) + digits
        }
        let name = "writer.\(instance)"
        expectSame(superv.messages(name, "out"), wanted, "output of \(name)")
        expectSame(superv.messages(name, "err"), wanted, "errors of \(name)")
        #expect(superv.logLines(name).count == 20_000)
        let rotated = try Files.names(in: "\(superv.folder)/state/logs").filter {
          $0.hasPrefix("\(name).log.")
        }
        #expect(rotated.count >= 7, "it was rotated")
        for file in rotated {
          let status = try Files.status(of: "\(superv.folder)/state/logs/\(file)")
          #expect((status?.size ?? .max) <= 100 << 10)
        }
      }
    }
  }

  /// See sched(7): an end wakes the logger before the daemon, which is in more of a hurry.
  @Test func theLoggerAloneInterruptsNobody() throws {
    try withSuperv("[agent:a]\ncommand = sleep 1000") { superv in
      try superv.start()
      let status = try superv.status()
      let agent = try #require(status.agents.first?.pid)
      let (standard, batch) = ("0", "3")
      try eventually("the logger has said so") {
        try Self.schedulingPolicy(of: superv.logger().pid) == batch
      }
      #expect(try Self.schedulingPolicy(of: agent) == standard)
      #expect(try Self.schedulingPolicy(of: status.daemon.pid) == standard)
    }
  }

  /// The 41st field of proc_pid_stat(5), counted from the state, which is the third.
  private static func schedulingPolicy(of pid: Int32) throws -> Substring {
    let stat = try Files.readText("/proc/\(pid)/stat")
    return stat.suffix(
      stat.distance(from: try #require(stat.lastIndex(of: ")")), to: stat.endIndex)
    )
    .split(separator: " ")[39]
  }

  @Test func whatIsNoLineIsKeptAsItIs() throws {
    try withSuperv(
      """
      [agent:odd]
      command = sh odd.sh
      restart = temporary
      """
    ) { superv in
      try superv.write(
        "odd.sh",
        #"""
        printf 'a\000b\377\376\033[31m\r\n'
        head -c 200000 /dev/zero | tr '\0' x
        printf '\n\n'
        printf 'unfinished'
        """#)
      try superv.start()
      try superv.wait(for: "it has written") { $0[agent: "odd"]?.phase == "exited" }
      try superv.shutdown()
      let file = try Files.read("\(superv.folder)/state/logs/odd.log")
      let records = file.split(separator: 10, omittingEmptySubsequences: false)
      // The piece of a line that goes on in the next record has `out+` instead of `out`.
      let goesOn = records.map { $0.dropFirst(31).first == UInt8(ascii: "+") }
      #expect(goesOn == [false, true, true, true, false, false, false, false])
      let lines = zip(records, goesOn).map { Array($0.dropFirst($1 ? 33 : 32)) }
      #expect(lines.first == Array("a\0b".utf8) + [255, 254] + Array("\u{1B}[31m\r".utf8))
      // The long line comes in pieces of 64 KiB that make the whole.
      let long = lines[1..<5]
      #expect(long.map(\.count) == [65_536, 65_536, 65_536, 200_000 - 3 * 65_536])
      #expect(long.joined().allSatisfy { $0 == UInt8(ascii: "x") })
      #expect(lines[5] == [])
      #expect(lines[6] == Array("unfinished".utf8))
      #expect(lines.count == 8 && lines[7] == [], "the last line is ended by the logger")
    }
  }

  private struct Record: Decodable {
    var time: String
    var agent: String
    var instance: Int
    var incarnation: Int
    var pid: Int32
    var stream: String
    var message: String
  }

  @Test func everyJSONLineSaysWhoseItIsAcrossRestarts() throws {
    try withSuperv(
      """
      [agent:teller]
      command = sh teller.sh
      numprocs = 2
      log_format = json
      startsecs = 0
      """
    ) { superv in
      try superv.write(
        "teller.sh",
        #"""
        echo "$$ $SUPERV_INCARNATION $SUPERV_INSTANCE"
        printf '"quoted"\\ \001\377 \303\266\t\n' >&2
        head -c 100000 /dev/zero | tr '\0' x
        echo
        exec sleep 1000
        """#)
      try superv.start()
      for incarnation in 1...3 {
        try eventually("both have said who they are") {
          [0, 1].allSatisfy { instance in
            superv.read("state/logs/teller.\(instance).log").contains(
              " \(incarnation) \(instance)\"")
          }
        }
        if incarnation < 3 { #expect(try superv("restart", "teller").code == 0) }
      }
      try superv.shutdown()
      for instance in 0...1 {
        let records = try superv.logLines("teller.\(instance)").map { try Record(json: $0) }
        #expect(records.allSatisfy { $0.agent == "teller" && $0.instance == instance })
        let introductions = records.filter { $0.stream == "stdout" && !$0.message.hasPrefix("x") }
          .filter { !$0.message.isEmpty }
        #expect(introductions.count == 3)
        for record in introductions {
          #expect(record.message == "\(record.pid) \(record.incarnation) \(instance)")
        }
        for record in records where record.stream == "stderr" {
          #expect(record.message == "\"quoted\"\\ \u{1}\u{FFFD} ö\t")
          #expect(introductions.contains { $0.pid == record.pid })
        }
      }
    }
  }

  @Test func allFilesTogetherStayBelowTheCap() throws {
    try withSuperv(
      """
      [superv]
      log_total_max = 1MB
      log_max_size = 64KB
      log_files = 1000
      \(talker("one", count: 20_000))
      \(talker("two", count: 20_000))
      """
    ) { superv in
      try superv.prepareTalkers()
      try superv.start()
      for name in ["one", "two"] { try superv.waitUntilUp(name) }
      for batch in 1...2 {
        for name in ["one", "two"] {
          try superv.ask(name)
          try superv.waitUntilSaid(name, batch: batch)
        }
      }
      try superv.shutdown()
      var total: Int64 = 0
      for name in try Files.names(in: "\(superv.folder)/state/logs") {
        total += try Files.status(of: "\(superv.folder)/state/logs/\(name)")?.size ?? 0
      }
      #expect(total <= 1 << 20 + 3 * 64 << 10, "\(total) bytes")
      #expect(total > 500_000, "\(total) bytes")
      // The newest lines are the ones that are kept.
      for name in ["one", "two"] {
        let newest = Superv.batch(2, count: 20_000)
        let kept = superv.messages(name)
        expectSame(Array(kept.suffix(500)), Array(newest.suffix(500)), "the end of \(name)")
      }
    }
  }
}

/// `superv logs` and `superv events` over real files.
@Suite(.aside) struct LogCommandTests {
  @Test func logsChoosesByAgentStreamTextTimeAndCount() throws {
    try withSuperv(
      """
      [agent:a]
      command = sh both.sh
      restart = temporary
      [agent:b]
      command = sh both.sh
      restart = temporary
      log_format = json
      """
    ) { superv in
      try superv.write(
        "both.sh",
        """
        for i in 1 2 3 4 5; do echo "out $SUPERV_AGENT $i"; echo "err $SUPERV_AGENT $i" >&2; done
        """)
      try superv.start()
      try superv.wait(for: "both have written") { status in
        status.agents.allSatisfy { $0.phase == "exited" }
      }
      try eventually("all is written") { try superv("logs").lines.count == 20 }
      func count(_ words: String...) throws -> Int {
        let answer = try superv.launch(["logs"] + words).end()
        #expect(answer.code == 0, "\(answer.errors)")
        return answer.lines.count
      }
      #expect(try count("a") == 10)
      #expect(try count("a", "b") == 20)
      #expect(try count("a", "--stream", "err") == 5)
      #expect(try count("--grep", " b 3") == 2)
      #expect(try count("-n", "7") == 7)
      #expect(try count("-n", "0") == 0)
      #expect(try count("--since", "1h") == 20)
      #expect(try count("--until", "1h") == 0)
      #expect(try count("b", "--stream", "out", "--grep", "4", "--json") == 1)
      #expect(try superv("logs", "c").code == 1)
      #expect(try superv("logs", "--since", "yesterday").code == 2)

      struct Line: Decodable {
        var time: String
        var message: String
      }
      let all = try superv("logs", "--json").lines.map { try Line(json: $0) }
      #expect(all.map(\.time) == all.map(\.time).sorted())
      let middle = all[9].time
      #expect(try count("--since", middle) == all.filter { $0.time >= middle }.count)
      let early = try count("--until", middle)
      #expect(early >= all.filter { $0.time < middle }.count)
      #expect(early <= all.filter { $0.time <= middle }.count)
    }
  }

  @Test func followingGoesOnOverRotationsAndRestarts() throws {
    let keys = "log_max_size = 4KB\nlog_files = 1000"
    try withSuperv(talker("talker", count: 1000, keys: keys)) { superv in
      try superv.prepareTalkers()
      try superv.start()
      try superv.waitUntilUp("talker")
      let follower = try superv.launch(["logs", "-f", "--json"])
      try eventually("the follower follows") { follower.output.contains("up 1") }
      var wanted: [String] = []
      for incarnation in 1...2 {
        wanted.append("up \(incarnation)")
        for batch in 1...2 {
          try superv.ask("talker")
          wanted += Superv.batch(batch, incarnation: incarnation, count: 1000)
          try superv.waitUntilSaid("talker", incarnation: incarnation, batch: batch)
        }
        guard incarnation == 1 else { continue }
        #expect(try superv("restart", "talker").code == 0)
        try superv.waitUntilUp("talker", incarnation: 2)
      }
      let last = try #require(wanted.last)
      try eventually("the follower has the last line") { follower.output.contains(last) }
      struct Line: Decodable { var message: String }
      let found = try follower.output.split(separator: "\n").map { try Line(json: $0).message }
      expectSame(found, wanted, "what was followed")
      try follower.send(.interrupt)
      _ = try follower.end()
    }
  }

  @Test func eventsResumeFromTheFilesBeyondWhatTheDaemonHolds() throws {
    try withSuperv("[superv]\nlog_max_size = 200KB\nlog_files = 100\n\(healthyAgent)") { superv in
      try superv.start()
      try superv.waitForEvent("it is ready") { $0.event == "agent.ready" }
      let follower = try superv.launch(["events", "-f", "--json"])
      try eventually("the follower follows") { follower.output.contains("agent.started") }
      let client = try RawClient(superv.controlSocket)
      let params = #"{"names":["healthy"],"signal":"CONT"}"#
      let requests = (1...6000).map { number -> String in
        "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"method\":\"signal\",\"params\":\(params)}\n"
      }
      client.sendAside(requests.joined())
      _ = try client.wait(for: #""id":6000,"#)
      try superv.send(.kill, to: "healthy")
      // The last thing that happens.
      let last = try superv.waitForEvent("it is ready again") {
        $0.event == "agent.ready" && $0.incarnation == 2
      }.seq
      #expect(last > 6000)
      try eventually("the event log has the last one") {
        superv.read("state/logs/events.ndjson").contains(#"{"seq":\#(last),"#)
      }
      for since in [0, 1, 10, last - 4097, last - 4096, last - 1] {
        let found = try superv("events", "--since", "\(since)", "--json").lines.map {
          try Event(json: $0).seq
        }
        #expect(found == Array(since + 1..<last + 1), "since \(since)")
      }
      #expect(try superv("events", "--since", "\(last)", "--json").output.isEmpty)
      let exits = try superv("events", "healthy", "--since", "0").lines.filter {
        $0.contains("agent.exited")
      }
      #expect(exits.count == 1)
      try eventually("the follower has the last one") {
        follower.output.contains(#"{"seq":\#(last),"#)
      }
      let followed = try follower.output.split(separator: "\n").map { try Event(json: $0).seq }
      #expect(followed == Array(1...last))
      try superv.shutdown()
      #expect(try follower.end().code == 3)
    }
  }
}
