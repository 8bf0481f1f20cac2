import Foundation
import SupervConfig
import SupervisionTree
import Testing

/// docs/configuration.md: its tables are made from the table of keys, its example is loaded.
@Suite struct ReferenceTests {
  static let page = testFolder.appending(path: "../../docs/configuration.md").standardizedFileURL

  @Test func tablesAreThoseOfTheCode() throws {
    var text = try String(contentsOf: Self.page, encoding: .utf8)
    for section in configurationReference {
      let start = "<!-- keys: \(section.header) -->\n"
      let from = try #require(text.range(of: start), "no table of \(section.header)")
      let to = try #require(text.range(of: "<!-- end -->", range: from.upperBound..<text.endIndex))
      text.replaceSubrange(
        from.upperBound..<to.lowerBound, with: section.markdownTable + "\n")
    }
    try compare(text, with: Self.page)
  }

  @Test func theExampleIsGood() throws {
    let examples = try Self.examples()
    let configuration = try good(try #require(examples.first))
    #expect(
      configuration.agents.map(\.specification.name) == ["researcher", "writer:0", "writer:1"])
    #expect(configuration.tree.children.map(\.name) == ["pipeline"])
  }

  @Test func everyExampleIsGood() throws {
    let examples = try Self.examples()
    #expect(examples.count == 2)
    for example in examples { #expect(try good(example).agents.count > 1) }
  }

  static func examples() throws -> [String] {
    let text = try String(contentsOf: page, encoding: .utf8)
    return text.components(separatedBy: "```ini\n").dropFirst().map {
      $0.components(separatedBy: "```\n")[0]
    }
  }

  @Test func everyKeySaysWhatItIs() {
    for section in configurationReference {
      #expect(Set(section.keys.map(\.name)).count == section.keys.count)
      for key in section.keys {
        #expect(key.meaning.hasSuffix("."), "\(key.name)")
        #expect(!key.type.isEmpty && !key.fallback.isEmpty, "\(key.name)")
      }
    }
  }

  /// The comparison itself must be able to fail.
  @Test func aWrongTableIsNoticed() {
    #expect(differences(from: "a\nb\n", to: "a\nc\n") == ["-2: b", "+2: c"])
    #expect(differences(from: "a\n", to: "a") == ["-2: "])
    #expect(differences(from: "a\n", to: "a\n") == [])
  }
}
