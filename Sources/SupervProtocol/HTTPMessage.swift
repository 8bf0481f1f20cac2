/// One HTTP/1.x request without a body (RFC 9112).
package struct HTTPRequest: Hashable, Sendable {
  package var method: String
  /// The path of the target, still percent-encoded, without its query.
  package var path: String
  /// Whether the client wants to send more requests on this connection.
  package var keepsAlive: Bool
}

/// The bytes that have come in on one HTTP connection, handed out request by request.
package struct HTTPRequestBuffer: Sendable {
  package enum Event: Hashable, Sendable {
    case request(HTTPRequest)
    /// Answer with this status and close.
    case refused(HTTPStatus)
  }

  /// The longest request: line, headers and the empty line.
  package static let maximumBytes = 16 << 10

  private var bytes: [UInt8] = []

  package init() {}

  package mutating func append(_ more: [UInt8]) { bytes += more }

  /// The next complete request, or nil until more bytes come.
  package mutating func next() -> Event? {
    guard let end = endOfHead() else {
      return bytes.count > Self.maximumBytes ? .refused(.headersTooLarge) : nil
    }
    let head = String(decoding: bytes[..<end], as: UTF8.self)
    bytes.removeFirst(end)
    return Self.parse(head)
  }

  /// Just behind the empty line; a bare LF ends a line as well (RFC 9112, section 2.2).
  private func endOfHead() -> Int? {
    var lineIsEmpty = false
    for (index, byte) in bytes.prefix(Self.maximumBytes).enumerated() {
      if byte == UInt8(ascii: "\n") {
        if lineIsEmpty { return index + 1 }
        lineIsEmpty = true
      } else if byte != UInt8(ascii: "\r") {
        lineIsEmpty = false
      }
    }
    return nil
  }

  private static func parse(_ head: String) -> Event {
    let lines = head.split(whereSeparator: \.isNewline)
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count == 3, words[1].hasPrefix("/"), words[2].hasPrefix("HTTP/1.") else {
      return .refused(.badRequest)
    }
    var keepsAlive = words[2] != "HTTP/1.0"
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return .refused(.badRequest) }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }.lowercased()
      switch line[..<colon].lowercased() {
      case "connection": keepsAlive = value == "keep-alive" || (keepsAlive && value != "close")
      case "content-length": if value != "0" { return .refused(.contentTooLarge) }
      case "transfer-encoding": return .refused(.contentTooLarge)
      default: break
      }
    }
    let path = words[1].prefix { $0 != "?" }
    return .request(
      HTTPRequest(method: String(words[0]), path: String(path), keepsAlive: keepsAlive))
  }
}

/// The statuses that superv answers with (RFC 9110, section 15).
package enum HTTPStatus: Int, CaseIterable, Hashable, Sendable {
  case ok = 200
  case badRequest = 400
  case notFound = 404
  case methodNotAllowed = 405
  case contentTooLarge = 413
  case headersTooLarge = 431
  case unavailable = 503

  var phrase: String {
    switch self {
    case .ok: "OK"
    case .badRequest: "Bad Request"
    case .notFound: "Not Found"
    case .methodNotAllowed: "Method Not Allowed"
    case .contentTooLarge: "Content Too Large"
    case .headersTooLarge: "Request Header Fields Too Large"
    case .unavailable: "Service Unavailable"
    }
  }
}

package struct HTTPResponse: Hashable, Sendable {
  package var status: HTTPStatus
  package var contentType: String
  package var body: [UInt8]

  package init(_ status: HTTPStatus, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// Plain text, with a newline at its end.
  package static func text(_ status: HTTPStatus, _ text: String) -> Self {
    Self(status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
  }

  /// The bytes on the wire.
  ///
  /// - Parameter omitsBody: the answer to HEAD: the same headers, nothing more.
  package func encoded(omitsBody: Bool, keepsAlive: Bool) -> [UInt8] {
    var head = "HTTP/1.1 \(status.rawValue) \(status.phrase)\r\n"
    head += "Content-Type: \(contentType)\r\n"
    head += "Content-Length: \(body.count)\r\n"
    head += "Cache-Control: no-store\r\n"
    if status == .methodNotAllowed { head += "Allow: GET, HEAD\r\n" }
    head += "Connection: \(keepsAlive ? "keep-alive" : "close")\r\n\r\n"
    return Array(head.utf8) + (omitsBody ? [] : body)
  }
}
