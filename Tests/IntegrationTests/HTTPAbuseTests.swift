import SupervSystem
import Testing

/// HTTP answers everybody on this machine, so anybody may send it anything.
@Suite(.aside) struct HTTPAbuseTests {
  private static let configuration = """
    [superv]
    http = unix:%(here)s/http
    \(healthyAgent)
    """

  private func ask(_ superv: Superv, _ request: String) throws -> String {
    let client = try RawClient("\(superv.folder)/http")
    try client.send(request)
    return try client.rest()
  }

  @Test func everyRequestGetsTheStatusItDeserves() throws {
    try withSuperv(Self.configuration) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let answers: [(String, String)] = [
        ("GET /livez HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /livez HTTP/1.0\n\n", "HTTP/1.1 200 "),
        ("HEAD /livez HTTP/1.0\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /nothing HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "),
        ("GET /agents/nobody/readyz HTTP/1.0\r\n\r\n", "HTTP/1.1 404 "),
        ("POST /livez HTTP/1.0\r\n\r\n", "HTTP/1.1 405 "),
        ("DELETE /agents/healthy HTTP/1.0\r\n\r\n", "HTTP/1.1 405 "),
        ("POST /livez HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 413 "),
        ("POST /livez HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 413 "),
        ("garbage\r\n\r\n", "HTTP/1.1 400 "),
        ("\u{1}\u{2}\u{0}\r\n\r\n", "HTTP/1.1 400 "),
        ("GET /livez SIP/2.0\r\n\r\n", "HTTP/1.1 400 "),
        ("GET livez HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        ("GET /livez HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.1 400 "),
      ]
      for (request, answer) in answers {
        let response = try ask(superv, request)
        #expect(response.hasPrefix(answer), "\(request): \(response)")
      }
      // A client that goes on sending may lose the answer, not more.
      let huge = try ask(superv, "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 1 << 20))")
      #expect(huge.hasPrefix("HTTP/1.1 431 ") || huge.isEmpty, "\(huge)")
      try superv.expectAnswers(pid: healthy)
    }
  }

  @Test func slowAndIdleClientsKeepNobodyOut() throws {
    try withSuperv(Self.configuration) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.residentBytes()
      let slow = try RawClient("\(superv.folder)/http")
      let request = Array("GET /livez HTTP/1.0\r\n".utf8)
      var idle: [RawClient] = []
      for number in 0..<200 {
        idle.append(try RawClient("\(superv.folder)/http"))
        if number < request.count { try slow.send([request[number]]) }
      }
      try slow.send("\r\n")
      #expect(try slow.rest().hasPrefix("HTTP/1.1 200 "))
      // More than there may be at once.
      for _ in 0..<400 { idle.append(try RawClient("\(superv.folder)/http")) }
      #expect(try ask(superv, "GET /livez HTTP/1.0\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
      try superv.expectAnswers(pid: healthy)
      try expectMemory(of: superv, since: before, atMost: 32 << 20, "600 idle HTTP connections")
      withExtendedLifetime(idle) {}
    }
  }

  @Test func pipelinedRequestsThatNobodyReadsAreBounded() throws {
    try withSuperv(Self.configuration) { superv in
      try superv.start()
      let healthy = try superv.status().pids["healthy"]
      let before = try superv.residentBytes()
      let client = try RawClient("\(superv.folder)/http")
      let requests = String(repeating: "GET /healthz HTTP/1.1\r\n\r\n", count: 1000)
      var rounds = 0
      // Until the daemon has had enough of it.
      while rounds < 1000, try client.send(requests) { rounds += 1 }
      #expect(rounds < 1000)
      try superv.expectAnswers(pid: healthy)
      try expectMemory(of: superv, since: before, atMost: 64 << 20, "unread HTTP answers")
    }
  }
}
