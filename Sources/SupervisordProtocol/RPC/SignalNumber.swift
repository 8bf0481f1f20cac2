/// The signals that Linux knows by name, as a call may name them.
enum SignalNumber {
  /// `HUP`, `SIGHUP`, `hup`, `1` or 1; nil for what is none. Zero is one, which asks whether the
  /// process may be signalled at all (kill(2)).
  static func of(_ value: XMLRPCValue) -> Int? {
    if let number = value.pythonInt { return known(number) ? number : nil }
    guard case .string(let text) = value else { return nil }
    let name = text.trimmed.uppercased()
    return names[name.hasPrefix("SIG") ? String(name.dropFirst(3)) : name]
  }

  private static func known(_ number: Int) -> Bool {
    number == 0 || names.values.contains(number)
  }

  private static let names: [String: Int] = [
    "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8,
    "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
    "STKFLT": 16, "CHLD": 17, "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21,
    "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28,
    "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31, "RTMIN": 34, "RTMAX": 64,
  ]
}
