import SupervConfig
import SupervDaemon
import SupervisionTree
import Synchronization

/// What a daemon can read of a plan. Loading is most of the cost of a history, so that all share a
/// fixed set.
struct LoadedPlan: Sendable {
  static let path = "/etc/superv/main.conf"
  static let count = 120

  let plan: TreePlan
  let read: ReadConfiguration

  static let all: [LoadedPlan] = {
    var random = Jitter(seed: 1)
    var found: [LoadedPlan] = []
    while found.count < count {
      if let one = LoadedPlan(TreePlan(&random)) { found.append(one) }
    }
    return found
  }()

  private static let byPlan = Dictionary(
    all.map { ($0.plan, $0) }, uniquingKeysWith: { first, _ in first })

  /// - Precondition: its configuration has no errors.
  static func of(_ plan: TreePlan) -> LoadedPlan {
    guard let loaded = byPlan[plan] ?? LoadedPlan(plan) else {
      preconditionFailure("\(plan.text) has errors")
    }
    return loaded
  }

  /// nil: its configuration has errors.
  init?(_ plan: TreePlan) {
    self.plan = plan
    read = ReadConfiguration(Self.path, from: PlanSource(text: plan.text))
    if read.loaded.configuration == nil { return nil }
  }

  /// One that cannot be loaded.
  static let broken = ReadConfiguration(path, from: PlanSource(text: "[agent:broken"))
}

/// The configuration file that there is now, for a daemon that reads it again.
final class ConfigurationFile: Sendable {
  private let content: Mutex<ReadConfiguration>

  init(_ first: ReadConfiguration) { content = Mutex(first) }

  var read: ReadConfiguration { content.withLock { $0 } }

  func replace(_ new: ReadConfiguration) { content.withLock { $0 = new } }
}

private struct PlanSource: ConfigurationSource {
  let text: String

  func readFile(_ path: String, limit: Int) throws(SourceError) -> [UInt8] {
    guard path == LoadedPlan.path else { throw SourceError("No such file or directory") }
    return Array(text.utf8)
  }

  func namesInFolder(_ path: String) throws(SourceError) -> [String] {
    throw SourceError("No such file or directory")
  }

  func kindOfFile(_ path: String) -> FileKind? {
    switch path {
    case LoadedPlan.path, "/dev/null": .file
    case "/", "/etc", "/etc/superv": .folder
    default: nil
    }
  }

  func environmentVariable(_ name: String) -> String? { nil }
  func userExists(_ name: String) -> Bool { name == "root" }
  var binaryFolder: String { "/opt/superv/bin" }
}
