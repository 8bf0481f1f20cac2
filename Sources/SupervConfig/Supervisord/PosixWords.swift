/// `shlex.split(text)` of Python, by which supervisord makes arguments of a command: white space
/// separates, `'…'` and `"…"` protect, `\` takes the next character as it is; within `"…"` only
/// before `"` and `\`.
///
/// - Throws: `ValueProblem` for a quotation mark without a partner, or a `\` at the end.
package func posixWords(_ text: String) throws -> [String] {
  var words: [String] = []
  var word: String.UnicodeScalarView?
  var quote: Unicode.Scalar?
  var isEscaped = false
  for scalar in text.unicodeScalars {
    if isEscaped {
      isEscaped = false
      if let quote, scalar != quote, scalar != "\\" { word?.append("\\") }
      word?.append(scalar)
    } else if scalar == "\\", quote != "'" {
      word = word ?? String.UnicodeScalarView()
      isEscaped = true
    } else if let open = quote {
      if scalar == open { quote = nil } else { word?.append(scalar) }
    } else if scalar == "'" || scalar == "\"" {
      word = word ?? String.UnicodeScalarView()
      quote = scalar
    } else if [" ", "\t", "\r", "\n"].contains(scalar) {
      if let finished = word { words.append(String(finished)) }
      word = nil
    } else {
      word = word ?? String.UnicodeScalarView()
      word?.append(scalar)
    }
  }
  if isEscaped { throw ValueProblem("nothing follows the `\\`") }
  if let quote { throw ValueProblem("a \(quoted(String(quote))) has no partner") }
  if let finished = word { words.append(String(finished)) }
  return words
}
