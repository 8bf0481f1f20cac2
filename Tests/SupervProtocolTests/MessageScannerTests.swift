import SupervProtocol
import Testing

@Suite struct MessageScannerTests {
  private func scan(_ line: String) throws(MessageFault) -> Message {
    try MessageScanner.scan(Array(line.utf8).span)
  }

  private func fault(_ line: String) -> MessageFault? {
    do {
      _ = try scan(line)
      return nil
    } catch {
      return error
    }
  }

  private func slice(_ line: String, _ range: Range<Int>?) -> String? {
    range.map { text(of: $0, in: Array(line.utf8).span) }
  }

  @Test("a request is ranges of its line")
  func request() throws {
    let line = #" { "params" : {"a":[1,{"id":9}]} , "id":42,"jsonrpc":"2.0","method":"status"} "#
    let message = try scan(line)
    #expect(message.kind == .request)
    #expect(slice(line, message.id) == "42")
    #expect(slice(line, message.method) == "status")
    #expect(slice(line, message.params) == #"{"a":[1,{"id":9}]}"#)
    #expect(message.integerID(in: Array(line.utf8).span) == 42)
    #expect(message.methodName(in: Array(line.utf8).span) == "status")
  }

  @Test("the usual beginning says what any other way of writing it says")
  func usualStart() throws {
    let rest = #","method":"call","params":{"to":"a"}}"#
    for id in ["1", #""x""#, "-0.5e1", " 7 "] {
      let usual = try scan(#"{"jsonrpc":"2.0","id":\#(id)"# + rest)
      let other = try scan(#"{"jsonrpc" : "2.0","id":\#(id)"# + rest)
      #expect(usual.kind == .request && other.kind == .request)
      #expect(usual.id.map { $0.lowerBound + 2 } == other.id?.lowerBound)
      #expect(usual.params.map { $0.lowerBound + 2 } == other.params?.lowerBound)
    }
    #expect(fault(#"{"jsonrpc":"2.0","id":1,"jsonrpc":"2.0","method":"m"}"#) != nil)
    #expect(fault(#"{"jsonrpc":"2.0","id":1,"id":2,"method":"m"}"#) != nil)
    #expect(fault(#"{"jsonrpc":"2.1","id":1,"method":"m"}"#) != nil)
    #expect(fault(#"{"jsonrpc":"2.0","id":}"#)?.error.code == -32700)
    #expect(fault(#"{"jsonrpc":"2.0","id":1"#)?.error.code == -32700)
  }

  @Test("the four kinds")
  func kinds() throws {
    #expect(try scan(#"{"jsonrpc":"2.0","method":"ready"}"#).kind == .notification)
    #expect(try scan(#"{"jsonrpc":"2.0","id":"a","method":"m","params":null}"#).params == nil)
    #expect(try scan(#"{"jsonrpc":"2.0","id":1,"result":null}"#).kind == .result)
    #expect(try scan(#"{"jsonrpc":"2.0","id":null,"error":{}}"#).kind == .error)
    #expect(try scan(#"{"jsonrpc":"2.0","id":1,"error":{},"future":[]}"#).kind == .error)
  }

  static let notJSON = [
    "", " ", "{", "}", "[", "nul", "tru", "{]", "[1,]", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{,}",
    "{a:1}", "[1 2]", "{} {}", "{}x", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\u12", "\"\t\"", "01",
    "1.", ".5", "+1", "1e", "1e+", "-", "--1", "0x1", "NaN", "'a'", "[1}", "{\"a\":[}",
    "\u{FEFF}{}",
    "{\"a\" 1}", "{\"a\":1 \"b\":2}", "[\"\\", "{\"jsonrpc\":\"2.0\",\"method\":\"m\"",
  ]

  @Test("what is not JSON is a parse error without an id", arguments: notJSON)
  func parseErrors(line: String) {
    let fault = fault(line)
    #expect(fault?.error.code == -32700, "\(line)")
    #expect(fault?.error.kind == .invalid)
    #expect(fault?.id == nil)
  }

  static let notUTF8: [[UInt8]] = [
    [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80],
    [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xE2, 0x28, 0xA1], [0xFF],
    [0xC3],
  ]

  @Test("text that is not UTF-8 is a parse error", arguments: notUTF8)
  func invalidUTF8(bytes: [UInt8]) {
    for line in [Array("[\"".utf8) + bytes + Array("\"]".utf8), Array("\"".utf8) + bytes] {
      #expect(throws: MessageFault.self) { try MessageScanner.scan(line.span) }
    }
  }

  @Test("every character outside ASCII passes, in one, two, three and four bytes")
  func validUTF8() throws {
    let scalars = ["\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFF}"]
    let params = (scalars + ["\u{10000}", "\u{10FFFF}", "\\ud83d\\ude00"]).joined()
    _ = try scan(#"{"jsonrpc":"2.0","method":"m","params":["\#(params)"]}"#)
  }

  @Test("every number of RFC 8259 passes", arguments: ["0", "-0", "10", "1.5", "1e9", "-1.25E-7"])
  func numbers(number: String) throws {
    _ = try scan(#"{"jsonrpc":"2.0","method":"m","params":[\#(number)]}"#)
  }

  static let notMessages: [(line: String, id: String?)] = [
    ("[]", nil), ("1", nil), ("{}", nil), (#"[{"jsonrpc":"2.0","method":"m"}]"#, nil),
    (#"{"method":"m","id":1}"#, "1"), (#"{"jsonrpc":"1.0","method":"m","id":1}"#, "1"),
    (#"{"jsonrpc":2.0,"method":"m","id":"x"}"#, "\"x\""), (#"{"jsonrpc":"2.0","id":3}"#, "3"),
    (#"{"jsonrpc":"2.0","id":null,"method":"m"}"#, nil),
    (#"{"jsonrpc":"2.0","id":[1],"method":"m"}"#, nil),
    (#"{"jsonrpc":"2.0","id":true,"method":"m"}"#, nil),
    (#"{"jsonrpc":"2.0","id":1,"method":7}"#, "1"), (#"{"jsonrpc":"2.0","id":1,"method":""}"#, "1"),
    (#"{"jsonrpc":"2.0","id":1,"method":"a\u0062"}"#, "1"),
    (#"{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}"#, "1"),
    (#"{"jsonrpc":"2.0","id":1,"method":"m","result":1}"#, "1"),
    (#"{"jsonrpc":"2.0","id":1,"result":1,"error":{}}"#, "1"),
    (#"{"jsonrpc":"2.0","result":1}"#, nil),
    (#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#, "1"),
    (#"{"jsonrpc":"2.0","method":"m","\u0069d":1}"#, nil),
    (#"{"jsonrpc":"2.0","method":"m","id":"\#(String(repeating: "x", count: 127))"}"#, nil),
  ]

  @Test("JSON that is not a message is an invalid request, with its id where it has one")
  func invalidRequests() {
    for (line, id) in Self.notMessages {
      let fault = fault(line)
      #expect(fault?.error.code == -32600, "\(line)")
      #expect(slice(line, fault?.id) == id, "\(line)")
    }
  }

  @Test("an id of 128 bytes passes")
  func longestID() throws {
    let id = "\"\(String(repeating: "x", count: 126))\""
    #expect(try scan(#"{"jsonrpc":"2.0","method":"m","id":\#(id)}"#).id?.count == 128)
  }

  @Test("128 levels of nesting pass, 129 do not, a million do no harm")
  func depth() throws {
    func line(_ levels: Int) -> String {
      let params = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
      return #"{"jsonrpc":"2.0","method":"m","params":\#(params)}"#
    }
    _ = try scan(line(127))
    #expect(fault(line(128))?.error.message.contains("nested deeper than 128 levels") == true)
    #expect(fault(line(1_000_000))?.error.code == -32700)
  }

  @Test("errors say where")
  func position() {
    #expect(fault(#"{"a":x}"#)?.error.message == "not JSON: expected a value (byte 6)")
    #expect(fault(#"{"a":1"#)?.error.message == "not JSON: the text ends too early (byte 7)")
  }

  @Test("no cut, flip or doubling of a byte of a good message traps the scanner")
  func mutations() {
    let line = Array(
      #"{"jsonrpc":"2.0","id":-1.5e3,"method":"µ","params":{"a":["\u00e9",null]}}"#.utf8)
    for index in line.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = line
        changed[index] = byte
        _ = try? MessageScanner.scan(changed.span)
      }
      let cut = Array(line[..<index])
      _ = try? MessageScanner.scan(cut.span)
      let doubled = Array(line[...index] + line[index...])
      _ = try? MessageScanner.scan(doubled.span)
    }
  }
}
