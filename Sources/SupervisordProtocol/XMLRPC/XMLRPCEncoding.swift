import FoundationEssentials

/// Writes responses byte for byte as Python's `xmlrpc.client.dumps` does, which is what supervisord
/// sends: the same line breaks, quotes and escapes.
///
/// One difference: characters that XML cannot carry, which Python writes and no client can read
/// back, become U+FFFD here. A log with a colour escape in it would else break `supervisorctl
/// tail`.
package enum XMLRPCEncoding {
  /// The `methodResponse` with this value.
  package static func response(_ value: XMLRPCValue) -> [UInt8] {
    var bytes = Array("\(head)<params>\n<param>\n".utf8)
    append(value, to: &bytes)
    bytes += Array("</param>\n</params>\n\(tail)".utf8)
    return bytes
  }

  /// The `methodResponse` with a fault.
  package static func fault(code: Int, text: String) -> [UInt8] {
    var bytes = Array("\(head)<fault>\n".utf8)
    append(
      .structure([
        XMLRPCMember("faultCode", .int(code)), XMLRPCMember("faultString", .string(text)),
      ]), to: &bytes)
    bytes += Array("</fault>\n\(tail)".utf8)
    return bytes
  }

  private static let head = "<?xml version='1.0'?>\n<methodResponse>\n"
  private static let tail = "</methodResponse>\n"

  /// As deep as the value is nested, which its maker limits.
  private static func append(_ value: XMLRPCValue, to bytes: inout [UInt8]) {
    func scalar(_ type: StaticString, _ text: String) {
      bytes += Array("<value><\(type)>".utf8)
      bytes += Array(text.utf8)
      bytes += Array("</\(type)></value>\n".utf8)
    }
    switch value {
    case .int(let number): scalar("int", String(number))
    case .boolean(let flag): scalar("boolean", flag ? "1" : "0")
    case .double(let number): scalar("double", String(describing: number))
    case .dateTime(let text): scalar("dateTime.iso8601", text)
    case .nil: bytes += Array("<value><nil/></value>".utf8)
    case .string(let text):
      bytes += Array("<value><string>".utf8)
      append(escaping: text, to: &bytes)
      bytes += Array("</string></value>\n".utf8)
    case .base64(let data):
      bytes += Array("<value><base64>\n".utf8)
      append(base64: data, to: &bytes)
      bytes += Array("</base64></value>\n".utf8)
    case .array(let values):
      bytes += Array("<value><array><data>\n".utf8)
      for value in values { append(value, to: &bytes) }
      bytes += Array("</data></array></value>\n".utf8)
    case .structure(let members):
      bytes += Array("<value><struct>\n".utf8)
      for member in members { append(member, to: &bytes) }
      bytes += Array("</struct></value>\n".utf8)
    }
  }

  private static func append(_ member: XMLRPCMember, to bytes: inout [UInt8]) {
    bytes += Array("<member>\n<name>".utf8)
    append(escaping: member.name, to: &bytes)
    bytes += Array("</name>\n".utf8)
    append(member.value, to: &bytes)
    bytes += Array("</member>\n".utf8)
  }

  private static func append(escaping text: String, to bytes: inout [UInt8]) {
    bytes.reserveCapacity(bytes.count + text.utf8.count)
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "&"): bytes += Array("&amp;".utf8)
      case UInt8(ascii: "<"): bytes += Array("&lt;".utf8)
      case UInt8(ascii: ">"): bytes += Array("&gt;".utf8)
      case 0x09, 0x0A, 0x0D: bytes.append(byte)
      case ..<0x20: bytes += replacementCharacter
      case 0xBE,
        0xBF where bytes.suffix(2) == [0xEF, 0xBF]:  // U+FFFE, U+FFFF
        bytes.append(0xBD)
      default: bytes.append(byte)
      }
    }
  }

  private static let replacementCharacter: [UInt8] = [0xEF, 0xBF, 0xBD]

  /// Lines of 76 characters, each with its newline (RFC 2045), as Python's `encodebytes`.
  private static func append(base64 data: [UInt8], to bytes: inout [UInt8]) {
    let text = Data(data).base64EncodedString(
      options: [.lineLength76Characters, .endLineWithLineFeed])
    if !text.isEmpty { bytes += Array(text.utf8) + [UInt8(ascii: "\n")] }
  }
}
