internal import SupervProtocol
internal import SupervSystem

/// This process as an agent of superv: it says when it is ready, shows that it is alive, calls
/// other agents, serves their calls, and learns when it is to stop.
///
/// ```swift
/// let agent = try await Agent.start()
/// while await agent.running {
///   try await work()
/// }
/// ```
///
/// superv's `ping` is answered on the cooperative pool, by the same threads that run the program's
/// tasks: a program that blocks them all is seen to be stuck. One whose work is bound to an actor
/// has `Options.onPing` ask that actor.
///
/// The connection is kept up in the background: superv may be replaced at any time, and the agent
/// connects again by itself. Outside superv, where `SUPERV_SOCKET` is not set, everything that only
/// tells does nothing and `running` stays true, so that the same program runs by hand.
///
/// An agent lives until `close()`, or as long as the process.
public actor Agent {
  /// How an agent presents itself.
  public struct Options: Sendable {
    /// The path of superv's socket; nil means that superv does not run this process. What
    /// `SUPERV_SOCKET` says unless set.
    public var socketPath: String?
    /// The program and its version, for people; at most 128 bytes.
    public var client = "superv-swift/\(supervVersion)"
    /// Whether this connection gets calls, pings and the request to stop; at most one of a process
    /// does.
    public var serves = true
    /// Awaited before a ping is answered, for instance to pass through the main actor:
    /// `{ await MainActor.run {} }`.
    public var onPing: (@Sendable () async -> Void)?

    /// What the environment says.
    public init() { socketPath = Surroundings.variable("SUPERV_SOCKET") }
  }

  /// The W3C traceparent that calls carry. Handlers run with that of the call they serve; set it
  /// with `Agent.$trace.withValue` where a chain begins.
  @TaskLocal public static var trace: String?
  /// When the call that is being served is over, on the clock that superv uses.
  @TaskLocal static var deadline: SuspendingClock.Instant?

  /// Whether superv runs this process.
  public nonisolated let supervised: Bool
  /// What others call this instance, `writer` or `writer:1`; nil before the first connection.
  public internal(set) var name: String?
  /// Whether superv has asked this agent to stop.
  public var stopping: Bool { stop != nil }
  /// Whether the agent is to go on: false once superv has asked it to stop, or it was closed.
  public var running: Bool { stop == nil && phase != .closed }
  /// Whether there is a connection to superv now.
  public var connected: Bool { connection?.isOpen ?? false }

  enum Phase {
    case idle, started, closed
  }

  let options: Options
  var phase = Phase.idle
  var connection: Connection?
  var connectionCount = 0
  /// How the first attempt to connect went; nil while it goes on.
  var firstGreeting: Result<Void, SupervError>?
  var readiness: Readiness?
  var stop: Stop?
  var stopActions: [@Sendable (Stop) async -> Void] = []
  var nextID: Int64 = 1
  var pending: [Int64: Pending] = [:]
  var handlers: [String: Handler] = [:]
  var served: [Int64: Served] = [:]
  var monitors: [Int64: Monitoring] = [:]
  /// The tasks that wait for something to change; see `wait(upTo:until:)`.
  var waiters: [Int64: AsyncStream<Never>.Continuation] = [:]

  public init(_ options: Options = Options()) {
    self.options = options
    supervised = options.socketPath != nil
  }

  /// An agent that is connected and ready: all that a program without handlers needs.
  ///
  /// - Throws: `SupervError`; see `start()`.
  public static func start(_ options: Options = Options()) async throws(SupervError) -> Agent {
    let agent = Agent(options)
    try await agent.start()
    await agent.ready()
    return agent
  }

  /// Connects, and stays connected from then on.
  ///
  /// Returns once superv has answered, or, where superv is away at the moment, at once: the
  /// connection then comes about later, by itself. Register handlers before.
  ///
  /// - Throws: `SupervError` when superv refuses this process (`denied`) or this client
  ///   (`invalid`); the agent is closed then.
  public func start() async throws(SupervError) {
    if phase == .idle && supervised {
      phase = .started
      Task.detached { await self.stayConnected() }
    }
    await wait { self.firstGreeting != nil || self.phase != .started }
    if case .failure(let error) = firstGreeting {
      close()
      throw error
    }
  }

  /// Serves until superv asks the agent to stop, lets the handlers that run then finish, for as
  /// long as superv gives them, and sees that superv has their answers.
  ///
  /// Starts the agent if need be. Saying `ready()` is up to you.
  ///
  /// - Throws: `SupervError`; see `start()`.
  public func run() async throws(SupervError) {
    try await start()
    await stopped()
    let left = stop?.deadline.map { $0 - .now }
    await wait(upTo: left) { self.served.isEmpty || self.phase == .closed }
    // superv's answer says that it has read the answers before. Where the process ended at once,
    // its end could be noticed first, and its last calls would count as lost.
    if stopping { await become(.notReady(reason: "it stops"), within: .seconds(1)) }
  }

  /// Waits until superv asks the agent to stop, the agent is closed, or this task is cancelled.
  public func stopped() async {
    await wait { !self.running }
  }

  /// Has `action` run when superv asks the agent to stop; at once when it has already.
  public func onStop(_ action: @escaping @Sendable (Stop) async -> Void) {
    if let stop {
      Task { await action(stop) }
    } else {
      stopActions.append(action)
    }
  }

  /// Ends the connection for good. Calls in flight end as `unavailable`; handlers that run go on,
  /// and their answers are dropped.
  public func close() {
    phase = .closed
    disconnect()
    for monitoring in monitors.values { monitoring.downs.finish() }
    monitors = [:]
    changed()
  }

  /// Waits until it is so, the time is up, or this task is cancelled.
  func wait(upTo limit: Duration? = nil, until isSo: () -> Bool) async {
    let deadline = limit.map { SuspendingClock.now + $0 }
    let timer = deadline.map { deadline in
      Task {
        try await Task.sleep(until: deadline, clock: .suspending)
        changed()
      }
    }
    defer { timer?.cancel() }
    while !isSo() && !Task.isCancelled {
      if let deadline, SuspendingClock.now >= deadline { return }
      let (change, continuation) = AsyncStream.makeStream(of: Never.self)
      let key = makeID()
      waiters[key] = continuation
      for await _ in change {}
      waiters[key] = nil
    }
  }

  /// Has everybody who waits look again.
  func changed() {
    for waiter in waiters.values { waiter.finish() }
  }

  func makeID() -> Int64 {
    defer { nextID += 1 }
    return nextID
  }
}

/// superv's request to stop.
public struct Stop: Hashable, Sendable {
  /// For people.
  public var reason: String
  /// When the next rung of the ladder comes, usually SIGTERM; nil when superv did not say.
  public var deadline: SuspendingClock.Instant?
}

/// What the agent said last about calls.
enum Readiness: Hashable {
  case ready
  case notReady(reason: String)
}
