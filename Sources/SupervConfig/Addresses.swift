// Addresses of sockets: where HTTP is served, and whom a probe asks. Names are not looked up: a
// lookup waits for a server elsewhere.

/// A host and a port, as `HOST:PORT` or `PORT`.
struct SocketAddress: Hashable {
  /// An IP literal without brackets, or what stands in the place of one.
  var host: String
  var port: UInt16

  /// nil: there is no port. A missing host and `localhost` mean 127.0.0.1.
  init?(_ text: String) {
    let colon = text.lastIndex(of: ":")
    let portText = colon.map { text[$0...].dropFirst() } ?? text[...]
    guard portText.utf8.allSatisfy(\.isDigit), let port = UInt16(portText), port > 0 else {
      return nil
    }
    let host = colon.map { String(text[..<$0]) } ?? ""
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
    self.host = isBracketed ? String(host.dropFirst().dropLast()) : host
    if host.isEmpty || host == "localhost" { self.host = "127.0.0.1" }
    self.port = port
  }

  /// Whether the host is an address rather than a name.
  var isNumeric: Bool { host.isIPv4Address || host.isIPv6Address }

  /// 127.0.0.0/8 or ::1.
  var isLoopback: Bool { host.isIPv4Address && host.hasPrefix("127.") || host == "::1" }
}

extension String {
  /// Four numbers up to 255, as inet_pton(3) takes them.
  fileprivate var isIPv4Address: Bool {
    let parts = split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy {
        $0.utf8.allSatisfy(\.isDigit) && UInt8($0) != nil && ($0 == "0" || !$0.hasPrefix("0"))
      }
  }

  /// Eight groups of up to four hexadecimal digits, `::` once for some of them that are zero (RFC
  /// 4291, section 2.2). Without a zone and without IPv4 at the end.
  fileprivate var isIPv6Address: Bool {
    guard contains(":"), !contains(":::") else { return false }
    let bytes = Array(utf8)
    let gaps = bytes.indices.dropLast().filter { bytes[$0...].starts(with: "::".utf8) }.count
    let groups = split(separator: ":", omittingEmptySubsequences: true)
    let isEdgeBare = hasPrefix(":") && !hasPrefix("::") || hasSuffix(":") && !hasSuffix("::")
    guard !isEdgeBare, gaps <= 1, gaps == 1 ? groups.count <= 7 : groups.count == 8 else {
      return false
    }
    return groups.allSatisfy { $0.utf8.count <= 4 && $0.utf8.allSatisfy(\.isHexDigit) }
  }
}

extension UInt8 {
  fileprivate var isHexDigit: Bool {
    isDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(self | 0x20)
  }
}

extension ValueType where Result == HTTPAddress {
  static let http = ValueType(
    name: "`HOST:PORT` or `unix:PATH`", limits: "loopback only"
  ) { value, reading in
    if value.text.hasPrefix("unix:") {
      return reading.socketPath(value.dropping("unix:")).map { .unix(path: $0) }
    }
    guard let address = SocketAddress(value.text) else {
      reading.error(
        value.place, "\(quoted(value.text)) is no address",
        hint: "such as `127.0.0.1:9320` or `unix:PATH`")
      return nil
    }
    guard address.isLoopback else {
      reading.error(
        value.place,
        "HTTP is served to this machine only, and \(quoted(address.host)) is more",
        hint: "127.0.0.1, [::1], localhost or unix:PATH, with a proxy in front where needed")
      return nil
    }
    return .tcp(host: address.host, port: address.port)
  }
}

extension Value {
  /// What follows a prefix that it has.
  func dropping(_ prefix: String) -> Value {
    self[(units.startIndex + prefix.utf8.count)..<units.endIndex].trimmed
  }
}

extension Reading {
  /// A path that the kernel takes for a socket; nil after a complaint.
  mutating func socketPath(_ value: Value) -> String? {
    guard let path = ValueType<String>.path.parse(value, &self) else { return nil }
    guard path.utf8.count <= maximumSocketPathBytes else {
      error(
        value.place,
        "the path of a socket has at most \(maximumSocketPathBytes) bytes, this one has "
          + "\(path.utf8.count)",
        hint: "use a shorter one")
      return nil
    }
    return path
  }
}
