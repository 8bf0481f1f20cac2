/// As much of XML 1.0 as XML-RPC needs, handed out token by token.
///
/// Elements, text, character references, the five entities every document has, CDATA; comments,
/// processing instructions and attributes are read and dropped. A document type is refused, and
/// with it everything that could expand. Only UTF-8 is read, whatever the declaration says, as
/// supervisord does.
struct XMLReader {
  enum Token: Hashable {
    /// Without its namespace prefix.
    case start(String)
    case end(String)
    /// All of it up to the next tag, references resolved and line ends turned into newlines.
    case text(String)
    case endOfDocument
  }

  private let bytes: [UInt8]
  private(set) var offset = 0
  /// The end tag that `<a/>` stands for as well.
  private var pendingEnd: String?

  init(_ bytes: [UInt8]) throws(XMLRPCError) {
    guard String(validating: bytes, as: UTF8.self) != nil else {
      throw XMLRPCError(offset: 0, explanation: "the text is not UTF-8")
    }
    self.bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
  }

  mutating func next() throws(XMLRPCError) -> Token {
    if let name = pendingEnd {
      pendingEnd = nil
      return .end(name)
    }
    let text = try readText()
    if !text.isEmpty { return .text(String(decoding: text, as: UTF8.self)) }
    guard offset < bytes.count else { return .endOfDocument }
    return try readTag()
  }

  func fault(_ explanation: String) -> XMLRPCError {
    XMLRPCError(offset: offset, explanation: explanation)
  }

  // MARK: Text

  private mutating func readText() throws(XMLRPCError) -> [UInt8] {
    var text: [UInt8] = []
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "<"):
        guard try skipOrReadMarkup(into: &text) else { return text }
      case UInt8(ascii: "&"): try readReference(into: &text)
      default: try readCharacter(byte, into: &text)
      }
    }
    return text
  }

  private mutating func readCharacter(
    _ byte: UInt8, into text: inout [UInt8]
  ) throws(XMLRPCError) {
    switch byte {
    case UInt8(ascii: "\r"):  // XML 1.0, section 2.11
      text.append(UInt8(ascii: "\n"))
      if offset + 1 < bytes.count, bytes[offset + 1] == UInt8(ascii: "\n") { offset += 1 }
    case ..<0x20 where byte != UInt8(ascii: "\n") && byte != UInt8(ascii: "\t"):
      throw fault("a control character may not stand in XML")
    default: text.append(byte)
    }
    offset += 1
  }

  /// Moves past what is no tag: a comment, an instruction, or CDATA, which is text.
  ///
  /// - Returns: false at a tag.
  private mutating func skipOrReadMarkup(into text: inout [UInt8]) throws(XMLRPCError) -> Bool {
    if take("<!--") {
      try skip(through: "-->", "a comment")
    } else if take("<?") {
      try skip(through: "?>", "a processing instruction")
    } else if take("<![CDATA[") {
      while !take("]]>") {
        guard offset < bytes.count else { throw fault("a CDATA section has no end") }
        try readCharacter(bytes[offset], into: &text)
      }
    } else if starts(with: "<!") {
      throw fault("a document type is not allowed")
    } else {
      return false
    }
    return true
  }

  private mutating func readReference(into text: inout [UInt8]) throws(XMLRPCError) {
    // The longest that means something: &#x0010FFFF; with a few zeros to spare.
    let window = bytes[offset...].prefix(24)
    guard let end = window.firstIndex(of: UInt8(ascii: ";")) else {
      throw fault("'&' begins no reference; write '&amp;'")
    }
    let name = String(decoding: bytes[offset + 1..<end], as: UTF8.self)
    guard let scalar = Self.scalar(of: name) else {
      throw fault("'&\(name);' is no character that XML knows")
    }
    text += Array(String(scalar).utf8)
    offset = end + 1
  }

  private static func scalar(of name: String) -> Unicode.Scalar? {
    switch name {
    case "lt": return "<"
    case "gt": return ">"
    case "amp": return "&"
    case "quot": return "\""
    case "apos": return "'"
    default:
      guard name.hasPrefix("#") else { return nil }
      let isHexadecimal = name.hasPrefix("#x")
      let digits = name.dropFirst(isHexadecimal ? 2 : 1)
      guard digits.first?.isHexDigit == true,
        let code = UInt32(digits, radix: isHexadecimal ? 16 : 10),
        let scalar = Unicode.Scalar(code), scalar.isAllowedInXML
      else { return nil }
      return scalar
    }
  }

  // MARK: Tags

  private mutating func readTag() throws(XMLRPCError) -> Token {
    offset += 1
    let isEnd = take("/")
    let name = try readName()
    if isEnd {
      skipWhitespace()
      guard take(">") else { throw fault("expected '>' behind '</\(name)'") }
      return .end(name)
    }
    try skipAttributes(of: name)
    if take("/>") {
      pendingEnd = name
    } else if !take(">") {
      throw fault("expected '>' behind '<\(name)'")
    }
    return .start(name)
  }

  /// An element's name behind its namespace prefix (`ex:nil`).
  private mutating func readName() throws(XMLRPCError) -> String {
    let name = bytes[offset...].prefix { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: ":"):
        true
      default: false
      }
    }
    guard !name.isEmpty else { throw fault("expected the name of an element") }
    offset += name.count
    let local = name.split(separator: UInt8(ascii: ":")).last ?? name
    return String(decoding: local, as: UTF8.self)
  }

  private mutating func skipAttributes(of name: String) throws(XMLRPCError) {
    while true {
      skipWhitespace()
      guard offset < bytes.count else { throw fault("'<\(name)' has no end") }
      if starts(with: ">") || starts(with: "/>") { return }
      _ = try readName()
      skipWhitespace()
      guard take("=") else { throw fault("expected '=' behind the name of an attribute") }
      skipWhitespace()
      let quote = take("\"") ? "\"" : "'"
      guard quote == "\"" || take("'") else {
        throw fault("expected the value of an attribute in quotes")
      }
      try skip(through: quote, "the value of an attribute")
    }
  }

  // MARK: Bytes

  private mutating func skipWhitespace() {
    while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
  }

  private func starts(with literal: String) -> Bool {
    bytes[offset...].starts(with: literal.utf8)
  }

  private mutating func take(_ literal: String) -> Bool {
    guard bytes[offset...].starts(with: literal.utf8) else { return false }
    offset += literal.utf8.count
    return true
  }

  private mutating func skip(through end: String, _ what: String) throws(XMLRPCError) {
    while let start = end.utf8.first, let found = bytes[offset...].firstIndex(of: start) {
      offset = found
      if take(end) { return }
      offset += 1
    }
    throw fault("\(what) has no end")
  }
}

extension Unicode.Scalar {
  /// XML 1.0, section 2.2.
  var isAllowedInXML: Bool {
    switch value {
    case 0x09, 0x0A, 0x0D: true
    case ..<0x20, 0xFFFE, 0xFFFF: false
    default: true
    }
  }
}

extension String {
  /// Without the white space of XML at its ends.
  var trimmed: String {
    let isSpace = { (scalar: Unicode.Scalar) in [" ", "\t", "\n", "\r"].contains(scalar) }
    let rest = unicodeScalars.drop(while: isSpace)
    guard let last = rest.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(rest[...last])
  }
}
