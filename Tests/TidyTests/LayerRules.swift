/// Rules about which part may use what.
let layerRules: [Rule] = [
  Rule(
    "imports only what its layer may",
    bad: [
      "Sources/SupervisionTree/Clock.swift": "import Glibc",
      "Sources/SupervConfig/Parser.swift": "internal import FoundationEssentials",
      "Sources/SupervProtocol/Frame.swift": "import Foundation",
      "Sources/SupervDaemon/Loop.swift": "import struct CSuperv.csv_spawn",
      "Sources/SupervSystem/Up.swift": "import SupervDaemon",
      "Sources/New/New.swift": "import Glibc",
      "Tests/SupervSystemTests/ShimTests.swift": "import CSuperv",
      "Tests/SupervLoggerTests/LinesTests.swift": "import FoundationNetworking",
    ],
    good: [
      "Sources/SupervSystem/Files.swift": "package import CSuperv\nimport Glibc",
      "Sources/SupervDaemon/Loop.swift": "import SupervisionTree; import FoundationEssentials",
      "Sources/SupervisionTree/Tree.swift": "// import Glibc\nlet text = \"import Glibc\"",
      "Tests/SupervSystemTests/FilesTests.swift": "import Foundation\nimport Testing",
    ],
    check: importsOutsideLayer),
  Rule(
    "no @testable",
    forbids: ["@testable"], in: \.isSwift,
    bad: ["Tests/ATests/A.swift": "@testable import SupervConfig"],
    good: ["Tests/ATests/A.swift": "import SupervConfig // not @testable"]),
  Rule(
    "public only in the SDK, and where a call passes from module to module",
    forbids: ["public"],
    in: {
      $0.isSwift && $0.module != "SupervAgent" && !onTheWayOfCalls.contains($0.path)
    },
    bad: ["Sources/SupervConfig/A.swift": "public struct A {}"],
    good: [
      "Sources/SupervAgent/A.swift": "public struct A {}",
      "Sources/SupervProtocol/LineBuffer.swift": "public struct A {}",
      "Sources/SupervConfig/A.swift": "package struct Republic {}  // not public",
    ]),
  Rule(
    "one thread: no concurrency",
    forbids: [
      "Task", "await", "async", "actor", "DispatchQueue", "Mutex", "NSLock", "NSCondition",
      "OSAllocatedUnfairLock", "pthread_mutex_lock", "pthread_create", "Thread",
    ],
    in: { singleThreaded.contains($0.module ?? "") },
    bad: [
      "Sources/SupervDaemon/A.swift": "Task { work() }",
      "Sources/SupervDaemon/B.swift": "let queue = DispatchQueue(label: \"a\")",
      "Sources/SupervLogger/A.swift": "func write() async {}",
      "Sources/SupervisionTree/A.swift": "let x = Mutex(0)",
    ],
    good: [
      "Sources/SupervDaemon/A.swift": "let task = 1, taskName = \"Task\"  // no await here",
      "Sources/SupervAgent/A.swift": "func call() async {}",
    ]),
  Rule(
    "every phase and event is decided: no default in the tree",
    bad: [
      "Sources/SupervisionTree/A.swift": "switch a {\ncase .b: 1\ndefault: 2\n}",
      "Sources/SupervisionTree/B.swift": "switch a {\ncase .b: 1\ncase _: 2\n}",
      "Sources/SupervisionTree/C.swift": "switch a { case .b: 1; default: 2 }",
    ],
    good: [
      "Sources/SupervisionTree/A.swift": "switch a {\ncase .b: 1  // default: 2\n}",
      "Sources/SupervisionTree/B.swift": "counts[name, default: 0] += 1",
      "Sources/SupervConfig/A.swift": "switch a {\ncase 1: 1\ndefault: 2\n}",
    ],
    check: { file in
      guard file.module == "SupervisionTree" else { return [] }
      let code = file.code.map { $0.replacing(", default:", with: ",") }
      return find(["default:", "case _:"], in: code, of: file)
    }),
  Rule(
    "C exports carry the prefix",
    bad: [
      "Sources/CSuperv/include/csuperv.h": "int spawn(const char *path);",
      "Sources/CSuperv/include/two.h": "#define LIMIT 4",
      "Sources/CSuperv/include/three.h": "int (*hook(int a))(void);",
    ],
    good: [
      "Sources/CSuperv/include/csuperv.h": """
      #ifndef CSUPERV_H
      #define CSUPERV_H
      #include <sys/epoll.h>
      #define CSV_LIMIT(x) \\
        other(x)
      typedef int (*csv_hook)(int);
      struct csv_spawn { int (*entry)(void); };
      int csv_spawn(const struct csv_spawn *request) __attribute__((nonnull));
      static inline int csv_is_exit(int status) { return WIFEXITED(status); }
      #endif
      """,
      "Sources/CSuperv/csuperv.c": "static int helper(void) { return 0; }",
    ],
    check: { file in
      guard file.path.hasPrefix("Sources/CSuperv/include/") else { return [] }
      return exportsWithoutPrefix(file)
    }),
  Rule(
    "no package dependency",
    bad: [
      "Package.swift": "let a = [.package(path: \"../other\")]",
      "examples/swift/Package.swift": "let a = [.package(url: \"https://a.example\", from: \"1\")]",
    ],
    good: [
      "Package.swift": "targets: [module(\"SupervisionTree\")]  // no .package(",
      // An agent is a package of its own, which depends on superv's.
      "examples/swift/Package.swift": "dependencies: [.package(name: \"superv\", path: \"../..\")]",
    ],
    check: { file in
      guard file.fileName == "Package.swift" else { return [] }
      let own = ".package(name: \"superv\", path: \"../..\")"
      let isExample = file.path.hasPrefix("examples/")
      let code = zip(file.code, file.lines).map { code, line in
        isExample && line.contains(own) ? "" : code
      }
      return find([".package("], in: code, of: file)
    }),
  Rule(
    "no name service in a static program",
    forbids: [
      "getpwnam", "getpwnam_r", "getpwuid", "getpwuid_r", "getgrnam", "getgrnam_r", "getgrgid",
      "getgrouplist", "initgroups", "getaddrinfo", "gethostbyname", "dlopen",
    ],
    in: { ($0.isSwift || $0.isC) && $0.path.hasPrefix("Sources/") },
    bad: [
      "Sources/SupervSystem/Users.swift": "let user = unsafe getpwnam(name)",
      "Sources/CSuperv/csuperv.c": "initgroups(name, group);",
    ],
    good: ["Sources/SupervSystem/Users.swift": "// getpwnam(3) would load NSS modules"]),
  Rule(
    "no Foundation processes",
    forbids: ["Process(", "Process.run", "Pipe("],
    in: { file in file.isSwift && imports(of: file).contains { $0.module == "Foundation" } },
    bad: [
      "Tests/ATests/A.swift": "import Foundation\nlet process = Process()",
      "Tests/ATests/B.swift": "import Foundation\nlet pipe = Pipe()",
    ],
    good: ["Tests/ATests/A.swift": "import Foundation\nlet a = ChildProcess() // Process()"]),
]

private let singleThreaded: Set<String> = [
  "SupervDaemon", "SupervKeeper", "SupervLogger", "SupervisionTree",
]

/// The compiler inlines nothing of another module that is `package`, whatever stands before it, and
/// each call takes some twenty of what is in these files.
private let onTheWayOfCalls: Set<String> = [
  "Sources/SupervProtocol/LineBuffer.swift", "Sources/SupervProtocol/MessageScanner.swift",
  "Sources/SupervProtocol/OutBuffer.swift", "Sources/SupervisionTree/Node.swift",
  "Sources/SupervisionTree/RestartWindow.swift", "Sources/SupervisionTree/Time.swift",
]

@Sendable private func importsOutsideLayer(_ file: SourceFile) -> [Violation] {
  guard file.isSwift, let module = file.module else { return [] }
  let known = Layers.modules[module]
  let allowed =
    file.isTest
    ? Layers.testToolchain.union(Layers.modules.keys).subtracting(Layers.notForTests)
    : (known ?? []).union(Layers.toolchain[module] ?? [])
  return imports(of: file).filter { !allowed.contains($0.module) }.map {
    Violation(path: file.path, line: $0.line, message: "\(module) may not import \($0.module)")
  }
}

/// Functions and macros of a header whose names another library could have too.
@Sendable private func exportsWithoutPrefix(_ header: SourceFile) -> [Violation] {
  var found: [Violation] = []
  func report(_ name: Substring, _ index: Int) {
    found.append(Violation(path: header.path, line: index + 1, message: "`\(name)`"))
  }
  var braces = 0
  var parentheses = 0
  var isContinuation = false
  var guardName: Substring?
  for (index, line) in header.code.enumerated() {
    let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "#") }
    let isDirective = isContinuation || line.drop(while: \.isWhitespace).first == "#"
    if isDirective {
      if words.first == "#ifndef", guardName == nil { guardName = words.last }
      if words.first == "#define", words.count > 1, words[1] != guardName,
        !words[1].hasPrefix("CSV_")
      {
        report(words[1], index)
      }
      isContinuation = line.hasSuffix("\\")
      continue
    }
    var word: Substring = ""
    for at in line.indices {
      switch line[at] {
      case "{": braces += 1
      case "}": braces -= 1
      case ")": parentheses -= 1
      case "(":
        let opensPointer = line[line.index(after: at)...].first == "*"
        if braces == 0, parentheses == 0, !word.isEmpty, !opensPointer,
          !word.hasPrefix("csv_"), !notFunctions.contains(word)
        {
          report(word, index)
        } else if braces == 0, parentheses == 0, opensPointer {
          let name = line[at...].dropFirst(2).prefix { $0.isLetter || $0.isNumber || $0 == "_" }
          if !name.hasPrefix("csv_") { report(name, index) }
        }
        parentheses += 1
      case let character where character.isLetter || character.isNumber || character == "_":
        let joins = !word.isEmpty && word.endIndex == at
        word = joins ? line[word.startIndex...at] : line[at...at]
      default: break
      }
    }
  }
  return found
}

private let notFunctions: Set<Substring> = [
  "__attribute__", "_Static_assert", "static_assert", "sizeof", "__typeof__",
]
