// The types of supervisord's options, as its datatypes convert them: Python's numbers, its own
// words for yes and no, sizes, signals.

func supervisordInteger(_ text: String) throws(ValueProblem) -> Int {
  guard let number = pythonInteger(text) else {
    throw ValueProblem("\(quoted(text)) is no whole number")
  }
  return number
}

func supervisordOctal(_ text: String) throws(ValueProblem) -> Int {
  guard let number = pythonInteger(text, base: 8) else {
    throw ValueProblem("\(quoted(text)) is no octal number", hint: "such as `022`")
  }
  return number
}

private let yes = ["yes", "true", "on", "1"]
private let no = ["no", "false", "off", "0"]

func supervisordBoolean(_ text: String) throws(ValueProblem) -> Bool {
  let word = text.lowercased()
  if yes.contains(word) { return true }
  if no.contains(word) { return false }
  throw ValueProblem("\(quoted(text)) is neither true nor false")
}

func supervisordRestart(
  _ text: String
) throws(ValueProblem) -> SupervisordProgram.Restart {
  if text.lowercased() == "unexpected" { return .unexpected }
  do {
    return try supervisordBoolean(text) ? .always : .never
  } catch {
    throw ValueProblem(
      "\(quoted(text)) is none of true, false, unexpected",
      hint: nearestName(to: text, among: ["true", "false", "unexpected"]).map {
        "did you mean `\($0)`?"
      })
  }
}

/// In bytes; `KB`, `MB` and `GB` are powers of 1024.
func supervisordSize(_ text: String) throws(ValueProblem) -> Int {
  let units = [("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30)]
  let lower = text.lowercased()
  let unit = units.first { lower.hasSuffix($0.0) }
  if let number = pythonInteger(unit == nil ? lower : String(lower.dropLast(2))) {
    let (bytes, overflows) = number.multipliedReportingOverflow(by: unit?.1 ?? 1)
    if !overflows { return bytes }
  }
  throw ValueProblem("\(quoted(text)) is no size", hint: "a number with KB, MB, GB or nothing")
}

func supervisordExitCodes(_ text: String) throws(ValueProblem) -> [Int] {
  var codes: [Int] = []
  for part in text.isEmpty ? [] : text.pythonParts(at: ",") {
    guard let code = pythonInteger(part), (0...255).contains(code) else {
      throw ValueProblem("\(quoted(part)) is no exit code", hint: "numbers from 0 to 255: `0,2`")
    }
    codes.append(code)
  }
  return codes
}

/// Numbers and names that Python's `signal` module knows.
func supervisordSignal(_ text: String) throws(ValueProblem) -> Int32 {
  if let number = pythonInteger(text) {
    // 0 is there as SIG_DFL; of the real-time signals only the first and the last have names.
    if (0...31).contains(number) || number == 34 || number == 64 { return Int32(number) }
    throw ValueProblem("\(quoted(text)) is no number of a signal")
  }
  var name = text.pythonTrimmed.uppercased()
  if name.hasPrefix("SIG") { name.removeFirst(3) }
  let others: [String: Int32] = [
    "RTMIN": 34, "RTMAX": 64, "_DFL": 0, "_IGN": 1, "_BLOCK": 0, "_UNBLOCK": 1, "_SETMASK": 2,
  ]
  if let number = others[name] { return number }
  if let first = name.utf8.first, first.isLetter, let number = signalNumber(name) { return number }
  throw ValueProblem("\(quoted(text)) is no signal", hint: "such as TERM, INT, HUP or 15")
}

func supervisordLogLevel(
  _ text: String
) throws(ValueProblem) -> SupervisordSettings.LogLevel {
  if let level = SupervisordSettings.LogLevel(rawValue: text.lowercased()) { return level }
  let words = SupervisordSettings.LogLevel.allCases.map(\.rawValue)
  throw ValueProblem(
    "\(quoted(text)) is none of \(words.joined(separator: ", "))",
    hint: text.lowercased() == "warning" ? "write `warn`" : nil)
}

/// A name of a program or group, trimmed.
func supervisordName(_ text: String) throws(ValueProblem) -> String {
  let name = text.pythonTrimmed
  guard let mark = name.unicodeScalars.first(where: { $0 == " " || $0 == ":" || $0 == "/" }) else {
    return name
  }
  throw ValueProblem(
    "\(quoted(name)) is no name, because of the \(quoted(String(mark)))",
    hint: "use `_`, `-` or `.`")
}

/// Parts between commas, trimmed; none of an empty text.
func supervisordList(_ text: String) -> [String] {
  text.isEmpty ? [] : text.pythonParts(at: ",").map { $0.pythonTrimmed }
}

/// `HOST:PORT`, `*:PORT`, `:PORT` or `PORT`.
func supervisordAddress(_ text: String) throws(ValueProblem) -> SupervisordServer.Address {
  let scalars = text.unicodeScalars
  var host = ""
  var port = text
  if let colon = scalars.lastIndex(of: ":") {
    host = String(scalars[..<colon]).lowercased()
    port = String(scalars[colon...].dropFirst())
  }
  guard let number = pythonInteger(port), (1...65535).contains(number) else {
    throw ValueProblem("\(quoted(text)) is no address", hint: "such as `127.0.0.1:9001`")
  }
  return .inet(host: host == "*" ? "" : host, port: number)
}
