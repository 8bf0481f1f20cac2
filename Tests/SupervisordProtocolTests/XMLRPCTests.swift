import SupervisordProtocol
import Testing

/// What decoding makes of a text: the call, or where it fails and why.
private func decode(_ text: String) -> Result<XMLRPCCall, XMLRPCError> {
  Result { () throws(XMLRPCError) in try XMLRPCCall(decoding: Array(text.utf8)) }
}

/// What `<value>` and `</value>` hold.
private func value(_ inner: String) -> XMLRPCValue? {
  let text = """
    <methodCall><methodName>m</methodName><params><param><value>\(inner)</value></param></params>\
    </methodCall>
    """
  return try? decode(text).get().parameters.first
}

@Suite struct XMLRPCDecodingTests {
  @Test(
    "calls as clients write them",
    arguments: [
      // Python's xmlrpc.client
      """
      <?xml version='1.0'?>
      <methodCall>
      <methodName>a.b</methodName>
      <params>
      <param>
      <value><int>1</int></value>
      </param>
      <param>
      <value><string>x</string></value>
      </param>
      </params>
      </methodCall>

      """,
      // PHP, Perl
      "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<methodCall>\n <methodName>a.b"
        + "</methodName>\n <params>\n  <param>\n   <value>\n    <int>1</int>\n   </value>\n"
        + "  </param>\n  <param>\n   <value>\n    <string>x</string>\n   </value>\n"
        + "  </param>\n </params>\n</methodCall>",
      // Ruby, Node
      "<?xml version=\"1.0\" ?><methodCall><methodName>a.b</methodName><params><param><value><i4>1"
        + "</i4></value></param><param><value>x</value></param></params></methodCall>\r\n",
      "\u{FEFF}<!-- hello --><methodCall a=\"1\" b = '>'><methodName > a.b </methodName >"
        + "<params><?go on?><param><value><i8> +1 </i8></value></param><!----><param><value>"
        + "<string><![CDATA[x]]></string></value></param></params></methodCall><!-- end -->",
    ])
  func dialects(text: String) {
    #expect(decode(text) == .success(XMLRPCCall("a.b", [.int(1), .string("x")])))
  }

  @Test func parametersMayBeLeftOut() {
    for text in ["", "<params></params>", "<params/>", "<params>\n</params> "] {
      #expect(
        decode("<methodCall><methodName>m</methodName>\(text)</methodCall>")
          == .success(XMLRPCCall("m")))
    }
  }

  @Test(
    "values",
    arguments: [
      ("", .string("")), (" a b ", .string(" a b ")), ("<string/>", .string("")),
      ("<string> a\r\nb\rc </string>", .string(" a\nb\nc ")),
      ("&lt;&amp;&gt;&quot;&apos;&#65;&#x1F600;&#13;", .string("<&>\"'A😀\r")),
      ("a<![CDATA[<&]]]>]b", .string("a<&]]b")), ("<int>-7</int>", .int(-7)),
      ("<i4> 12\n</i4>", .int(12)),
      ("\n <boolean>1</boolean>\n", .boolean(true)), ("<boolean>0</boolean>", .boolean(false)),
      ("<double>-1.5</double>", .double(-1.5)), ("<double>1e3</double>", .double(1000)),
      ("<dateTime.iso8601>20261121T20:14:07</dateTime.iso8601>", .dateTime("20261121T20:14:07")),
      ("<base64>\naGVs\nbG8=\n</base64>", .base64(Array("hello".utf8))), ("<base64/>", .base64([])),
      ("<nil/>", .nil), ("<ex:nil/>", .nil),
      ("<array><data/></array>", .array([])),
      (
        "<array> <data> <value>a</value> <value><int>1</int></value> </data> </array>",
        .array([.string("a"), .int(1)])
      ),
      ("<struct/>", .structure([])),
      (
        "<struct> <member> <name>a&amp;b</name> <value><nil/></value> </member> </struct>",
        .structure([XMLRPCMember("a&b", .nil)])
      ),
    ] as [(String, XMLRPCValue)])
  func values(text: String, expected: XMLRPCValue) {
    #expect(value(text) == expected)
  }

  @Test(
    "what is no value",
    arguments: [
      "<int>x</int>", "<int></int>", "<int>1.0</int>", "<int>99999999999999999999</int>",
      "<boolean>2</boolean>", "<double>one</double>", "<base64>a</base64>", "<nil>x</nil>",
      "<text>x</text>", "a<int>1</int>", "<int>1</int>b", "<int>1</int><int>2</int>",
      "<int><int>1</int></int>", "<array/>", "<array><value>a</value></array>",
      "<array><data>a</data></array>", "<struct><name>a</name></struct>",
      "<struct><member><name>a</name></member></struct>",
      "<struct><member><value>a</value></member></struct>", "<string>a</value>", "&nope;", "&",
      "&#0;", "&#xD800;", "&#x110000;", "&#-5;", "&#x+41;", "&#xFFFE;", "\u{1}", "\u{1B}[m", "<",
      "<!ELEMENT a>", "<![CDATA[a", "<!-- a", "<? a", "<string a></string>", "<string a=b/>",
      "<string a='b></string>", "</>", "<1",
    ])
  func wrongValues(text: String) {
    #expect(value(text) == nil)
  }

  @Test func faultsSayWhereAndWhy() {
    let cases: [(String, Int, String)] = [
      ("", 0, "expected <methodCall>"), ("hello", 5, "expected <methodCall>"),
      ("<a/>", 4, "expected <methodCall>"),
      ("<!DOCTYPE a [<!ENTITY b 'c'>]>", 0, "a document type is not allowed"),
      (
        "<methodCall><methodName> </methodName></methodCall>", 38, "the methodName is empty"
      ),
      (
        "<methodCall><methodName>m</methodName></methodCall><a/>", 55,
        "something follows the methodCall"
      ),
    ]
    for (text, offset, explanation) in cases {
      #expect(decode(text) == .failure(XMLRPCError(offset: offset, explanation: explanation)))
    }
    #expect(throws: XMLRPCError(offset: 0, explanation: "the text is not UTF-8")) {
      try XMLRPCCall(decoding: [0x3C, 0xFF])
    }
  }

  @Test func nestingEnds() {
    func nested(_ depth: Int) -> String {
      String(repeating: "<array><data><value>", count: depth)
        + String(repeating: "</value></data></array>", count: depth)
    }
    #expect(value(nested(XMLRPCLimits.nesting)) != nil)
    #expect(value(nested(XMLRPCLimits.nesting + 1)) == nil)
    #expect(value(String(repeating: "<array><data><value>", count: 200_000)) == nil)
    #expect(value(String(repeating: "<struct><member>", count: 200_000)) == nil)
  }

  /// Whatever comes, it is read or refused: nothing here may stop the program.
  @Test func damagedCallsNeverTrap() {
    let whole = Array(
      """
      <?xml version='1.0'?><!-- c --><methodCall><methodName>a.b</methodName><params><param><value>\
      <struct><member><name>a</name><value><array><data><value><i4>-5</i4></value><value>ä&#228;\
      <![CDATA[x]]></value><value><base64>aGVs</base64></value><value><double>1.5</double></value>\
      <value><nil/></value></data></array></value></member></struct></value></param></params>\
      </methodCall>
      """.utf8)
    #expect((try? XMLRPCCall(decoding: whole)) != nil)
    for end in whole.indices { #expect((try? XMLRPCCall(decoding: Array(whole[..<end]))) == nil) }
    var random = Dice(seed: 1)
    for _ in 0..<4000 {
      var bytes = whole
      for _ in 0...random.roll(4) {
        let at = random.roll(bytes.count)
        switch random.roll(4) {
        case 0: bytes[at] = UInt8(random.roll(256))
        case 1: bytes.removeSubrange(at..<min(bytes.count, at + random.roll(20)))
        case 2: bytes.insert(Array("<>&;/!-[]='\"".utf8)[random.roll(12)], at: at)
        default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 30)], at: at)
        }
        if bytes.isEmpty { bytes = whole }
      }
      _ = try? XMLRPCCall(decoding: bytes)
    }
  }
}

@Suite struct XMLRPCEncodingTests {
  private func text(_ value: XMLRPCValue) -> String {
    String(decoding: XMLRPCEncoding.response(value), as: UTF8.self)
  }

  /// Byte for byte what `xmlrpc.client.dumps((value,), methodresponse=True)` writes.
  @Test func aResponseLooksAsPythonWritesIt() {
    let value = XMLRPCValue.structure([
      XMLRPCMember("a<b", .array([.int(-1), .boolean(true), .boolean(false), .double(0.1)])),
      XMLRPCMember("s", .string("<ü&>\"'\r\n")), XMLRPCMember("d", .dateTime("20261121T20:14:07")),
      XMLRPCMember("e", .structure([])), XMLRPCMember("x", .base64(Array("hello".utf8))),
    ])
    #expect(
      text(value) == """
        <?xml version='1.0'?>
        <methodResponse>
        <params>
        <param>
        <value><struct>
        <member>
        <name>a&lt;b</name>
        <value><array><data>
        <value><int>-1</int></value>
        <value><boolean>1</boolean></value>
        <value><boolean>0</boolean></value>
        <value><double>0.1</double></value>
        </data></array></value>
        </member>
        <member>
        <name>s</name>
        <value><string>&lt;ü&amp;&gt;"'\r\n</string></value>
        </member>
        <member>
        <name>d</name>
        <value><dateTime.iso8601>20261121T20:14:07</dateTime.iso8601></value>
        </member>
        <member>
        <name>e</name>
        <value><struct>
        </struct></value>
        </member>
        <member>
        <name>x</name>
        <value><base64>
        aGVsbG8=
        </base64></value>
        </member>
        </struct></value>
        </param>
        </params>
        </methodResponse>

        """)
  }

  @Test func aFaultLooksAsPythonWritesIt() {
    #expect(
      String(decoding: XMLRPCEncoding.fault(code: 10, text: "BAD_NAME: a&b"), as: UTF8.self) == """
        <?xml version='1.0'?>
        <methodResponse>
        <fault>
        <value><struct>
        <member>
        <name>faultCode</name>
        <value><int>10</int></value>
        </member>
        <member>
        <name>faultString</name>
        <value><string>BAD_NAME: a&amp;b</string></value>
        </member>
        </struct></value>
        </fault>
        </methodResponse>

        """)
  }

  @Test func whatXMLCannotCarryIsReplaced() {
    let odd = text(.string("a\u{0}\u{1B}[0m\t\n\r\u{7F}\u{FFFE}\u{FFFF}\u{FFFD}\u{10FFFF}"))
    #expect(odd.contains("a\u{FFFD}\u{FFFD}[0m\t\n\r\u{7F}\u{FFFD}\u{FFFD}\u{FFFD}\u{10FFFF}<"))
  }
}

/// Numbers that look random and are the same each time.
struct Dice {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func roll(_ sides: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % sides
  }
}
