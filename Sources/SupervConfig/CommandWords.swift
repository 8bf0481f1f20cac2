// A command line becomes the words that execve(2) takes. Quoting is that of POSIX sh (XCU 2.2); no
// shell has a part in it: variables, pipes and redirections are plain text, and worth a warning.

extension ValueType where Result == [String] {
  static let command = ValueType(name: "words, quoted as in sh") { value, reading in
    var splitter = WordSplitter(value)
    guard let words = splitter.words(&reading) else { return nil }
    if let first = words.first, !first.text.isEmpty {
      warnAboutShell(words, &reading)
      return words.map(\.text)
    }
    reading.error(value.place, "the command is empty", hint: "name the program to run")
    return nil
  }

  private static func warnAboutShell(_ words: [Word], _ reading: inout Reading) {
    guard let word = words.first(where: \.looksLikeShell) else { return }
    reading.warning(
      word.place, "\(quoted(word.text)) is passed on as it is: no shell reads the command",
      hint: "put it in quotes, or run `sh -c \"…\"`")
  }
}

private struct Word {
  var text: String
  var place: Place
  var isQuoted: Bool

  /// Whether a shell would read this as more than a word.
  var looksLikeShell: Bool {
    guard !isQuoted else { return false }
    let marks = ["|", "||", "&", "&&", ";", ">", ">>", "<", "2>&1", "2>", "&>"]
    let bytes = Array(text.utf8)
    let isVariable =
      bytes.count > 1 && bytes[0] == UInt8(ascii: "$")
      && (bytes[1].isWordByte || bytes[1] == UInt8(ascii: "{") || bytes[1] == UInt8(ascii: "("))
    return isVariable || marks.contains(text)
  }
}

private struct WordSplitter {
  let value: Value
  var index: Int
  var bytes: [UInt8] = []
  var isQuoted = false

  init(_ value: Value) {
    self.value = value
    index = value.units.startIndex
  }

  /// nil after a complaint about quoting.
  mutating func words(_ reading: inout Reading) -> [Word]? {
    var words: [Word] = []
    while true {
      while index < value.units.endIndex, value.units[index].isSpace { index += 1 }
      guard index < value.units.endIndex else { return words }
      let place = value.place(at: index)
      bytes = []
      isQuoted = false
      guard readWord(&reading) else { return nil }
      words.append(
        Word(text: String(decoding: bytes, as: UTF8.self), place: place, isQuoted: isQuoted))
    }
  }

  /// False after a complaint.
  private mutating func readWord(_ reading: inout Reading) -> Bool {
    while index < value.units.endIndex, !value.units[index].isSpace {
      let unit = value.units[index]
      if unit.isMark(singleQuote) || unit.isMark(doubleQuote) {
        isQuoted = true
        guard readQuoted(by: unit, &reading) else { return false }
      } else if unit.isMark(backslash) {
        isQuoted = true
        guard index + 1 < value.units.endIndex else {
          reading.error(
            unit.place, "nothing follows the `\\`",
            hint: "a value goes on where the next line is indented, without a `\\`")
          return false
        }
        bytes.append(value.units[index + 1].byte)
        index += 2
      } else {
        bytes.append(unit.byte)
        index += 1
      }
    }
    return true
  }

  private mutating func readQuoted(by quote: Value.Unit, _ reading: inout Reading) -> Bool {
    index += 1
    while index < value.units.endIndex {
      let unit = value.units[index]
      index += 1
      if unit.isMark(quote.byte) { return true }
      if quote.byte == doubleQuote, unit.isMark(backslash), index < value.units.endIndex,
        [doubleQuote, backslash, UInt8(ascii: "$"), UInt8(ascii: "`")].contains(
          value.units[index].byte)
      {
        bytes.append(value.units[index].byte)
        index += 1
      } else {
        bytes.append(unit.byte)
      }
    }
    let mark = quote.byte == doubleQuote ? "\"" : "'"
    reading.error(
      quote.place, "this \(mark) has no partner",
      hint: "close the quotation, or write `\\\(mark)` for the character itself")
    return false
  }
}
