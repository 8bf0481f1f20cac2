import SupervConfig
import SupervisionTree
import Testing

/// What an import writes is read as it was, whatever is in it.
@Suite struct ImportValueTests {
  private static let pieces = [
    "a", "B9", " ", "  ", "\t", "\n", "\r", "\r\n", "'", "\"", "\\", "\\\\", "%", "%%", "%(here)s",
    "%(instance)d", "%(ENV_HOME)s", "%(", "%d", "$", "$X", "${X}", "`", ";", "#", " ;", " #", "=",
    ",", ":", "[", "]", "[x]", "~", "*", "|", "&", ">", "\u{7F}", "\u{85}", "\u{A0}", "\u{2028}",
    "é", "日本", "🙂", "e\u{301}", "\u{FEFF}", "\u{202E}", "\u{1}", "\u{1B}[31m", "0", "00", "1", "10",
    "command = x", "user=x", "//", "/./", "-", "--", "",
  ]

  private static func text(_ random: inout FuzzTests.Generator) -> String {
    (0..<Int.random(in: 0...6, using: &random)).map { _ in
      pieces.randomElement(using: &random) ?? ""
    }.joined()
  }

  /// A text for each instance: the same, but for numbers in some places.
  private static func texts(_ count: Int, _ random: inout FuzzTests.Generator) -> [String] {
    let (first, last) = (text(&random), text(&random))
    switch Int.random(in: 0..<4, using: &random) {
    case 0: return (0..<count).map { "\(first)\($0)\(last)" }
    case 1:
      return (0..<count).map { number in
        let digits = String(number)
        return first + String(repeating: "0", count: max(0, 3 - digits.count)) + digits + last
      }
    default: return [String](repeating: first, count: count)
    }
  }

  /// Gives processes that one section makes other words, folders and variables.
  private static func change(
    _ agents: inout ArraySlice<AgentDefinition>, _ random: inout FuzzTests.Generator
  ) {
    let count = agents.count
    let program = count == 1 ? text(&random) : ""
    let words = (0..<Int.random(in: 0...4, using: &random)).map { _ in texts(count, &random) }
    let folders = texts(count, &random).map { $0.replacing("/", with: "") }
    var names: [String] = []
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      let name = "N" + text(&random).replacing("=", with: "-")
      if !names.contains(where: { $0.unicodeScalars.elementsEqual(name.unicodeScalars) }) {
        names.append(name)
      }
    }
    let values = names.map { _ in texts(count, &random) }
    for (instance, index) in agents.indices.enumerated() {
      agents[index].command = ["run\(program)"] + words.map { $0[instance] }
      agents[index].directory = "/d\(folders[instance])"
      agents[index].environment = zip(names, values).map {
        EnvironmentVariable(name: $0, value: $1[instance])
      }
    }
  }

  /// Processes of three sections, each of some number.
  private static func configuration(
    _ source: FixedSource, _ random: inout FuzzTests.Generator
  ) throws -> Configuration {
    let counts = (0..<3).map { _ in [1, 1, 2, 3, 11, 101].randomElement(using: &random) ?? 1 }
    var text = "[supervisord]\n"
    for (number, count) in counts.enumerated() {
      text += """
        [program:g\(number)]
        command = x
        process_name = x-%(process_num)03d
        numprocs = \(count)

        """
    }
    var configuration = try good(text, source: source)
    var start = 0
    for count in counts {
      change(&configuration.agents[start..<(start + count)], &random)
      start += count
    }
    return configuration
  }

  @Test(arguments: 0..<12) func whatIsWrittenIsRead(seed: Int) throws {
    var random = FuzzTests.Generator(state: UInt64(seed))
    for round in 0..<20 {
      var source = FixedSource()
      source.folders.insert("/tmp")
      let configuration = try Self.configuration(source, &random)
      let agents = configuration.agents
      let result = try #require(imported(configuration, from: source))
      let loaded = load(result.text, source: source)
      #expect(loaded.diagnostics.map(\.description) == [], "seed \(seed), round \(round)")
      let read = try #require(loaded.configuration, "seed \(seed), round \(round)\n\(result.text)")
      try #require(read.agents.count == agents.count)
      for (before, after) in zip(agents, read.agents) {
        let isSame =
          Self.isSame(before.command, after.command)
          && Self.isSame([before.directory ?? ""], [after.directory ?? ""])
          && Self.isSame(
            before.environment.flatMap { [$0.name, $0.value] },
            after.environment.flatMap { [$0.name, $0.value] })
        #expect(isSame, "seed \(seed), round \(round): \(before) \(after)")
      }
    }
  }

  /// Byte for byte: texts in Swift are equal already when they look alike.
  private static func isSame(_ one: [String], _ other: [String]) -> Bool {
    one.map { Array($0.utf8) } == other.map { Array($0.utf8) }
  }
}
