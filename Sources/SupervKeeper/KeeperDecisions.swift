package import SupervSystem

/// What the keeper decides, without doing any of it: when a daemon is started, and which program
/// that is; whom a signal is for; which ends may be reaped; when it is all over.
///
///   waiting(until) ──time──▶ starting ──serving──▶ serving
///         ▲                     │                     │
///         └──────── it ended, or did not start ───────┴──── it said how ──▶ over
package struct KeeperDecisions: Sendable {
  package enum Event: Hashable, Sendable {
    /// The time that `nextStart` says may have come.
    case time
    case started(pid: Int32)
    /// Why, for people.
    case startFailed(String)
    /// By the daemon that there is, or that has just died.
    case said(KeeperRequest)
    case ended(ExitStatus)
    case signal(Signal)
  }

  /// What is to be done, in this order.
  package enum Action: Hashable, Sendable {
    /// `started` or `startFailed` has to follow.
    case start(executable: String, takesOver: Bool)
    case signal(Signal)
    /// The descriptor that came along is for every daemon from now on.
    case store(name: String)
    /// Of the pidfds of agents that are not the keeper's children, only these are still needed.
    case keepStrangers(Set<Int32>)
    case dropStranger(Int32)
    /// From now on the keeper hardly does anything, for long.
    case rest
    /// For the service manager above, as sd_notify(3) has it.
    case tellManager(String)
    /// Until a daemon speaks for itself the keeper says to that manager that superv is alive.
    case standIn
    case standBack
    case complain(String)
    case end(status: Int32)
  }

  /// What is known of the daemon that there is.
  private struct Daemon {
    let pid: Int32
    /// It has found everything again: from now on what it does not need is reaped.
    var isServing = false
    /// Agents that run on from a daemon before. Until their ends are in the journal, a daemon that
    /// comes after this one has to find them.
    var spared: Set<Int32> = []
    /// It ends for another program to go on.
    var hasHandedOver = false
    /// It ends because its tree has, which another one begins anew.
    var beginsAnew = false
    /// It ends because its tree has.
    var doneStatus: Int32?
  }

  private var daemon: Daemon?
  private var budget = RestartBudget()
  private var executable = DaemonExecutable()
  /// Whether any daemon has begun: before that, its failure is the answer to `superv start`.
  private var hasBegun: Bool
  /// A signal that came while there was no daemon.
  private var waitingSignal: Signal?
  /// When the next daemon is due, on the monotonic clock in nanoseconds, as all times here; nil
  /// while there is one.
  package private(set) var nextStart: Int64?

  /// - Parameter hasBegun: whether another keeper was there before, and its daemon.
  package init(hasBegun: Bool, now: Int64) {
    self.hasBegun = hasBegun
    nextStart = now
  }

  package mutating func handle(_ event: Event, now: Int64) -> [Action] {
    switch event {
    case .time:
      guard let due = nextStart, due <= now else { return [] }
      nextStart = nil
      return [.start(executable: executable.path, takesOver: hasBegun)]
    case .started(let pid):
      daemon = Daemon(pid: pid)
      return []
    case .startFailed(let why): return failed("the daemon cannot be started: \(why)", now)
    case .said(let request): return daemon == nil ? [] : hear(request)
    case .ended(let status):
      guard let dead = daemon else { return [] }
      daemon = nil
      return ended(dead, status, now)
    case .signal(let signal): return forward(signal, now)
    }
  }

  /// Whether the end of a child is nobody else's concern: not before a daemon has looked around,
  /// and that of an agent not before the line about it is written.
  package func mayReap(_ pid: Int32) -> Bool {
    guard let daemon, daemon.isServing else { return false }
    return pid != daemon.pid && !daemon.spared.contains(pid)
  }

  // MARK: The daemon

  private mutating func hear(_ request: KeeperRequest) -> [Action] {
    switch request {
    case .beginning:
      hasBegun = true
      return []
    case .serving:
      hasBegun = true
      daemon?.isServing = true
      executable.hasServed()
      // The ends of all others are in the journal.
      var actions: [Action] = [
        .standBack, .keepStrangers(daemon?.spared ?? []), .rest,
      ]
      if let signal = waitingSignal.take() { actions.append(.signal(signal)) }
      return actions
    case .store(let name): return [.store(name: name)]
    case .spare(let pids):
      daemon?.spared.formUnion(pids)
      return []
    case .reap(let pid):
      daemon?.spared.remove(pid)
      return [.dropStranger(pid)]
    case .execute(let path):
      executable.change(to: path)
      daemon?.hasHandedOver = true
      return []
    case .notify(let assignments): return [.tellManager(assignments)]
    case .again:
      daemon?.beginsAnew = true
      return []
    case .done(let status):
      daemon?.doneStatus = status
      return []
    }
  }

  private mutating func ended(_ dead: Daemon, _ status: ExitStatus, _ now: Int64) -> [Action] {
    if let asked = dead.doneStatus { return [.end(status: asked)] }
    let before: [Action] = hasBegun ? [.standIn] : []
    if dead.beginsAnew || dead.hasHandedOver {
      nextStart = now
      if dead.beginsAnew { return before }
      return before
        + [.complain("the daemon (pid \(dead.pid)) hands over to \(executable.path)")]
    }
    guard hasBegun else {
      // It has said why itself, where it could.
      let asTold: Int32 = if case .exited(let code) = status { max(1, code) } else { 1 }
      return [.end(status: asTold)]
    }
    return before + failed("the daemon (pid \(dead.pid)) ended unasked: \(status)", now)
  }

  /// The first one after a quiet time comes at once; others wait longer and longer.
  private mutating func failed(_ why: String, _ now: Int64) -> [Action] {
    guard hasBegun else { return [.complain(why), .end(status: 1)] }
    if executable.revert() {
      nextStart = now
      return [.complain("\(why); the program before it is started again")]
    }
    let (delay, isSpent) = budget.spend(now)
    nextStart = now + delay
    guard isSpent else { return [.complain("\(why); another one takes over")] }
    return [
      .complain(
        "\(why); that is too often. The agents go on, and nobody restarts them. Another attempt in "
          + "\(delay / 1_000_000_000) s")
    ]
  }

  // MARK: Signals

  /// People signal the keeper, whose pid they see, and mean the tree. The daemon is never process 1
  /// and knows fewer signals.
  private mutating func forward(_ arrived: Signal, _ now: Int64) -> [Action] {
    let signal: Signal = arrived == .hangUp || arrived == .interrupt ? arrived : .terminate
    let isSecond = waitingSignal == signal
    waitingSignal = nil
    // One that does not listen yet would die of it: that is for whoever asks twice.
    if let daemon, daemon.isServing || isSecond { return [.signal(signal)] }
    waitingSignal = signal
    if daemon == nil { nextStart = now }
    return []
  }
}

/// How often daemons may die: the first death in a quiet minute costs nothing, every further one
/// waits twice as long, up to half a minute.
struct RestartBudget {
  private static let limit = 5
  private static let period: Int64 = 60_000_000_000
  private static let firstDelay: Int64 = 100_000_000
  private static let longestDelay: Int64 = 30_000_000_000

  private var deaths: [Int64] = []

  /// - Parameter now: on the monotonic clock, in nanoseconds, as all times here.
  /// - Returns: how long to wait, and whether this is more than there should be.
  mutating func spend(_ now: Int64) -> (delay: Int64, isSpent: Bool) {
    deaths.removeAll { now - $0 > Self.period }
    deaths.append(now)
    guard deaths.count > 1 else { return (0, false) }
    let doublings = min(deaths.count - 2, 20)
    return (min(Self.longestDelay, Self.firstDelay << doublings), deaths.count > Self.limit)
  }
}

/// Which program the next daemon is.
struct DaemonExecutable {
  /// This very program, wherever its file has been moved to.
  private static let own = "/proc/self/exe"

  private(set) var path = Self.own
  /// What to go back to, until the new one has come to serve.
  private var former: String?

  mutating func change(to path: String) {
    former = self.path
    self.path = path
  }

  mutating func hasServed() { former = nil }

  /// - Returns: whether there is a program to go back to.
  mutating func revert() -> Bool {
    guard let former else { return false }
    path = former
    self.former = nil
    return true
  }
}
