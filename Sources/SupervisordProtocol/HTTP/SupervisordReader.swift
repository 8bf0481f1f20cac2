/// The bytes that have come in on one connection to supervisord's HTTP server, handed out request
/// by request (RFC 9112).
///
/// Who may not ask is refused as soon as the head is there, before a body is collected.
package struct SupervisordReader: Sendable {
  package enum Event: Hashable, Sendable {
    case request(SupervisordRequest)
    /// The client waits for ``SupervisordReply/goOn`` before it sends the body.
    case waitsToGoOn
    /// Answer with this status, end the sending side, and read on until the client has closed or a
    /// while has passed: who is still sending a body would else lose the answer. What comes is
    /// dropped here.
    case refused(SupervisordStatus)
  }

  /// The longest head: line, headers and the empty line.
  package static let maximumHeadBytes = 16 << 10
  /// The longest body. A call that carries that much to a process's input is the largest there is.
  package static let maximumBodyBytes = 4 << 20

  private enum Phase: Hashable {
    case head
    case body(SupervisordRequest, byteCount: Int)
    case refused
  }

  private let credentials: SupervisordCredentials?
  private var bytes: [UInt8] = []
  private var phase = Phase.head

  /// - Parameter credentials: nil lets everybody in.
  package init(credentials: SupervisordCredentials?) {
    self.credentials = credentials
  }

  package mutating func append(_ more: [UInt8]) {
    if phase != .refused { bytes += more }
  }

  /// The next event, or nil until more bytes come.
  package mutating func next() -> Event? {
    switch phase {
    case .head: return readHead()
    case .body(let request, let byteCount): return readBody(of: request, byteCount)
    case .refused: return nil
    }
  }

  private mutating func refuse(_ status: SupervisordStatus) -> Event {
    bytes = []
    phase = .refused
    return .refused(status)
  }

  private mutating func readBody(of request: SupervisordRequest, _ byteCount: Int) -> Event? {
    guard bytes.count >= byteCount else { return nil }
    phase = .head
    var request = request
    request.body = Array(bytes[..<byteCount])
    bytes.removeFirst(byteCount)
    return .request(request)
  }

  private mutating func readHead() -> Event? {
    // RFC 9112, section 2.2; supervisorctl's tail sends one too many behind its request.
    bytes.removeFirst(bytes.prefix { $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }.count)
    guard let end = endOfHead() else {
      return bytes.count > Self.maximumHeadBytes ? refuse(.headersTooLarge) : nil
    }
    guard let head = Head(String(decoding: bytes[..<end], as: UTF8.self)) else {
      return refuse(.badRequest)
    }
    bytes.removeFirst(end)
    if let credentials, !credentials.admit(head.authorization) { return refuse(.unauthorized) }
    guard !head.isChunked, head.contentLength != nil || head.request.method != "POST" else {
      return refuse(.lengthRequired)
    }
    let byteCount = head.contentLength ?? 0
    guard byteCount <= Self.maximumBodyBytes else { return refuse(.contentTooLarge) }
    phase = .body(head.request, byteCount: byteCount)
    return head.waitsToGoOn && bytes.count < byteCount ? .waitsToGoOn : next()
  }

  /// Just behind the empty line; a bare newline ends a line as well.
  private func endOfHead() -> Int? {
    var lineIsEmpty = false
    for (index, byte) in bytes.prefix(Self.maximumHeadBytes).enumerated() {
      if byte == UInt8(ascii: "\n") {
        if lineIsEmpty { return index + 1 }
        lineIsEmpty = true
      } else if byte != UInt8(ascii: "\r") {
        lineIsEmpty = false
      }
    }
    return nil
  }
}

/// What the lines in front of a body say.
private struct Head {
  var request: SupervisordRequest
  var authorization: String?
  var contentLength: Int?
  var isChunked = false
  var waitsToGoOn = false

  init?(_ text: String) {
    let lines = text.split { $0 == "\r\n" || $0 == "\n" }
    guard let first = lines.first, let request = Self.request(first) else { return nil }
    self.request = request
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      let value = line[line.index(after: colon)...].trimmingBlanks
      guard read(line[..<colon].lowercased(), value) else { return nil }
    }
  }

  private static func request(_ line: Substring) -> SupervisordRequest? {
    let words = line.split(separator: " ")
    guard words.count == 3, words[1].hasPrefix("/"),
      words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0"
    else { return nil }
    let target = words[1].split(
      separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let minorVersion = words[2] == "HTTP/1.1" ? 1 : 0
    return SupervisordRequest(
      method: String(words[0]), path: target[0].percentDecoded,
      query: target.count > 1 ? String(target[1]) : "",
      minorVersion: minorVersion, keepsAlive: minorVersion == 1, body: [])
  }

  /// Takes one header in; false when it makes the request invalid.
  private mutating func read(_ name: String, _ value: Substring) -> Bool {
    switch name {
    case "authorization": authorization = String(value)
    case "content-length":
      guard let count = Int(value), count >= 0, value.allSatisfy(\.isNumber),
        contentLength == nil || contentLength == count
      else { return false }
      contentLength = count
    case "transfer-encoding": isChunked = true
    case "expect": waitsToGoOn = value.lowercased() == "100-continue"
    case "connection":
      let words = value.lowercased().split { $0 == "," || $0 == " " }
      if words.contains("close") { request.keepsAlive = false }
      if words.contains("keep-alive") && request.minorVersion == 0 { request.keepsAlive = true }
    default: break
    }
    return true
  }
}

extension Substring {
  /// A percent sign without two digits stands for itself, as in Python's `unquote`.
  fileprivate var percentDecoded: String {
    var bytes: [UInt8] = []
    var rest = utf8[...]
    while let byte = rest.popFirst() {
      let digits = rest.prefix(2).compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
      if byte == UInt8(ascii: "%"), digits.count == 2 {
        bytes.append(UInt8(digits[0] << 4 | digits[1]))
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  fileprivate var trimmingBlanks: Substring {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    let rest = drop(while: isBlank)
    return rest[..<(rest.lastIndex { !isBlank($0) }.map(rest.index(after:)) ?? rest.startIndex)]
  }
}
