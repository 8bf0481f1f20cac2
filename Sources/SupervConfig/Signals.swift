/// The number of a signal, from `TERM`, `SIGTERM` (in any case) or `15`; nil: there is none. Numbers are
/// those of Linux on x86 and ARM (signal(7)).
package func signalNumber(_ text: String) -> Int32? {
  if text.utf8.allSatisfy(\.isDigit) {
    return Int32(text).flatMap { (1...64).contains($0) ? $0 : nil }
  }
  let upper = text.uppercased()
  return signalNumbers[upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper]
}

/// The name of a signal without `SIG`, or its number where it has none.
package func signalName(_ number: Int32) -> String {
  signalNames.first { $0.number == number }?.name ?? String(number)
}

private let signalNames: [(name: String, number: Int32)] = [
  ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8),
  ("KILL", 9), ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15),
  ("STKFLT", 16), ("CHLD", 17), ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21),
  ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25), ("VTALRM", 26), ("PROF", 27),
  ("WINCH", 28), ("IO", 29), ("PWR", 30), ("SYS", 31),
]

private let signalNumbers = Dictionary(
  uniqueKeysWithValues: signalNames.map { ($0.name, $0.number) }
    + [("IOT", 6), ("CLD", 17), ("POLL", 29)])

extension ValueType where Result == Int32 {
  static let signal = ValueType(name: "signal", limits: "`TERM`, `SIGTERM` or `15`") {
    value, reading in
    if let number = signalNumber(value.text) { return number }
    let upper = value.text.uppercased()
    let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
    let hint = reading.hint(for: name, among: signalNames.map(\.name))
    reading.error(
      value.place, "\(quoted(value.text)) is no signal",
      hint: hint ?? "such as TERM, INT, HUP or 15")
    return nil
  }
}
