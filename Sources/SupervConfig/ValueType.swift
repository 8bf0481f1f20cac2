import SupervisionTree

/// A kind of value: how it is called in the reference, and how it is read. A value that cannot be
/// read gives nil and a complaint.
struct ValueType<Result>: Sendable {
  var name: String
  /// What is allowed beyond the type, for the reference; empty: everything.
  var limits = ""
  /// Whether nothing at all is a value, such as a list without members.
  var allowsEmpty = false
  var parse: @Sendable (Value, inout Reading) -> Result?
}

extension ValueType where Result == Bool {
  /// As in supervisord.
  static let boolean = ValueType(name: "yes or no") { value, reading in
    switch value.text.lowercased() {
    case "yes", "true", "on", "1": return true
    case "no", "false", "off", "0": return false
    default:
      reading.error(value.place, "\(quoted(value.text)) is neither yes nor no")
      return nil
    }
  }
}

extension ValueType
where Result: RawRepresentable & CaseIterable & Sendable, Result.RawValue == String {
  /// One of a few words.
  static func choice() -> ValueType {
    let words = Result.allCases.map(\.rawValue)
    return ValueType(name: words.map { "`\($0)`" }.joined(separator: ", ")) { value, reading in
      if let result = Result(rawValue: value.text) { return result }
      reading.error(
        value.place, "\(quoted(value.text)) is none of \(words.joined(separator: ", "))",
        hint: reading.hint(for: value.text, among: words))
      return nil
    }
  }
}

extension ValueType where Result == Int {
  static func integer(_ range: ClosedRange<Int>) -> ValueType {
    let limits = "\(range.lowerBound) to \(range.upperBound)"
    return ValueType(name: "number", limits: limits) { value, reading in
      // A number too long for 64 bits is still a number, out of range.
      let text = value.text
      let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
      guard !digits.isEmpty, digits.utf8.allSatisfy(\.isDigit) else {
        reading.error(value.place, "\(quoted(text)) is no whole number", hint: "from \(limits)")
        return nil
      }
      guard let number = Int(text), range.contains(number) else {
        reading.error(value.place, "\(quoted(text)) is out of range: \(limits)")
        return nil
      }
      return number
    }
  }
}

extension ValueType where Result == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> ValueType {
    let limits = "\(durationText(range.lowerBound)) to \(durationText(range.upperBound))"
    return ValueType(name: "duration", limits: limits) { value, reading in
      guard let (duration, isNegative) = parseDuration(value.text) else {
        reading.error(
          value.place, "\(quoted(value.text)) is no duration",
          hint: "a number with ms, s, m, h or d, such as `500ms`; a bare number is seconds")
        return nil
      }
      guard !isNegative || duration == .zero, range.contains(duration) else {
        reading.error(value.place, "\(quoted(value.text)) is out of range: \(limits)")
        return nil
      }
      return duration
    }
  }
}

extension ValueType where Result == Int64 {
  /// In bytes.
  static func size(_ range: ClosedRange<Int64>) -> ValueType {
    let limits = "\(sizeText(range.lowerBound)) to \(sizeText(range.upperBound))"
    return ValueType(name: "size", limits: limits) { value, reading in
      guard let size = parseSize(value.text) else {
        reading.error(value.place, "\(quoted(value.text)) is no size", hint: sizeHint)
        return nil
      }
      guard range.contains(size) else {
        reading.error(value.place, "\(quoted(value.text)) is out of range: \(limits)")
        return nil
      }
      return size
    }
  }
}

extension ValueType where Result == UInt32 {
  static let umask = ValueType(name: "octal number", limits: "000 to 777") { value, reading in
    let text = value.text.lowercased()
    let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
    guard digits.utf8.allSatisfy(\.isDigit), let mask = UInt32(digits, radix: 8), mask <= 0o777
    else {
      reading.error(
        value.place, "\(quoted(value.text)) is no file mode mask",
        hint: "three octal digits, such as `022`")
      return nil
    }
    return mask
  }
}

extension ValueType where Result == ExitCodes {
  static let exitCodes = ValueType(
    name: "list of numbers", limits: "0 to 255", allowsEmpty: true
  ) { value, reading in
    var codes: [Int32] = []
    var isGood = true
    for part in value.listParts {
      let bounds = part.text.split(separator: "-", omittingEmptySubsequences: false).map {
        $0.utf8.allSatisfy(\.isDigit) ? Int32($0) ?? -1 : -1
      }
      if let first = bounds.first, let last = bounds.last, bounds.count <= 2, first >= 0,
        first <= last, last <= 255
      {
        codes += first...last
      } else {
        reading.error(
          part.place, "\(quoted(part.text)) is no exit code",
          hint: "numbers from 0 to 255 and ranges, such as `0, 2, 10-12`")
        isGood = false
      }
    }
    return isGood ? ExitCodes(codes) : nil
  }
}
