import SupervProtocol

// What the commands have in common that ask a daemon one thing and show its answer.

extension Session {
  /// Asks, and shows the answer: with `--json` the daemon's bytes as they came, else what `render`
  /// makes of it.
  ///
  /// - Returns: The answer, decoded; nil with `--json` unless `decides` wants it for the status.
  func answer<Answer: Decodable>(
    _ invocation: Invocation, _ method: ControlMethod, _ params: some Encodable,
    as type: Answer.Type, decides: Bool = true, render: (Answer, Style) -> String
  ) throws(CommandFailure) -> Answer? {
    let deadline = try invocation.deadline()
    let client = try connect(invocation, by: deadline)
    let line = try client.call(method, params, by: deadline)
    if invocation.has("json") {
      if let result = line.message.result {
        console.writeLine(line.bytes.span.extracting(result))
      }
      guard decides else { return nil }
      return try line.decode(type, from: line.message.result)
    }
    let answer = try line.decode(type, from: line.message.result)
    console.write(render(answer, console.style))
    return answer
  }
}
