extension Reading {
  /// Complains about a line that breaks the rules.
  mutating func report(_ problem: ReadingProblem, inFile file: Int) {
    let place = Place(file: file, line: problem.line, column: problem.column)
    switch problem.kind {
    case .byteOrderMark:
      warning(
        place, "the file begins with a byte order mark", hint: "save it as UTF-8 without one")
    case .invalidUTF8: error(place, "this is not UTF-8", hint: "save the file as UTF-8")
    case .nul: error(place, "a NUL byte", hint: "is this a text file?")
    case .lineTooLong:
      error(
        place, "the line is longer than \(maximumLineBytes) bytes",
        hint: "go on in the next line, indented")
    case .textBeforeSection:
      error(
        place, "text before the first section", hint: "begin with a header such as `[superv]`")
    case .unclosedHeader:
      error(place, "the header has no `]`", hint: "such as `[agent:NAME]`")
    case .emptyHeader: error(place, "the header is empty", hint: "such as `[agent:NAME]`")
    case .textAfterHeader:
      error(place, "text after the header", hint: "put it on a line of its own")
    case .missingDelimiter:
      error(
        place, "this line is no `key = value`",
        hint: "a line that continues a value is indented; a comment starts with `;` or `#`")
    case .missingKey: error(place, "there is no key before the `=`")
    }
  }
}
