import Glibc
import SupervisionTree

/// What the auditor reads in a line of the event log.
struct EventLine {
  let sequence: Int
  let event: String
  /// The agent instance or the supervisor.
  let name: String
  let incarnation: UInt64
  let exitClass: String
  let code: Int32?
  let signal: Int32?
  let delaySeconds: Double
  let reason: String

  init(_ bytes: [UInt8]) {
    let line = Line(bytes: bytes + [0])
    sequence = Int(line.number(after: #"{"seq":"#) ?? "") ?? 0
    event = line.text(after: #","event":""#) ?? ""
    name = line.text(after: #","agent":""#) ?? line.text(after: #","supervisor":""#) ?? ""
    incarnation = UInt64(line.number(after: #","incarnation":"#) ?? "") ?? 0
    reason = line.text(after: #","reason":""#) ?? ""
    guard event == "agent.exited" || event.hasSuffix(".backoff") else {
      (exitClass, code, signal, delaySeconds) = ("", nil, nil, 0)
      return
    }
    exitClass = line.text(after: #","class":""#) ?? ""
    code = line.number(after: #"{"code":"#).flatMap { Int32($0) }
    signal = line.number(after: #","signal":"#).flatMap { Int32($0) }
    delaySeconds = Double(line.number(after: #","delay_s":"#) ?? "") ?? 0
  }

  /// Why as the end of a process is told.
  func tells(_ termination: Termination) -> Bool {
    switch termination {
    case .exited(let code): self.code == code && signal == nil
    case .signalled(let number, _): signal == number && code == nil
    case .outOfMemory: signal == 9
    case .unknown: code == nil && signal == nil
    }
  }
}

/// Values are found by what stands before them: no text that superv writes has a quote in it.
private struct Line {
  /// With a NUL at the end.
  let bytes: [UInt8]

  func text(after mark: String) -> String? { value(after: mark, until: ["\""]) }

  func number(after mark: String) -> String? { value(after: mark, until: [",", "}"]) }

  private func value(after mark: String, until ends: [Character]) -> String? {
    let start = unsafe bytes.withUnsafeBytes { all -> Int? in
      guard let base = unsafe all.bindMemory(to: CChar.self).baseAddress,
        let found = unsafe strstr(base, mark)
      else { return nil }
      return unsafe UnsafePointer(found) - base + mark.utf8.count
    }
    guard let start else { return nil }
    let ends = ends.compactMap(\.asciiValue)
    return String(decoding: bytes[start...].prefix { !ends.contains($0) }, as: UTF8.self)
  }
}
