import SupervSystem

/// One thing that happens in a history. It names what it is about, so that it means the same when
/// the steps before it are left out; what it is about may not be there, and then nothing happens.
enum Step: Hashable, Sendable {
  case pass(milliseconds: Int)

  // Agents.
  case exit(String, code: Int32)
  case crash(String, signal: Int32)
  case freeze(String)
  case thaw(String)
  case wills(String, Will)
  case startsFail(String, count: Int)
  case probesFail(String, Bool)

  // Agents that speak.
  case call(String, to: String, milliseconds: Int)
  case cancelCall(String)
  case answers(String, Manner)
  case saysNotReady(String)
  case saysReady(String)
  case hangsUp(String)
  case beats(String)

  // Operators.
  case ask(Question, [String])
  case operatorHangsUp
  case reload(plan: Int?)
  case upgrade
  case signalKeeper(Int32)

  // The machine.
  case killDaemon(afterOperations: Int)
  case killKeeper
  case killBoth
  case startSuperv
  case daemonStartsFail(count: Int)
  case refuseSends(count: Int)
  case journalFails(operations: Int, isTorn: Bool)
  case noDescriptorsForLogs(Bool)
  case loggerComplains
  case stepWallClock(seconds: Int)
  case lateAlarms(milliseconds: Int)
  case slowOperations(milliseconds: Int)

  /// How a process takes a signal that asks it to end.
  enum Will: Hashable, Sendable {
    case obeys
    case takes(milliseconds: Int)
    case ignores
    /// Not even a kill ends it, as processes are that wait for a disk.
    case hangsInKernel
  }

  /// How it answers calls and pings.
  enum Manner: Hashable, Sendable {
    case atOnce, withError, twice, never
    case after(milliseconds: Int)
  }

  enum Question: String, Hashable, Sendable {
    case up, down, restart, status, why, events, signal, health, logs, shutdown, reload
  }
}

extension Step: CustomStringConvertible {
  var description: String {
    switch self {
    case .pass(let span): "\(span) ms pass"
    case .exit(let name, let code): "\(name) exits with \(code)"
    case .crash(let name, let number): "\(name) is ended from outside by signal \(number)"
    case .freeze(let name): "\(name) is stopped with SIGSTOP"
    case .thaw(let name): "\(name) is continued"
    case .wills(let name, .obeys): "\(name) ends when it is told to"
    case .wills(let name, .takes(let span)): "\(name) takes \(span) ms to end when told to"
    case .wills(let name, .ignores): "\(name) ignores all signals but SIGKILL"
    case .wills(let name, .hangsInKernel): "\(name) hangs in the kernel"
    case .startsFail(let name, let count): "the next \(count) starts of \(name) fail"
    case .probesFail(let name, let fails): "probes of \(name) \(fails ? "fail" : "pass")"
    case .call(let name, let to, let span): "\(name) calls \(to) with a timeout of \(span) ms"
    case .cancelCall(let name): "\(name) cancels its last call"
    case .answers(let name, let manner): "\(name) answers \(manner)"
    case .saysNotReady(let name): "\(name) says that it is not ready"
    case .saysReady(let name): "\(name) says that it is ready"
    case .hangsUp(let name): "\(name) closes its connection"
    case .beats(let name): "\(name) sends a heartbeat"
    case .ask(let question, let names):
      "an operator asks: \(question) \(names.joined(separator: " "))"
    case .operatorHangsUp: "the operator's connection breaks"
    case .reload(let plan?): "the file becomes plan \(plan) and the keeper gets SIGHUP"
    case .reload(nil): "the file has errors and the keeper gets SIGHUP"
    case .upgrade: "an operator asks: upgrade"
    case .signalKeeper(let number): "the keeper gets signal \(number)"
    case .killDaemon(0): "the daemon is killed"
    case .killDaemon(let count): "the daemon is killed \(count) half operations on"
    case .killKeeper: "the keeper is killed"
    case .killBoth: "keeper and daemon are killed"
    case .startSuperv: "somebody runs superv start"
    case .daemonStartsFail(let count): "the next \(count) starts of a daemon fail"
    case .refuseSends(let count): "the next \(count) sends find a full queue"
    case .journalFails(let count, let isTorn):
      "the next \(count) writes to the journal fail\(isTorn ? " halfway" : "")"
    case .noDescriptorsForLogs(let isSo): "there are \(isSo ? "no" : "again") descriptors for logs"
    case .loggerComplains: "the logger reports a fault"
    case .stepWallClock(let seconds): "the wall clock is set by \(seconds) s"
    case .lateAlarms(let span): "alarms come \(span) ms late"
    case .slowOperations(let span): "every operation takes \(span) ms"
    }
  }
}

/// A seed made explicit: all that happens, and all that is needed to let it happen again.
struct Script: Hashable, Sendable {
  var seed: UInt64
  var tree: TreePlan
  var steps: [Step]
}

extension Script: CustomStringConvertible {
  var description: String {
    let lines = steps.enumerated().map { "    \($0.offset + 1). \($0.element)\n" }
    return "  the tree:\n\(tree)  what is done to it:\n" + lines.joined()
  }
}
