import Foundation
import Testing

/// Every row of the ways to die in docs/operations.md names tests, and they exist.
@Suite struct OperationsPageTests {
  private struct Row {
    var what: String
    var tests: [String]
  }

  /// The table below a heading: what is in its first column, and the code in its last one.
  private func rows(of page: String, below heading: String) -> [Row] {
    let lines = page.split(separator: "\n", omittingEmptySubsequences: false)
    let section = lines.drop { $0 != heading }.dropFirst().prefix { !$0.hasPrefix("## ") }
    return section.filter { $0.hasPrefix("| ") }.dropFirst().map { line in
      let columns = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let code = (columns.last ?? "").split(separator: "`", omittingEmptySubsequences: false)
      let tests = code.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
      return Row(what: columns.first ?? "", tests: tests)
    }
  }

  /// `Suite.function` of every test in the sources.
  private func tests(in files: [SourceFile]) -> Set<String> {
    var found: Set<String> = []
    for file in files where file.isTest && file.isSwift {
      var suite = ""
      var isTest = false
      for line in file.code {
        let words = line.split { !$0.isLetter && !$0.isNumber && $0 != "@" && $0 != "_" }
        if line.contains("@Suite"), let at = words.firstIndex(of: "struct"), at + 1 < words.count {
          suite = String(words[at + 1])
        }
        if words.contains("@Test") { isTest = true }
        if isTest, let at = words.firstIndex(of: "func"), at + 1 < words.count {
          found.insert("\(suite).\(words[at + 1])")
          isTest = false
        }
      }
    }
    return found
  }

  @Test("every way to die has a test that exists")
  func waysToDie() throws {
    let page = try String(
      contentsOf: Repository.top.appending(path: "docs/operations.md"), encoding: .utf8)
    let rows = rows(of: page, below: "## Ways to die")
    let known = tests(in: try Repository.files())
    #expect(rows.count > 30 && known.count > 500)
    for row in rows {
      #expect(!row.tests.isEmpty, "\(row.what)")
      for test in row.tests where !known.contains(test) {
        Issue.record("\(row.what): there is no \(test)")
      }
    }
  }

  @Test("a row without a test, or with one that is not there, is found")
  func samples() {
    let page = """
      ## Ways to die

      | what | what happens | test |
      |---|---|---|
      | a | b | `LifeTests.aa` `LifeTests.bb` |
      | c | d | none |

      ## More
      | e | f | `LifeTests.cc` |
      """
    let rows = rows(of: page, below: "## Ways to die")
    #expect(rows.map(\.what) == ["a", "c"])
    #expect(rows.map(\.tests) == [["LifeTests.aa", "LifeTests.bb"], []])
    let source = """
      @Suite(.aside) struct LifeTests {
        // @Test func notThis() {}
        @Test("says what it does")
        func aa() {}
        func helper() {}
        @Test func bb() {}
      }
      """
    #expect(
      tests(in: [SourceFile("Tests/X/LifeTests.swift", source)]) == [
        "LifeTests.aa", "LifeTests.bb",
      ])
  }
}
