import SupervProtocol
import SupervisionTree

// What agents tell of their work: `heartbeat`, `op.begin`, `op.end`.

/// A progress as it was written: a string without its quotes, or the digits of a number.
private struct Progress: Decodable {
  var text: String

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      self.text = text
    } else if let number = try? container.decode(Int64.self) {
      text = String(number)
    } else {
      text = String(try container.decode(Double.self))
    }
  }
}

private struct HeartbeatParams: Decodable {
  var progress: Progress?
}

private struct OperationParams: Decodable {
  var op: String
  var kind: String?
  var expectedMilliseconds: Int?

  enum CodingKeys: String, CodingKey {
    case op, kind
    case expectedMilliseconds = "expected_ms"
  }
}

private struct OperationEndParams: Decodable {
  var op: String
}

extension Daemon {
  func heartbeat(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {
    let params = try JSON.decodeParams(HeartbeatParams.self, of: message, in: line)
    guard let progress = params.progress?.text else { return }
    let text = try limited(progress, "progress", 512)
    learn(of: process) { $0.heartbeat(text, $1) }
  }

  func beginOperation(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {
    let params = try JSON.decodeParams(OperationParams.self, of: message, in: line)
    let name = try named(params.op, "op")
    let kind = try params.kind.map { (kind) throws(RPCError) in try named(kind, "kind") }
    let expected = params.expectedMilliseconds
    if let expected, !(1...86_400_000).contains(expected) {
      throw .invalidParameters("'expected_ms' is \(expected); it may be 1 to 86400000")
    }
    try learn(of: process) { (health, now) throws(RPCError) in
      try health.watch.begin(
        name, kind: kind, expected: expected.map { .milliseconds($0) }, now)
      return []
    }
  }

  func endOperation(
    _ message: Message, in line: Span<UInt8>, of process: ProcessKey
  ) throws(RPCError) {
    let params = try JSON.decodeParams(OperationEndParams.self, of: message, in: line)
    let name = try named(params.op, "op")
    try learn(of: process) { (health, now) throws(RPCError) in
      try health.endOperation(name, now)
    }
  }

  private func named(_ text: String, _ member: String) throws(RPCError) -> String {
    guard !text.isEmpty else { throw .invalidParameters("'\(member)' is empty") }
    return try limited(text, member, 64)
  }
}
