import Foundation
import Testing

@Suite struct TidyTests {
  static let rules = layerRules + textRules

  @Test("the repository keeps every rule")
  func repository() throws {
    let files = try Repository.files()
    // A walk that found nothing would please every rule.
    #expect(Set(files.map(\.path)).isSuperset(of: ["Package.swift", "Sources/superv/Main.swift"]))
    for file in files {
      for rule in Self.rules {
        for violation in rule.violations(in: file) { Issue.record("\(violation)") }
      }
    }
  }

  @Test("each rule rejects its bad samples", arguments: rules)
  func rejects(rule: Rule) {
    #expect(!rule.bad.isEmpty)
    for sample in rule.bad {
      let file = SourceFile(sample.path, sample.text)
      #expect(!rule.violations(in: file).isEmpty, "\(sample.path): \(sample.text)")
    }
  }

  @Test("each rule accepts its good samples", arguments: rules)
  func accepts(rule: Rule) {
    #expect(!rule.good.isEmpty)
    for sample in rule.good {
      #expect(rule.violations(in: SourceFile(sample.path, sample.text)).isEmpty)
    }
  }

  @Test("rules have names of their own")
  func names() {
    #expect(Set(Self.rules.map(\.name)).count == Self.rules.count)
  }

  @Test("Package.swift gives every target the modules of its layer, and no other")
  func manifest() throws {
    let text = try String(
      contentsOf: Repository.top.appending(path: "Package.swift"), encoding: .utf8)
    let targets = declaredTargets(in: SourceFile("Package.swift", text))
    #expect(targets.count > 10)
    let folders = try FileManager.default.contentsOfDirectory(
      atPath: Repository.top.appending(path: "Sources").path)
    #expect(Set(folders) == Set(targets.filter { !$0.isTest }.map(\.name)))
    #expect(misplacedDependencies(targets).isEmpty)
  }

  @Test("a dependency too many, too few or on the shim is found")
  func manifestSamples() {
    let manifest = SourceFile(
      "Package.swift",
      """
      let package = Package(
        products: [.executable(name: "superv", targets: ["superv"])],
        targets: [
          .target(name: "CSuperv", cSettings: strictC),
          module("SupervisionTree"),
          // module("Commented", imports: ["CSuperv"]),
          module("SupervConfig", imports: ["SupervSystem"]),
          module(
            "SupervSystem",
            imports: [
            ]),
          tests("SupervSystemTests", of: ["SupervSystem", "CSuperv"]),
        ]
      )
      """)
    let targets = declaredTargets(in: manifest)
    #expect(
      targets.map(\.name) == [
        "CSuperv", "SupervisionTree", "SupervConfig", "SupervSystem", "SupervSystemTests",
      ])
    #expect(
      misplacedDependencies(targets) == ["SupervConfig", "SupervSystem", "SupervSystemTests"])
  }

  /// The targets whose dependencies are not those of the table, as far as they exist.
  private func misplacedDependencies(_ targets: [DeclaredTarget]) -> [String] {
    let existing = Set(targets.map(\.name))
    return targets.filter { target in
      if target.isTest { return !target.dependencies.isDisjoint(with: Layers.notForTests) }
      guard let layer = Layers.modules[target.name] else { return true }
      return target.dependencies != layer.intersection(existing)
    }.map(\.name)
  }

  @Test("comments and strings are blanked, code inside interpolations stays")
  func stripping() {
    func strip(_ text: String, _ language: CodeStripper.Language = .swift) -> String {
      String(decoding: CodeStripper.strip(Array(text.utf8), language), as: UTF8.self)
    }
    #expect(strip("a /* b /* c */ d */ e // f") == "a                   e     ")
    #expect(strip("a /* b /* c */ d", .c) == "a              d")
    #expect(strip("f(\"x\\\"y\") + z") == "f(\"    \") + z")
    #expect(strip("\"a \\(try! b(\"c\")) d\"") == "\"   (try! b(\" \"))  \"")
    #expect(strip("#\"a \"b\" \\(c)\"# + d") == "#\"          \"# + d")
    #expect(strip("\"\"\"\na \"b\" \\(c)\n\"\"\" + d") == "\"\"\"\n       (c)\n\"\"\" + d")
    #expect(strip("c = '\"'; d", .c) == "c = ' '; d")
    #expect(strip("\"open\nnext") == "\"    \nnext")
  }
}
