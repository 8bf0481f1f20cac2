/// Why a call did not get its result, or what a handler answers instead of one.
///
/// ```swift
/// do {
///   let text: String = try await agent.call("writer", method: "draft", params: ["topic": "owls"])
///   use(text)
/// } catch where error.kind == .notReady {
///   try await later(error.retryAfter ?? .seconds(1))
/// }
/// ```
public struct SupervError: Error, Hashable, Sendable {
  /// What went wrong, for programs. A newer superv may send kinds that have no name here.
  public struct Kind: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The kind as the protocol writes it.
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    /// The deadline came before the answer.
    public static let timeout = Self(rawValue: "timeout")
    /// Nobody has that name.
    public static let noSuchAgent = Self(rawValue: "no_such_agent")
    /// No instance of the callee is ready and serves.
    public static let notReady = Self(rawValue: "not_ready")
    /// The callee's process ended before it answered.
    public static let agentDied = Self(rawValue: "agent_died")
    /// A queue is full.
    public static let overloaded = Self(rawValue: "overloaded")
    /// The callee failed too often lately.
    public static let circuitOpen = Self(rawValue: "circuit_open")
    /// The rules do not allow it.
    public static let denied = Self(rawValue: "denied")
    /// The callee is in the chain of calls already.
    public static let cycle = Self(rawValue: "cycle")
    /// The message is longer than superv takes.
    public static let tooLarge = Self(rawValue: "too_large")
    /// What was sent, or what came back, does not fit.
    public static let invalid = Self(rawValue: "invalid")
    /// The caller cancelled it.
    public static let cancelled = Self(rawValue: "cancelled")
    /// superv, or the callee's connection to it, is away.
    public static let unavailable = Self(rawValue: "unavailable")
    /// The callee's own error: `code` and `data` mean what the callee says.
    public static let remote = Self(rawValue: "remote")
  }

  public var kind: Kind
  /// The code of the JSON-RPC error.
  public var code: Int
  /// For people.
  public var message: String
  /// Whether the same call may succeed later.
  public var retryable: Bool
  /// When a retry makes sense, from now; nil when nothing is known.
  public var retryAfter: Duration?
  /// What came with the callee's own error.
  public var data: JSONValue?

  /// An error of one of superv's kinds, with the code that goes with it.
  ///
  /// - Parameter retryable: nil stands for what is usual for the kind.
  public init(
    _ kind: Kind, _ message: String, retryable: Bool? = nil, retryAfter: Duration? = nil
  ) {
    self.init(kind, message, code: nil, retryable: retryable, retryAfter: retryAfter)
  }

  /// An error of the callee's own: throw it from a handler, and the caller gets the same.
  ///
  /// ```swift
  /// throw SupervError(code: 404, message: "no page 12", data: ["pages": 11])
  /// ```
  public init(code: Int, message: String, data: JSONValue? = nil) {
    kind = .remote
    self.code = code
    self.message = message
    retryable = false
    retryAfter = nil
    self.data = data
  }
}

extension SupervError: CustomStringConvertible {
  /// For example `not_ready: writer is not ready`.
  public var description: String {
    kind == .remote ? "\(message) (\(code))" : "\(kind): \(message)"
  }
}
