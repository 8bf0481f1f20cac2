import CBench

/// A supervisor that is measured, superv itself and the bare C programs among them: what to write
/// and run so that it keeps programs running, and how to ask it and stop it.
protocol Contestant: Sendable {
  var name: String { get }
  /// The programs of its own that it needs, by their names on the search path.
  var programs: [String] { get }
  /// The package that has them.
  var package: String { get }
  /// What is said about its settings; nil when there is nothing in it that could make it faster.
  var defaultSettings: String { get }
  var fastestSettings: String? { get }
  /// Why the large tree has no more agents than that; nil when it has all.
  var limit: (count: Int, why: String)? { get }
  /// What prints its version.
  var versionCommand: [String] { get }
  func plan(_ work: Work) throws(BenchError) -> Plan
  /// How one program's output gets into a file; nil when it keeps no output.
  func logPlan(_ work: Work) throws(BenchError) -> Plan?
}

extension Contestant {
  var limit: (count: Int, why: String)? { nil }
  /// As Debian's package has it.
  var versionCommand: [String] { ["dpkg-query", "-W", "-f=${Version}", package] }
  var isInstalled: Bool { programs.allSatisfy { findProgram($0) != nil } }

  func path(_ program: String) throws(BenchError) -> String {
    guard let path = findProgram(program) else { throw BenchError("\(program) is not installed") }
    return path
  }
}

/// What is to be supervised, and where there is room for files.
struct Work {
  var isFastest: Bool
  /// An empty folder.
  var folder: String
  /// The supervised program and its arguments, without spaces.
  var child: [String]
  var count: Int
  var boardPath: String
  var supervPath: String
  var barePath: String
  /// How much the program writes when its output is what is measured.
  var logBytes = 0

  var command: String { child.joined(separator: " ") }
  /// Where the output goes; a contestant may choose the name of a file in it.
  var logFolder: String { folder + "/log" }
}

/// How to run it.
struct Plan {
  var start: [String]
  /// What an operator would type to see every agent.
  var status: [String]?
  var stop: Stop
  var environment: [(name: String, value: String)] = []
  /// A helper that is not its own, and that stays when it stops.
  var staying: String?
  /// The file that the output goes to.
  var log: String?

  enum Stop {
    /// To the program that was started.
    case signal(Int32)
    /// Run to its end; and when no agent is left, the signal to the program that was started.
    case command([String], thenSignal: Int32? = nil)
  }
}

/// One of them with one kind of settings.
struct Entry {
  var contestant: any Contestant
  var isFastest: Bool

  var label: String {
    contestant is Bare
      ? contestant.name : contestant.name + (isFastest ? ", fastest" : ", default")
  }

  static let all: [any Contestant] = [
    Superv(), Bare(), Supervisord(), Circus(), Runit(), S6(), Monit(), Erlang(),
  ]
}

/// Where a program is on the search path; nil when it is not installed.
func findProgram(_ name: String) -> String? {
  guard let path = unsafe cbench_environment("PATH") else { return nil }
  return unsafe String(cString: path).split(separator: ":").map { "\($0)/\(name)" }
    .first { unsafe cbench_is_executable($0) }
}

func writeLines(_ lines: [String], to path: String) throws(BenchError) {
  try write((lines.joined(separator: "\n") + "\n").utf8, to: path)
}
