import FoundationEssentials
import SupervProtocol
package import SupervSystem
import SupervisionTree

/// What outlives the daemon in the state directory: the last incarnation of every instance, what an
/// operator stopped, and the number of the last event.
///
/// It is written when the daemon starts and when it ends in order. What happened after that is in
/// the event log, from which it is read again, so that a daemon that was killed has forgotten
/// nothing and no decision waits for a disk.
package struct DaemonMemory: Codable, Hashable, Sendable {
  package var incarnations: [String: UInt64] = [:]
  package var stopped: Set<String> = []
  package var lastSequence: Int64 = 0

  package init() {}

  private static let maximumBytes = 16 << 20

  private static func path(in directory: String) -> String { "\(directory)/memory.json" }

  /// Reads it, and every event that is newer.
  ///
  /// - Throws: `SystemError` when it is there and cannot be read; `EINVAL` when it is not what this
  ///   version writes: losing it would number events and incarnations anew.
  package static func read(
    from directory: String, eventFiles: [String]
  ) throws(SystemError) -> DaemonMemory {
    var memory = DaemonMemory()
    let path = path(in: directory)
    if try Files.status(of: path) != nil {
      let bytes = try Files.read(path, maximumBytes: maximumBytes)
      guard let read = try? JSON.decode(DaemonMemory.self, from: bytes.span) else {
        throw SystemError.invalidContent(of: path)
      }
      memory = read
    }
    for file in eventFiles {
      guard let text = try? Files.read(file, maximumBytes: .max) else { continue }
      for line in text.split(separator: UInt8(ascii: "\n")) { memory.learn(Array(line)) }
    }
    return memory
  }

  package func write(to directory: String) throws(SystemError) {
    try Files.replace(Self.path(in: directory), with: JSON.encode(self).span, mode: 0o600)
  }

  /// One line of the event log; a torn last line says nothing.
  private mutating func learn(_ line: [UInt8]) {
    guard let event = try? JSON.decode(PastEvent.self, from: line.span),
      event.seq > lastSequence
    else { return }
    lastSequence = event.seq
    let name = event.agent ?? event.supervisor ?? ""
    if let agent = event.agent, let incarnation = event.incarnation {
      incarnations[agent] = max(incarnation, incarnations[agent] ?? 0)
    }
    switch event.event {
    case "control.down": stopped.insert(name)
    case "control.up", "control.restart": stopped.remove(name)
    default: break
    }
  }

  private struct PastEvent: Decodable {
    var seq: Int64
    var event: String
    var agent: String?
    var supervisor: String?
    var incarnation: UInt64?
  }
}

extension Daemon {
  /// What the next daemon has to know.
  package var memory: DaemonMemory {
    var memory = DaemonMemory()
    memory.lastSequence = events.nextSequence - 1
    // Whoever is not in the tree, or not any more, may come back.
    memory.incarnations = beginning.incarnations
    for index in agents.indices where agents[index] != nil {
      let status = tree.status(of: NodeID(index: index))
      memory.incarnations[status.name] = max(
        status.incarnation, memory.incarnations[status.name] ?? 0)
    }
    for node in tree.children {
      let status = tree.status(of: node)
      if status.isStoppedByOperator { memory.stopped.insert(status.name) }
    }
    return memory
  }
}
