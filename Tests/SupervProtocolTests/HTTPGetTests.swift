import SupervProtocol
import Testing

@Suite struct HTTPGetTests {
  @Test(arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
  func asks(host: String, authority: String) {
    let text = String(
      decoding: HTTPGet.request(host: host, port: 80, path: "/a?b=c"), as: UTF8.self)
    #expect(
      text
        == "GET /a?b=c HTTP/1.1\r\nHost: \(authority)\r\nUser-Agent: superv/\(supervVersion)\r\n"
        + "Accept: */*\r\nConnection: close\r\n\r\n")
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\n", HTTPGet.Answer.status(200, phrase: "OK")),
    ("HTTP/1.0 404\n", .status(404, phrase: "")),
    ("HTTP/1.1 503 Not just now\r\nA: b\r\n\r\nbody", .status(503, phrase: "Not just now")),
    ("HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 301 Moved\r\n", .status(301, phrase: "Moved")),
    ("HTTP/1.1 100 Continue\r\n\r\n", .incomplete),
    ("HTTP/1.1 103 Early\r\nLink: x\r\n", .incomplete),
    ("", .incomplete), ("HT", .incomplete), ("HTTP/1.1 20", .incomplete),
    ("SSH", .invalid), ("\n", .invalid), ("HTTP/2 200\n", .invalid),
    ("HTTP/1.1 2000 x\n", .invalid),
    ("HTTP/1.1 99 x\n", .invalid), ("HTTP/1.1 700 x\n", .invalid), ("HTTP/1.1\n", .invalid),
    ("HTTP/1.1 +20 x\n", .invalid),
  ]) func reads(text: String, answer: HTTPGet.Answer) {
    #expect(HTTPGet.answer(in: Array(text.utf8)) == answer)
  }

  @Test func anAnswerWithoutEndIsNone() {
    let head = "HTTP/1.1 200 " + String(repeating: "x", count: HTTPGet.maximumHeadBytes)
    #expect(HTTPGet.answer(in: Array(head.utf8)) == .invalid)
    let interim = "HTTP/1.1 100 x\r\n" + String(repeating: "y: z\r\n", count: 4000)
    #expect(HTTPGet.answer(in: Array(interim.utf8)) == .invalid)
  }
}
