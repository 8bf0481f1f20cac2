// How a probe asks: `ping`, or a word with a colon and what that kind needs to know.

extension ValueType where Result == ProbeKind {
  static let probe = ValueType(
    name: "`ping`, `exec:COMMAND`, `http:ADDRESS/PATH`, `tcp:ADDRESS`, `unix:PATH`, "
      + "`watchdog:DURATION`"
  ) { value, reading in
    let text = value.text
    guard text != "ping" else { return .ping }
    guard let kind = ProbeWord.allCases.first(where: { text.hasPrefix("\($0.rawValue):") }) else {
      reading.complain(aboutProbe: value)
      return nil
    }
    let rest = value.dropping("\(kind.rawValue):")
    switch kind {
    case .exec: return ValueType<[String]>.command.parse(rest, &reading).map { .command($0) }
    case .http: return reading.httpProbe(rest)
    case .tcp:
      return reading.probeAddress(rest, like: "tcp:127.0.0.1:5432").map {
        .tcp(host: $0.host, port: $0.port)
      }
    case .unix: return reading.socketPath(rest).map { .unix(path: $0) }
    case .watchdog:
      return ValueType<Duration>.watchdog.parse(rest, &reading).map { .watchdog($0) }
    }
  }
}

/// The kinds that have a colon after them.
private enum ProbeWord: String, CaseIterable { case exec, http, tcp, unix, watchdog }

extension ValueType where Result == Duration {
  fileprivate static let watchdog = duration(.milliseconds(10) ... .seconds(86_400))
}

/// The longest path of an `http:` probe, in bytes.
package let maximumProbePathBytes = 2048

extension Reading {
  fileprivate mutating func complain(aboutProbe value: Value) {
    let word = String(value.text.prefix { $0 != ":" })
    if word != value.text, word == "ping" {
      return error(value.place, "nothing follows `ping`", hint: "write `ping`")
    }
    if let kind = ProbeWord(rawValue: word) {
      let example =
        switch kind {
        case .exec: "exec:./healthy --quick"
        case .http: "http:8080/health"
        case .tcp: "tcp:5432"
        case .unix: "unix:run/app.sock"
        case .watchdog: "watchdog:30s"
        }
      return error(value.place, "\(quoted(word)) alone is no probe", hint: "such as `\(example)`")
    }
    let words = ["ping"] + ProbeWord.allCases.map(\.rawValue)
    error(
      value.place, "\(quoted(word)) is no kind of probe: \(words.joined(separator: ", "))",
      hint: hint(for: word, among: words))
  }

  /// `HOST:PORT/PATH`, with `//` before it or not.
  fileprivate mutating func httpProbe(_ value: Value) -> ProbeKind? {
    let value = value.text.hasPrefix("//") ? value.dropping("//") : value
    let slash = value.units.firstIndex { $0.byte == UInt8(ascii: "/") } ?? value.units.endIndex
    let path = value[slash..<value.units.endIndex]
    let address = probeAddress(
      value[value.units.startIndex..<slash], like: "http:127.0.0.1:8080/health")
    guard path.units.allSatisfy({ (0x21...0x7E).contains($0.byte) }) else {
      error(
        path.place, "a path of HTTP has no spaces, and nothing beyond ASCII",
        hint: "write such a byte as `%%` and two hexadecimal digits: `%%20`")
      return nil
    }
    guard path.units.count <= maximumProbePathBytes else {
      error(path.place, "the path is longer than \(maximumProbePathBytes) bytes")
      return nil
    }
    return address.map {
      .http(host: $0.host, port: $0.port, path: path.isEmpty ? "/" : path.text)
    }
  }

  fileprivate mutating func probeAddress(_ value: Value, like example: String) -> SocketAddress? {
    guard let address = SocketAddress(value.text) else {
      error(
        value.place, "\(quoted(value.text)) has no port from 1 to 65535",
        hint: "such as `\(example)`")
      return nil
    }
    guard address.isNumeric else {
      error(
        value.place,
        "\(quoted(address.host)) is no address, and probes do not look up names",
        hint: "an IPv4 address, an IPv6 address in brackets, or localhost")
      return nil
    }
    return address
  }
}
