// `environment = A="x", B=y, "any name"=z`, also one on each line, and the files of `env_file`.

extension ValueType where Result == [EnvironmentVariable] {
  static let environment = ValueType(
    name: "list of NAME=value", allowsEmpty: true
  ) { value, reading in
    var list = EnvironmentList(value)
    return list.variables(&reading)
  }
}

extension String {
  /// Letters, digits and `_`, not starting with a digit (POSIX XBD 8.1, in either case).
  var isEnvironmentName: Bool {
    guard let first = utf8.first, !first.isDigit else { return false }
    return utf8.allSatisfy { $0.isWordByte && $0 < 0x80 }
  }

  /// What superv tells agents itself.
  var isReservedVariable: Bool { hasPrefix("SUPERV_") || self == "NOTIFY_SOCKET" }
}

private struct EnvironmentList {
  let value: Value
  var index: Int

  init(_ value: Value) {
    self.value = value
    index = value.units.startIndex
  }

  mutating func variables(_ reading: inout Reading) -> [EnvironmentVariable]? {
    var variables: [EnvironmentVariable] = []
    var names: Set<String> = []
    var isGood = true
    while let item = nextItem(&reading) {
      guard let item else {
        isGood = false
        continue
      }
      if !names.insert(item.variable.name).inserted {
        reading.error(item.place, "\(quoted(item.variable.name)) is set twice", hint: "keep one")
        isGood = false
      }
      variables.append(item.variable)
    }
    return isGood ? variables : nil
  }

  /// nil at the end; nil inside after a complaint.
  private mutating func nextItem(
    _ reading: inout Reading
  ) -> (variable: EnvironmentVariable, place: Place)?? {
    while index < value.units.endIndex, isSeparator(at: index) || value.units[index].isSpace {
      index += 1
    }
    guard index < value.units.endIndex else { return nil }
    if let item = quotedNameItem(&reading) { return .some(item) }
    let start = index
    let end = value.units[index...].indices.first(where: isSeparator) ?? value.units.endIndex
    let equals = value.units[start..<end].firstIndex { $0.isMark(UInt8(ascii: "=")) }
    guard let equals else {
      index = end
      let item = value[start..<end].trimmed
      reading.error(
        item.place, "\(quoted(item.text)) has no `=`",
        hint: "write NAME=value; put quotes around a value with a comma in it")
      return .some(nil)
    }
    index = equals + 1
    let name = value[start..<equals].trimmed
    let text = readText(&reading)
    guard check(name, &reading), let text else { return .some(nil) }
    return (EnvironmentVariable(name: name.text, value: text), name.place)
  }

  /// A name between quotation marks may be any that execve(2) takes. nil: none begins here; nil
  /// inside after a complaint.
  private mutating func quotedNameItem(
    _ reading: inout Reading
  ) -> (variable: EnvironmentVariable, place: Place)?? {
    let start = index
    let first = value.units[start]
    guard first.isMark(doubleQuote) || first.isMark(singleQuote),
      let name = readQuoted(by: first.byte)
    else { return nil }
    while index < value.units.endIndex, value.units[index].isSpace, !isSeparator(at: index) {
      index += 1
    }
    guard index < value.units.endIndex, value.units[index].isMark(UInt8(ascii: "=")) else {
      index = start
      return nil
    }
    index += 1
    guard let text = readText(&reading) else { return .some(nil) }
    if name.isEmpty || name.utf8.contains(UInt8(ascii: "=")) {
      reading.error(first.place, "\(quoted(name)) is no name for a variable")
    } else if name.isReservedVariable {
      reading.error(
        first.place, "\(quoted(name)) is set by superv itself", hint: "choose another name")
    } else {
      return (EnvironmentVariable(name: name, value: text), first.place)
    }
    return .some(nil)
  }

  private func isSeparator(at index: Int) -> Bool {
    value.units[index].isMark(comma) || value.units[index].isMark(lineFeed)
  }

  private func check(_ name: Value, _ reading: inout Reading) -> Bool {
    let text = name.text
    if !text.isEnvironmentName {
      reading.error(
        name.place, "\(quoted(text)) is no name for a variable", hint: "letters, digits and `_`")
    } else if text.isReservedVariable {
      reading.error(
        name.place, "\(quoted(text)) is set by superv itself", hint: "choose another name")
    } else {
      return true
    }
    return false
  }

  private mutating func readText(_ reading: inout Reading) -> String? {
    while index < value.units.endIndex, value.units[index].isSpace, !isSeparator(at: index) {
      index += 1
    }
    guard index < value.units.endIndex else { return "" }
    let first = value.units[index]
    guard first.isMark(doubleQuote) || first.isMark(singleQuote) else {
      let end = value.units[index...].indices.first(where: isSeparator) ?? value.units.endIndex
      defer { index = end }
      return value[index..<end].trimmed.text
    }
    guard let text = readQuoted(by: first.byte) else {
      reading.error(
        first.place, "this \(first.byte == doubleQuote ? "\"" : "'") has no partner",
        hint: "close the quotation")
      index = value.units.endIndex
      return nil
    }
    let end = value.units[index...].indices.first(where: isSeparator) ?? value.units.endIndex
    let rest = value[index..<end].trimmed
    index = end
    guard rest.isEmpty else {
      reading.error(
        rest.place, "\(quoted(rest.text)) follows the closing quotation mark",
        hint: "put a comma before the next variable, or quote the value as a whole")
      return nil
    }
    return text
  }

  /// `\"` and `\\` between double quotes stand for the second character. nil: no partner.
  private mutating func readQuoted(by quote: UInt8) -> String? {
    var bytes: [UInt8] = []
    var next = index + 1
    while next < value.units.endIndex {
      let unit = value.units[next]
      if unit.isMark(quote) {
        index = next + 1
        return String(decoding: bytes, as: UTF8.self)
      }
      if quote == doubleQuote, unit.isMark(backslash), next + 1 < value.units.endIndex,
        [doubleQuote, backslash].contains(value.units[next + 1].byte)
      {
        next += 1
      }
      bytes.append(value.units[next].byte)
      next += 1
    }
    return nil
  }
}
