/// As much of an HTTP client as a health check needs (RFC 9112): one GET, and the status of its
/// answer.
package enum HTTPGet {
  package enum Answer: Hashable, Sendable {
    /// The status line is not all there.
    case incomplete
    /// The final status and its phrase, which may be empty.
    case status(Int, phrase: String)
    /// What came is not HTTP.
    case invalid
  }

  /// The longest answer up to its status, interim answers (1xx) included.
  package static let maximumHeadBytes = 16 << 10

  /// The request.
  ///
  /// - Parameters:
  ///   - host: an IP literal without brackets.
  ///   - path: with its query, percent-encoded.
  package static func request(host: String, port: UInt16, path: String) -> [UInt8] {
    let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let lines = [
      "GET \(path) HTTP/1.1", "Host: \(authority)", "User-Agent: superv/\(supervVersion)",
      "Accept: */*", "Connection: close",
    ]
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
  }

  /// What the beginning of an answer says.
  package static func answer(in bytes: [UInt8]) -> Answer {
    var rest = bytes[...]
    while true {
      guard let end = rest.firstIndex(of: newline) else {
        return couldBegin(rest) ? .incomplete : .invalid
      }
      guard let (code, phrase) = statusLine(rest[..<end]) else { return .invalid }
      if code >= 200 { return .status(code, phrase: phrase) }
      // An interim answer: the final one follows behind its empty line.
      guard let next = behindEmptyLine(rest) else {
        return rest.count > maximumHeadBytes ? .invalid : .incomplete
      }
      rest = rest[next...]
    }
  }

  private static func couldBegin(_ bytes: ArraySlice<UInt8>) -> Bool {
    let start = Array("HTTP/".utf8)
    return bytes.count <= maximumHeadBytes
      && zip(bytes, start).allSatisfy { $0 == $1 }
  }

  /// `HTTP/1.1 200 OK`; the phrase may be missing.
  private static func statusLine(_ line: ArraySlice<UInt8>) -> (code: Int, phrase: String)? {
    let text = String(decoding: line.last == carriageReturn ? line.dropLast() : line, as: UTF8.self)
    let words = text.split(separator: " ", maxSplits: 2)
    guard words.count > 1, words[0].hasPrefix("HTTP/1."), words[1].utf8.count == 3,
      let code = Int(words[1]), (100...599).contains(code)
    else { return nil }
    return (code, words.count > 2 ? String(words[2]) : "")
  }

  private static func behindEmptyLine(_ bytes: ArraySlice<UInt8>) -> Int? {
    var lineIsEmpty = false
    for (index, byte) in zip(bytes.indices, bytes) {
      if byte == newline {
        if lineIsEmpty { return index + 1 }
        lineIsEmpty = true
      } else if byte != carriageReturn {
        lineIsEmpty = false
      }
    }
    return nil
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
}
