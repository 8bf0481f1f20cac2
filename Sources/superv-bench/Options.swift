import CBench

/// What the command line asks for.
struct Options {
  static let help = """
    usage: superv-bench [--quick] [--only NAME,…] [--json FILE] [--superv PATH] [--strict]
                        [--agents N] [--samples N] [--rounds N] [--calls N] [--log-bytes N]
                        [--idle-seconds N] [--ping-seconds N]
           superv-bench --peers [--page FILE] [--quick] [--beside NAME,…] [--turns NAME,…]
                        [--agents N] [--log-bytes N] [--json FILE] [--superv PATH]

      --quick           small sizes: whether it works, not how fast it is
      --peers           only superv beside supervisord, circus, runit, s6, monit and Erlang/OTP,
                        where they are installed
      --beside NAMES    only those of them, and superv only if it is named
      --turns NAMES     of start, tree and log, only those
      --page FILE       writes what --peers finds there, in Markdown, with plots beside it
      --only NAMES      of restart, start, status, idle, memory, log, calls, pings, peers and
                        call-peers (calls over Erlang's distribution and gRPC)
      --json FILE       writes the figures there too
      --superv PATH     the program to measure (default: beside superv-bench)
      --strict          exit status 1 when a target is missed
    """

  /// The figures, by the names that `--only` takes.
  enum Part: String, CaseIterable {
    case restart, start, status, idle, memory, log, calls, pings, peers
    case callPeers = "call-peers"
  }

  private static let allTurnNames = ["start", "tree", "log"]

  var parts = Set(Part.allCases).subtracting([.peers, .callPeers])
  /// As they were given.
  let arguments: [String]
  var isQuick = false
  var pagePath: String?
  /// Nil for all that are installed.
  var peerNames: Set<String>?
  var turnNames = Set(allTurnNames)
  var jsonPath: String?
  var supervPath: String
  /// Programs with the bare system calls.
  let barePath: String
  var isStrict = false
  /// Agents in the large tree.
  var agentCount = 1000
  /// Deaths per tree.
  var sampleCount = 200
  /// Cold starts and log copies, of which the median counts.
  var roundCount = 5
  var statusCount = 50
  /// Calls of a round that are made one after the other; ten times as many are made side by side.
  var callCount = 20_000
  var logBytes = 1 << 30
  var idleSeconds = 10
  /// In which every agent is asked twice whether it is alive.
  var pingSeconds = 20

  /// Nil when help was asked for.
  init?(_ arguments: [String]) throws(BenchError) {
    guard let own = linkTarget("/proc/self/exe") else { throw BenchError("/proc is needed") }
    let folder = String(own[..<(own.lastIndex(of: "/") ?? own.startIndex)])
    self.arguments = arguments
    supervPath = folder + "/superv"
    barePath = folder + "/superv-bench-bare"
    var rest = arguments[...]
    while let option = rest.popFirst() {
      switch option {
      case "--help", "-h": return nil
      case "--quick":
        isQuick = true
        (agentCount, sampleCount, roundCount) = (50, 20, 1)
        (statusCount, logBytes, idleSeconds) = (5, 16 << 20, 1)
        (callCount, pingSeconds) = (500, 2)
      case "--peers": parts = [.peers]
      case "--beside": peerNames = try Self.names(option, Entry.all.map(\.name), &rest)
      case "--turns": turnNames = try Self.names(option, Self.allTurnNames, &rest)
      case "--page": pagePath = try Self.value(of: option, &rest)
      case "--strict": isStrict = true
      case "--json": jsonPath = try Self.value(of: option, &rest)
      case "--superv": supervPath = try Self.value(of: option, &rest)
      case "--only":
        let names = try Self.names(option, Part.allCases.map(\.rawValue), &rest)
        parts = Set(names.compactMap(Part.init))
      case "--agents": agentCount = try Self.number(option, &rest)
      case "--samples": sampleCount = try Self.number(option, &rest)
      case "--rounds": roundCount = try Self.number(option, &rest)
      case "--calls": callCount = try Self.number(option, &rest)
      case "--log-bytes": logBytes = try Self.number(option, &rest)
      case "--idle-seconds": idleSeconds = try Self.number(option, &rest)
      case "--ping-seconds": pingSeconds = try Self.number(option, &rest)
      default: throw .usage("unknown option \(option)")
      }
    }
    // As the kernel names it in /proc/PID/exe.
    supervPath = realPath(supervPath) ?? supervPath
    for path in [supervPath, barePath] where unsafe !cbench_is_executable(path) {
      throw BenchError("no program at \(path): run `swift build -c release` first")
    }
  }

  private static func value(
    of option: String, _ rest: inout ArraySlice<String>
  ) throws(BenchError) -> String {
    guard let value = rest.popFirst() else { throw .usage("\(option) needs a value") }
    return value
  }

  private static func number(
    _ option: String, _ rest: inout ArraySlice<String>
  ) throws(BenchError) -> Int {
    guard let number = Int(try value(of: option, &rest)), number > 0 else {
      throw .usage("\(option) needs a number above 0")
    }
    return number
  }

  private static func names(
    _ option: String, _ known: [String], _ rest: inout ArraySlice<String>
  ) throws(BenchError) -> Set<String> {
    let names = try value(of: option, &rest).split(separator: ",").map(String.init)
    for name in names where !known.contains(name) {
      throw .usage("\(option): no '\(name)'; there are \(known.joined(separator: ", "))")
    }
    guard !names.isEmpty else { throw .usage("\(option) needs a name") }
    return Set(names)
  }
}
