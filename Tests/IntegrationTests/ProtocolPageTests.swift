import Foundation
import SupervSystem
import Testing

/// docs/protocol.md runs: every example on the page, against the real daemon.
@Suite(.aside) struct ProtocolPageTests {
  private static let tree = """
    [supervisor:newsroom]
    children = planner, writer, mayfly, silent

    \(puppet("planner"))
    \(puppet("writer"))
    [agent:mayfly]
    command = sh -c "sleep 0.2"
    restart = temporary

    [agent:silent]
    command = sleep 1000
    startsecs = 0

    [agent:vault]
    command = sleep 1000
    startsecs = 0
    """

  @Test func everyExampleHolds() throws {
    let examples = try Self.examples()
    #expect(examples.count >= 8, "the page has its examples")
    for example in examples {
      try withSuperv(Self.tree) { superv in
        let stage = try PuppetStage(superv)
        try superv.start()
        var players: [String: Player] = [:]
        for step in example.steps {
          let player = try players[step.agent] ?? Player(stage.next(step.agent))
          players[step.agent] = player
          do {
            try player.play(step)
          } catch {
            Issue.record("docs/protocol.md:\(step.line): \(error)")
            return
          }
        }
      }
    }
  }

  // MARK: The page

  private struct Step {
    var line: Int
    var agent: String
    /// Whether the agent says it, rather than hears it.
    var isSaid: Bool
    var text: String
  }

  private struct Example { var steps: [Step] = [] }

  private static func examples() throws -> [Example] {
    let page = "\(repositoryFolder)/docs/protocol.md"
    var examples: [Example] = []
    var isInside = false
    let lines = try Files.readText(page).split(
      separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line == "```protocol" {
        isInside = true
        examples.append(Example())
      } else if line == "```" {
        isInside = false
      } else if isInside {
        let parts = line.split(separator: " ", maxSplits: 2)
        let isStep = parts.count == 3 && (parts[1] == ">" || parts[1] == "<")
        try #require(isStep, "docs/protocol.md:\(index + 1) is `name > text` or `name < text`")
        examples[examples.count - 1].steps.append(
          Step(
            line: index + 1, agent: String(parts[0]), isSaid: parts[1] == ">",
            text: String(parts[2])))
      }
    }
    return examples
  }

  /// One agent of an example.
  private final class Player {
    private let puppet: Puppet
    /// That of the last request it got, as JSON: what `"$"` stands for.
    private var lastID = "null"

    init(_ puppet: Puppet) { self.puppet = puppet }

    func play(_ step: Step) throws {
      let text = step.text.replacingOccurrences(of: #""$""#, with: lastID)
      if step.isSaid { return try puppet.say(text) }
      guard let line = try puppet.hear() else { throw Mismatch("\(step.agent) hears nothing") }
      let message = try Puppet.Message(line)
      if message.method != nil { lastID = message.rawID }
      let wanted = try JSONSerialization.jsonObject(with: Data(text.utf8))
      let found = try JSONSerialization.jsonObject(with: Data(line.utf8))
      guard Self.fits(found, wanted) else { throw Mismatch("heard \(line)") }
    }

    /// `"…"` stands for anything, and there may be members that are not shown.
    private static func fits(_ found: Any?, _ wanted: Any) -> Bool {
      switch wanted {
      case let text as String where text == "…": found != nil && !(found is NSNull)
      case let members as [String: Any]:
        members.allSatisfy { name, value in fits((found as? [String: Any])?[name], value) }
      case let elements as [Any]:
        (found as? [Any]).map { found in
          found.count == elements.count && zip(found, elements).allSatisfy { fits($0, $1) }
        } ?? false
      case let value as NSObject: value.isEqual(found)
      default: false
      }
    }
  }

  private struct Mismatch: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
  }
}
