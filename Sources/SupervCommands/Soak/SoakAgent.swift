import SupervProtocol
import SupervSystem

// The agents of a soak's tree: superv itself, so that nothing else has to be there.

/// The hidden role `superv soak-agent ROLE AMOUNT`.
@Sendable func runSoakAgent(
  _ invocation: Invocation, _ session: Session
) throws(CommandFailure) -> CommandStatus {
  let words = invocation.operands
  guard let role = SoakRole(rawValue: words[0]), let amount = Double(words[1]), amount >= 0,
    let socket = session.agentsSocket
  else { throw .usage("soak-agent is for the tree of superv soak") }
  switch role {
  case .mayfly: return liveShortly(seconds: amount, session)
  case .talker: try talk(linesPerSecond: amount, session)
  case .caller: try callOften(callsPerSecond: amount, socket)
  case .echo: try answerEverything(socket)
  case .guard: return outlive(pid: Int32(clamping: Int(amount)))
  case .checked, .idle: while true { pause(milliseconds: 60_000) }
  }
  return .ok
}

/// Ends normally, with an error, and by a signal in turns.
private func liveShortly(seconds: Double, _ session: Session) -> CommandStatus {
  pause(milliseconds: Int32(clamping: Int(seconds * 1000)))
  switch (Int(session.environment["SUPERV_INCARNATION"] ?? "") ?? 0) % 3 {
  case 0: return .ok
  case 1: return .no
  default:
    if let own = (try? Processes.open(pid: Processes.ownPid)) ?? nil {
      _ = try? Processes.send(.kill, to: own)
    }
    return .no
  }
}

/// - Returns: the end of something critical.
private func outlive(pid: Int32) -> CommandStatus {
  if let owner = (try? Processes.open(pid: pid)) ?? nil {
    _ = try? owner.wait(timeoutMilliseconds: nil)
  }
  return .no
}

/// Does something so often in the long run, in small portions.
private struct Pace {
  private static let portionMilliseconds: Int32 = 10
  private let perNanosecond: Double
  private let begin = Clock.monotonicNanoseconds
  private var done = 0.0

  init(perSecond: Double) { perNanosecond = perSecond / 1e9 }

  /// Waits a moment.
  ///
  /// - Returns: How often it is due now. What could not be done for more than a second is let go.
  mutating func next() -> Int {
    pause(milliseconds: Self.portionMilliseconds)
    let due = Double(Clock.monotonicNanoseconds - begin) * perNanosecond
    done = max(done, due - perNanosecond * 1e9)
    let count = max(0, Int(due - done))
    done += Double(count)
    return count
  }
}

private func talk(linesPerSecond rate: Double, _ session: Session) throws(CommandFailure) {
  var pace = Pace(perSecond: rate)
  var number = 0
  while true {
    for _ in 0..<pace.next() {
      number += 1
      session.console.write(
        "line \(number) of a soak, as long as lines of logs tend to be, or so\n")
    }
    session.console.flush()
    if session.console.isClosed { throw .unreachable("nobody reads what this agent prints") }
  }
}

private struct EchoCall: Encodable {
  var to = SoakRole.echo.rawValue
  var method = "echo"
  var params = ["text": "what is to come back"]
  var timeoutMilliseconds = 30_000

  private enum CodingKeys: String, CodingKey {
    case to, method, params
    case timeoutMilliseconds = "timeout_ms"
  }
}

private func callOften(callsPerSecond rate: Double, _ socket: String) throws(CommandFailure) {
  let client = try DaemonClient(connectingTo: socket, by: .never)
  let params = JSON.encode(EchoCall())
  var pace = Pace(perSecond: rate)
  while true {
    // An error is an end as well: superv counts both.
    for _ in 0..<pace.next() {
      _ = try client.ask("call", encodedParams: params, by: .never)
    }
  }
}

private struct Hello: Encodable {
  var `protocol` = 1
  var client = "superv-soak"
  var ready = true
}

private struct Empty: Encodable {}

private func answerEverything(_ socket: String) throws(CommandFailure) {
  let client = try DaemonClient(connectingTo: socket, by: .never)
  _ = try client.call("hello", Hello(), by: .never)
  while let line = try client.receive(by: .never) {
    switch line.message.kind {
    case .request: try client.answer(line, with: Empty(), by: .never)
    case .notification where line.message.methodName(in: line.bytes.span) == "stop": return
    case .notification, .result, .error: break
    }
  }
}
