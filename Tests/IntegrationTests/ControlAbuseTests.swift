import Foundation
import SupervSystem
import Testing

/// What one client of the control socket does costs the others nothing, and little memory.
@Suite(.aside) struct ControlAbuseTests {
  private static let request = #"{"jsonrpc":"2.0","id":1,"method":"health","params":{}}"#

  private struct BadLine {
    var line: [UInt8]
    var code: Int
    var text: String

    init(_ line: String, _ code: Int, _ text: String) {
      self.init(bytes: Array(line.utf8), code, text)
    }

    init(bytes line: [UInt8], _ code: Int, _ text: String) {
      self.line = line
      self.code = code
      self.text = text
    }

    /// A request that is JSON-RPC, and wrong.
    static func call(_ method: String, _ params: String, _ code: Int, _ text: String) -> BadLine {
      BadLine(
        #"{"jsonrpc":"2.0","id":1,"method":"\#(method)","params":\#(params)}"#, code, text)
    }
  }

  /// Every line gets this error, and the line after it an answer on the same connection.
  private static let badLines: [BadLine] = [
    BadLine("garbage", -32700, "not JSON"),
    BadLine(bytes: [0, 1, 2, 255, 254, 128], -32700, "not JSON"),
    BadLine(bytes: [34, 255, 34], -32700, "UTF-8"),
    BadLine(#"{"jsonrpc":"2.0","id":1,"met"#, -32700, "not JSON"),
    BadLine("[]", -32600, "batches are not supported"),
    BadLine("17", -32600, "a message is a JSON object"),
    BadLine(#"{"jsonrpc":"1.0","id":1,"method":"health"}"#, -32600, "'jsonrpc' must be"),
    BadLine(#"{"id":1,"method":"health"}"#, -32600, "'jsonrpc' must be"),
    BadLine(#"{"jsonrpc":2.0,"id":1,"method":"health"}"#, -32600, "'jsonrpc' must be"),
    BadLine(#"{"jsonrpc":"2.0","id":{},"method":"health"}"#, -32600, "'id' must be"),
    BadLine(#"{"jsonrpc":"2.0","id":null,"method":"health"}"#, -32600, "must not be null"),
    BadLine(#"{"jsonrpc":"2.0","id":1,"id":2,"method":"health"}"#, -32600, "'id' is given twice"),
    BadLine(
      #"{"jsonrpc":"2.0","id":1,"method":"health","method":"shutdown"}"#, -32600,
      "'method' is given twice"),
    .call("healt", "{}", -32601, "did you mean 'health'?"),
    .call("why", "{}", -32602, "name"),
    .call("why", "[1]", -32602, "not an object"),
    .call("up", #"{"names":[]}"#, -32602, "names"),
    .call("up", #"{"names":["healty"]}"#, -32602, "did you mean 'healthy'?"),
    .call("events", #"{"since":true}"#, -32602, "'since' is not of type"),
    .call("events", #"{"since":1e99}"#, -32602, "not"),
    .call("signal", #"{"names":["healthy"],"signal":99}"#, -32602, "there is no signal '99'"),
    .call("health", String(repeating: "[", count: 100_000), -32700, "deeper than 128 levels"),
    BadLine(String(repeating: "x", count: (1 << 20) + 1), 0, "at most"),
  ]

  private struct Failure: Decodable {
    struct Problem: Decodable {
      var code: Int
      var message: String
    }
    var error: Problem
  }

  @Test func everyBadLineIsAnsweredAndTheConnectionStaysUsable() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let client = try RawClient(superv.controlSocket)
      for bad in Self.badLines {
        try client.send(bad.line)
        try client.send("\n\(Self.request)\n")
        let answers = try client.wait(for: #""live":true"#)
        let first = try #require(answers.split(separator: "\n").first)
        let shown = String(decoding: bad.line.prefix(80), as: UTF8.self)
        let problem = try Failure(json: first).error
        #expect(problem.code == bad.code || bad.code == 0, "\(shown): \(first)")
        #expect(problem.message.contains(bad.text), "\(shown): \(first)")
      }
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func numbersAtTheEndsOfTheirRangeAreOnlyNumbers() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      struct Events: Decodable { var events: [Event] }
      let ends: [(Int64, Bool)] = [
        (.max, true), (.max - 1, true), (.min, false), (-1, false),
      ]
      for (since, isEmpty) in ends {
        let control = try superv.control()
        let found = try control.call("events", #"{"since":\#(since)}"#, as: Events.self)
        #expect(found.events.isEmpty == isEmpty)
      }
      let answer = try superv("events", "--since", "\(Int64.max)")
      #expect(answer.code == 0 && answer.output.isEmpty, "\(answer.errors)")
      #expect(try superv("events", "--since", "-1").code == 2)
      #expect(try superv("logs", "-n", "\(Int.max)").code == 0)
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func halfMessagesAndClientsThatGoAwayCostNothing() throws {
    try withSuperv(
      "\(healthyAgent)\n[agent:slow]\ncommand = sleep 1000\nstartsecs = 1000s"
    ) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.descriptorCount()
      for length in 1..<Self.request.utf8.count {
        let client = try RawClient(superv.controlSocket)
        try client.send(Array(Self.request.utf8.prefix(length)))
      }
      // Waits for what will not come, and is gone before it is answered.
      for _ in 0..<50 {
        let client = try RawClient(superv.controlSocket)
        try client.send(
          #"{"jsonrpc":"2.0","id":1,"method":"status","params":{"wait":"ready"}}"# + "\n")
        try client.send(
          #"{"jsonrpc":"2.0","id":2,"method":"restart","params":{"names":["slow"]}}"# + "\n")
      }
      let waiting = try superv.launch(["status", "--wait", "ready"])
      try waiting.send(.kill)
      _ = try waiting.end()
      try eventually("every connection is closed") { try superv.descriptorCount() <= before }
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func anAnswerComesWholeToAClientThatHasFinishedWriting() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let client = try RawClient(superv.controlSocket)
      try client.send(Self.request + "\n")
      try client.finishWriting()
      #expect(try client.rest().contains(#""live":true"#))
    }
  }

  @Test func aThousandIdleConnectionsKeepNobodyOut() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.residentBytes()
      var idle: [RawClient] = []
      for number in 0..<1000 {
        let client = try RawClient(superv.controlSocket)
        // Half of them have begun a message.
        if number.isMultiple(of: 2) { try client.send(Array(repeating: 32, count: 1024)) }
        idle.append(client)
      }
      try superv.expectAnswers(pid: healthy)
      try expectMemory(of: superv, since: before, atMost: 32 << 20, "1,000 idle connections")
      withExtendedLifetime(idle) {}
    }
  }

  @Test func clientsCannotTakeTheDescriptorsThatAgentsNeed() throws {
    try withSuperv("[superv]\nhttp = unix:%(here)s/http\n\(healthyAgent)") { superv in
      try superv.check("ulimit -n 128; superv start superv.conf")
      try superv.connect()
      var idle: [RawClient] = []
      for _ in 0..<300 {
        idle.append(try RawClient("\(superv.folder)/http"))
        idle.append(try RawClient(superv.controlSocket))
        // Those that are turned away make room in the queue of the socket.
        if idle.count.isMultiple(of: 100) { _ = try superv.status() }
      }
      let refused = try #require(idle.last)
      #expect(try refused.rest().contains("control connections already"))
      for incarnation in 2...4 {
        try superv.send(.kill, to: "healthy")
        try superv.wait(for: "healthy is back") {
          $0[agent: "healthy"]?.incarnation == incarnation
            && $0[agent: "healthy"]?.phase == "running"
        }
      }
      idle = []
      try eventually("a client gets in again") { try superv("status").code == 0 }
    }
  }

  @Test func aFloodOfRequestsIsAnsweredInOrderAndOthersGetTheirTurn() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.residentBytes()
      let client = try RawClient(superv.controlSocket)
      let count = 20_000
      let flood = (1...count).map { number -> String in
        "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"method\":\"health\",\"params\":{}}\n"
      }
      client.sendAside(flood.joined())
      try superv.expectAnswers(pid: healthy)
      var text: [UInt8] = []
      let end = Array(#""id":\#(count),"#.utf8)
      while text.suffix(1000).firstRange(of: end) == nil, let more = try client.some() {
        text += more
      }
      let lines = text.split(separator: UInt8(ascii: "\n"))
      #expect(lines.count == count)
      #expect(
        zip(1..., lines).allSatisfy { number, line in
          line.starts(with: Array(#"{"jsonrpc":"2.0","id":\#(number),"#.utf8))
        })
      try expectMemory(of: superv, since: before, atMost: 64 << 20, "a flood of requests")
    }
  }

  @Test func aFollowerThatNeverReadsIsBoundedAndThenLetGo() throws {
    try withSuperv(healthyAgent) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.residentBytes()
      let deaf = try RawClient(superv.controlSocket)
      try deaf.send(#"{"jsonrpc":"2.0","id":1,"method":"events","params":{"follow":true}}"# + "\n")
      // Each of them is an event, and the answers are read.
      let client = try RawClient(superv.controlSocket)
      let count = 40_000
      let params = #"{"names":["healthy"],"signal":"CONT"}"#
      let flood = (1...count).map { number -> String in
        "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"method\":\"signal\",\"params\":\(params)}\n"
      }
      client.sendAside(flood.joined())
      var tail: [UInt8] = []
      let end = Array(#""id":\#(count),"#.utf8)
      while tail.firstRange(of: end) == nil, let more = try client.some() {
        tail = tail.suffix(1000) + more
      }
      try superv.expectAnswers(pid: healthy)
      // The fixture's own follower may be gone as well.
      try eventually("the one that does not read is let go") {
        try superv("events", "--json").output.contains("it does not read its events")
      }
      try expectMemory(of: superv, since: before, atMost: 96 << 20, "a follower that never reads")
      withExtendedLifetime(deaf) {}
    }
  }

  @Test func oneRequestWithManyNamesDoesEachOnce() throws {
    try withSuperv("[agent:many]\ncommand = sleep 1000\nnumprocs = 20\n\(healthyAgent)") {
      superv in
      try superv.start()
      let names = Array(repeating: #""many""#, count: 100_000).joined(separator: ",")
      let params = #"{"names":[\#(names)],"signal":"CONT"}"#
      let control = try superv.control()
      #expect(try control.call("signal", params, as: ActionResults.self).results.count == 20)
      let up = try control.call("up", #"{"names":[\#(names)]}"#, as: ActionResults.self)
      #expect(up.results.count == 20)
    }
  }

  @Test func waitingRequestsOfOneConnectionAreLimited() throws {
    try withSuperv("[agent:slow]\ncommand = sleep 1000\nstartsecs = 1000s") { superv in
      try superv.start()
      let client = try RawClient(superv.controlSocket)
      let params = #"{"wait":"ready"}"#
      let requests = (1...65).map { number -> String in
        "{\"jsonrpc\":\"2.0\",\"id\":\(number),\"method\":\"status\",\"params\":\(params)}\n"
      }
      try client.send(requests.joined())
      let answer = try client.wait(for: "\n")
      #expect(answer.contains(#""id":65"#) && answer.contains(#""kind":"overloaded""#), "\(answer)")
    }
  }
}

/// Compares what the daemon takes of memory with what it took before, and says both.
func expectMemory(
  of superv: Superv, since before: Int, atMost limit: Int, _ what: String,
  at location: SourceLocation = #_sourceLocation
) throws {
  let after = try superv.residentBytes()
  print("MEMORY: \(what): \(before >> 10) KiB before, \(after >> 10) KiB after")
  #expect(after - before <= limit, "\(what)", sourceLocation: location)
}
