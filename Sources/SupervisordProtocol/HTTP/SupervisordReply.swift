/// The statuses that supervisord's HTTP server answers with (RFC 9110, section 15).
package enum SupervisordStatus: Int, CaseIterable, Hashable, Sendable {
  case ok = 200
  case badRequest = 400
  case unauthorized = 401
  case notFound = 404
  case lengthRequired = 411
  case contentTooLarge = 413
  case headersTooLarge = 431
  case internalError = 500

  package var phrase: String {
    switch self {
    case .ok: "OK"
    case .badRequest: "Bad Request"
    case .unauthorized: "Unauthorized"
    case .notFound: "Not Found"
    case .lengthRequired: "Length Required"
    case .contentTooLarge: "Content Too Large"
    case .headersTooLarge: "Request Header Fields Too Large"
    case .internalError: "Internal Server Error"
    }
  }
}

/// An answer of known length.
package struct SupervisordReply: Hashable, Sendable {
  package var status: SupervisordStatus
  package var contentType: String
  package var body: [UInt8]

  package init(_ status: SupervisordStatus, contentType: String, body: [UInt8]) {
    self.status = status
    self.contentType = contentType
    self.body = body
  }

  /// The answer to a call.
  package static func xml(_ body: [UInt8]) -> Self {
    Self(.ok, contentType: "text/xml", body: body)
  }

  /// A status, and the same for people to read.
  package static func status(_ status: SupervisordStatus) -> Self {
    let text = "\(status.rawValue) \(status.phrase)\n"
    return Self(status, contentType: "text/plain;charset=utf-8", body: Array(text.utf8))
  }

  /// What a client that sent `Expect: 100-continue` waits for.
  package static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// The bytes on the wire.
  ///
  /// - Parameters:
  ///   - minorVersion: of the request; the answer names the same, as supervisord's does.
  ///   - now: Unix seconds.
  package func encoded(minorVersion: Int, keepsAlive: Bool, now: Int) -> [UInt8] {
    var head = SupervisordHead(status, minorVersion: minorVersion, now: now)
    head.add("Content-Type", contentType)
    head.add("Content-Length", String(body.count))
    if status == .unauthorized { head.add("WWW-Authenticate", "Basic realm=\"default\"") }
    if !keepsAlive {
      head.add("Connection", "close")
    } else if minorVersion == 0 {
      head.add("Connection", "Keep-Alive")
    }
    return head.encoded + body
  }
}

/// The lines in front of a body.
struct SupervisordHead {
  private var text: String

  init(_ status: SupervisordStatus, minorVersion: Int, now: Int) {
    text = "HTTP/1.\(minorVersion) \(status.rawValue) \(status.phrase)\r\n"
    add("Server", "superv")
    add("Date", CivilTime(unixSeconds: now).httpDate)
  }

  mutating func add(_ name: String, _ value: String) { text += "\(name): \(value)\r\n" }

  var encoded: [UInt8] { Array("\(text)\r\n".utf8) }
}
