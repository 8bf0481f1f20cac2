/// One complete HTTP request to supervisord's server.
package struct SupervisordRequest: Hashable, Sendable {
  package var method: String
  /// Where it goes: percent-decoded, without its query.
  package var path: String
  /// Behind the question mark, as it was written.
  package var query: String
  /// The minor version of HTTP/1, 0 or 1.
  package var minorVersion: Int
  /// Whether the connection is for further requests after the answer.
  package var keepsAlive: Bool
  package var body: [UInt8]

  package init(
    method: String, path: String, query: String, minorVersion: Int, keepsAlive: Bool, body: [UInt8]
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.minorVersion = minorVersion
    self.keepsAlive = keepsAlive
    self.body = body
  }

  /// What answers.
  package var target: SupervisordTarget {
    if path == "/RPC2" || path.hasPrefix("/RPC2/") {
      return method == "POST" ? .call : .refused(.badRequest)
    }
    let words = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    switch words.first {
    case "mainlogtail": return method == "GET" ? .tail(.main) : .refused(.badRequest)
    case "logtail":
      return method == "GET" ? logTail(Array(words.dropFirst())) : .refused(.badRequest)
    default: return .page
    }
  }

  /// `NAME`, `NAME/stdout` or `NAME/stderr`.
  private func logTail(_ words: [Substring]) -> SupervisordTarget {
    guard let name = words.first, let process = SupervisordProcessID(namespec: String(name)),
      words.count <= 2
    else { return .refused(.notFound) }
    switch words.dropFirst().first {
    case nil, "stdout": return .tail(.stdout(process))
    case "stderr": return .tail(.stderr(process))
    default: return .refused(.notFound)
    }
  }
}

package enum SupervisordTarget: Hashable, Sendable {
  /// A call; the body is its XML.
  case call
  /// The end of a log, and then all that is added to it, for as long as the client stays.
  case tail(SupervisordLog)
  /// Something that a browser asks for.
  case page
  case refused(SupervisordStatus)
}
