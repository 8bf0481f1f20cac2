import SupervConfig
import Testing

/// Named limits, at the limit and one past it; and what only shows in how things are said.
@Suite struct LimitTests {
  func messages(_ text: String) -> [String] { load(text).diagnostics.map(\.message) }

  @Test func lengthOfANameAndDepthOfTheTree() {
    let name = String(repeating: "n", count: maximumNameBytes)
    #expect(messages("[agent:\(name)]\ncommand = a\n") == [])
    #expect(messages("[agent:\(name)n]\ncommand = a\n").count == 1)
    for depth in [maximumTreeDepth, maximumTreeDepth + 1] {
      var text = "[agent:a]\ncommand = a\n[supervisor:s1]\nchildren = a\n"
      for level in 1..<depth { text += "[supervisor:s\(level + 1)]\nchildren = s\(level)\n" }
      #expect((messages(text) == []) == (depth == maximumTreeDepth))
    }
  }

  @Test func numbersOfInstances() {
    func agents(_ count: Int) -> String {
      (0..<10).map { "[agent:a\($0)]\ncommand = a\nnumprocs = \(count)\n" }.joined()
    }
    #expect(load(agents(maximumInstances)).configuration?.agents.count == maximumTotalInstances)
    #expect(messages(agents(maximumInstances) + "[agent:b]\ncommand = b\n").count == 1)
  }

  @Test func sizeOfAFile() {
    var source = FixedSource()
    for (size, isGood) in [(maximumFileBytes, true), (maximumFileBytes + 1, false)] {
      var text = Array("[agent:a]\ncommand = a\n".utf8)
      let comment = Array((String(repeating: ";", count: 1023) + "\n").utf8)
      while text.count + comment.count <= size { text += comment }
      text += repeatElement(0x0A, count: size - text.count)
      source.files[mainPath] = text
      let loaded = loadConfiguration(mainPath, from: source)
      #expect((loaded.configuration != nil) == isGood)
      #expect(loaded.files == [mainPath])
    }
  }

  @Test func depthAndNumberOfIncludes() {
    for (depth, isGood) in [(maximumIncludeDepth, true), (maximumIncludeDepth + 1, false)] {
      var source = FixedSource()
      for level in 1...depth {
        let next = level == depth ? "" : "[include]\nfiles = \(level + 1)\n"
        source.files["/etc/superv/\(level)"] = Array("[agent:a\(level)]\ncommand = a\n\(next)".utf8)
      }
      let loaded = load("[include]\nfiles = 1\n", source: source)
      #expect((loaded.configuration != nil) == isGood)
    }
    for (count, isGood) in [(maximumFileCount - 1, true), (maximumFileCount, false)] {
      var source = FixedSource()
      for number in 0..<count {
        source.files["/etc/superv/d/\(number)"] = Array("[agent:a\(number)]\ncommand = a\n".utf8)
      }
      source.folders.insert("/etc/superv/d")
      let loaded = load("[include]\nfiles = d/*\n", source: source)
      #expect((loaded.configuration != nil) == isGood)
    }
  }

  @Test func lengthOfTheRuntimeDirectory() {
    for (length, isGood) in [(94, true), (95, false)] {
      let path = "/" + String(repeating: "r", count: length - 1)
      let loaded = load("[superv]\nruntime_dir = \(path)\n[agent:a]\ncommand = a\n")
      #expect((loaded.configuration != nil) == isGood)
    }
  }

  @Test func numberOfDiagnostics() throws {
    func lines(_ count: Int) -> String { String(repeating: "x = 1\n", count: count) }
    let agent = "[agent:a]\ncommand = a\n"
    #expect(messages(agent + lines(maximumDiagnostics)).count == maximumDiagnostics)
    let many = messages(agent + lines(maximumDiagnostics + 7))
    #expect(many.count == maximumDiagnostics + 1)
    #expect(many.last == "7 more are not shown")
  }

  @Test func rendering() throws {
    let text = "[agent:a]\ncommand = a\n\trestart\t= nevr\n"
    let loaded = load("[agent:a]\n\tcommand = a\n\trestart\t= nevr ; \u{1B}[2J\n")
    let diagnostic = try #require(loaded.diagnostics.first)
    #expect(
      diagnostic.rendered(color: false) == """
        main.conf:3:12: error: `nevr` is none of permanent, transient, temporary
          \trestart\t= nevr ; \u{FFFD}[2J
          \t       \t  ^
        """)
    #expect(diagnostic.rendered(color: true).contains("\u{1B}[31m^\u{1B}[0m"))
    // The end of a line, a long line, and no line at all.
    let atEnd = try #require(load("[agent:a]\ncommand = a\nnice =").diagnostics.first)
    #expect(atEnd.rendered(color: false).contains("\n  nice =\n        ^\n"))
    let long = String(repeating: "x", count: 300)
    let far = try #require(load("[agent:a]\ncommand = \(long) 'y").diagnostics.first)
    let shown = far.rendered(color: false).split(separator: "\n")
    #expect(shown[1].hasSuffix(" 'y") && shown[2].hasSuffix(" ^"))
    #expect(shown[2].count == shown[1].count - 1)
    let nothing = try #require(loadConfiguration("/gone", from: FixedSource()).diagnostics.first)
    #expect(
      nothing.rendered(color: false)
        == "/gone:1:1: error: cannot read `/gone`: No such file or directory")
    #expect(load(text).diagnostics.count == 1)
  }

  @Test(arguments: [
    ("comand", "command"), ("commnad", "command"), ("Command", "command"), ("cmd", nil),
    ("stopwaitsec", "stopwaitsecs"), ("xyz", nil), ("", nil),
  ])
  func nearest(name: String, expected: String?) {
    #expect(nearestName(to: name, among: ["command", "stopwaitsecs", "user"]) == expected)
  }
}
