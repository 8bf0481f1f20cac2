import Foundation
import Testing

/// Where recorded scenarios of OTP's supervisor lie: `SUPERV_OTP_SCENARIOS`, else `shared/otp`
/// beside the repository.
enum OTPScenarios {
  static func files(suffix: String, under folder: String) -> [URL]? {
    let repository = URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let given = ProcessInfo.processInfo.environment["SUPERV_OTP_SCENARIOS"]
    let root =
      given.map { URL(filePath: $0) }
      ?? repository.deletingLastPathComponent().appending(path: "shared/otp")
    let place = folder.isEmpty ? root : root.appending(path: folder)
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: place.path) else {
      print("NOT TESTED: no recorded OTP scenarios at \(place.path)")
      return nil
    }
    return names.filter { $0.hasSuffix(suffix) }.sorted().map { place.appending(path: $0) }
  }
}

/// Compares traces and holds every difference against the table of intended ones.
struct DeviationReport {
  var title: String
  private var sameCount = 0
  private var different: [(id: String, recorded: [[String]], ours: [[String]])] = []

  init(title: String) { self.title = title }

  mutating func compare(_ id: String, recorded: [[String]], ours: [[String]]) {
    if recorded == ours {
      sameCount += 1
    } else {
      different.append((id, recorded, ours))
    }
  }

  /// Each difference must be in the table, with exactly the trace that our rule gives; nothing in
  /// the table may be out of date.
  func finish(expected: [String: Deviation]) {
    print("\(title): \(sameCount) as OTP, \(different.count) on purpose not")
    for (id, recorded, ours) in different {
      guard let deviation = expected[id] else {
        Issue.record("\(id): OTP\n\(Self.text(recorded))\nours\n\(Self.text(ours))")
        continue
      }
      print("  \(id): \(deviation.rule)")
      #expect(Self.text(ours) == deviation.trace, "\(id) (\(deviation.rule))")
    }
    let ids = Set(different.map(\.id))
    for id in expected.keys.sorted() where !ids.contains(id) {
      Issue.record("\(id) is in the table of deviations and does not deviate")
    }
  }

  static func text(_ steps: [[String]]) -> String {
    steps.enumerated().map { "\($0.offset): " + $0.element.joined(separator: ", ") }
      .joined(separator: "\n")
  }
}

/// One scenario in which superv does something else than OTP, on purpose: why, and exactly what.
struct Deviation {
  var rule: String
  var trace: String
}

/// The tables of intended differences, one file each in `Deviations`: `# ID rule`, then the trace
/// under our rule, one line a step.
enum Deviations {
  static func read(_ file: String) throws -> [String: Deviation] {
    let place = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Deviations/\(file)")
    var table: [String: Deviation] = [:]
    for block in ("\n" + (try String(contentsOf: place, encoding: .utf8))).components(
      separatedBy: "\n# ")
    {
      let lines = block.split(separator: "\n").map(String.init)
      guard let head = lines.first, let space = head.firstIndex(of: " ") else { continue }
      let id = head[..<space].trimmingCharacters(in: CharacterSet(charactersIn: "# "))
      table[id] = Deviation(
        rule: String(head[head.index(after: space)...]),
        trace: lines.dropFirst().joined(separator: "\n"))
    }
    return table
  }
}
