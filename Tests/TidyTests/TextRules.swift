/// Rules about how the text looks and what it must not say. What they forbid is put together here
/// from pieces, so that this file needs no exception from its own rules.
let textRules: [Rule] = [
  Rule(
    "no forced try or cast",
    forbids: ["try!", "as!"], in: \.isSwift,
    bad: ["Sources/A/A.swift": "let a = try! b()", "Sources/A/B.swift": "let a = \"\\(b as! C)\""],
    good: ["Sources/A/A.swift": "let a = try? b() as? C  // not try!"]),
  Rule(
    "a stop says why",
    forbids: ["fatalError()", "preconditionFailure()", "assertionFailure()"], in: \.isSwift,
    bad: ["Sources/A/A.swift": "fatalError()"],
    good: ["Sources/A/A.swift": "fatalError(\"the phase has no process\")"]),
  Rule(
    "libraries do not print",
    bad: [
      "Sources/SupervDaemon/A.swift": "print(1)",
      "Sources/SupervCommands/A.swift": "  debugPrint(a)",
    ],
    good: [
      "Sources/SupervCommands/A.swift": "func print(_ table: Table) {}\nterminal.print(table)",
      "Sources/superv-bench/A.swift": "print(1)",
    ],
    check: { file in
      guard file.isSwift, file.path.hasPrefix("Sources/"), !programs.contains(file.module ?? "")
      else { return [] }
      let code = file.code.map {
        $0.replacing("func print(", with: "").replacing(".print(", with: "")
      }
      return find(["print(", "debugPrint(", "dump("], in: code, of: file)
    }),
  Rule(
    "nothing left for later",
    forbidsText: ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"],
    bad: ["README.md": "TO" + "DO: write", "Sources/A/A.swift": "// FIX" + "ME soon"],
    good: ["Sources/A/A.swift": "let template = \"superv-XXXXXX\", mastodo = 1"]),
  Rule(
    "lines fit 100 columns",
    bad: ["Sources/A/A.swift": String(repeating: "x", count: 101)],
    good: [
      "Sources/A/A.swift": String(repeating: "é", count: 100),
      "README.md": String(repeating: "x", count: 101),
    ],
    check: { file in
      guard file.isSwift || file.isC || file.fileName == "run" else { return [] }
      return file.lines.enumerated().filter { $0.element.count > 100 }.map {
        Violation(path: file.path, line: $0.offset + 1, message: "\($0.element.count) columns")
      }
    }),
  Rule(
    "files fit 400 lines",
    bad: ["Sources/A/A.swift": String(repeating: "\n", count: 401)],
    good: ["Sources/A/A.swift": String(repeating: "\n", count: 400)],
    check: { file in
      guard file.isSwift || file.isC, file.lineCount > 400 else { return [] }
      return [Violation(path: file.path, line: 0, message: "\(file.lineCount) lines")]
    }),
  Rule(
    "the executable only starts the commands",
    bad: ["Sources/superv/Main.swift": String(repeating: "\n", count: 100)],
    good: ["Sources/superv/Main.swift": String(repeating: "\n", count: 99)],
    check: { file in
      guard file.module == "superv", file.lineCount >= 100 else { return [] }
      return [Violation(path: file.path, line: 0, message: "\(file.lineCount) lines")]
    }),
  Rule(
    "tests wait for events, they do not sleep",
    forbids: ["sleep(", "usleep(", "nanosleep(", "clock_nanosleep("],
    in: { $0.isSwift && $0.isTest && $0.fileName != "Polling.swift" },
    bad: [
      "Tests/ATests/A.swift": "try await Task.sleep(for: .seconds(1))",
      "Tests/ATests/B.swift": "usleep(1000)",
    ],
    good: [
      "Tests/ATests/A.swift": "let command = \"sleep(1)\"",
      "Tests/ATests/Polling.swift": "try await Task.sleep(for: .milliseconds(5))",
    ]),
  Rule(
    "nothing is killed by name",
    forbidsText: ["pk" + "ill", "kill" + "all", "pgrep" + " -f", "pid" + "of"],
    bad: ["run.sh": "pk" + "ill superv", "README.md": "`kill" + "all superv`"],
    good: ["run.sh": "kill \"$pid\""]),
  Rule(
    "only what a reader of the repository can see",
    bad: [
      "README.md": "see /wo" + "rk/notes",
      "docs/a.md": "the folder ./.lib" + "rary/env",
      ".ci/run": "curl https://py" + "pi.org/simple",
    ],
    good: [
      "README.md": "see /srv/homework/notes",
      "Package.swift": "products: [.library(name: \"SupervAgent\", targets: [])]",
    ],
    check: { file in
      let hosts = [
        "py" + "pi.org", "registry.npm" + "js.org", "deb.debian" + ".org", "static.cra" + "tes.io",
        "proxy.go" + "lang.org",
      ]
      return file.lines.enumerated().flatMap { index, line in
        (hosts + ["/.lib" + "rary"]).filter { line.contains($0) }
          .map { Violation(path: file.path, line: index + 1, message: $0) }
          + (line.hasTopLevelFolder("/wo" + "rk/")
            ? [Violation(path: file.path, line: index + 1, message: "a folder of one machine")]
            : [])
      }
    }),
]

private let programs: Set<String> = ["superv", "superv-bench"]

extension String {
  /// Whether the absolute path stands here, not as the tail of a longer one.
  fileprivate func hasTopLevelFolder(_ path: String) -> Bool {
    guard let range = self.firstRange(of: path) else { return false }
    guard let before = self[..<range.lowerBound].last else { return true }
    return !(before.isLetter || before.isNumber || "._-~})".contains(before))
  }
}
