import SupervProtocol
import Testing

/// What `call` may be sent, found without decoding it.
@Suite struct CallParamsTests {
  /// The values that were found, as text, or the error's message.
  private func scan(_ params: String) -> [String: String] {
    let line = Array((#"{"jsonrpc":"2.0","id":1,"method":"call","params":"# + params + "}").utf8)
    do {
      var message = try MessageScanner.scan(line.span)
      let found = try CallParams(of: &message, in: line.span)
      func part(_ range: Range<Int>?) -> String? { range.map { text(of: $0, in: line.span) } }
      var values = ["to": part(found.to), "method": part(found.method)]
      values["params"] = part(found.params)
      values["timeout"] = found.timeoutMilliseconds.map { String($0) }
      values["task"] = part(found.task)
      values["trace"] = part(found.trace)
      return values.compactMapValues { $0 }
    } catch let error as RPCError {
      #expect(error.code == RPCError.invalidParametersCode)
      return ["error": error.message]
    } catch {
      return ["fault": "\(error)"]
    }
  }

  @Test func everyMemberIsFound() {
    let all = #"""
       { "x" : [{"to":"no"},"]}"] , "trace":"t-1","task" : "a\"b", "timeout_ms": 86400000 ,
      "params" :{"to":"no","a":["\\",{}]}, "method":"m", "to":"writer:1","y":"\\" }
      """#
    #expect(
      scan(all.replacing("\n", with: " ")) == [
        "to": "writer:1", "method": #""m""#, "params": #"{"to":"no","a":["\\",{}]}"#,
        "timeout": "86400000", "task": #""a\"b""#, "trace": "t-1",
      ])
  }

  @Test(arguments: ["null", "true", "-0.5e+7", #""""#, #""\\""#, "[]", "{}", "[[],{}]", "0"])
  func paramsMayBeAnyValue(_ value: String) {
    #expect(scan(#"{"params":\#(value),"to":"a","method":"m"}"#)["params"] == value)
    #expect(scan(#"{"to":"a","method":"m","params":\#(value)}"#)["params"] == value)
  }

  @Test func nullIsAbsentWhereItCanBe() {
    #expect(
      scan(#"{"to":"a","method":"m","task":null,"trace":null,"timeout_ms":null}"#)
        == ["to": "a", "method": #""m""#])
    // What is no traceparent counts as none.
    #expect(scan(#"{"to":"a","method":"m","trace":7}"#)["trace"] == nil)
    #expect(scan(#"{"to":"a","method":"m","trace":""}"#)["trace"] == nil)
  }

  @Test(arguments: [
    ("{}", "'to' is missing"), ("[]", "'params' must be an object"),
    (#"{"to":"a"}"#, "'method' is missing"), (#"{"to":1,"method":"m"}"#, "'to' must be a string"),
    (#"{"to":"a","method":["m"]}"#, "'method' must be a string"),
    (#"{"to":"a","method":""}"#, "'method' must not be empty"),
    (#"{"to":"a","to":"b","method":"m"}"#, "'to' is given twice"),
    (#"{"to":"a","method":"m","timeout_ms":1,"timeout_ms":1}"#, "'timeout_ms' is given twice"),
    (#"{"to":"\u0061","method":"m"}"#, "escape sequences in 'to' are not supported"),
    (
      #"{"\u0074o":"a","method":"m"}"#,
      "escape sequences in a member's name are not supported"
    ),
    (#"{"to":"a","method":"m","task":5}"#, "'task' must be a string"),
  ])
  func whatDoesNotFitIsNamed(_ params: String, _ message: String) {
    #expect(scan(params)["error"] == message)
  }

  @Test(arguments: ["0", "-1", "86400001", "1.0", "1e3", #""5""#, "99999999999999999999", "[1]"])
  func timeoutIsAWholeNumberWithinItsLimits(_ value: String) {
    let found = scan(#"{"to":"a","method":"m","timeout_ms":\#(value)}"#)
    #expect(found["error"] == "'timeout_ms' must be a whole number from 1 to 86400000")
  }

  @Test func textsHaveALimitInWhatTheyMean() {
    for member in ["method", "task"] {
      func scan(_ text: String) -> String? {
        let method = member == "method" ? "" : #""method":"m","#
        return self.scan(#"{\#(method)"to":"a","\#(member)":"\#(text)"}"#)["error"]
      }
      #expect(scan(String(repeating: "x", count: 128)) == nil)
      #expect(
        scan(String(repeating: "x", count: 129)) == "'\(member)' may have 128 bytes at most")
      #expect(scan(String(repeating: #"\u0041"#, count: 128)) == nil)
      #expect(scan(String(repeating: #"\u0041"#, count: 129)) != nil)
      #expect(scan(String(repeating: "é", count: 64)) == nil)
      #expect(scan(String(repeating: "é", count: 65)) != nil)
    }
  }

  /// The quick search must stop where the slow one would, wherever in a word that is.
  @Test func everyByteOfAStringIsLookedAt() {
    for length in 0..<40 {
      for byte in UInt8.min...UInt8.max {
        for place in [0, length / 2, length] {
          var bytes = Array(repeating: UInt8(ascii: "a"), count: length)
          bytes.insert(byte, at: place)
          let line =
            Array(#"{"jsonrpc":"2.0","method":"m","x":""#.utf8) + bytes + Array(#""}"#.utf8)
          let isGood = (try? MessageScanner.scan(line.span)) != nil
          // A quote ends the string, a backslash needs what these letters are not, and only ASCII
          // without controls stands for itself.
          let isPlain = byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\\")
          let isEnd = byte == UInt8(ascii: "\"")
          if isGood != (isPlain && !isEnd) {
            Issue.record("byte \(byte) at \(place) of \(length)")
          }
        }
      }
    }
  }
}
