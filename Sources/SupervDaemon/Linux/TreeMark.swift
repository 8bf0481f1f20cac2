import SupervConfig
import SupervSystem
import SupervisionTree

/// By what a process is known as an agent's that has left its parents, its session and its
/// environment behind: a number in `RLIMIT_LOCKS`, which means nothing to Linux since 2.4.25
/// (getrlimit(2)), and which every process has from its parent and hardly any ever changes.
///
/// It follows from the runtime folder, the instance and its incarnation, so that the next daemon
/// knows it. It says whom to kill with whom, never who may do what: a process can lower its own.
struct TreeMark: Hashable {
  /// superv may be below another one, which has marked it: then there is only so much room.
  private static let leastRoom: UInt64 = 1 << 40
  private static let bits: UInt64 = 1 << 62 - 1

  let value: UInt64
  private let hard: UInt64

  /// - Returns: nil where superv's own limit leaves no room.
  init?(
    runtimeDirectory: String, agent: AgentDefinition, incarnation: UInt64, own: ProcessLimit?
  ) {
    guard let room = own?.hard, room >= Self.leastRoom else { return nil }
    var hash = StableHash()
    hash.combine(runtimeDirectory)
    hash.combine(agent.specification.name)
    hash.combine(incarnation)
    value = (hash.value & Self.bits) % room
    hard = room == ProcessLimit.unlimited ? value : room
  }

  var limit: ProcessLimit { ProcessLimit(.locks, soft: value, hard: hard) }

  /// The marks of a process: an agent that is a superv marks its own agents in turn, and leaves its
  /// own mark on them.
  static func values(of pid: Int32) -> [UInt64] {
    guard let limit = try? ProcessLimit.current(.locks, of: pid) else { return [] }
    return limit.soft == limit.hard ? [limit.hard] : [limit.hard, limit.soft]
  }
}
