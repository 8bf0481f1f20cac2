import SupervChaos
import SupervConfig
import SupervProtocol
import SupervSystem

// Calls that are made all the time, as an operator makes them.

extension ChaosRun {
  func makeCalls() {
    guard !plan.calls.isEmpty, isCurrent else { return }
    if !caller.isOpen {
      callJudge.connectionEnded(&verdict)
      guard caller.connect() else { return }
    }
    for (index, call) in plan.calls.enumerated() {
      guard now >= callDue[index] ?? 0 else { continue }
      callDue[index] = now + 1 / Double(call.rate)
      guard let id = caller.send("call", Self.params(of: call)) else { continue }
      callJudge.begin(
        id, "\(call.agent) \(call.method)", seconds: now,
        timeout: Double(call.timeout.milliseconds) / 1000)
    }
  }

  func takeCalls() {
    guard caller.isOpen else { return }
    for arrival in caller.receive() {
      switch arrival {
      case .answer(let id, let line): callJudge.end(id, as: Self.outcome(of: line), &verdict)
      case .closed: callJudge.connectionEnded(&verdict)
      case .event: break
      }
    }
  }

  /// What an error says of itself.
  private struct Told: Decodable {
    struct Details: Decodable {
      var kind: String?
    }

    var data: Details?
  }

  /// The kind of superv's own error; a callee's has none, whatever its code.
  private static func outcome(of line: ReceivedLine) -> String {
    guard line.message.kind == .error else { return "ok" }
    let error = try? line.decode(Told.self, from: line.message.error)
    return error?.data?.kind.flatMap { ErrorKind(rawValue: $0) }?.rawValue ?? "error"
  }

  private static func params(of call: CallPlan) -> [UInt8] {
    var bytes = Array(#"{"to":"#.utf8)
    JSON.append(call.agent, to: &bytes)
    bytes += #","method":"#.utf8
    JSON.append(call.method, to: &bytes)
    if !call.params.isEmpty { bytes += #","params":\#(call.params)"#.utf8 }
    bytes += #","timeout_ms":\#(call.timeout.milliseconds)}"#.utf8
    return bytes
  }
}
