import FoundationEssentials

/// Why a text is no call.
package struct XMLRPCError: Error, Hashable, Sendable {
  /// Where in the bytes.
  package var offset: Int
  package var explanation: String

  package init(offset: Int, explanation: String) {
    self.offset = offset
    self.explanation = explanation
  }
}

package enum XMLRPCLimits {
  /// The deepest nesting of arrays and structures, each of them one.
  package static let nesting = 32
}

extension XMLRPCCall {
  /// Reads a `methodCall`.
  ///
  /// What clients are known to write is understood: a value without a type (a string), `i4`, `i8`
  /// and `nil`, `params` left out, white space between elements and around numbers. The size is
  /// limited by whoever collects the bytes; ``XMLRPCLimits`` has the rest.
  package init(decoding bytes: [UInt8]) throws(XMLRPCError) {
    var parser = XMLRPCParser(reader: try XMLReader(bytes))
    self = try parser.call()
  }
}

/// Descends along the grammar; how deep is limited, so that the stack always suffices.
private struct XMLRPCParser {
  var reader: XMLReader

  mutating func call() throws(XMLRPCError) -> XMLRPCCall {
    try expectStart("methodCall")
    try expectStart("methodName")
    let method = try text(endedBy: "methodName").trimmed
    guard !method.isEmpty else { throw reader.fault("the methodName is empty") }
    var parameters: [XMLRPCValue] = []
    if try startsNext("params", in: "methodCall") {
      while try startsNext("param", in: "params") {
        try expectStart("value")
        parameters.append(try value(depth: 0))
        try expectEnd("param")
      }
      try expectEnd("methodCall")
    }
    guard try nextBesidesWhitespace() == .endOfDocument else {
      throw reader.fault("something follows the methodCall")
    }
    return XMLRPCCall(method, parameters)
  }

  /// What stands between `<value>` and `</value>`.
  private mutating func value(depth: Int) throws(XMLRPCError) -> XMLRPCValue {
    var bare = ""
    var token = try reader.next()
    if case .text(let text) = token {
      bare = text
      token = try reader.next()
    }
    if case .end("value") = token { return .string(bare) }
    guard case .start(let type) = token, bare.trimmed.isEmpty else {
      throw reader.fault("expected one type or a text in a value")
    }
    let value = try typedValue(type, depth: depth)
    try expectEnd("value")
    return value
  }

  private mutating func typedValue(
    _ type: String, depth: Int
  ) throws(XMLRPCError) -> XMLRPCValue {
    switch type {
    case "array": return .array(try array(depth: depth + 1))
    case "struct": return .structure(try structure(depth: depth + 1))
    default: break
    }
    let text = try text(endedBy: type)
    guard let value = Self.scalar(type, text) else {
      throw reader.fault("'\(text.prefix(40))' is no value of type '\(type)'")
    }
    return value
  }

  private static func scalar(_ type: String, _ text: String) -> XMLRPCValue? {
    switch type {
    case "string": return .string(text)
    case "int", "i1", "i2", "i4", "i8": return Int(text.trimmed).map { .int($0) }
    case "boolean":
      switch text.trimmed {
      case "1", "true": return .boolean(true)
      case "0", "false": return .boolean(false)
      default: return nil
      }
    case "double": return Double(text.trimmed).map { .double($0) }
    case "dateTime.iso8601": return .dateTime(text.trimmed)
    case "base64":
      let data = Data(base64Encoded: text, options: .ignoreUnknownCharacters)
      return data.map { .base64(Array($0)) }
    case "nil": return text.isEmpty ? .nil : nil
    default: return nil
    }
  }

  private mutating func array(depth: Int) throws(XMLRPCError) -> [XMLRPCValue] {
    try check(depth)
    var values: [XMLRPCValue] = []
    try expectStart("data")
    while try startsNext("value", in: "data") {
      values.append(try value(depth: depth))
    }
    try expectEnd("array")
    return values
  }

  private mutating func structure(depth: Int) throws(XMLRPCError) -> [XMLRPCMember] {
    try check(depth)
    var members: [XMLRPCMember] = []
    while try startsNext("member", in: "struct") {
      try expectStart("name")
      let name = try text(endedBy: "name")
      try expectStart("value")
      members.append(XMLRPCMember(name, try value(depth: depth)))
      try expectEnd("member")
    }
    return members
  }

  // MARK: Tokens

  private func check(_ depth: Int) throws(XMLRPCError) {
    guard depth <= XMLRPCLimits.nesting else {
      throw reader.fault("values are nested deeper than \(XMLRPCLimits.nesting)")
    }
  }

  private mutating func nextBesidesWhitespace() throws(XMLRPCError) -> XMLReader.Token {
    let token = try reader.next()
    guard case .text(let text) = token, text.trimmed.isEmpty else { return token }
    return try reader.next()
  }

  private mutating func expectStart(_ name: String) throws(XMLRPCError) {
    guard try nextBesidesWhitespace() == .start(name) else {
      throw reader.fault("expected <\(name)>")
    }
  }

  private mutating func expectEnd(_ name: String) throws(XMLRPCError) {
    guard try nextBesidesWhitespace() == .end(name) else {
      throw reader.fault("expected </\(name)>")
    }
  }

  /// Moves into the next element of a container; false at the container's end.
  private mutating func startsNext(
    _ name: String, in container: String
  ) throws(XMLRPCError) -> Bool {
    let token = try nextBesidesWhitespace()
    guard token == .start(name) || token == .end(container) else {
      throw reader.fault("expected <\(name)> or </\(container)>")
    }
    return token == .start(name)
  }

  private mutating func text(endedBy name: String) throws(XMLRPCError) -> String {
    var found = ""
    var token = try reader.next()
    if case .text(let text) = token {
      found = text
      token = try reader.next()
    }
    guard token == .end(name) else { throw reader.fault("expected </\(name)>") }
    return found
  }
}
