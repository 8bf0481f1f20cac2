import FoundationEssentials
import SupervProtocol

/// The lines an agent sends. Values are encoded once, before, and stand in them as bytes.
enum Outgoing {
  static func request(id: Int64, _ method: String, _ params: ParamsWriter) -> [UInt8] {
    var line = Array(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)""#.utf8)
    params.finish(&line)
    return line
  }

  static func notification(_ method: String, _ params: ParamsWriter = ParamsWriter()) -> [UInt8] {
    var line = Array(#"{"jsonrpc":"2.0","method":"\#(method)""#.utf8)
    params.finish(&line)
    return line
  }

  static func result(_ result: [UInt8], id: [UInt8]) -> [UInt8] {
    var line: [UInt8] = []
    MessageWriter.appendResult(id: id.span, encodedResult: result.span, to: &line)
    return line
  }

  static func error(_ error: SupervError, id: [UInt8]) -> [UInt8] {
    let head = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
    return head + id + Array(#","error":"#.utf8) + JSON.encode(ErrorObject(error))
      + Array("}\n".utf8)
  }

  /// One JSON value.
  ///
  /// - Throws: `SupervError` of kind `invalid` when the value has no JSON, as infinity has none.
  static func encode(_ value: some Encodable) throws(SupervError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(value))
    } catch {
      throw SupervError(.invalid, "\(type(of: value)) cannot be written as JSON: \(error)")
    }
  }
}

/// Puts the members of `params` together.
struct ParamsWriter {
  private var members: [UInt8] = []

  /// - Parameter value: One JSON value; nil leaves the member out.
  mutating func add(_ name: String, encoded value: [UInt8]?) {
    guard let value else { return }
    members += Array(#"\#(members.isEmpty ? "" : ",")"\#(name)":"#.utf8)
    members += value
  }

  mutating func add(_ name: String, _ value: String?) {
    add(
      name,
      encoded: value.map { text in
        var quoted: [UInt8] = []
        JSON.append(text, to: &quoted)
        return quoted
      })
  }

  mutating func add(_ name: String, _ value: some BinaryInteger) {
    add(name, encoded: Array(value.description.utf8))
  }

  mutating func add(_ name: String, _ value: Bool?) {
    add(name, encoded: value.map { Array(($0 ? "true" : "false").utf8) })
  }

  fileprivate func finish(_ line: inout [UInt8]) {
    if !members.isEmpty {
      line += Array(#","params":{"#.utf8)
      line += members
      line.append(UInt8(ascii: "}"))
    }
    line += Array("}\n".utf8)
  }
}

extension String {
  /// The beginning that has at most so many bytes of UTF-8, no character cut in two.
  func cut(toBytes maximum: Int) -> String {
    guard utf8.count > maximum else { return self }
    var end = startIndex
    var bytes = 0
    while end < endIndex {
      bytes += self[end].utf8.count
      if bytes > maximum { break }
      end = index(after: end)
    }
    return String(self[..<end])
  }
}
