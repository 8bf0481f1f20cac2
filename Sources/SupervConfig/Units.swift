// Durations and sizes, from text and back.

/// `500ms`, `5s`, `2m`, `1h`, `1.5s`, `30` (seconds); nil: it is none. At most 9 digits on either
/// side of the point, so that nothing overflows.
func parseDuration(_ text: String) -> (duration: Duration, isNegative: Bool)? {
  var bytes = Array(text.utf8)[...]
  let isNegative = bytes.first == UInt8(ascii: "-")
  if isNegative { bytes.removeFirst() }
  let whole = bytes.prefix { $0.isDigit }
  bytes = bytes[whole.endIndex...]
  var fraction: ArraySlice<UInt8> = []
  if bytes.first == UInt8(ascii: ".") {
    fraction = bytes.dropFirst().prefix { $0.isDigit }
    guard !fraction.isEmpty else { return nil }
    bytes = bytes[fraction.endIndex...]
  }
  guard !whole.isEmpty, whole.count <= 9, fraction.count <= 9,
    let unit = nanosecondsOfUnit(String(decoding: bytes.trimmed, as: UTF8.self))
  else { return nil }
  // Up to 10^9 days is too much for 64 bits.
  let paddedFraction = fraction + repeatElement(UInt8(ascii: "0"), count: 9 - fraction.count)
  let parts = Int128(number(whole)) * 1_000_000_000 + Int128(number(paddedFraction))
  let nanoseconds = parts * Int128(unit) / 1_000_000_000
  let limit = Int128(Int64.max)
  return (.nanoseconds(Int64(min(nanoseconds, limit))), isNegative)
}

private func nanosecondsOfUnit(_ unit: String) -> Int64? {
  switch unit {
  case "ms": 1_000_000
  case "", "s": 1_000_000_000
  case "m": 60_000_000_000
  case "h": 3_600_000_000_000
  case "d": 86_400_000_000_000
  default: nil
  }
}

private func number(_ digits: some Sequence<UInt8>) -> Int64 {
  digits.reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
}

/// The shortest text that `parseDuration` reads as this many whole milliseconds.
func durationText(_ duration: Duration) -> String {
  let (seconds, attoseconds) = duration.components
  let milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
  let units: [(String, Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
  ]
  for (unit, size) in units where milliseconds > 0 && milliseconds % size == 0 {
    return "\(milliseconds / size)\(unit)"
  }
  return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
}

let sizeHint = "a whole number of bytes, or with KB, MB, GB (of 1024), such as `64MB`"

/// `65536`, `64KB`, `10 MB`, `1GiB`, in any case; every unit is 1024 of the one before, as in
/// supervisord. nil: it is none, or more than 64 bits hold.
func parseSize(_ text: String) -> Int64? {
  let bytes = Array(text.utf8)[...]
  let digits = bytes.prefix { $0.isDigit }
  guard let count = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
  let shift: Int64
  switch String(decoding: bytes[digits.endIndex...].trimmed, as: UTF8.self).lowercased() {
  case "", "b": shift = 0
  case "k", "kb", "kib": shift = 10
  case "m", "mb", "mib": shift = 20
  case "g", "gb", "gib": shift = 30
  case "t", "tb", "tib": shift = 40
  default: return nil
  }
  let (size, isTooLarge) = count.multipliedReportingOverflow(by: 1 << shift)
  return isTooLarge ? nil : size
}

/// The shortest text that `parseSize` reads as this size.
func sizeText(_ size: Int64) -> String {
  let units: [(String, Int64)] = [("TB", 40), ("GB", 30), ("MB", 20), ("KB", 10)]
  for (unit, shift) in units where size > 0 && size % (1 << shift) == 0 {
    return "\(size >> shift)\(unit)"
  }
  return "\(size)"
}
