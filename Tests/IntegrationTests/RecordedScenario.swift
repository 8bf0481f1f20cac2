import Foundation

/// One scenario recorded from OTP's own supervisor (`shared/otp`, described in its README).
struct RecordedScenario: Decodable {
  struct Tree: Decodable {
    var supervisor: String?
    var agent: String?
    var restart: String
    var strategy: String?
    var intensity: Int?
    var children: [Tree]?
  }

  struct Step: Decodable {
    var exit: String?
    var how: String?
    var failStart: String?
    var times: Int?
    var down: String?
    var up: String?
  }

  var id: String
  var tree: Tree
  var steps: [Step]
  /// The lines of the first start, of every step, and of the stop.
  var trace: [[String]]

  /// The recorded ones, with the trace that our own rule gives where we differ on purpose; nil
  /// where there are none.
  static func all() throws -> [RecordedScenario]? {
    let repository = URL(filePath: repositoryFolder)
    let given = ProcessInfo.processInfo.environment["SUPERV_OTP_SCENARIOS"]
    let folder =
      given.map { URL(filePath: $0) }
      ?? repository.deletingLastPathComponent().appending(path: "shared/otp")
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path) else {
      notTested("OTP's scenarios", because: "there are none at \(folder.path)")
      return nil
    }
    let deviations = try deviations(
      repository.appending(path: "Tests/SupervisionTreeTests/Deviations/random.txt"))
    return try names.filter { $0.hasSuffix(".json") }.sorted().map { name in
      let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
      var scenario = try RecordedScenario(json: text)
      scenario.trace = deviations[scenario.id] ?? scenario.trace
      return scenario
    }
  }

  /// The table that the tests of the pure tree hold: `# ID rule`, then one line a step.
  private static func deviations(_ file: URL) throws -> [String: [[String]]] {
    var table: [String: [[String]]] = [:]
    var id = ""
    for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
      if line.hasPrefix("# ") {
        id = String(line.dropFirst(2).prefix { $0 != " " })
      } else if let colon = line.firstIndex(of: ":") {
        let words = line[line.index(after: colon)...].components(separatedBy: ", ")
        table[id, default: []].append(
          words.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty })
      }
    }
    return table
  }

  /// Whether real start failures can be had exactly as often as planned: a folder that is missing
  /// comes back between two steps, not between two attempts of one step.
  var hasRealFailures: Bool {
    var planned: [String: Int] = [:]
    for (index, lines) in trace.enumerated() {
      if index > 0, index <= steps.count, let name = steps[index - 1].failStart {
        planned[name] = steps[index - 1].times
      }
      var over: Set<String> = []
      for line in lines {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 2 else { continue }
        if words[0] == "start_failed" {
          planned[words[1], default: 0] -= 1
          if planned[words[1]] == 0 { over.insert(words[1]) }
        } else if words[0] == "start", over.contains(words[1]) {
          return false
        }
      }
    }
    return true
  }

  var agents: [String] { Self.agents(of: tree) }

  private static func agents(of tree: Tree) -> [String] {
    tree.agent.map { [$0] } ?? (tree.children ?? []).flatMap(agents)
  }
}
