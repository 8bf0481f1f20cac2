import SupervChaos
import SupervProtocol
import SupervSystem

extension ChaosRun {
  /// Every process on this machine that says in its environment that it is of an agent of this
  /// tree. One that has no environment left, or is somebody else's to look into, is not seen.
  func sightings(_ facts: ChaosFacts) -> [Sighting] {
    let records = (try? ProcessRecord.all()) ?? []
    let parents = Dictionary(records.map { ($0.pid, $0.parent) }) { first, _ in first }
    let names = Set(facts.agents.map(\.name))
    let mark = "SUPERV_SOCKET=\(facts.agentSocket)"
    return records.compactMap { record in
      guard record.state != "Z", let variables = Processes.environment(of: record.pid),
        variables.contains(where: { $0 == mark }),
        let agent = Self.value("SUPERV_AGENT", in: variables),
        let incarnation = Self.value("SUPERV_INCARNATION", in: variables).flatMap({ Int($0) })
      else { return nil }
      // A hog of a daemon that has died ends by itself.
      if Self.isHog(record.pid) { return nil }
      let instance = Self.value("SUPERV_INSTANCE", in: variables) ?? "0"
      return Sighting(
        pid: record.pid, startTime: record.startTime,
        ancestors: Self.ancestors(of: record.pid, parents),
        leadsSession: record.session == record.pid,
        agent: names.contains(agent) ? agent : "\(agent):\(instance)", incarnation: incarnation)
    }
  }

  private static func value(_ name: String, in variables: [Substring]) -> String? {
    variables.first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
  }

  private static func isHog(_ pid: Int32) -> Bool {
    let words = (try? Files.read("/proc/\(pid)/cmdline", maximumBytes: 4096)) ?? []
    return words.split(separator: 0).dropFirst().first.map { Array($0) } == Array("chaos-hog".utf8)
  }

  private static func ancestors(of pid: Int32, _ parents: [Int32: Int32]) -> [Int32] {
    var found: [Int32] = []
    var next = parents[pid]
    // Read one after the other, they may form a circle that never was.
    while let parent = next, parent > 1, found.count < 256 {
      found.append(parent)
      next = parents[parent]
    }
    return found
  }
}
