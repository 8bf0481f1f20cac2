import SupervConfig
import Testing

@Suite struct LineReaderTests {
  func read(_ text: String, _ dialect: Dialect = .superv) -> ReadingResult {
    readSections(Array(text.utf8), as: dialect)
  }

  /// `header|key=value` for every entry, the lines of a value joined by `/`.
  func entries(_ text: String, _ dialect: Dialect) -> [String] {
    read(text, dialect).sections.flatMap { section in
      section.entries.map { entry in
        let text = entry.segments.map(\.text).joined(separator: "/")
        return "\(section.header.text)|\(entry.key)=\(text)"
      }
    }
  }

  @Test(arguments: [
    ("[a]\nk=v\n", ["a|k=v"]),
    ("  [a]  ; c\n  k = v\n  l = w", ["a|k=v", "a|l=w"]),
    ("[a]\nk = v\n  l = w\nm = x", ["a|k=v/l = w", "a|m=x"]),
    ("[a]\nk = v\n\n  w\n  ; comment\n\n\n[b]\nk = \"\n", ["a|k=v//w", "b|k=\""]),
    ("[a]\nk =\n  [b]\n  c = d", ["a|k=/[b]/c = d"]),
    ("[a]\r\nk = v\r\n  w\r[b]\rk=", ["a|k=v/w", "b|k="]),
    ("[a]\nk = a;b #c\n;x\n#y\n  # z\nl = ;", ["a|k=a;b", "a|l="]),
    ("[a]\nk = v \\\nl = w", ["a|k=v \\", "a|l=w"]),
    ("[a]\nk = a = b : c\n[a]\nk = 2", ["a|k=a = b : c", "a|k=2"]),
  ])
  func bothDialects(text: String, expected: [String]) {
    #expect(entries(text, .superv) == expected)
    #expect(entries(text, .supervisord) == expected)
  }

  @Test(arguments: [
    ("[a]\nK = \"x ; y\" ; z", ["a|K=\"x ; y\""], ["a|k=\"x"]),
    ("[a]\nk = it's ; x's", ["a|k=it's"], ["a|k=it's"]),
    ("[a]\nk = 'a # b' \"c ; \\\" ; d\" # e", ["a|k='a # b' \"c ; \\\" ; d\""], ["a|k='a"]),
    ("[a]\nk = x a#b #c ;d", ["a|k=x a#b"], ["a|k=x a#b #c"]),
    ("[a]\nk: v = w", ["a|k: v=w"], ["a|k=v = w"]),
    ("[ a ]\nk = v", ["a|k=v"], [" a |k=v"]),
    ("[a]b] c\nk = v", ["a]b|k=v"], ["a]b|k=v"]),
  ])
  func differences(text: String, superv: [String], supervisord: [String]) {
    #expect(entries(text, .superv) == superv)
    #expect(entries(text, .supervisord) == supervisord)
  }

  @Test func places() throws {
    let section = try #require(read("\n\t[é:b]\n  ключ =  знач ; c\n\n      two\n").sections.first)
    #expect(section.header.line == 2 && section.header.column == 3)
    let entry = try #require(section.entries.first)
    #expect(entry.line == 3 && entry.column == 3 && entry.key == "ключ")
    #expect(entry.segments.map(\.line) == [3, 4, 5])
    #expect(entry.segments.map(\.column) == [11, 1, 7])
  }

  @Test func limitOfALine() {
    let head = "[a]\nk="
    for (length, isBroken) in [(maximumLineBytes - 2, false), (maximumLineBytes - 1, true)] {
      let result = read(head + String(repeating: "x", count: length))
      #expect(result.problems.map(\.kind) == (isBroken ? [.lineTooLong] : []))
      #expect(result.sections.first?.entries.first?.isBroken == isBroken)
    }
  }
}
