import Foundation
import SupervProtocol
import Testing

@Suite struct JSONTests {
  private func json(_ value: some Encodable) -> String {
    String(decoding: JSON.encode(value), as: UTF8.self)
  }

  private struct Sample: Codable, Hashable {
    var zebra = 1
    @OrNull var apple: Int?
    var left: Int? = nil
    var text = "é\"\\\n\t\r\u{1}/"
    var large = UInt64.max
  }

  @Test("members stand in the order of their names, and null only where it is asked for")
  func order() throws {
    let expected =
      #"{"apple":null,"large":18446744073709551615,"text":"é\"\\\n\t\r\u0001/","zebra":1}"#
    #expect(json(Sample(apple: nil)) == expected)
    let bytes = Array(expected.utf8)
    #expect(try JSON.decode(Sample.self, from: bytes.span) == Sample(apple: nil))
    let without = Array(#"{"large":18446744073709551615,"text":"","zebra":2}"#.utf8)
    #expect(try JSON.decode(Sample.self, from: without.span).apple == nil)
  }

  @Test("values that are no objects, and one that has no JSON")
  func scalars() {
    #expect(json("a") == "\"a\"")
    #expect(json([[1], []]) == "[[1],[]]")
    #expect(json(NoParams()) == "{}")
    #expect(json([Double.infinity]) == "null")
  }

  @Test("every control character is escaped so that Foundation reads it back")
  func escapes() throws {
    let text = String(String.UnicodeScalarView((0...0x7F).map { Unicode.Scalar($0) }))
    let decoded = try JSONSerialization.jsonObject(with: Data(JSON.encode([text])))
    #expect(decoded as? [String] == [text])
  }

  private enum Shape: Codable {
    case nothing
    case pair(Int, label: String?)
    indirect case nested([Shape], by: [String: Shape])
  }

  private class Base: Encodable {
    var own = [1: "a", 2: "b"]
  }

  private final class Derived: Base {
    private enum CodingKeys: CodingKey { case zero, list, inner }

    override func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encodeNil(forKey: .zero)
      var list = container.nestedUnkeyedContainer(forKey: .list)
      try list.encode(true)
      try list.encodeNil()
      var inner = list.nestedContainer(keyedBy: CodingKeys.self)
      try inner.encode("later", forKey: .zero)
      try inner.encode("before", forKey: .inner)
      var deep = list.nestedUnkeyedContainer()
      try deep.encode(Int8.min)
      try super.encode(to: container.superEncoder())
      try container.encode(Float(0.1), forKey: .inner)
    }
  }

  @Test("the text is that of Foundation's encoder")
  func likeFoundation() throws {
    func compare(_ value: some Encodable) throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      #expect(json(value) == String(decoding: try encoder.encode(value), as: UTF8.self))
    }
    try compare(Sample())
    try compare(Shape.nothing)
    let pair = Shape.pair(-1, label: nil)
    try compare([pair, .pair(.min, label: "a/b")])
    try compare(Shape.nested([pair, .nothing], by: ["b": pair, "a": .nested([], by: [:])]))
    try compare([1.0, 0.1, -0.5, 1e300, .leastNonzeroMagnitude, 100, 1e15, 123_456_789.25])
    try compare([UInt64.max, 0, 10, 101])
    try compare([String: Int?](uniqueKeysWithValues: [("ab", 1), ("a", nil), ("a!", 2)]))
    try compare(Derived())
    try compare([[String]](repeating: [], count: 3))
  }

  @Test("what has no JSON leaves nothing of itself behind")
  func faultsInside() {
    var bytes = Array("before ".utf8)
    JSON.append(["a": ["b": Double.nan]], to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == "before null")
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
        == #"{"jsonrpc":"2.0","id":"x","result":{"keeper_pid":null,"pid":4}}"# + "\n")
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
      line == #"{"jsonrpc":"2.0","id":null,"error":{"code":-32004,"data":{"kind":"#
        + #""overloaded","retry_after_ms":250,"retryable":true},"message":"busy"}}"# + "\n")
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
