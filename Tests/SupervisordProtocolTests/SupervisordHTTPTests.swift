import SupervisordProtocol
import Testing

@Suite struct SHA1Tests {
  /// FIPS 180-4's examples, and lengths around a block.
  @Test(
    "known digests",
    arguments: [
      ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
      ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
      ),
      (String(repeating: "a", count: 55), "c1c8bbdc22796e28c0e15163d20899b65621d65a"),
      (String(repeating: "a", count: 63), "03f09f5b158a7a8cdad920bddc29b81c18a551f5"),
      (String(repeating: "a", count: 64), "0098ba824b5c16427bd7a1122a5a442a25ec644d"),
      (String(repeating: "a", count: 10_000), "a080cbda64850abb7b7f67ee875ba068074ff6fe"),
    ])
  func digest(text: String, digest: String) {
    #expect(SHA1.hexadecimalDigest(of: Array(text.utf8)) == digest)
  }
}

@Suite struct SupervisordCredentialsTests {
  private let plain = SupervisordCredentials(userName: "user", password: "thepassword")
  private let hashed = SupervisordCredentials(
    userName: "user", password: "{SHA}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d")

  @Test func theRightPairIsLetIn() {
    for header in ["Basic dXNlcjp0aGVwYXNzd29yZA==", "basic dXNlcjp0aGVwYXNzd29yZA=="] {
      #expect(plain.admit(header))
      #expect(hashed.admit(header))
    }
    // b:a:c, whose password is "a:c"
    #expect(SupervisordCredentials(userName: "b", password: "a:c").admit("Basic YjphOmM="))
  }

  @Test(
    "all else is not",
    arguments: [
      nil, "", "Basic", "Basic ", "Digest dXNlcjp0aGVwYXNzd29yZA==", "dXNlcjp0aGVwYXNzd29yZA==",
      "Basic !!!", "Basic dXNlcg==", "Basic dXNlcjo=", "Basic OnRoZXBhc3N3b3Jk",
      "Basic dXNlcjp0aGVwYXNzd29yZHg=",
      // user:82ab876d1387bfafe46cc1c8a2ef074eae50cb1d, the digest itself
      "Basic dXNlcjo4MmFiODc2ZDEzODdiZmFmZTQ2Y2MxYzhhMmVmMDc0ZWFlNTBjYjFk",
    ])
  func wrongPairs(header: String?) {
    #expect(!plain.admit(header))
    #expect(!hashed.admit(header))
  }
}

@Suite struct SupervisordReaderTests {
  private func events(
    _ texts: [String], _ credentials: SupervisordCredentials? = nil
  ) -> [SupervisordReader.Event] {
    var reader = SupervisordReader(credentials: credentials)
    var events: [SupervisordReader.Event] = []
    for text in texts {
      reader.append(Array(text.utf8))
      while let event = reader.next() { events.append(event) }
    }
    return events
  }

  private let call = "POST /RPC2 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"

  private func request(
    _ path: String, method: String = "GET", query: String = "", minorVersion: Int = 1,
    keepsAlive: Bool = true, body: String = ""
  ) -> SupervisordReader.Event {
    .request(
      SupervisordRequest(
        method: method, path: path, query: query, minorVersion: minorVersion,
        keepsAlive: keepsAlive, body: Array(body.utf8)))
  }

  @Test func aCallComesWholeOrByteByByte() {
    let expected = [request("/RPC2", method: "POST", body: "hello")]
    #expect(events([call]) == expected)
    #expect(events(call.map { String($0) }) == expected)
    #expect(events(["\r\n\r\n", call, "\n", call]) == expected + expected)
    #expect(events([call.replacing("\r\n", with: "\n")]) == expected)
  }

  @Test(
    "who keeps the connection",
    arguments: [
      ("1.1", "", true), ("1.1", "Connection: close\r\n", false),
      ("1.1", "connection:  Close \r\n", false), ("1.1", "Connection: TE, close\r\n", false),
      ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
    ])
  func connection(version: String, header: String, keepsAlive: Bool) {
    let found = events(["GET /a HTTP/\(version)\r\n\(header)\r\n"])
    #expect(
      found == [request("/a", minorVersion: version == "1.1" ? 1 : 0, keepsAlive: keepsAlive)])
  }

  @Test func targetsAreDecoded() {
    let found = events(["GET /logtail/g%3aa%20%ff%zz/stdout%?x=%20 HTTP/1.1\r\n\r\n"])
    #expect(found == [request("/logtail/g:a \u{FFFD}%zz/stdout%", query: "x=%20")])
  }

  @Test func whoWaitsToGoOnIsToldSo() {
    let head = "POST /RPC2 HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    #expect(
      events([head, "ab"]) == [.waitsToGoOn, request("/RPC2", method: "POST", body: "ab")])
    #expect(events([head + "ab"]) == [request("/RPC2", method: "POST", body: "ab")])
  }

  @Test(
    "what is refused",
    arguments: [
      ("hello\r\n\r\n", SupervisordStatus.badRequest), ("GET /\r\n\r\n", .badRequest),
      ("GET a HTTP/1.1\r\n\r\n", .badRequest), ("GET / HTTP/2.0\r\n\r\n", .badRequest),
      ("GET / HTTP/1.1\r\nnonsense\r\n\r\n", .badRequest),
      ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", .badRequest),
      ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", .badRequest),
      ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", .badRequest),
      ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .badRequest),
      ("POST / HTTP/1.1\r\n\r\n", .lengthRequired),
      ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthRequired),
      ("POST / HTTP/1.1\r\nContent-Length: 4194305\r\n\r\n", .contentTooLarge),
      ("GET /\(String(repeating: "a", count: 20_000))", .headersTooLarge),
    ])
  func refusals(text: String, status: SupervisordStatus) {
    #expect(events([text]) == [.refused(status)])
  }

  @Test func strangersAreRefusedBeforeTheirBodyComes() {
    let credentials = SupervisordCredentials(userName: "u", password: "p")
    let head = "POST /RPC2 HTTP/1.1\r\nContent-Length: 4000000\r\n"
    #expect(events([head + "\r\n"], credentials) == [.refused(.unauthorized)])
    // Whatever a stranger sends on is dropped.
    #expect(events([head + "\r\n", call, call], credentials) == [.refused(.unauthorized)])
    #expect(events([head + "Authorization: Basic dTpw\r\n\r\n"], credentials) == [])
  }

  @Test func damagedRequestsNeverTrap() {
    var dice = Dice(seed: 3)
    for _ in 0..<2000 {
      var bytes = Array(call.utf8)
      for _ in 0...dice.roll(3) {
        bytes[dice.roll(bytes.count)] = UInt8(dice.roll(256))
        bytes.remove(at: dice.roll(bytes.count))
      }
      var reader = SupervisordReader(credentials: nil)
      reader.append(bytes)
      for _ in 0..<10 {
        guard case .request = reader.next() else { break }
      }
    }
  }

  @Test(
    "where a request goes",
    arguments: [
      ("POST", "/RPC2", SupervisordTarget.call), ("POST", "/RPC2/", .call),
      ("GET", "/RPC2", .refused(.badRequest)), ("GET", "/mainlogtail", .tail(.main)),
      ("POST", "/mainlogtail", .refused(.badRequest)),
      ("GET", "/logtail/a", .tail(.stdout(SupervisordProcessID(group: "a", name: "a")))),
      ("GET", "/logtail/g:b/stdout", .tail(.stdout(SupervisordProcessID(group: "g", name: "b")))),
      ("GET", "/logtail/g:b/stderr", .tail(.stderr(SupervisordProcessID(group: "g", name: "b")))),
      ("GET", "/logtail/a/stdin", .refused(.notFound)), ("GET", "/logtail", .refused(.notFound)),
      ("GET", "/logtail/a/stdout/x", .refused(.notFound)),
      ("GET", "/logtail/g:*", .refused(.notFound)), ("POST", "/logtail/a", .refused(.badRequest)),
      ("GET", "/", .page), ("GET", "/index.html", .page), ("GET", "/logtails", .page),
    ])
  func targets(method: String, path: String, target: SupervisordTarget) {
    let request = SupervisordRequest(
      method: method, path: path, query: "", minorVersion: 1, keepsAlive: true, body: [])
    #expect(request.target == target)
  }
}

@Suite struct SupervisordReplyTests {
  @Test func anAnswerHasAHead() {
    let reply = SupervisordReply.xml(Array("<a/>".utf8))
    let text = String(
      decoding: reply.encoded(minorVersion: 1, keepsAlive: true, now: 1_795_292_047),
      as: UTF8.self)
    #expect(
      text == """
        HTTP/1.1 200 OK\r
        Server: superv\r
        Date: Sat, 21 Nov 2026 20:14:07 GMT\r
        Content-Type: text/xml\r
        Content-Length: 4\r
        \r
        <a/>
        """)
  }

  @Test func theConnectionIsSpokenOfWhereItMatters() {
    func last(_ minorVersion: Int, _ keepsAlive: Bool) -> String? {
      let bytes = SupervisordReply.xml([]).encoded(
        minorVersion: minorVersion, keepsAlive: keepsAlive, now: 0)
      return String(decoding: bytes, as: UTF8.self).split(separator: "\r\n").last.map(String.init)
    }
    #expect(last(1, true) == "Content-Length: 0")
    #expect(last(1, false) == "Connection: close")
    #expect(last(0, true) == "Connection: Keep-Alive")
    #expect(last(0, false) == "Connection: close")
  }

  @Test func theUnauthorizedAreAskedForAPassword() {
    let bytes = SupervisordReply.status(.unauthorized).encoded(
      minorVersion: 1, keepsAlive: false, now: 951_782_400)
    let text = String(decoding: bytes, as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
    #expect(text.contains("\r\nWWW-Authenticate: Basic realm=\"default\"\r\n"))
    #expect(text.contains("\r\nDate: Tue, 29 Feb 2000 00:00:00 GMT\r\n"))
    #expect(text.hasSuffix("\r\n\r\n401 Unauthorized\n"))
  }
}

@Suite struct SupervisordTailTests {
  private typealias File = SupervisordTail.FileState

  @Test func aTailBeginsNearTheEndAndFollows() {
    var tail = SupervisordTail(File(sizeBytes: 5000, identity: 1))
    #expect(tail.next(File(sizeBytes: 5000, identity: 1)) == .read(from: 3976, count: 1024))
    tail.advance(by: 1000)
    #expect(tail.next(File(sizeBytes: 5000, identity: 1)) == .read(from: 4976, count: 24))
    tail.advance(by: 24)
    #expect(tail.next(File(sizeBytes: 5000, identity: 1)) == .wait)
    #expect(tail.next(nil) == .wait)
    #expect(tail.next(File(sizeBytes: 1_000_000, identity: 1)) == .read(from: 5000, count: 65_536))
  }

  @Test func aNewFileBeginsAnewAndAShorterOneSaysSo() {
    var tail = SupervisordTail(File(sizeBytes: 10, identity: 1))
    tail.advance(by: 10)
    #expect(tail.next(File(sizeBytes: 30, identity: 2)) == .read(from: 0, count: 30))
    tail.advance(by: 30)
    #expect(tail.next(File(sizeBytes: 5, identity: 2)) == .say("==> File truncated <==\n"))
    #expect(tail.next(File(sizeBytes: 5, identity: 2)) == .read(from: 0, count: 5))
  }

  private func stream(minorVersion: Int, keepsAlive: Bool) -> SupervisordStream {
    SupervisordStream(
      answering: SupervisordRequest(
        method: "GET", path: "/mainlogtail", query: "", minorVersion: minorVersion,
        keepsAlive: keepsAlive, body: []))
  }

  @Test func aStreamGoesInChunks() {
    let stream = stream(minorVersion: 1, keepsAlive: true)
    let head = String(decoding: stream.head(now: 86_400, lastModified: 0), as: UTF8.self)
    #expect(
      head == """
        HTTP/1.1 200 OK\r
        Server: superv\r
        Date: Fri, 02 Jan 1970 00:00:00 GMT\r
        Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r
        Content-Type: text/plain;charset=utf-8\r
        X-Accel-Buffering: no\r
        Transfer-Encoding: chunked\r
        \r

        """)
    let chunk = stream.encoded(Array("0123456789abcdef\n".utf8))
    #expect(String(decoding: chunk, as: UTF8.self) == "11\r\n0123456789abcdef\n\r\n")
    #expect(stream.encoded([]) == [])
    #expect(stream.end == Array("0\r\n\r\n".utf8))
  }

  @Test func whoCannotTakeChunksGetsTheBytes() {
    for stream in [
      stream(minorVersion: 0, keepsAlive: true), stream(minorVersion: 1, keepsAlive: false),
    ] {
      let head = String(decoding: stream.head(now: 0, lastModified: 0), as: UTF8.self)
      #expect(head.hasSuffix("\r\nConnection: close\r\n\r\n"))
      #expect(stream.encoded([65]) == [65])
      #expect(stream.end == [])
    }
  }
}
