import Foundation
import SupervProtocol
import Testing

@Suite struct JSONTests {
  private func json(_ value: some Encodable) -> String {
    String(decoding: JSON.encode(value), as: UTF8.self)
  }

  private struct Sample: Encodable {
    var zebra: Int? = nil
    var apple: [Double?] = [1, nil, .infinity, 0.25]
    var nested: [String: Bool] = ["a": true]
    var none: [Int] = []
    var text = "é\"\\\n\t\r\u{1}\u{1F}/"
    var large = UInt64.max
    var small = Int8.min
    var real: Float? = 1.5
  }

  @Test("members keep their order, nil is null")
  func order() {
    let expected =
      #"{"zebra":null,"apple":[1.0,null,null,0.25],"nested":{"a":true},"none":[],"#
      + #""text":"é\"\\\n\t\r\u0001\u001f/","large":18446744073709551615,"small":-128,"real":1.5}"#
    #expect(json(Sample()) == expected)
  }

  @Test("values that are no objects")
  func scalars() {
    #expect(json("a") == "\"a\"")
    #expect(json([[1], []]) == "[[1],[]]")
    #expect(json(Int?.none) == "null")
    #expect(json(NoParams()) == "{}")
  }

  private struct Handmade: Encodable {
    private enum Key: String, CodingKey { case a, b, c }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      var list = container.nestedUnkeyedContainer(forKey: .a)
      try list.encode(1)
      var object = list.nestedContainer(keyedBy: Key.self)
      try object.encodeNil(forKey: .b)
      try list.encodeNil()
      _ = container.nestedContainer(keyedBy: Key.self, forKey: .b)
      try container.encode("end", forKey: .c)
    }
  }

  @Test("nested containers end when their parent goes on")
  func nested() { #expect(json(Handmade()) == #"{"a":[1,{"b":null},null],"b":{},"c":"end"}"#) }

  @Test("every control character is escaped so that Foundation reads it back")
  func escapes() throws {
    let text = String(String.UnicodeScalarView((0...0x7F).map { Unicode.Scalar($0) }))
    let decoded = try JSONSerialization.jsonObject(with: Data(JSON.encode([text])))
    #expect(decoded as? [String] == [text])
  }

  @Test("what does not fit is named")
  func decodingErrors() {
    func explanation<Value: Decodable>(_ type: Value.Type, _ text: String) -> String? {
      do {
        _ = try JSON.decode(type, from: Array(text.utf8).span)
        return nil
      } catch {
        #expect(error.code == -32602)
        return error.message
      }
    }
    #expect(explanation(WhyParams.self, "{}") == "'name' is missing")
    #expect(explanation(WhyParams.self, #"{"name":1}"#) == "'name' is not of type String")
    #expect(
      explanation(NamesParams.self, #"{"names":["a",2]}"#) == "'names.1' is not of type String")
    #expect(explanation(StatusParams.self, #"{"wait":"soon"}"#) == "'wait' has an unknown value")
    #expect(explanation(WhyParams.self, #"{"name":null}"#)?.hasPrefix("'name'") == true)
  }
}

@Suite struct MessageWriterTests {
  private func written(_ body: (inout [UInt8]) -> Void) -> String {
    var bytes: [UInt8] = []
    body(&bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("each message is one line")
  func messages() {
    let id = Array("\"x\"".utf8)
    #expect(
      written {
        MessageWriter.appendRequest(id: 7, method: "why", params: WhyParams(name: "a"), to: &$0)
      }
        == #"{"jsonrpc":"2.0","id":7,"method":"why","params":{"name":"a"}}"# + "\n")
    #expect(
      written { MessageWriter.appendNotification(method: "event", params: NoParams(), to: &$0) }
        == #"{"jsonrpc":"2.0","method":"event","params":{}}"# + "\n")
    #expect(
      written { MessageWriter.appendResult(id: id.span, result: ShutdownReport(pid: 4), to: &$0) }
        == #"{"jsonrpc":"2.0","id":"x","result":{"pid":4}}"# + "\n")
    #expect(
      written {
        MessageWriter.appendResult(id: id.span, encodedResult: Array("[1]".utf8).span, to: &$0)
      }
        == #"{"jsonrpc":"2.0","id":"x","result":[1]}"# + "\n")
  }

  @Test("errors carry kind, retryability and delay")
  func errors() throws {
    let error = RPCError(.overloaded, "busy", retryAfterMilliseconds: 250)
    let line = written { MessageWriter.appendError(error, id: nil, to: &$0) }
    #expect(
      line == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32004,"message":"busy","data":"#
        + #"{"kind":"overloaded","retryable":true,"retry_after_ms":250}}}"# + "\n")
    let bytes = Array(line.utf8)
    let message = try MessageScanner.scan(bytes.span)
    let range = try #require(message.error)
    #expect(try JSON.decode(RPCError.self, from: bytes.span.extracting(range)) == error)
  }

  @Test(
    "every kind survives the way, and has a code that JSON-RPC allows",
    arguments: ErrorKind.allCases)
  func kinds(kind: ErrorKind) throws {
    let error = RPCError(kind, "x")
    #expect(try JSON.decode(RPCError.self, from: JSON.encode(error).span) == error)
    #expect((-32099 ... -32000).contains(kind.code) || (-32768 ... -32600).contains(kind.code))
  }

  @Test("codes of kinds are distinct")
  func codes() { #expect(Set(ErrorKind.allCases.map(\.code)).count == ErrorKind.allCases.count) }

  @Test("errors of others are read without data, and with kinds of later versions")
  func foreignErrors() throws {
    let bare = Array(#"{"code":-32004,"message":"m"}"#.utf8)
    #expect(try JSON.decode(RPCError.self, from: bare.span).kind == .overloaded)
    let later = Array(#"{"code":1,"message":"m","data":{"kind":"moon","retryable":true}}"#.utf8)
    let error = try JSON.decode(RPCError.self, from: later.span)
    #expect(error.kind == .invalid && error.isRetryable && error.code == 1)
    let text = Array(#"{"code":1,"message":"m","data":"traceback"}"#.utf8)
    #expect(try JSON.decode(RPCError.self, from: text.span).message == "m")
  }
}

@Suite struct JSONSlicesTests {
  private let line = Array(#"x{ "a" : [1, {"b":[]} ,"],"] , "c":{},"d":[ ] }"#.utf8)

  private func member(_ name: String) -> Range<Int>? {
    JSON.member(name, of: 1..<line.count, in: line.span)
  }

  private func elements(_ array: Range<Int>) -> [String] {
    JSON.elements(of: array, in: line.span).map { text(of: $0, in: line.span) }
  }

  @Test("members and elements are found without decoding")
  func slices() throws {
    let array = try #require(member("a"))
    #expect(elements(array) == ["1", #"{"b":[]}"#, #""],""#])
    #expect(elements(try #require(member("d"))).isEmpty)
    #expect(elements(try #require(member("c"))).isEmpty)
    #expect(member("b") == nil)
    #expect(elements(1..<line.count).isEmpty)
  }
}
