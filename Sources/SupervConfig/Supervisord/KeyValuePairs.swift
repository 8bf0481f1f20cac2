// `environment` of supervisord: what Python's `shlex`, not in POSIX mode, with `/.+-():` among the
// characters of words, makes of `A=1,B="x y"`.

/// Reads pairs.
///
/// - Returns: them in the order of their first appearance; of a key that comes again the last value
///   counts. And what of the text was dropped on the way, which nobody would expect.
/// - Throws: `ValueProblem` where a key, a `=` or a value is missing, or a quotation mark has no
///   partner.
func keyValuePairs(
  _ text: String
) throws(ValueProblem) -> (pairs: [EnvironmentVariable], losses: [String]) {
  let tokens = try PairTokens.tokens(of: text)
  var pairs: [EnvironmentVariable] = []
  var losses: [String] = []
  var index = 0
  while index < tokens.count {
    guard index + 2 < tokens.count, tokens[index + 1].text == "=" else {
      let rest = tokens[index...].prefix(3).map(\.text).joined()
      throw ValueProblem(
        "\(quoted(rest)) is no NAME=value", hint: "separate by commas, and quote: `A=\"x, y\"`")
    }
    let name = tokens[index].text
    let value = stripQuotes(tokens[index + 2].text)
    if let known = pairs.firstIndex(where: { $0.name == name }) {
      pairs[known].value = value
    } else {
      pairs.append(EnvironmentVariable(name: name, value: value))
    }
    if index + 3 < tokens.count, tokens[index + 3].text != "," {
      losses.append("`\(name)` is \(quoted(value)): what follows is not part of it")
    } else if tokens[index + 2].hidesComment {
      losses.append("`\(name)` is \(quoted(value)): a `#` begins a comment")
    }
    index += 4
  }
  return (pairs, losses)
}

private func stripQuotes(_ text: String) -> String {
  let isQuote: (Unicode.Scalar) -> Bool = { $0 == "'" || $0 == "\"" }
  let scalars = text.unicodeScalars
  guard let first = scalars.firstIndex(where: { !isQuote($0) }),
    let last = scalars.lastIndex(where: { !isQuote($0) })
  else { return "" }
  return String(scalars[first...last])
}

/// The lexer.
private struct PairTokens {
  struct Token {
    var text: String
    /// A comment follows right after it.
    var hidesComment = false
  }

  static func tokens(of text: String) throws(ValueProblem) -> [Token] {
    var tokens: [Token] = []
    var scalars = Array(text.unicodeScalars)[...]
    while let first = scalars.first {
      if isBlank(first) {
        scalars.removeFirst()
      } else if first == "#" {
        if !tokens.isEmpty { tokens[tokens.count - 1].hidesComment = true }
        scalars = scalars.drop { $0 != "\n" }
      } else if first == "'" || first == "\"" {
        guard let end = scalars.dropFirst().firstIndex(of: first) else {
          throw ValueProblem("a \(quoted(String(first))) has no partner", hint: "close it")
        }
        tokens.append(token(scalars[...end]))
        scalars = scalars[(end + 1)...]
      } else if isWord(first) {
        tokens.append(word(&scalars))
      } else {
        tokens.append(token(scalars.prefix(1)))
        scalars.removeFirst()
      }
    }
    return tokens
  }

  /// A word goes on to what is neither of a word nor a quotation mark; a mark in it is a character
  /// like others. A comment is left out of it, with the end of its line.
  private static func word(_ scalars: inout ArraySlice<Unicode.Scalar>) -> Token {
    var text = String.UnicodeScalarView()
    var hidesComment = false
    while let scalar = scalars.first {
      if scalar == "#" {
        hidesComment = true
        scalars = scalars.drop { $0 != "\n" }.dropFirst()
      } else if isWord(scalar) || scalar == "'" || scalar == "\"" {
        text.append(scalar)
        scalars.removeFirst()
      } else {
        break
      }
    }
    return Token(text: String(text), hidesComment: hidesComment)
  }

  private static func token(_ scalars: ArraySlice<Unicode.Scalar>) -> Token {
    Token(text: String(String.UnicodeScalarView(scalars)))
  }

  private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
    [" ", "\t", "\r", "\n"].contains(scalar)
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "a"..."z", "A"..."Z", "0"..."9", "_", "/", ".", "+", "-", "(", ")", ":": true
    default: false
    }
  }
}
