import SupervProtocol
import SupervSystem

/// The largest params, whatever `message_max` says: that has this limit too.
private let maximumParamsBytes = 64 << 20
/// docs/protocol.md: `timeout_ms`.
private let callTimeouts: ClosedRange<Int64> = 1...86_400_000
/// The daemon's clock decides; ours only ends the waiting for a daemon that does not answer.
private let answerGrace = Duration.seconds(1)

@Sendable func runCall(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let timeout = try invocation.callTimeout()
  let request = try session.callRequest(invocation, timeout)
  let deadline = Deadline(after: timeout, grace: answerGrace)
  let client = try session.connectAsCaller(invocation, by: deadline)
  let line = try client.ask("call", encodedParams: request, by: deadline)
  if let result = line.message.result {
    session.console.writeLine(line.bytes.span.extracting(result))
    return .ok
  }
  let error = try line.decode(CallError.self, from: line.message.error)
  if invocation.has("json"), let range = line.message.error {
    let report = #"{"error":"#.utf8 + line.bytes[range] + "}".utf8
    session.console.writeLine(Array(report).span)
  }
  session.console.complain("\(invocation.operands[0]): \(printable(error.text))")
  return error.kind == ErrorKind.timeout.rawValue ? .timedOut : .no
}

/// An error of superv, or without a kind the callee's own.
private struct CallError: Decodable {
  var code: Int
  var message: String
  var kind: String?

  var text: String { kind.map { "\($0): \(message)" } ?? "error \(code): \(message)" }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Key.self)
    code = try members.decode(Int.self, forKey: .code)
    message = try members.decode(String.self, forKey: .message)
    // The data of a callee's own error may be anything.
    let data = try? members.nestedContainer(keyedBy: Key.self, forKey: .data)
    kind = try? data?.decode(String.self, forKey: .kind)
  }

  private enum Key: String, CodingKey { case code, message, data, kind }
}

extension Invocation {
  fileprivate func callTimeout() throws(CommandFailure) -> Duration {
    guard let timeout = try deadline().allowance,
      callTimeouts.contains(timeout.wholeMilliseconds)
    else { throw .usage("--timeout: every call ends; write 1ms to 24h") }
    return timeout
  }
}

extension Session {
  /// The params of `call`: docs/protocol.md.
  fileprivate func callRequest(
    _ invocation: Invocation, _ timeout: Duration
  ) throws(CommandFailure) -> [UInt8] {
    let words = invocation.operands
    var bytes = Array(#"{"to":"#.utf8)
    JSON.append(words[0], to: &bytes)
    bytes += #","method":"#.utf8
    JSON.append(words[1], to: &bytes)
    if words.count > 2 {
      bytes += #","params":"#.utf8
      bytes += try callParams(words[2])
    }
    bytes += #","timeout_ms":\#(timeout.wholeMilliseconds)"#.utf8
    if let trace = environment["TRACEPARENT"], !trace.isEmpty {
      bytes += #","trace":"#.utf8
      JSON.append(trace, to: &bytes)
    }
    bytes.append(UInt8(ascii: "}"))
    return bytes
  }

  /// What stands for the params, on one line: between tokens a line break is as good as a space,
  /// and within a string it is no JSON.
  private func callParams(_ word: String) throws(CommandFailure) -> [UInt8] {
    let text = try word == "-" ? input() : Array(word.utf8)
    do {
      // Within a message and its params.
      try JSON.check(text.span, outerDepth: 2)
    } catch {
      let source = word == "-" ? "standard input" : "JSON"
      throw .usage("\(source): \(error.explanation) (byte \(error.offset + 1))")
    }
    return text.map { [UInt8(ascii: "\n"), UInt8(ascii: "\r")].contains($0) ? 0x20 : $0 }
  }

  private func input() throws(CommandFailure) -> [UInt8] {
    do {
      return try console.readInput(maximumParamsBytes)
    } catch {
      throw .usage("standard input: \(error)")
    }
  }
}
