// Durations as people write and read them.

/// Reads `500ms`, `5s`, `2m`, `1h`, `1d`, or a number of seconds; nil for anything else.
func parseDuration(_ text: String) -> Duration? {
  let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
  guard let value = Double(number), value.isFinite, !number.hasSuffix("."), !number.hasPrefix(".")
  else { return nil }
  let seconds: Double
  switch text[number.endIndex...] {
  case "ms": seconds = 0.001
  case "", "s": seconds = 1
  case "m": seconds = 60
  case "h": seconds = 3_600
  case "d": seconds = 86_400
  default: return nil
  }
  // A century: enough for everybody, and far from overflow.
  let total = value * seconds
  return total <= 3_155_760_000 ? .milliseconds(Int64(total * 1_000)) : nil
}

/// Writes a duration as the option takes it: `10s`, `2m`, `500ms`.
func durationText(_ duration: Duration) -> String {
  let milliseconds = duration.wholeMilliseconds
  if milliseconds % 1_000 != 0 { return "\(milliseconds)ms" }
  let seconds = milliseconds / 1_000
  return seconds >= 60 && seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
}

/// How long something has lasted, in its two largest units: `4.2s`, `3m12s`, `5h03m`, `12d`.
func ageText(seconds: Double) -> String {
  let whole = Int(max(0, min(seconds, 1e15)))
  func pair(_ large: Int, _ unit: String, _ small: Int, _ smallUnit: String) -> String {
    small == 0 ? "\(large)\(unit)" : "\(large)\(unit)\(small < 10 ? "0" : "")\(small)\(smallUnit)"
  }
  switch whole {
  case ..<10:
    let tenths = Int(max(0, seconds) * 10)
    return "\(tenths / 10).\(tenths % 10)s"
  case ..<60: return "\(whole)s"
  case ..<3_600: return pair(whole / 60, "m", whole % 60, "s")
  case ..<86_400: return pair(whole / 3_600, "h", whole % 3_600 / 60, "m")
  default: return pair(whole / 86_400, "d", whole % 86_400 / 3_600, "h")
  }
}

/// How long something waits: `35ms`, else as an age.
func delayText(seconds: Double) -> String {
  seconds < 1 ? "\(Int(max(0, seconds) * 1_000))ms" : ageText(seconds: seconds)
}

extension Duration {
  /// Rounded down.
  var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000 + attoseconds / 1_000_000_000_000_000
  }
}
