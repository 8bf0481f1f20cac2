import SupervisionTree

/// The number of a signal, from `TERM`, `SIGTERM` (in any case) or `15`; nil: there is none.
/// Numbers are those of Linux on x86 and ARM (signal(7)).
package func signalNumber(_ text: String) -> Int32? {
  if text.utf8.allSatisfy(\.isDigit) {
    return Int32(text).flatMap { (1...64).contains($0) ? $0 : nil }
  }
  return signalNumbers[shortSignalName(text)]
}

/// In upper case, without `SIG`.
private func shortSignalName(_ text: String) -> String {
  let upper = text.uppercased()
  return upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
}

private let signalNames = (1...31).map { shortSignalName(signalName($0)) }

private let signalNumbers: [String: Int32] = {
  var numbers: [String: Int32] = ["IOT": 6, "CLD": 17, "POLL": 29]
  for (index, name) in signalNames.enumerated() { numbers[name] = Int32(index + 1) }
  return numbers
}()

extension ValueType where Result == Int32 {
  /// 0 is none, as for kill(2).
  static let stopSignal = ValueType(name: "signal", limits: "`TERM`, `SIGTERM` or `15`; `none`") {
    value, reading in value.text == "none" ? 0 : signal.parse(value, &reading)
  }

  static let signal = ValueType(name: "signal", limits: "`TERM`, `SIGTERM` or `15`") {
    value, reading in
    if let number = signalNumber(value.text) { return number }
    let hint = reading.hint(for: shortSignalName(value.text), among: signalNames)
    reading.error(
      value.place, "\(quoted(value.text)) is no signal",
      hint: hint ?? "such as TERM, INT, HUP or 15")
    return nil
  }
}
