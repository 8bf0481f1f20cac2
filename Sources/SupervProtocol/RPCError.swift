/// What went wrong with a request, for programs: DESIGN's list of error kinds.
package enum ErrorKind: String, CaseIterable, Hashable, Sendable, Codable {
  case timeout
  case noSuchAgent = "no_such_agent"
  case notReady = "not_ready"
  case agentDied = "agent_died"
  case overloaded
  case circuitOpen = "circuit_open"
  case denied
  case cycle
  case tooLarge = "too_large"
  case invalid
  case cancelled
  case unavailable
  case rateLimited = "rate_limited"
  case budgetExhausted = "budget_exhausted"

  /// The JSON-RPC code that goes with the kind, unless an error says otherwise.
  package var code: Int { traits.code }
  /// Whether the same request may succeed later, unless an error says otherwise.
  package var isRetryable: Bool { traits.isRetryable }

  /// The one table of codes and retryability. Codes from -32099 to -32000 are for servers to
  /// define (JSON-RPC 2.0, section 5.1).
  private var traits: (code: Int, isRetryable: Bool) {
    switch self {
    case .timeout: (-32001, true)
    case .notReady: (-32002, true)
    case .agentDied: (-32003, true)
    case .overloaded: (-32004, true)
    case .circuitOpen: (-32005, true)
    case .denied: (-32006, false)
    case .cycle: (-32007, false)
    case .tooLarge: (-32008, false)
    case .cancelled: (-32009, false)
    case .unavailable: (-32010, true)
    case .rateLimited: (-32011, true)
    case .budgetExhausted: (-32012, false)
    case .noSuchAgent: (RPCError.invalidParametersCode, false)
    case .invalid: (RPCError.invalidRequestCode, false)
    }
  }
}

/// A JSON-RPC error object: code and message, with kind, retryability and delay as its data.
package struct RPCError: Error, Hashable, Sendable {
  /// The codes that JSON-RPC 2.0 defines (section 5.1).
  package static let parseErrorCode = -32700
  package static let invalidRequestCode = -32600
  package static let methodNotFoundCode = -32601
  package static let invalidParametersCode = -32602
  package static let internalErrorCode = -32603

  package var code: Int
  package var message: String
  package var kind: ErrorKind
  package var isRetryable: Bool
  /// When a retry makes sense, in milliseconds from now; nil when nothing is known.
  package var retryAfterMilliseconds: Int?

  package init(
    _ kind: ErrorKind, _ message: String, code: Int? = nil, isRetryable: Bool? = nil,
    retryAfterMilliseconds: Int? = nil
  ) {
    self.code = code ?? kind.code
    self.message = message
    self.kind = kind
    self.isRetryable = isRetryable ?? kind.isRetryable
    self.retryAfterMilliseconds = retryAfterMilliseconds
  }

  /// The line is not JSON.
  package static func parseError(_ message: String) -> Self {
    Self(.invalid, message, code: parseErrorCode)
  }

  /// The line is JSON, and not a JSON-RPC 2.0 message.
  package static func invalidRequest(_ message: String) -> Self {
    Self(.invalid, message, code: invalidRequestCode)
  }

  package static func methodNotFound(_ message: String) -> Self {
    Self(.invalid, message, code: methodNotFoundCode)
  }

  package static func invalidParameters(_ message: String) -> Self {
    Self(.invalid, message, code: invalidParametersCode)
  }

  /// Something failed on this side that is not the caller's fault.
  package static func internalError(_ message: String) -> Self {
    Self(.unavailable, message, code: internalErrorCode)
  }
}

extension RPCError: Codable {
  private enum CodingKeys: String, CodingKey {
    case code, message, data
  }

  private struct Details: Codable {
    var kind: String?
    var retryable: Bool?
    @OrNull var retryAfterMilliseconds: Int?

    enum CodingKeys: String, CodingKey {
      case kind, retryable
      case retryAfterMilliseconds = "retry_after_ms"
    }
  }

  /// Accepts errors of other implementations too: without `data`, or with a kind that is not known.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let code = try container.decode(Int.self, forKey: .code)
    let message = try container.decode(String.self, forKey: .message)
    let details = try? container.decodeIfPresent(Details.self, forKey: .data)
    let kind =
      details?.kind.flatMap { ErrorKind(rawValue: $0) }
      ?? ErrorKind.allCases.first { $0.code == code } ?? .invalid
    self.init(
      kind, message, code: code, isRetryable: details?.retryable,
      retryAfterMilliseconds: details?.retryAfterMilliseconds)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(code, forKey: .code)
    try container.encode(message, forKey: .message)
    let details = Details(
      kind: kind.rawValue, retryable: isRetryable, retryAfterMilliseconds: retryAfterMilliseconds)
    try container.encode(details, forKey: .data)
  }
}
