import SupervConfig
import Testing

/// Mutations of good files: loading always ends, never traps, and says where.
@Suite struct FuzzTests {
  static let seeds = [
    """
    [superv]
    runtime_dir = %(here)s/run
    http = 127.0.0.1:9320
    pass_environment = PATH, HOME
    [supervisor:pipeline]
    strategy = rest_for_one
    intensity = 5
    period = 60s
    children = researcher, writer:0,
      inner
    [supervisor:inner]
    children = w
    needs = writer:1
    auto_shutdown = any_significant
    [agent:researcher]
    command = python3 "%(here)s/a b.py" 'x' \\y ; comment
    environment = A="x, y", B=%(ENV_HOME)s,
      C='z'
    rlimit_nofile = 10:unlimited
    restart = transient
    [agent:writer]
    command = run %(instance)02d %%
    numprocs = 3
    needs = researcher:started
    exitcodes = 0, 2-5
    [agent:w]
    command = w
    significant = yes
    restart = temporary
    umask = 022
    [include]
    files = %(here)s/*.inc sub/[a-c]?.conf
    """,
    "\u{FEFF}[program:é]\r\ncommand=a\r\n  b\r[agent:a.0]\ncommand=\"\\\"\"\n"
      + "[agent:a]\nnumprocs=2\n",
  ]

  /// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators).
  struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
      return mixed ^ mixed >> 31
    }
  }

  static func mutate(_ text: inout [UInt8], _ random: inout Generator) {
    let marks = Array("[]=:;#%()\"'\\,\n\r\t *?-!0s".utf8) + [0x00, 0xFF, 0xC3, 0xEF]
    for _ in 0..<Int.random(in: 1...8, using: &random) {
      let at = Int.random(in: 0...text.count, using: &random)
      let end = min(text.count, at + Int.random(in: 0...20, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: text.removeSubrange(at..<end)
      case 1:
        text.insert(contentsOf: text[at..<end], at: text.indices.randomElement(using: &random) ?? 0)
      case 2 where at < text.count: text[at] = UInt8.random(in: 0...255, using: &random)
      default: text.insert(marks.randomElement(using: &random) ?? 0, at: at)
      }
    }
  }

  @Test(arguments: 0..<8) func mutations(seed: Int) {
    var random = Generator(state: UInt64(seed))
    for round in 0..<300 {
      var text = Array(Self.seeds[round % Self.seeds.count].utf8)
      Self.mutate(&text, &random)
      var source = FixedSource()
      source.files[mainPath] = text
      source.files["/etc/superv/x.inc"] = text
      let loaded = loadConfiguration(mainPath, from: source)
      let hasErrors = loaded.diagnostics.contains { $0.severity == .error }
      #expect((loaded.configuration == nil) == hasErrors, "seed \(seed), round \(round)")
      for diagnostic in loaded.diagnostics {
        #expect(diagnostic.line > 0 && diagnostic.column > 0, "seed \(seed), round \(round)")
        _ = diagnostic.rendered(color: true)
      }
      let file = parseEnvironmentFile(text, path: "x")
      #expect(file.variables.allSatisfy { !$0.name.isEmpty }, "seed \(seed), round \(round)")
      _ = readSections(text, as: .supervisord)
    }
  }

  /// Everything that could be slow: many sections that refer to many others, most of them wrongly.
  @Test func manyNamesThatNobodyHas() {
    var text = ""
    for number in 0..<2000 {
      text += "[agent:worker-\(number)]\ncommand = a\nneeds = wroker-\(number), b\(number)\n"
    }
    let loaded = load(text)
    #expect(loaded.diagnostics.count == maximumDiagnostics + 1)
  }

  @Test func everyInstanceNeedsEveryOther() {
    var text = "[supervisor:s]\nstrategy = one_for_all\nchildren = a, b\n"
    text += "[agent:a]\ncommand = a\nnumprocs = 1000\nneeds = b\n"
    text += "[agent:b]\ncommand = b\nnumprocs = 1000\nneeds = a:999\n"
    #expect(
      load(text).diagnostics.map(\.message) == [
        "nothing here can start first: a needs b, b needs a"
      ]
    )
  }
}
